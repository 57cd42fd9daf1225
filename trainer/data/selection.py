"""Which of the photos that were found are used, and for what."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from edgetl.trainer.data.checks import DataSummary, summarize
from edgetl.trainer.data.copies import exclude_duplicates
from edgetl.trainer.data.dataset import Dataset, Example, Excluded, Split, without
from edgetl.trainer.data.groups import near_copy_groups, with_groups
from edgetl.trainer.data.near_copies import WITHIN
from edgetl.trainer.data.picture_cache import DecodedPictures
from edgetl.trainer.data.placeholders import placeholders
from edgetl.trainer.data.splitting import assign_splits
from edgetl.trainer.recipe import Recipe


def select_photos(
    found: Dataset,
    decoded: DecodedPictures,
    recipe: Recipe,
    kept: Mapping[str, Split] = MappingProxyType({}),
) -> tuple[Dataset, DataSummary]:
    """The dataset without unreadable files and copies, near-copies in groups, every picture in its
    split; those of `kept` in that one, by file, where DATA's folders do not say.
    """
    files = [example.file for example in found.examples]
    unreadable = [Excluded(files[i], why) for i, why in decoded.errors.items()]
    readable = without(found, unreadable)
    pixel_digests = dict(zip(files, decoded.pixel_digests, strict=True))
    single = exclude_duplicates(readable, pixel_digests, on_conflict=recipe.on_conflict)
    groups = near_copy_groups(decoded.pixels, [found.path(e) for e in found.examples])
    grouped = with_groups(single, ([files[row] for row in rows] for rows in groups))
    if len(files) > WITHIN:
        note = f"near-copies: each photo is compared with the {WITHIN:,} after it by path"
        grouped = replace(grouped, notes=(*grouped.notes, note))
    dataset = assign_splits(grouped, seed=recipe.seed, hold_out=recipe.holds_out, kept=kept)
    sizes = {file: size for file, size in zip(files, decoded.sizes, strict=True) if size}
    summary = summarize(
        dataset,
        sizes=sizes,
        height=recipe.height,
        width=recipe.width,
        class_weights=recipe.class_weights,
        placeholders=placeholders(files, sizes, decoded.pixels),
    )
    return dataset, summary


def rows_of(found: Dataset, examples: Iterable[Example]) -> npt.NDArray[np.int64]:
    """Where the pixels of some photos are in those of all that were found: int [photos], rows."""
    rows = {example.file: row for row, example in enumerate(found.examples)}
    return np.array([rows[example.file] for example in examples], np.int64)
