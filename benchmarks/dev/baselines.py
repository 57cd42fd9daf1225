"""What edgetl takes for a picture beside MediaPipe Tasks and a bare interpreter, on this machine.

    python -m edgetl.benchmarks.dev.baselines MODEL --data DIR

The same model file and the same JPEGs, each way in a process of its own, in rounds in which every
way has its turn, so that a machine that slows down slows them all; ratios are medians over rounds.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from edgetl.benchmarks.dev import baseline_worker as peer_worker
from edgetl.benchmarks.dev.mediapipe_environment import FOLDER, VERSION, mediapipe_python
from edgetl.benchmarks.dev.processes import peak_bytes, seconds_to_first_line
from edgetl.benchmarks.dev.training import last_line, run_command, this_machine
from edgetl.edge.errors import DataError, EdgetlError, quoted
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.runtime import choose_runtime, default_threads
from edgetl.trainer.data.demo_pictures import CLASSES, write_demo_pictures
from edgetl.trainer.progress import progress, say

OURS = "edgetl"
_NAMES = {
    OURS: "edgetl, one by one",
    "edgetl-folder": "edgetl, a folder",
    "bare": "bare loop",
    "mediapipe": "MediaPipe Tasks, OpenCV decodes",
    "mediapipe-file": "MediaPipe Tasks, it reads the file",
}
_WORKER = Path(peer_worker.__file__)
_JPEG = {".jpg", ".jpeg"}
_WIDTH = 100


@dataclass(frozen=True)
class Figure:
    """One figure of one way: `ratio` is it over ours, the median of ratios round by round.

    `low` and `high` are the quartiles of these ratios; `rounds` is the figure of each round.
    """

    value: float
    ratio: float
    low: float
    high: float
    rounds: tuple[float, ...]


@dataclass(frozen=True)
class Peer:
    """One way to classify the pictures.

    Attributes:
        name: what it is.
        versions: of the libraries that do it.
        threads: None where it chooses for itself and does not tell.
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
    """All that one run measured; `peers` begins with edgetl. `load` was the average before."""

    model: str
    data: str
    pictures: int
    megapixels: float
    rounds: int
    processor: str
    cores: int
    load: float
    peers: tuple[Peer, ...]


def measure(
    model: Path,
    pictures: Sequence[Path],
    *,
    data: str,
    rounds: int = 15,
    start_rounds: int = 7,
    peak_rounds: int = 3,
    environment: Path = Path(FOLDER),
    ways: Sequence[str] = tuple(_NAMES),
) -> Report:
    """Everything, in one run.

    Args:
        model: a .tflite classifier with metadata, as export writes it.
        pictures: JPEG files, one or more.
        data: what the pictures are, in words.
        rounds: of classifying all pictures; one more, before them, does not count.
        start_rounds, peak_rounds: of starting processes anew.
        environment: the folder of MediaPipe's virtual environment, made if need be.
        ways: some of WAYS in peer_worker.py, edgetl among them.

    Raises:
        ModelFileError: the model is damaged or no image classifier.
        EdgetlError: MediaPipe cannot be installed, or a way cannot classify with this model.
    """
    labels = read_model_file(model).labels
    runtime = choose_runtime()
    threads = default_threads()
    machine = this_machine()
    pythons = {}
    if any(way.startswith("mediapipe") for way in ways):
        say(f"making sure of MediaPipe {VERSION} in {environment}")
        pythons = {way: mediapipe_python(environment) for way in ways if way.startswith("media")}
    commands = {
        way: _command(way, model, threads, runtime.load().__name__, pythons.get(way))
        for way in ways
    }
    files = [str(path.absolute()) for path in pictures]
    took, classes = _timed(commands, files, rounds)
    starts = _in_turns(
        "starting anew", ways, start_rounds,
        lambda way: seconds_to_first_line([*commands[way], "classify", files[0]]),
    )  # fmt: skip
    peaks = _in_turns(
        "measuring memory", ways, peak_rounds,
        lambda way: float(peak_bytes([*commands[way], "classify", *files])),
    )  # fmt: skip
    if "bare" in classes:
        classes["bare"] = [labels[int(number)] for number in classes["bare"]]
    ours = f"{runtime.name} {runtime.version}"
    return Report(
        model=model.name,
        data=data,
        pictures=len(pictures),
        megapixels=statistics.median(map(_megapixels, pictures)),
        rounds=rounds,
        processor=machine.processor,
        cores=machine.cores,
        load=machine.load,
        peers=tuple(
            Peer(
                name=_NAMES[way],
                versions=f"mediapipe {VERSION}" if way in pythons else ours,
                threads=None if way in pythons else threads,
                milliseconds=_figure(took[way], took[OURS]),
                start_seconds=_figure(starts[way], starts[OURS]),
                peak_bytes=_figure(peaks[way], peaks[OURS]),
                as_ours=float(np.mean(np.array(classes[way]) == np.array(classes[OURS]))),
            )
            for way in ways
        ),
    )


