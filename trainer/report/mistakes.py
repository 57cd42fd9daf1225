"""Pictures that were taken for another class, as the report shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.results.activation_map import EvidenceMap, overlaid
from edgetl.trainer.report.page import thumbnail

# Of a split.
SHOWN_MISTAKES = 24
_SIDE = 200  # pixels
_NEIGHBOUR_SIDE = 104
_QUALITY = 80


@dataclass(frozen=True)
class Neighbour:
    """A training picture: its file, relative to the data folder, its class and its pixels."""

    file: str
    label: str
    pixels: Pixels


@dataclass(frozen=True)
class Mistake:
    """A held-out picture that the model takes for another class.

    Attributes:
        file: relative to the data folder.
        true, predicted: the classes.
        probability: of the predicted class, 0..1.
        pixels: uint8 [height, width, 3] RGB, what the model saw.
        evidence: for the predicted class rather than the true one; None where it is not known.
        nearest: the training pictures with the most similar features, the most similar first.
    """

    file: str
    true: str
    predicted: str
    probability: float
    pixels: Pixels
    evidence: EvidenceMap | None = None
    nearest: tuple[Neighbour, ...] = ()


def shown_mistakes(mistakes: Sequence[Mistake]) -> list[dict[str, Any]]:
    """The most confident ones, the most confident first, with their thumbnails."""
    worst = sorted(mistakes, key=lambda mistake: -mistake.probability)[:SHOWN_MISTAKES]
    return [
        {
            **vars(mistake),
            "picture": thumbnail(mistake.pixels, side=_SIDE, quality=_QUALITY),
            "map": None
            if mistake.evidence is None
            else thumbnail(
                overlaid(mistake.pixels, mistake.evidence), side=_SIDE, quality=_QUALITY
            ),
            "nearest": [
                {
                    "file": one.file,
                    "label": one.label,
                    "picture": thumbnail(one.pixels, side=_NEIGHBOUR_SIDE, quality=_QUALITY),
                }
                for one in mistake.nearest
            ],
        }
        for mistake in worst
    ]
