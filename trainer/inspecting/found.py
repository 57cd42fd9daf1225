"""What `edgetl inspect` found, as lines and as JSON."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.edge.errors import plural, quoted
from edgetl.trainer.data.checks import DataSummary, summary_lines
from edgetl.trainer.data.dataset import SPLITS, Dataset
from edgetl.trainer.data.groups import by_group
from edgetl.trainer.data.picture_cache import DecodedPictures
from edgetl.trainer.doubtful.confident_learning import LabelCheck
from edgetl.trainer.doubtful.moves import moving_command


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        dataset: the photos that would be used, each in its split and group, and those excluded.
        summary: counts and warnings.
        decoded: the pixels of all photos that were found.
        rows: of each file the row in `decoded`.
        data: what was inspected, as it was typed: a folder, an archive or a URL.
        below: where the dataset's root is below that, "." if it is the same.
        labels: which labels are doubtful; None where that was not looked for.
        moves: the file that the doubtful ones were written to.
    """

    dataset: Dataset
    summary: DataSummary
    decoded: DecodedPictures
    rows: Mapping[str, int]
    data: str
    below: str
    labels: LabelCheck | None
    moves: Path | None


def inspection_lines(inspection: Inspection) -> list[str]:
    """What `edgetl inspect` prints: the summary of `train`, sizes, near-copies and what to do."""
    return [
        *summary_lines(inspection.summary, listed_by="--json"),
        *_size_lines(inspection),
        *_label_lines(inspection),
        *_next_lines(inspection),
    ]


def _size_lines(inspection: Inspection) -> Iterator[str]:
    sides = [min(size) for size in inspection.decoded.sizes if size]
    if sides:
        low, middle, high = (round(x) for x in np.percentile(sides, [0, 50, 100]))
        yield f"sizes      shorter side {low} to {high} pixels, median {middle}"


def _label_lines(inspection: Inspection) -> Iterator[str]:
    if inspection.labels is None:
        return
    checked, doubtful = len(inspection.labels.ranking), len(inspection.labels.doubtful)
    if not checked:
        yield "labels     not checked: too few photos to hold some out"
        return
    yield f"labels     {doubtful} of {checked} are doubtful{': see the page' if doubtful else ''}"
    if doubtful:
        moves = inspection.moves and quoted(inspection.moves)
        to_do = f"delete the rows of {moves} whose label is right, then" if moves else "list them:"
        yield f"do         {to_do}"
        yield f"           {label_command(inspection)}"


def label_command(inspection: Inspection) -> str:
    """What to type about doubtful labels: it moves photos, or writes the file of moves."""
    data = Path(inspection.data)
    if inspection.moves:
        return moving_command(data, "--apply", inspection.moves)
    return moving_command(data, "--moves", Path("moves.csv"))


def _next_lines(inspection: Inspection) -> Iterator[str]:
    if count := len(inspection.summary.warnings):
        yield f"do         look at the {plural(count, 'warning')} above, then train"
    dashes = "-- " if inspection.data.startswith("-") else ""
    yield f"next       edgetl train {dashes}{quoted(shlex.quote(inspection.data))}"


def inspection_json(inspection: Inspection) -> dict[str, Any]:
    """The same as values for JSON; every file is named."""
    dataset, summary, labels = inspection.dataset, inspection.summary, inspection.labels
    return {
        "data": str(dataset.root),
        "labels": list(dataset.labels),
        "pictures": {split: dict(summary.counts[split]) for split in SPLITS},
        "excluded": [vars(item) for item in dataset.excluded],
        "groups": [[e.file for e in members] for members in by_group(dataset.examples).values()],
        "doubtful_labels": [vars(one) for one in labels.doubtful] if labels else None,
        "notes": list(dataset.notes),
        "warnings": list(summary.warnings),
    }
