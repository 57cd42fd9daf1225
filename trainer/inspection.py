"""What `train` would find in a folder of photos, without training. Imports no TensorFlow."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.edge.errors import DataError, SettingError, quoted
from edgetl.edge.model.latest import RUNS
from edgetl.trainer.config import recipe_from
from edgetl.trainer.data.archives import ARCHIVE_CACHE, data_folder
from edgetl.trainer.data.checks import DataSummary, summary_lines
from edgetl.trainer.data.dataset import SPLITS, Dataset
from edgetl.trainer.data.groups import by_group
from edgetl.trainer.data.picture_cache import DecodedPictures, decode_pictures
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.selection import select_photos
from edgetl.trainer.options import InspectOptions


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        dataset: the photos that would be used, each in its split and group, and those excluded.
        summary: counts and warnings.
        decoded: the pixels of all photos that were found.
        rows: of each file the row in `decoded`.
        data: what was inspected, as it was typed: a folder, an archive or a URL.
    """

    dataset: Dataset
    summary: DataSummary
    decoded: DecodedPictures
    rows: Mapping[str, int]
    data: str


def inspect(options: InspectOptions) -> Inspection:
    """Find and decode the photos of a folder, and check them as `edgetl train` does.

    Raises:
        DataError: there is no such folder, or it cannot be trained on.
        SettingError: the size is out of range, or the page would overwrite what is no page.
        RunFolderError: the cache of decoded photos cannot be written.
    """
    if options.data is None and not Path("data").is_dir():
        raise DataError("no DATA given and no ./data here; name a folder of photos")
    data = options.data or "data"
    if options.page.suffix.lower() not in (".html", ".htm"):
        raise SettingError(
            f"--page {quoted(options.page)}: its name does not end in .html; a file of that name "
            f"would be overwritten"
        )
    recipe = recipe_from({"image_size": options.image_size} if options.image_size else {})
    cache = RUNS / ".cache"
    found = scan(data_folder(data, cache=RUNS.joinpath(*ARCHIVE_CACHE)))
    paths = [found.path(example) for example in found.examples]
    decoded = decode_pictures(paths, recipe.input_size, cache=cache)
    dataset, summary = select_photos(found, decoded, recipe)
    rows = {example.file: row for row, example in enumerate(found.examples)}
    return Inspection(dataset, summary, decoded, rows, data)


def inspection_lines(inspection: Inspection) -> list[str]:
    """What `edgetl inspect` prints: the summary of `train`, sizes, near-copies and what to do."""
    return [*summary_lines(inspection.summary), *_size_lines(inspection), *_next_lines(inspection)]


def _size_lines(inspection: Inspection) -> Iterator[str]:
    sides = [min(size) for size in inspection.decoded.sizes if size]
    if sides:
        low, middle, high = (round(x) for x in np.percentile(sides, [0, 50, 100]))
        yield f"sizes      shorter side {low} to {high} pixels, median {middle}"


def _next_lines(inspection: Inspection) -> Iterator[str]:
    count = len(inspection.summary.warnings)
    if count:
        yield f"do         look at the {count} warning{'s' if count > 1 else ''} above, then train"
    dashes = "-- " if inspection.data.startswith("-") else ""
    yield f"next       edgetl train {dashes}{quoted(shlex.quote(inspection.data))}"


def inspection_json(inspection: Inspection) -> dict[str, Any]:
    """The same as values for JSON; every file is named."""
    dataset, summary = inspection.dataset, inspection.summary
    return {
        "data": str(dataset.root),
        "labels": list(dataset.labels),
        "pictures": {split: dict(summary.counts[split]) for split in SPLITS},
        "excluded": [vars(item) for item in dataset.excluded],
        "groups": [[e.file for e in members] for members in by_group(dataset.examples).values()],
        "notes": list(dataset.notes),
        "warnings": list(summary.warnings),
    }
