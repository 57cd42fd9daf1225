"""What a training on very many photos takes: seconds by part, and peak memory, by their number.

    python -m edgetl.benchmarks.dev.many_photos FOLDER 50000 100000 200000

It draws that many small pictures, no two alike, of five classes: waves of a direction each, before
a background of any colours. Then it runs `edgetl index`, the features of all shards in one process,
and `edgetl train --features-from`, each in a process of its own, and prints a table. What is in
FOLDER from an earlier call is used: pictures, index and features; delete it to measure again.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
import typer

from edgetl.benchmarks.dev.command_line import console, figures_table, run_command
from edgetl.benchmarks.dev.processes import Ended, last_line, run_to_end
from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.allowance import cores

_SIDE = 32
_CLASSES = 5
_A_TASK = 10_000


@dataclass(frozen=True)
class Taken:
    """What a training on so many photos took.

    Attributes:
        photos: how many.
        index, features, train: each a process.
        stages: seconds of the stages of training.
        head: seconds of one of them, in which the head is solved.
        accuracy: on test photos, 0..1.
    """

    photos: int
    index: Ended
    features: Ended
    train: Ended
    stages: dict[str, float]
    head: float
    accuracy: float


def main(
    folder: Annotated[Path, typer.Argument(help="Where pictures, index, features and runs go.")],
    photos: Annotated[list[int], typer.Argument(help="How many photos; any number of numbers.")],
    image_size: Annotated[int, typer.Option(help="Size of the model's input.")] = _SIDE,
) -> None:
    """Measure trainings on many photos."""
    taken = [measured(folder / str(count), count, image_size) for count in photos]
    stages = taken[-1].stages
    table = figures_table("photos", *(f"{one.photos:,}" for one in taken))
    rows = [
        ("edgetl index, s", [one.index.seconds for one in taken]),
        ("  of processor time", [one.index.cpu_seconds for one in taken]),
        ("features of all, s", [one.features.seconds for one in taken]),
        ("  of processor time", [one.features.cpu_seconds for one in taken]),
        ("edgetl train, s", [one.train.seconds for one in taken]),
        ("  of processor time", [one.train.cpu_seconds for one in taken]),
        *((f"  {stage}", [one.stages.get(stage, 0.0) for one in taken]) for stage in stages),
        ("  head on all, of phase two", [one.head for one in taken]),
        ("peak memory of index, MB", [one.index.peak_bytes / 1e6 for one in taken]),
        ("  of features", [one.features.peak_bytes / 1e6 for one in taken]),
        ("  of train", [one.train.peak_bytes / 1e6 for one in taken]),
        ("accuracy on test photos, %", [100 * one.accuracy for one in taken]),
    ]
    for name, figures in rows:
        table.add_row(name, *(f"{figure:,.1f}" for figure in figures))
    console().print(table)


def measured(folder: Path, photos: int, image_size: int) -> Taken:
    """Draw photos into a folder, and train on them.

    Raises:
        EdgetlError: a command fails.
    """
    draw(folder / "photos", photos)
    size = ("--image-size", str(image_size))
    index, features, run = folder / "index", folder / "features", folder / "runs" / "measured"
    train = ("train", "--features-from", index, "--features", features, "--out", run, *size)
    listed = _run(folder, "index", folder / "photos", "--out", index)
    computed = _run(folder, *train, "--shard", "0/1")
    trained = _run(folder, *train)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    history = json.loads((run / "history.json").read_text(encoding="utf-8"))
    return Taken(
        photos,
        listed,
        computed,
        trained,
        stages=metrics["seconds"],
        head=history["epochs"][0]["seconds"],
        accuracy=metrics["splits"]["test"]["accuracy"],
    )


def _run(folder: Path, *arguments: object) -> Ended:
    log = folder / f"{arguments[0]}.log"
    ended = run_to_end([sys.executable, "-m", "edgetl", *map(str, arguments)], log)
    if ended.status:
        raise EdgetlError(f"edgetl {arguments[0]}: {last_line(log.read_text(encoding='utf-8'))}")
    return ended


def draw(folder: Path, photos: int) -> None:
    """Draw small pictures into folders of five classes; those that are there are left."""
    tasks = [(folder, start, min(start + _A_TASK, photos)) for start in range(0, photos, _A_TASK)]
    with ProcessPoolExecutor(cores()) as pool:
        list(pool.map(_draw_some, tasks))


def _draw_some(task: tuple[Path, int, int]) -> None:
    folder, start, end = task
    for label in range(_CLASSES):
        (folder / f"waves-{label}").mkdir(parents=True, exist_ok=True)
    for number in range(start, end):
        label = number % _CLASSES
        path = folder / f"waves-{label}" / f"{number:07}.jpg"
        if not path.exists():
            cv2.imwrite(str(path), _picture(label, number))


def _picture(label: int, number: int) -> npt.NDArray[np.uint8]:
    random = np.random.default_rng([label, number])
    coarse = random.uniform(0, 255, (3, 3, 3)).astype(np.float32)
    background = cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    angle = np.pi * label / _CLASSES + random.normal(0, 0.12)
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    along = rows * np.sin(angle) + columns * np.cos(angle)
    waves = np.sin(along * random.uniform(0.5, 1.0) + random.uniform(0, 2 * np.pi))
    noise = random.normal(0, 12, (_SIDE, _SIDE, 3))
    pixels = background + random.uniform(20, 60) * waves[:, :, np.newaxis] + noise
    drawn: npt.NDArray[np.uint8] = np.clip(pixels, 0, 255).astype(np.uint8)
    return drawn


if __name__ == "__main__":
    run_command(main)
