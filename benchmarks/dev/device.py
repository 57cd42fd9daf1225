"""What `edgetl classify` costs beside the lower bound of what it does, on this machine.

    python -m edgetl.benchmarks.dev.device --model model.int8.tflite

Everything is measured in one run, both sides in every round, so that a machine that slows down
slows both; ratios are medians over rounds. Needs Linux or macOS: a process's memory
comes from os.wait4.
"""

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from edgetl.benchmarks.dev import baseline_worker
from edgetl.benchmarks.dev.command_line import console, figures_table, print_json, run_command
from edgetl.benchmarks.dev.frame_age import Age, frame_ages
from edgetl.benchmarks.dev.loopback_camera import HEIGHT, WIDTH
from edgetl.benchmarks.dev.processes import peak_bytes, seconds_to_end, seconds_to_first_line
from edgetl.benchmarks.pictures import megapixels, noise_photo
from edgetl.benchmarks.rounds import alternately
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.latest import latest_model
from edgetl.edge.model.preprocessing import model_input
from edgetl.edge.model.runtime import default_threads
from edgetl.edge.pipeline.inference import results
from edgetl.edge.pipeline.prefetch import Prefetcher, threads_each
from edgetl.edge.results.result import Result
from edgetl.edge.sources.files import Item, files
from edgetl.edge.sources.view import View
from edgetl.edge.system.allowance import cores
from edgetl.edge.system.messages import logger
from edgetl.edge.system.native_log import hidden_native_log

# As the installed command starts; `python -m edgetl` would compile __main__.py each time.
_EDGETL = [sys.executable, "-c", "from edgetl.cli import main; main()"]


@dataclass(frozen=True)
class Point:
    """One thing measured beside the lower bound of its cost.

    Attributes:
        ours, lower_bound: through edgetl, and the least that could do the same: medians, in `unit`.
        ratio: ours / lower_bound, the median of ratios taken round by round.
        criterion: what `ratio` must be for acceptance, in words; `met` says whether it is.
    """

    name: str
    unit: str
    ours: float
    lower_bound: float
    ratio: float
    criterion: str
    met: bool


@dataclass(frozen=True)
class Report:
    """All that one run measured; `threads` is milliseconds of one inference by threads."""

    model: str
    runtime: str
    cores: int
    points: list[Point]
    threads: dict[int, float]
    ages: list[Age]


def camera_frame(model: Path, *, rounds: int = 40, calls: int = 10) -> Point:
    """A 640x480 frame to a result object, beside set_tensor and invoke alone."""
    classifier = Classifier(model)
    frame = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    items = (Item("camera 0", View().of(frame), number) for number in itertools.count(1))
    produced = results(items, classifier, top_k=3)
    steps = (lambda: next(produced), _bare(classifier))
    pairs = _by_round(rounds, *(partial(_seconds, step, calls=calls) for step in steps))
    return _point("a 640x480 frame / bare invoke", "ms", pairs, "at most", 1.15, scale=1000)


def folder(model: Path, pictures: Sequence[Path], *, rounds: int = 5) -> Point:
    """Pictures per second of a folder, beside the slower of decoding and inferring alone."""
    classifier = _of_files(model)
    input_size = classifier.model.input_size
    bare = _bare(Classifier(model))
    names = [str(path) for path in pictures]

    def decode_alone() -> None:
        with ThreadPoolExecutor(default_threads()) as pool:
            list(pool.map(lambda path: model_input(path, input_size), pictures))

    def invoke_alone() -> None:
        for _ in pictures:
            bare()

    def ours() -> None:
        produced = list(results(Prefetcher(files(names), input_size), classifier))
        assert all(isinstance(result, Result) for result in produced)

    steps = (partial(_seconds, step) for step in (ours, decode_alone, invoke_alone))
    rates = [
        (len(pictures) / whole, len(pictures) / max(parts))
        for whole, *parts in _by_round(rounds, *steps)
    ]
    name = f"folder of {megapixels(pictures[0]):.0f} MP JPEGs / ideal"
    return _point(name, "pictures/s", rates, "at least", 0.85)


def first_result(model: Path, picture: Path, *, rounds: int = 7) -> Point:
    """From starting the process to its first line, beside a minimal script."""
    commands = _commands(model, [picture])
    pairs = _by_round(rounds, *(partial(seconds_to_first_line, each) for each in commands))
    return _point("start to first result / minimal script", "s", pairs, "at most", 1.3)


def help_text(*, rounds: int = 7) -> Point:
    """`edgetl --help` beside importing typer."""
    commands = [*_EDGETL, "--help"], [sys.executable, "-c", "import typer"]
    pairs = _by_round(rounds, *(partial(seconds_to_end, each) for each in commands))
    return _point("edgetl --help / import typer", "s", pairs, "at most", 1.5)


def memory(model: Path, pictures: Sequence[Path], *, rounds: int = 3) -> Point:
    """Peak memory of classifying a folder, beside a minimal script."""
    commands = _commands(model, pictures)
    pairs = _by_round(rounds, *(partial(peak_bytes, each) for each in commands))
    return _point("peak memory on a folder / minimal", "MB", pairs, "at most", 1.3, scale=1e-6)


def by_threads(model: Path, *, rounds: int = 15) -> dict[int, float]:
    """Milliseconds of one inference with 1, 2 and 4 threads, as far as there are cores."""
    bare = {
        number: _bare(Classifier(model, threads=number))
        for number in (1, 2, 4)
        if number <= cores()
    }
    took = alternately(list(bare), lambda n: _seconds(bare[n], calls=10), rounds=rounds)
    return {number: 1000 * statistics.median(seconds) for number, seconds in took.items()}


