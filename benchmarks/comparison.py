"""What a run's exported files lose and gain beside its Keras model, on this machine."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.classifier import Classifier
from edge.errors import RunFolderError, quoted
from edge.latest import exported_models
from edge.native_log import hidden_native_log
from edge.preprocessing import Pixels
from trainer.held_out import read_held_out, read_model
from trainer.model import compiled_call
from trainer.parity import Parity, classified, parity
from trainer.progress import progress
from trainer.run_folder import RunFolder, read_run

# One picture is timed in rounds in which every row has its turn, so that a machine that slows
# down slows them all.
ROUNDS = 15
CALLS_A_ROUND = 10


@dataclass(frozen=True)
class Row:
    """One model on one engine.

    `milliseconds` is the median over rounds for one picture, from pixels to probabilities;
    `times_faster` is how many times the Keras row's it goes into, the median of ratios taken
    round by round.
    """

    name: str
    engine: str
    bytes: int
    milliseconds: float
    times_faster: float
    parity: Parity


@dataclass(frozen=True)
class Comparison:
    """`rows` begins with Keras; `split` and `pictures` say what accuracy was measured on."""

    split: str
    pictures: int
    threads: int
    rows: list[Row]


def compare(run: RunFolder) -> Comparison:
    """Measure a run's Keras model and every file in its exports/ on the held-out pictures.

    Keras is timed in the fastest of its ways, a compiled tf.function for one picture; the files
    through the classifier that `edgetl classify` uses, from pixels.

    Raises:
        RunFolderError: the run is incomplete, its photos are gone, or nothing was exported.
    """
    finished = read_run(run)
    files = exported_models(run.exports)
    if not files:
        raise RunFolderError(
            f"{quoted(run.exports)}: nothing exported yet; make a file with: edgetl export"
        )
    held_out = read_held_out(finished, finished.dataset.root)
    expected, truth = held_out.keras_probabilities, held_out.truth
    with hidden_native_log():
        classifiers = [Classifier(path) for path in files]
    calls = [compiled_call(read_model(run.model)), *(c.infer for c in classifiers)]
    rounds = _timed_rounds(calls, held_out.pixels)
    rows = [
        _row(
            "Keras",
            f"TensorFlow {version('tensorflow')}",
            run.model,
            rounds,
            0,
            parity(expected, expected, truth, finished.labels),
        )
    ]
    for number, (path, classifier) in enumerate(zip(files, classifiers, strict=True), start=1):
        found = classified(classifier, held_out.paths, f"classifying with {path.name}")
        engine = f"{classifier.runtime.name} {classifier.runtime.version}"
        name = path.name.removeprefix("model.").removesuffix(".tflite")
        figures = parity(found, expected, truth, finished.labels)
        rows.append(_row(name, engine, path, rounds, number, figures))
    return Comparison(held_out.split, len(truth), classifiers[0].threads, rows)


def _row(
    name: str, engine: str, path: Path, rounds: list[list[float]], number: int, figures: Parity
) -> Row:
    return Row(
        name=name,
        engine=engine,
        bytes=path.stat().st_size,
        milliseconds=statistics.median(row[number] for row in rounds) * 1000,
        times_faster=statistics.median(row[0] / row[number] for row in rounds),
        parity=figures,
    )


def _timed_rounds(calls: list[Callable[[Pixels], Any]], pixels: Pixels) -> list[list[float]]:
    """Seconds a picture: [rounds][calls], each the mean of CALLS_A_ROUND after a warm-up."""
    for call in calls:
        for picture in pixels[:CALLS_A_ROUND]:
            call(picture)
    rounds = []
    with progress("timing", ROUNDS) as advance:
        for number in range(ROUNDS):
            times = []
            for call in calls:
                began = time.perf_counter()
                for i in range(CALLS_A_ROUND):
                    call(pixels[(number * CALLS_A_ROUND + i) % len(pixels)])
                times.append((time.perf_counter() - began) / CALLS_A_ROUND)
            rounds.append(times)
            advance()
    return rounds
