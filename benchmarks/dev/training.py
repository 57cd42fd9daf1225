"""How long ways of training take beside one another, and what they reach, on this machine.

    python -m edgetl.benchmarks.dev.training DATA --seeds 3

Needs Linux or macOS: a process's memory comes from os.wait4.
"""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from edgetl.benchmarks.machine import processor
from edgetl.edge.errors import DataError, EdgetlError, RunFolderError, quoted, reason
from edgetl.edge.system.files import write_json
from edgetl.trainer.data.dataset import Dataset, counts, scan
from edgetl.trainer.progress import say
from edgetl.trainer.recipe import RECIPES, Recipe

# TensorFlow stays out of this process: the peak memory that the kernel gives for a child begins
# with that of the process which started it.


class Way(StrEnum):
    """A way to train, each in a process of its own.

    The notebook; the same recipe through edgetl, computing everything in every epoch ("plain") or
    what the frozen layers give only once ("reuse"); and edgetl as it comes.
    """

    notebook = "notebook"
    plain = "plain"
    reuse = "reuse"
    default = "default"


_EDGETL_OPTIONS: dict[Way, tuple[str, ...]] = {
    Way.plain: ("--recipe", "reference", "--no-reuse"),
    Way.reuse: ("--recipe", "reference"),
    Way.default: (),
}
DEFAULT_WAYS = (Way.notebook, Way.reuse, Way.default)

# The order in which stages are shown; any other that a way names comes after them.
_STAGES = ("start", "load", "decode", "figures", "activations", "head", "fine_tune", "evaluate")
_WIDTH = 100
_OUTSIDE = "outside_stages"


@dataclass(frozen=True)
class Figures:
    """What a model reaches on one part of the data."""

    accuracy: float
    loss: float
    pictures: int


@dataclass(frozen=True)
class Outcome:
    """A process that finished: the whole of it, and by its own clock each stage."""

    way: str
    seed: int
    wall_seconds: float
    peak_bytes: int
    stages: Mapping[str, float]
    validation: Figures
    test: Figures | None


@dataclass(frozen=True)
class Failure:
    """A process that ended otherwise; `message` is the last line it wrote on stderr."""

    way: str
    seed: int
    status: int
    message: str


@dataclass(frozen=True)
class Machine:
    """Where it was measured; `load` is the average of the minute before."""

    processor: str
    cores: int
    load: float
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Spread:
    """Values of several seeds; `deviation` is the sample's standard one, None of one value."""

    mean: float
    deviation: float | None
    lowest: float
    highest: float


@dataclass(frozen=True)
class Summary:
    """A way over its seeds. Seconds are medians.

    Attributes:
        times_faster: how many times its wall-clock seconds go into the first way's, the median of
            ratios taken seed by seed; None without a seed that both finished.
        points: its validation accuracy less the first way's in percentage points, the mean of
            differences taken seed by seed; None likewise.
        held_out: accuracy on validation and test pictures together, which are the same pictures
            in every way (but for files that edgetl sets aside), while each divides them its own
            way.
        peak_bytes: the highest.
    """

    way: str
    seeds: list[int]
    stages: dict[str, float]
    wall_seconds: float
    times_faster: float | None
    validation: Spread
    points: float | None
    test: Spread | None
    held_out: Spread
    peak_bytes: int


@dataclass(frozen=True)
class Measured:
    """What has been measured so far: its lists grow. `pictures` is how many each folder holds."""

    machine: Machine
    pictures: dict[str, int]
    outcomes: list[Outcome] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def check_layout(data: Path) -> Dataset:
    """The data folder, if every way would train and validate on the same pictures of it.

    Raises:
        DataError: it has not train/ and validation/ alone, each with a folder for each class.
    """
    dataset = scan(data)
    splits = sorted({example.split or "" for example in dataset.examples})
    # The notebook asks for the folders by name; edgetl would take val/ for validation/ too.
    if splits != ["train", "validation"] or not (data / "validation").is_dir():
        raise DataError(
            f"{quoted(data)}: has not train/ and validation/ alone, each with a folder for each "
            f"class; the ways are compared on that layout"
        )
    for label, count in counts(dataset, "validation").items():
        if not count:
            raise DataError(f"{quoted(data)}: class {label!r} has no pictures in validation/")
    return dataset


def check_out(path: Path) -> None:
    """Find out before hours of training that their figures could not be written.

    Raises:
        RunFolderError: the file's folder is not there or cannot be written.
    """
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise RunFolderError(f"{quoted(path)}: cannot be written: {reason(error)}") from error
    if path.is_dir():
        raise RunFolderError(f"{quoted(path)}: cannot be written: is a directory")


