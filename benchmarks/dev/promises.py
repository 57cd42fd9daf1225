"""What comes of `classify --threshold precision=P` on new photos, drawn by lot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from edgetl.benchmarks.dev.command_line import console, figures_table, run_command
from edgetl.edge.model.thresholds import PrecisionRecord
from edgetl.trainer.metrics import Classes, Probabilities
from edgetl.trainer.thresholds import precision_record

LABELS = ("a", "b", "c", "d")
# Of the scenes' logits: about 88 % are right.
_SPREAD = 6.0
# Of the logits of a burst's photos about those of their scene.
_WITHIN = 0.3
_NEW = 100_000
PRECISIONS = (0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Drawn:
    """Photos by lot, and what a calibrated classifier gives for them.

    Attributes:
        probabilities: float32 [pictures, classes].
        targets: the true classes, int [pictures].
        clusters: the name of each one's scene.
    """

    probabilities: Probabilities
    targets: Classes
    clusters: Sequence[str]

    def record(self, *, one_by_one: bool = False) -> PrecisionRecord:
        """What `train` would record; `one_by_one` as if no two were near-copies."""
        names = list(map(str, range(len(self.targets)))) if one_by_one else self.clusters
        labels = LABELS[: self.probabilities.shape[1]]
        return precision_record(self.probabilities, self.targets, labels, clusters=names)


def draws(
    random: np.random.Generator, scenes: int, *, burst: int = 1, spread: float = _SPREAD
) -> Drawn:
    """Photos of scenes: the true class of each is drawn with the probabilities it is given.

    Args:
        scenes: how many.
        burst: photos of each, whose logits differ a little and whose class is one.
        spread: the standard deviation of the scenes' logits.
    """
    logits = random.normal(size=(scenes, len(LABELS))) * spread
    chances = _softmax(logits).cumsum(axis=1)
    targets = (chances < random.random((scenes, 1))).sum(axis=1).clip(0, len(LABELS) - 1)
    scene = np.repeat(np.arange(scenes), burst)
    if burst > 1:
        logits = logits[scene] + random.normal(size=(len(scene), len(LABELS))) * _WITHIN
    probabilities = _softmax(logits).astype(np.float32)
    return Drawn(probabilities, targets[scene], list(map(str, scene.tolist())))


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(logits)
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


@dataclass(frozen=True)
class Outcome:
    """What one draw of held-out photos promised and what came of new photos; shares, 0..1."""

    expected: float
    low: float
    right: float
    answered: float

    @property
    def broken(self) -> bool:
        """Whether fewer of the new photos are right than the 95 % interval has."""
        return self.right < self.low


def outcome(record: PrecisionRecord, precision: float, new: Drawn) -> Outcome | None:
    """What came of a precision; None where none of the held-out or the new photos is answered."""
    found = record.at(precision)
    answered, right = on_new([one.threshold for _, one in found.classes], new)
    if not found.reached or not answered:
        return None
    return Outcome(found.expected, found.interval[0], right, answered)


def on_new(thresholds: Sequence[float], new: Drawn) -> tuple[float, float]:
    """The share of new photos that get an answer by each class's threshold, and of these right."""
    given = new.probabilities.argmax(axis=1)
    answered = new.probabilities.max(axis=1) >= np.array(thresholds)[given]
    right = (given == new.targets)[answered]
    return float(answered.mean()), float(right.mean()) if len(right) else 0.0


def main(
    scenes: Annotated[list[int], typer.Argument(help="How many are held out.")],
    burst: Annotated[int, typer.Option(help="Photos of each scene.", min=1)] = 1,
    times: Annotated[int, typer.Option(help="How often they are drawn.", min=1)] = 200,
) -> None:
    """Draw held-out photos of scenes, choose thresholds by them and try these on new photos.

    Beside what `train` records, 1x1: as if no two photos were near-copies, and plain: the lowest
    thresholds from which on that share of the held-out photos is right. Figures are percentages.
    """
    table = figures_table(
        "scenes", "precision", "right", "expected", "answered", "broken", "1x1 right",
        "expected", "broken", "plain right",
    )  # fmt: skip
    new = draws(np.random.default_rng(10**6), _NEW)
    for number in scenes:
        some = [draws(np.random.default_rng(seed), number, burst=burst) for seed in range(times)]
        records = [one.record() for one in some]
        apart = [one.record(one_by_one=True) for one in some]
        for precision in PRECISIONS:
            ours = _mean(records, precision, new)
            others = _mean(apart, precision, new)
            plain = float(np.mean([on_new(_plain(one, precision), new)[1] for one in apart]))
            right, expected, answered, broken = ours
            row = (right, expected, answered, broken, others[0], others[1], others[3], plain)
            table.add_row(str(number), f"{precision:g}", *(f"{100 * share:.1f}" for share in row))
    console(120).print(table)


def _mean(
    records: Sequence[PrecisionRecord], precision: float, new: Drawn
) -> tuple[float, float, float, float]:
    """What was right, expected and answered, and how often the promise was broken."""
    found = [one for one in (outcome(record, precision, new) for record in records) if one]
    rows = [(one.right, one.expected, one.answered, float(one.broken)) for one in found]
    right, expected, answered, broken = np.mean(rows, axis=0).tolist()
    return right, expected, answered, broken


def _plain(record: PrecisionRecord, precision: float) -> list[float]:
    return [
        next((p.threshold for p in one.points if p.right / p.answered >= precision), np.inf)
        for one in record.classes.values()
    ]


if __name__ == "__main__":
    run_command(main)