def write_photos(where: Path, *, count: int, size: tuple[int, int] = (4000, 3000)) -> list[Path]:
    """JPEGs that take as long to decode as a camera's: some 4 MB at 12 megapixels."""
    width, height = size
    random = np.random.default_rng(0)
    picture = noise_photo(random, size, cells=(width // 50 + 1, height // 50 + 1))
    paths = [where / f"{number:03}.jpg" for number in range(count)]
    picture.save(paths[0], quality=92)
    for path in paths[1:]:
        path.write_bytes(paths[0].read_bytes())
    return paths


def command(
    model: Annotated[
        Path | None, typer.Option(help="A .tflite file. [default: as classify's]")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.05, help="Of reading each stream. [default: 20 seconds]")
    ] = None,
    pictures: Annotated[int, typer.Option(min=2, help="In the folder.")] = 24,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure what classify costs beside the lower bound of what it does."""
    report = measure(
        model or latest_model(), pictures=pictures, seconds=minutes * 60 if minutes else 20.0
    )
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not all(point.met for point in report.points):
        sys.exit(1)


def measure(model: Path, *, pictures: int, seconds: float) -> Report:
    """Everything, in one run.

    Raises:
        ModelFileError: the model is none that edgetl can classify with.
    """
    model = model.absolute()
    with hidden_native_log():
        classifier = Classifier(model)
    with tempfile.TemporaryDirectory() as temporary:
        photos = write_photos(Path(temporary), count=pictures)
        steps: dict[str, Callable[[], Point]] = {
            "a camera's frame": lambda: camera_frame(model),
            "a folder": lambda: folder(model, photos),
            "the first result": lambda: first_result(model, photos[0]),
            "--help": help_text,
            "memory": lambda: memory(model, photos),
        }
        points = []
        for name, step in steps.items():
            logger.info(f"measuring {name}")
            points.append(step())
    logger.info("measuring threads")
    threads = by_threads(model)
    logger.info(f"measuring frames' ages, twice {seconds:.0f} seconds")
    return Report(
        model=model.name,
        runtime=f"{classifier.runtime.name} {classifier.runtime.version}",
        cores=default_threads(),
        points=points,
        threads=threads,
        ages=frame_ages(model, seconds=seconds),
    )


def _bare(classifier: Classifier) -> Callable[[], None]:
    """set_tensor and invoke on an interpreter of its own, with the classifier's threads."""
    interpreter = classifier.runtime.interpreter(
        classifier.model.content, threads=classifier.threads
    )
    details = interpreter.get_input_details()[0]
    values = np.zeros(details["shape"], details["dtype"])

    def bare() -> None:
        interpreter.set_tensor(details["index"], values)
        interpreter.invoke()

    return bare


def _seconds(step: Callable[[], Any], *, calls: int = 1) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - began) / calls


def _by_round(rounds: int, *figures: Callable[[], float]) -> list[tuple[float, ...]]:
    took = alternately(figures, lambda figure: figure(), rounds=rounds + 1)
    # The first round does not count: it finds files and caches cold, and modules not compiled.
    return list(zip(*took.values(), strict=True))[1:]


def _point(
    name: str,
    unit: str,
    pairs: Sequence[tuple[float, ...]],
    side: Literal["at most", "at least"],
    accepted: float,
    *,
    scale: float = 1,
) -> Point:
    ratio = statistics.median(ours / bound for ours, bound in pairs)
    return Point(
        name=name,
        unit=unit,
        ours=scale * statistics.median(ours for ours, _ in pairs),
        lower_bound=scale * statistics.median(bound for _, bound in pairs),
        ratio=ratio,
        criterion=f"{side} {accepted:g}",
        met=ratio <= accepted if side == "at most" else ratio >= accepted,
    )


def _of_files(model: Path) -> Classifier:
    """With as many threads as `edgetl classify` gives an interpreter for files."""
    return Classifier(model, threads=threads_each(model.stat().st_size, default_threads()))


def _commands(model: Path, pictures: Sequence[Path]) -> tuple[list[str], list[str]]:
    classifier = _of_files(model)
    module = classifier.runtime.load().__name__
    names = [str(path) for path in pictures]
    return (
        [*_EDGETL, "classify", "--model", str(model), *names],
        [sys.executable, "-m", baseline_worker.__name__, "bare", str(model),
         str(classifier.threads), module, "classify", *names],
    )  # fmt: skip


def _print(report: Report) -> None:
    out = console()
    table = figures_table("", "edgetl", "lower bound", "ratio", "criterion", "")
    for point in report.points:
        table.add_row(
            point.name,
            f"{point.ours:.4g} {point.unit}",
            f"{point.lower_bound:.4g} {point.unit}",
            f"{point.ratio:.2f}",
            point.criterion,
            "met" if point.met else "NOT MET",
        )
    out.print(table)
    table = figures_table(
        "frame's age when classified, ms",
        *("seconds", "frames", "median", "95 %", "first half", "second half"),
    )
    for age in report.ages:
        values = (age.median, age.p95, age.p95_first_half, age.p95_second_half)
        table.add_row(
            age.reader, f"{age.seconds:.0f}", str(age.frames), *(f"{value:.0f}" for value in values)
        )
    out.print(table)
    threads = ", ".join(f"{n}: {ms:.2f} ms" for n, ms in report.threads.items())
    out.print(
        f"{report.model}, {report.runtime}, {report.cores} cores; one inference by threads: "
        f"{threads}",
        soft_wrap=True,
    )


if __name__ == "__main__":
    run_command(command)
