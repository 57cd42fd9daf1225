"""What edgetl takes for a picture beside MediaPipe Tasks and a bare interpreter, on this machine.

    python -m edgetl.benchmarks.dev.baselines MODEL --data DIR

The same model file and the same JPEGs, each variant in a process of its own, every variant in
every round, so that a machine that slows down slows them all; ratios are medians over rounds.
MediaPipe has an environment of its own, .venv-mediapipe here, made on first use. Needs Linux or
macOS: a process's memory comes from os.wait4.
"""

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from edgetl.benchmarks.dev import baseline_worker
from edgetl.benchmarks.dev.command_line import console, figures_table, print_json, run_command
from edgetl.benchmarks.dev.mediapipe_environment import FOLDER, VERSION, mediapipe_python
from edgetl.benchmarks.dev.processes import last_line, peak_bytes, seconds_to_first_line
from edgetl.benchmarks.machine import condition, this_machine
from edgetl.benchmarks.measured import Machine
from edgetl.benchmarks.pictures import megapixels
from edgetl.benchmarks.report.tables import condition_words, machine_words
from edgetl.benchmarks.rounds import alternately
from edgetl.edge.errors import DataError, EdgetlError, quoted
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.runtime import choose_runtime, default_threads
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.demo_pictures import CLASSES, write_demo_pictures
from edgetl.trainer.progress import progress

OURS = "edgetl"
_NAMES = {
    OURS: "edgetl, one by one",
    "edgetl-folder": "edgetl, a folder",
    "bare": "bare loop",
    "mediapipe": "MediaPipe Tasks, OpenCV decodes",
    "mediapipe-file": "MediaPipe Tasks, it reads the file",
}


@dataclass(frozen=True)
class Figure:
    """One figure of one variant: `ratio` is it over ours, the median of ratios round by round.

    `low` and `high` are the quartiles of these ratios; `rounds` is the figure of each round.
    """

    value: float
    ratio: float
    low: float
    high: float
    rounds: tuple[float, ...]


@dataclass(frozen=True)
class Baseline:
    """One variant to classify the pictures.

    Attributes:
        threads: None where it chooses for itself and does not say which.
        milliseconds: a picture, from JPEGs to classes: of a round, what all took divided by how
            many they are.
        start_seconds: from starting the process to its first result.
        peak_bytes: of a process that classifies every picture once.
        as_ours: the share of pictures, 0..1, given the class that edgetl gives them.
    """

    name: str
    versions: str
    threads: int | None
    milliseconds: Figure
    start_seconds: Figure
    peak_bytes: Figure
    as_ours: float


@dataclass(frozen=True)
class Report:
    """All that one run measured; `baselines` begins with edgetl."""

    model: str
    data: str
    pictures: int
    megapixels: float
    rounds: int
    machine: Machine
    baselines: tuple[Baseline, ...]


def measure(
    model: Path,
    pictures: Sequence[Path],
    *,
    data: str,
    rounds: int = 15,
    start_rounds: int = 7,
    peak_rounds: int = 3,
    environment: Path = Path(FOLDER),
    variants: Sequence[str] = tuple(_NAMES),
) -> Report:
    """Everything, in one run.

    Args:
        pictures, data: JPEG files, one or more, and what they are, in words.
        rounds: of classifying all pictures; one more, before them, does not count.
        start_rounds, peak_rounds: of starting new processes.
        environment: MediaPipe's virtual environment, made if need be.
        variants: some of VARIANTS in baseline_worker.py, edgetl among them.

    Raises:
        ModelFileError: the model is damaged or no image classifier.
        EdgetlError: MediaPipe cannot be installed, or a variant cannot classify with this model.
    """
    labels = read_model_file(model).labels
    runtime = choose_runtime()
    threads = default_threads()
    before = condition()
    python = None
    if any(_third_party(variant) for variant in variants):
        logger.info(f"making sure of MediaPipe {VERSION} in {environment}")
        python = mediapipe_python(environment)
    commands = {
        variant: _command(variant, model, threads, runtime.load().__name__, python)
        for variant in variants
    }
    files = [str(path.absolute()) for path in pictures]
    took, classes = _timed(commands, files, rounds)
    starts = _by_round(
        "starting processes", variants, start_rounds,
        lambda variant: seconds_to_first_line([*commands[variant], "classify", files[0]]),
    )  # fmt: skip
    peaks = _by_round(
        "measuring memory", variants, peak_rounds,
        lambda variant: float(peak_bytes([*commands[variant], "classify", *files])),
    )  # fmt: skip
    if "bare" in classes:
        classes["bare"] = [labels[int(number)] for number in classes["bare"]]
    ours = f"{runtime.name} {runtime.version}"
    return Report(
        model=model.name,
        data=data,
        pictures=len(pictures),
        megapixels=statistics.median(map(megapixels, pictures)),
        rounds=rounds,
        machine=this_machine(before, condition()),
        baselines=tuple(
            Baseline(
                name=_NAMES[variant],
                versions=f"mediapipe {VERSION}" if _third_party(variant) else ours,
                threads=None if _third_party(variant) else threads,
                milliseconds=_figure(took[variant], took[OURS]),
                start_seconds=_figure(starts[variant], starts[OURS]),
                peak_bytes=_figure(peaks[variant], peaks[OURS]),
                as_ours=float(np.mean(np.array(classes[variant]) == np.array(classes[OURS]))),
            )
            for variant in variants
        ),
    )