def changed_recipe(name: str, *, image_size: int | None = None, **settings: int | None) -> Recipe:
    """The recipe of that name with the settings that are given.

    Raises:
        SettingError: a value is out of range.
    """
    given: dict[str, Any] = {key: value for key, value in settings.items() if value is not None}
    if image_size is not None:
        given.update(height=image_size, width=image_size)
    return replace(RECIPES[name], **given)


def run_command(function: Callable[..., None]) -> None:
    """Run a benchmark's command line; what the user can mend becomes one line."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(function)
    try:
        app()
    except EdgetlError as error:
        say(f"edgetl: {error}")
        sys.exit(error.exit_code)


def measure(
    data: Path, measured: Measured, *, ways: Sequence[Way], seeds: int, options: Sequence[str]
) -> Iterator[Outcome | Failure]:
    """Train in rounds, a seed in every way before the next seed, so that a machine that slows down
    slows them all.

    Args:
        data: a folder that `check_layout` accepts.
        measured: where each outcome and failure is added before it is given.
        ways: in their turn.
        seeds: how many; the first is 0.
        options: passed on to every way.
    """
    for seed in range(seeds):
        for way in ways:
            # Every process has a folder of its own: were pictures that one decoded kept beside the
            # run for the next, edgetl would look faster than it is.
            with tempfile.TemporaryDirectory(prefix=f"edgetl-{way}-{seed}-") as folder:
                result = _train_once(data, way, seed, options, Path(folder))
            if isinstance(result, Outcome):
                measured.outcomes.append(result)
            else:
                measured.failures.append(result)
            yield result


def _train_once(
    data: Path, way: Way, seed: int, options: Sequence[str], folder: Path
) -> Outcome | Failure:
    if way is Way.notebook:
        figures = folder / "figures.json"
        command = ["-m", "edgetl.benchmarks.dev.notebook", str(data), "--out", str(figures)]
    else:
        figures = folder / "run" / "metrics.json"
        command = ["-m", "edgetl", "train", str(data), "--out", str(folder / "run")]
        command += _EDGETL_OPTIONS[way]
    log = folder / "stderr.txt"
    began = time.perf_counter()
    status, peak = _run([sys.executable, *command, "--seed", str(seed), *options], log)
    wall = time.perf_counter() - began
    if status:
        return Failure(way, seed, status, last_line(log.read_text(errors="replace")))
    return read_outcome(
        json.loads(figures.read_text(encoding="utf-8")), way, seed, wall=wall, peak=peak
    )


def _run(command: Sequence[str], log: Path) -> tuple[int, int]:
    """Run a command to its end: its exit status and its peak memory in bytes."""
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
    process.returncode = os.waitstatus_to_exitcode(status)
    # Kilobytes, on macOS bytes.
    return process.returncode, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def read_outcome(
    written: Mapping[str, Any], way: str, seed: int, *, wall: float, peak: int
) -> Outcome:
    """An outcome from what the process wrote: the notebook's figures, or a run's metrics.json.

    What passed outside the stages that are named (Python, the imports, the end) is a stage itself.
    """
    splits = written.get("splits", written)
    stages = {
        name: seconds
        for name, seconds in written.get("seconds", {}).items()
        if name != "total" and seconds
    }
    stages[_OUTSIDE] = max(0.0, wall - sum(stages.values()))
    return Outcome(
        way=str(way),
        seed=seed,
        wall_seconds=wall,
        peak_bytes=peak,
        stages=stages,
        validation=_figures(splits["validation"]),
        test=_figures(splits["test"]) if splits["test"] else None,
    )


def _figures(written: Mapping[str, Any]) -> Figures:
    return Figures(written["accuracy"], written["loss"], written["pictures"])


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing on stderr"


def spread(values: Sequence[float]) -> Spread:
    """The mean of one value or more, and how far they lie apart."""
    return Spread(
        mean=statistics.fmean(values),
        deviation=statistics.stdev(values) if len(values) > 1 else None,
        lowest=min(values),
        highest=max(values),
    )


def by_seed(
    first: Mapping[int, float],
    other: Mapping[int, float],
    compare: Callable[[float, float], float],
) -> list[float]:
    """`compare(first, other)` for each seed that both have."""
    return [compare(first[seed], other[seed]) for seed in sorted(first.keys() & other.keys())]


def held_out_accuracy(outcome: Outcome) -> float:
    """Accuracy on the validation and test pictures together."""
    parts = [part for part in (outcome.validation, outcome.test) if part]
    return sum(p.accuracy * p.pictures for p in parts) / sum(p.pictures for p in parts)


def summarize(outcomes: Sequence[Outcome], ways: Sequence[str]) -> list[Summary]:
    """A summary of each way that has outcomes, held against the first of `ways`."""
    first = [outcome for outcome in outcomes if outcome.way == ways[0]]
    summaries = []
    for way in ways:
        mine = [outcome for outcome in outcomes if outcome.way == way]
        if not mine:
            continue
        ratios = by_seed(
            {o.seed: o.wall_seconds for o in first},
            {o.seed: o.wall_seconds for o in mine},
            lambda theirs, ours: theirs / ours,
        )
        differences = by_seed(
            {o.seed: o.validation.accuracy for o in first},
            {o.seed: o.validation.accuracy for o in mine},
            lambda theirs, ours: (ours - theirs) * 100,
        )
        names = {name for outcome in mine for name in outcome.stages}
        tested = [outcome.test.accuracy for outcome in mine if outcome.test]
        summaries.append(
            Summary(
                way=way,
                seeds=sorted(outcome.seed for outcome in mine),
                stages={
                    name: statistics.median(outcome.stages.get(name, 0.0) for outcome in mine)
                    for name in stage_order(names)
                },
                wall_seconds=statistics.median(outcome.wall_seconds for outcome in mine),
                times_faster=statistics.median(ratios) if ratios else None,
                validation=spread([outcome.validation.accuracy for outcome in mine]),
                points=statistics.fmean(differences) if differences else None,
                test=spread(tested) if tested else None,
                held_out=spread([held_out_accuracy(outcome) for outcome in mine]),
                peak_bytes=max(outcome.peak_bytes for outcome in mine),
            )
        )
    return summaries


def stage_order(names: set[str]) -> list[str]:
    """Stages as they follow one another; time outside them last."""
    known = [name for name in _STAGES if name in names]
    return [
        *known,
        *sorted(names - {*known, _OUTSIDE}),
        *([_OUTSIDE] if _OUTSIDE in names else []),
    ]


def comparison_table(summaries: Sequence[Summary], first: str) -> Table:
    """A column for each way; `first` is the one that the others are held against."""
    table = Table("", box=SIMPLE_HEAD, pad_edge=False)
    for summary in summaries:
        table.add_column(summary.way, justify="right", no_wrap=True)

    def row(name: str, texts: Iterable[str], *, end: bool = False) -> None:
        table.add_row(name, *texts, end_section=end)

    row("seeds", (", ".join(map(str, s.seeds)) for s in summaries), end=True)
    for stage in stage_order({name for s in summaries for name in s.stages}):
        row(f"{stage.replace('_', '-')}, s", (_seconds(s.stages.get(stage)) for s in summaries))
    row("in all, s", (_seconds(s.wall_seconds) for s in summaries))
    row(
        f"faster than {first}",
        ("-" if s.times_faster is None else f"{s.times_faster:.2f}x" for s in summaries),
        end=True,
    )
    row("validation accuracy", (_mean(s.validation) for s in summaries))
    row("", (_range(s.validation) for s in summaries))
    row(
        f"points over {first}",
        ("-" if s.points is None else f"{s.points:+.2f}" for s in summaries),
    )
    row("test accuracy", (_mean(s.test) for s in summaries))
    row("", (_range(s.test) for s in summaries))
    row("both together", (_mean(s.held_out) for s in summaries))
    row("", (_range(s.held_out) for s in summaries), end=True)
    row("peak memory", (f"{s.peak_bytes / 1e9:.2f} GB" for s in summaries))
    return table


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _mean(value: Spread | None) -> str:
    if value is None:
        return "-"
    deviation = "" if value.deviation is None else f" \N{PLUS-MINUS SIGN} {value.deviation:.2%}"
    return f"{value.mean:.2%}{deviation}"


def _range(value: Spread | None) -> str:
    return "-" if value is None else f"{value.lowest:.2%}..{value.highest:.2%}"


def description(measured: Measured) -> str:
    """What was measured and on what, in words."""
    machine, pictures = measured.machine, measured.pictures
    divided = {outcome.way: outcome for outcome in measured.outcomes}
    parts = ", ".join(
        f"{way} {o.validation.pictures} + {o.test.pictures if o.test else 0}"
        for way, o in divided.items()
    )
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    return (
        f"Seconds are medians over the seeds, each a whole process; ratios and points are taken "
        f"seed by seed. Accuracy is that of the epoch of the lowest validation loss: its mean over "
        f"the seeds with standard deviation, and its range. {pictures['train']} pictures in "
        f"train/, {pictures['validation']} in validation/, used as validation + test: {parts}. "
        f"Peak memory is the highest of a process. {machine.processor}, {machine.cores} cores, "
        f"load {machine.load:.2f} before; {versions}."
    )


def this_machine() -> Machine:
    """The machine as it is now."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Machine(
        processor=processor(),
        cores=cores or 1,
        load=os.getloadavg()[0],
        versions={
            "Python": platform.python_version(),
            **{
                name: version(package)
                for name, package in (("TensorFlow", "tensorflow"), ("Keras", "keras"))
            },
        },
    )


