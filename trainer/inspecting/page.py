"""The page of `edgetl inspect`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import RunFolderError, quoted, reason
from edgetl.edge.system.files import write_text
from edgetl.trainer.data.dataset import SPLITS
from edgetl.trainer.data.groups import by_group
from edgetl.trainer.inspecting.found import Inspection, label_command
from edgetl.trainer.report.labels import doubtful_photos
from edgetl.trainer.report.page import Picture, render, thumbnail

# Enough to recognize a kind of photo by, and a page that opens at once.
SHOWN_GROUPS = 30
SHOWN_OF_A_GROUP = 6
SHOWN_CONFLICTS = 60
SHOWN_DOUBTFUL = 200
_THUMBNAIL = 112  # pixels
_QUALITY = 80


@dataclass(frozen=True)
class Thumbnail:
    """A photo on the page."""

    file: str
    picture: Picture


@dataclass(frozen=True)
class Group:
    """Near-copies: how many, of which classes and splits, and some of them."""

    count: int
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    shown: tuple[Thumbnail, ...]


def write_inspection_page(path: Path, inspection: Inspection) -> None:
    """Write the page.

    Raises:
        RunFolderError: it cannot be written.
    """
    dataset, summary = inspection.dataset, inspection.summary
    groups = sorted(by_group(dataset.examples).values(), key=len, reverse=True)
    conflicts = sorted(item.file for item in dataset.excluded if item.kind == "conflict")
    page = render(
        "inspection.html.j2",
        title=f"Photos: {quoted(dataset.root)}",
        root=str(dataset.root),
        labels=dataset.labels,
        counts={split: summary.counts[split] for split in SPLITS},
        warnings=summary.warnings,
        notes=dataset.notes,
        excluded=dataset.excluded,
        groups=[
            Group(
                len(members),
                tuple(sorted({example.label for example in members})),
                tuple(split for split in SPLITS if any(e.split == split for e in members)),
                _thumbnails(inspection, (e.file for e in members[:SHOWN_OF_A_GROUP])),
            )
            for members in groups[:SHOWN_GROUPS]
        ],
        group_count=len(groups),
        conflicts=_thumbnails(inspection, conflicts[:SHOWN_CONFLICTS]),
        conflict_count=len(conflicts),
        doubtful=inspection.labels
        and doubtful_photos(
            inspection.labels,
            lambda file: inspection.decoded.pixels[inspection.rows[file]],
            most=SHOWN_DOUBTFUL,
            command=label_command(inspection),
        ),
        moves=inspection.moves and str(inspection.moves),
    )
    try:
        write_text(path, page)
    except OSError as error:
        raise RunFolderError(
            f"{quoted(path)}: cannot be written: {reason(error)}; choose another with --page"
        ) from error


def _thumbnails(inspection: Inspection, files: Iterable[str]) -> tuple[Thumbnail, ...]:
    pixels, rows = inspection.decoded.pixels, inspection.rows
    return tuple(
        Thumbnail(file, thumbnail(pixels[rows[file]], side=_THUMBNAIL, quality=_QUALITY))
        for file in files
    )