def find_jpegs(folder: Path, count: int) -> list[Path]:
    """So many JPEG files in `folder` and the folders in it, evenly taken from all in order.

    Raises:
        DataError: there is none, or the folder cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{quoted(folder)}: is no folder")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _JPEG)
    if not found:
        raise DataError(f"{quoted(folder)}: has no JPEG files")
    step = max(1.0, len(found) / count)
    return [found[int(place * step)] for place in range(min(count, len(found)))]


def _command(way: str, model: Path, threads: int, runtime: str, python: Path | None) -> list[str]:
    # -I: no PYTHONPATH or working directory through which our modules could come in.
    start = (
        [str(python), "-I", str(_WORKER)]
        if python
        else [sys.executable, "-m", peer_worker.__name__]
    )
    return [*start, way, str(model.absolute()), str(threads), runtime]


@dataclass(frozen=True)
class _Worker:
    way: str
    process: "subprocess.Popen[str]"
    log: IO[bytes]

    def line(self) -> str:
        """The next line that it prints.

        Raises:
            EdgetlError: it has ended.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            said = last_line(self.log.read().decode(errors="replace"))
            raise EdgetlError(f"{_NAMES[self.way]}: cannot classify with this model: {said}")
        return line

    def run(self) -> tuple[float, list[str]]:
        """Classify every picture: milliseconds a picture, and the classes."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = json.loads(self.line())
        return answer["milliseconds"], answer["classes"]


@contextlib.contextmanager
def _worker(way: str, command: Sequence[str], files: Sequence[str]) -> Iterator[_Worker]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "time", *files],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        worker = _Worker(way, process, log)
        try:
            worker.line()
            yield worker
        finally:
            process.kill()
            process.communicate()


def _timed(
    commands: dict[str, list[str]], files: Sequence[str], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """Of each way the milliseconds a picture in each round, and the classes."""
    with contextlib.ExitStack() as stack:
        say("starting every way")
        workers = {
            way: stack.enter_context(_worker(way, command, files))
            for way, command in commands.items()
        }
        # The first round fills caches.
        classes = {way: worker.run()[1] for way, worker in workers.items()}
        took = _in_turns(
            f"classifying {len(files)} pictures", list(workers), rounds,
            lambda way: workers[way].run()[0],
        )  # fmt: skip
    return took, classes


def _in_turns(
    what: str, ways: Sequence[str], rounds: int, figure: Callable[[str], float]
) -> dict[str, list[float]]:
    """A figure of each way in each round; another way begins each round."""
    say(f"{what}, {rounds} rounds")
    taken: dict[str, list[float]] = {way: [] for way in ways}
    with progress(what, rounds) as advance:
        for number in range(rounds):
            first = number % len(ways)
            for way in (*ways[first:], *ways[:first]):
                taken[way].append(figure(way))
            advance()
    return taken


def _figure(theirs: Sequence[float], ours: Sequence[float]) -> Figure:
    low, middle, high = np.percentile(np.divide(theirs, ours), (25, 50, 75))
    return Figure(statistics.median(theirs), float(middle), float(low), float(high), tuple(theirs))


def _megapixels(path: Path) -> float:
    from PIL import Image

    with Image.open(path) as image:
        return image.width * image.height / 1e6


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
            say(f"drawing {per_class * len(CLASSES)} demo pictures")
            folder = write_demo_pictures(Path(temporary, "pictures"), per_class=per_class)
            words = "demo pictures"
        report = measure(model, find_jpegs(folder, pictures), data=words, rounds=rounds)
    if as_json:
        print(json.dumps(asdict(report), indent=2, ensure_ascii=False))  # noqa: T201
    else:
        _print(report)


def _print(report: Report) -> None:
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False, markup=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in ("ms a picture", "to first result, s", "peak memory, MB", "as edgetl"):
        table.add_column(name, justify="right", no_wrap=True)
    for peer in report.peers:
        table.add_row(
            peer.name,
            f"{peer.milliseconds.value:.2f}  {peer.milliseconds.ratio:5.2f}x",
            f"{peer.start_seconds.value:.2f}  {peer.start_seconds.ratio:5.2f}x",
            f"{peer.peak_bytes.value / 1e6:.0f}  {peer.peak_bytes.ratio:5.2f}x",
            f"{peer.as_ours:.1%}",
        )
    console.print(table)
    ours = report.peers[0]
    chosen = "; MediaPipe chooses its own" if None in {p.threads for p in report.peers} else ""
    versions = ", ".join(dict.fromkeys(peer.versions for peer in report.peers))
    console.print(
        f"{report.model}, {report.pictures} JPEGs of {report.megapixels:.2f} megapixels "
        f"({report.data}), {report.rounds} rounds. From JPEGs to classes, divided by the pictures, "
        f"the median; ratios are beside the first row, the median of ratios taken round by round. "
        f"Of a folder edgetl classifies a picture on each thread. As edgetl: pictures "
        f"given the same class. {ours.threads} threads{chosen}. {versions}. {report.processor}, "
        f"{report.cores} cores, load {report.load:.2f} before."
    )


if __name__ == "__main__":
    run_command(command)