def _warm_up(dataset: Dataset) -> None:
    """Bring the pictures and the libraries into the system's file cache.

    Else whichever way is the first would read them from the disk for all the others.
    """
    for example in dataset.examples:
        with contextlib.suppress(OSError), dataset.path(example).open("rb") as file:
            while file.read(2**20):
                pass
    subprocess.run([sys.executable, "-c", "import edgetl.trainer.training"], capture_output=True)


def command(
    data: Annotated[Path, typer.Argument(help="A folder with train/ and validation/.")],
    seeds: Annotated[int, typer.Option(min=1, help="Trainings each way has.")] = 3,
    way: Annotated[
        list[Way] | None,
        typer.Option(
            help="Repeatable; the first is what others are held against.  "
            f"[default: {', '.join(DEFAULT_WAYS)}]"
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write everything there too, as it comes.")
    ] = None,
    image_size: Annotated[int | None, typer.Option(help="For a small trial.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="For a small trial.")] = None,
    head_epochs: Annotated[int | None, typer.Option(help="For a small trial.")] = None,
    epochs: Annotated[int | None, typer.Option(help="For a small trial.")] = None,
) -> None:
    """Train in several ways in turn and compare their time, accuracy and memory."""
    settings = {
        "image_size": image_size,
        "batch_size": batch_size,
        "head_epochs": head_epochs,
        "epochs": epochs,
    }
    # Each way once, in the order given.
    ways = list(dict.fromkeys(way or DEFAULT_WAYS))
    for name in {"default" if chosen is Way.default else "reference" for chosen in ways}:
        changed_recipe(name, **settings)
    options = [
        text
        for name, value in settings.items()
        if value is not None
        for text in (f"--{name.replace('_', '-')}", str(value))
    ]
    dataset = check_layout(data)
    if json_file:
        check_out(json_file)
    measured = Measured(
        this_machine(),
        {split: len(dataset.of(split)) for split in ("train", "validation")},
    )
    interrupted = False
    try:
        say("reading pictures and libraries once, so that the first way has no harder a start")
        _warm_up(dataset)
        for result in measure(data, measured, ways=ways, seeds=seeds, options=options):
            say(_line(result))
            if json_file:
                _write(json_file, measured, ways)
    except KeyboardInterrupt:
        interrupted = True
        say("interrupted; what has finished is kept")
    if measured.outcomes:
        # In a file or a pipe rich would take 80 columns, too few for four ways.
        console = Console(width=None if sys.stdout.isatty() else _WIDTH)
        console.print(comparison_table(summarize(measured.outcomes, ways), ways[0]))
        console.print(description(measured), highlight=False, markup=False)
    if interrupted or measured.failures:
        sys.exit(130 if interrupted else 1)


def _line(result: Outcome | Failure) -> str:
    start = f"{result.way}, seed {result.seed}:"
    if isinstance(result, Failure):
        return f"{start} failed with status {result.status}: {result.message}"
    test = f", test {result.test.accuracy:.2%}" if result.test else ""
    return (
        f"{start} {result.wall_seconds:.1f} s, validation {result.validation.accuracy:.2%}{test}, "
        f"peak {result.peak_bytes / 1e9:.2f} GB"
    )


def _write(path: Path, measured: Measured, ways: Sequence[Way]) -> None:
    summaries = summarize(measured.outcomes, ways)
    try:
        write_json(path, {**asdict(measured), "summaries": [asdict(s) for s in summaries]})
    except OSError as error:
        say(f"edgetl: {quoted(path)}: {reason(error)}")


if __name__ == "__main__":
    run_command(command)