def _third_party(variant: str) -> bool:
    return variant.startswith("mediapipe")


def find_jpegs(folder: Path, count: int) -> list[Path]:
    """So many JPEG files in `folder` and the folders in it, evenly taken from all in order.

    Raises:
        DataError: there is none, or the folder cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{quoted(folder)}: is not a folder")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    if not found:
        raise DataError(f"{quoted(folder)}: has no JPEG files")
    step = max(1.0, len(found) / count)
    return [found[int(number * step)] for number in range(min(count, len(found)))]


def _command(
    variant: str, model: Path, threads: int, runtime: str, python: Path | None
) -> list[str]:
    # -I: no PYTHONPATH or working directory through which our modules could come in.
    start = [sys.executable, "-m", baseline_worker.__name__]
    if _third_party(variant):
        start = [str(python), "-I", baseline_worker.__file__]
    return [*start, variant, str(model.absolute()), str(threads), runtime]


@contextlib.contextmanager
def _classifying(
    variant: str, command: Sequence[str], files: Sequence[str]
) -> Iterator[Callable[[], tuple[float, list[str]]]]:
    """What classifies every picture: milliseconds a picture, and the classes."""
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [*command, "time", *files],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout

        def line() -> str:
            if found := stdout.readline():
                return found
            log.seek(0)
            words = last_line(log.read().decode(errors="replace"))
            raise EdgetlError(f"{_NAMES[variant]}: cannot classify with this model: {words}")

        def classify() -> tuple[float, list[str]]:
            stdin.write("\n")
            stdin.flush()
            answer = json.loads(line())
            return answer["milliseconds"], answer["classes"]

        try:
            line()
            yield classify
        finally:
            process.kill()


def _timed(
    commands: dict[str, list[str]], files: Sequence[str], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """Of each variant the milliseconds a picture in each round, and the classes."""
    with contextlib.ExitStack() as stack:
        logger.info("starting every variant")
        workers = {
            variant: stack.enter_context(_classifying(variant, command, files))
            for variant, command in commands.items()
        }
        # The first round fills caches.
        classes = {variant: classify()[1] for variant, classify in workers.items()}
        took = _by_round(
            f"classifying {len(files)} pictures", list(workers), rounds,
            lambda variant: workers[variant]()[0],
        )  # fmt: skip
    return took, classes


def _by_round(
    what: str, variants: Sequence[str], rounds: int, figure: Callable[[str], float]
) -> dict[str, list[float]]:
    """A figure of each variant in each round."""
    logger.info(f"{what}, {rounds} rounds")
    with progress(what, rounds) as advance:
        return alternately(variants, figure, rounds=rounds, advance=advance)


def _figure(theirs: Sequence[float], ours: Sequence[float]) -> Figure:
    low, middle, high = np.percentile(np.divide(theirs, ours), (25, 50, 75))
    return Figure(statistics.median(theirs), float(middle), float(low), float(high), tuple(theirs))


def command(
    model: Annotated[Path, typer.Argument(help="A .tflite file that export wrote.")],
    data: Annotated[
        Path | None, typer.Option(help="A folder of JPEGs. [default: drawn demo pictures]")
    ] = None,
    pictures: Annotated[int, typer.Option(min=1, help="How many of them.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="Of classifying all.")] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure one model file through edgetl, a bare interpreter and MediaPipe Tasks."""
    # What is wrong with it is said before any picture is drawn.
    read_model_file(model)
    with tempfile.TemporaryDirectory() as temporary:
        if data:
            folder, words = data, quoted(data)
        else:
            per_class = -(-pictures // len(CLASSES))
            logger.info(f"drawing {per_class * len(CLASSES)} demo pictures")
            folder = write_demo_pictures(Path(temporary, "pictures"), per_class=per_class)
            words = "demo pictures"
        report = measure(model, find_jpegs(folder, pictures), data=words, rounds=rounds)
    if as_json:
        print_json(report)
    else:
        _print(report)


def _print(report: Report) -> None:
    out = console()
    table = figures_table("", "ms a picture", "to first result, s", "peak memory, MB", "as edgetl")
    for baseline in report.baselines:
        table.add_row(
            baseline.name,
            f"{baseline.milliseconds.value:.2f}  {baseline.milliseconds.ratio:5.2f}x",
            f"{baseline.start_seconds.value:.2f}  {baseline.start_seconds.ratio:5.2f}x",
            f"{baseline.peak_bytes.value / 1e6:.0f}  {baseline.peak_bytes.ratio:5.2f}x",
            f"{baseline.as_ours:.1%}",
        )
    out.print(table)
    ours = report.baselines[0]
    chosen = "; MediaPipe chooses its own" if None in {p.threads for p in report.baselines} else ""
    versions = ", ".join(dict.fromkeys(baseline.versions for baseline in report.baselines))
    out.print(
        f"{report.model}, {report.pictures} JPEGs of {report.megapixels:.2f} megapixels "
        f"({report.data}), {report.rounds} rounds. From JPEGs to classes, divided by the pictures, "
        f"the median; ratios are beside the first case, the median of ratios taken round by round. "
        f"Of a folder edgetl classifies a picture on each thread. As edgetl: pictures "
        f"given the same class. {ours.threads} threads{chosen}. {versions}. "
        f"{machine_words(report.machine)} Before: {condition_words(report.machine.before)}."
    )


if __name__ == "__main__":
    run_command(command)
