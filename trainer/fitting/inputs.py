"""What each phase is fitted on: decoded pictures, or features that are computed once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.data.dataset import SPLITS, Dataset, Split
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.features.cache import (
    Network,
    augmented_copy,
    below_split,
    computed,
    features_above_split,
    features_of_pixels,
    mirrored,
    row_size,
    split_layer_below,
)
from edgetl.trainer.fitting.epochs import planned_epochs
from edgetl.trainer.fitting.rows import PhaseInputs, Rows, TrainingInputs
from edgetl.trainer.network.model import backbone_of
from edgetl.trainer.recipe import ENOUGH_FOR_A_HEAD, Recipe
from edgetl.trainer.run.folder import RunFolder

# Enough training pictures to show whether a model overfits.
TRAINING_SAMPLE = 500

_Augment = Callable[[Pixels], Pixels] | None
# Copies of pictures by name, and how each is made.
Copies = Mapping[str, _Augment]


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures, uint8 [pictures, height, width, 3] RGB; each split's rows and classes."""

    pixels: MemoryMappedArray
    rows: dict[Split, npt.NDArray[np.int64]]
    targets: dict[Split, metrics.Classes]

    def rows_by_place(self, dataset: Dataset) -> npt.NDArray[np.int64]:
        """The row of `pixels` of each of the dataset's examples, int [examples]."""
        row_of = np.zeros(len(dataset.examples), np.int64)
        for split in SPLITS:
            row_of[dataset.of(split)] = self.rows[split]
        return row_of

    def measured(self, split: Split) -> npt.NDArray[np.int64]:
        """The indices within a split of the pictures that its final metrics are computed on.

        All of them, but at most 500 training pictures, evenly spaced, as they are ordered by class.
        """
        count = len(self.rows[split])
        if split != "train" or count <= TRAINING_SAMPLE:
            return np.arange(count)
        return np.arange(TRAINING_SAMPLE) * count // TRAINING_SAMPLE


def training_inputs(
    model: keras.Model, pictures: Pictures, run: RunFolder, recipe: Recipe
) -> TrainingInputs:
    """Compute the features of the training and validation pictures, or find them on disk.

    Raises:
        OSError: the disk is full.
    """
    trained, validated = (len(pictures.rows[split]) for split in ("train", "validation"))
    run.activations.mkdir(exist_ok=True)
    pixels = _of_pixels(pictures)
    solved = recipe.head_solver == "lbfgs"

    on_head = head_copies(recipe, trained)

    def pooled_of(copies: Copies) -> PhaseInputs:
        return pooled_features(
            model, pictures, recipe, copies, folder=run.activations, cache=run.cache
        )

    if not recipe.reuse:
        return TrainingInputs(pooled_of(on_head) if solved else None, pixels, None)
    copies = _random_copies(recipe)
    files = len(copies) + _asks_for_plain(recipe, validated)
    fitting, split_layer = _affordable(model, recipe, files, trained, validated)
    if split_layer is None:
        return TrainingInputs(pooled_of(on_head if solved else copies), pixels, None)
    below = below_split(model, split_layer, cache=run.cache)
    above = features_above_split(model, split_layer, cache=run.cache)

    def activations(name: str, split: Split, augment: _Augment) -> Rows:
        path = run.activations / f"{name}-split_layer.npy"
        return _computed(below, pictures, split, path, augment)

    def features_of(name: str, some: Rows) -> Rows:
        if not len(some):
            return some
        path = run.activations / f"{name}-features.npy"
        return replace(some, file=computed(above, some.file, some.rows, path=path))

    plain = activations("train", "train", None) if _asks_for_plain(recipe, validated) else None
    some = list(copies.items())[: max(1, fitting - (plain is not None))]
    views = {name: activations(name, "train", augment) for name, augment in some}
    validation = activations("validation", "validation", None)
    fine_tune = PhaseInputs(list(views.values()), plain, validation)
    pooled = features_of("train", plain) if plain else None
    if pooled and solved:
        heads = [pooled]
        if "train-mirrored" in on_head:
            path = run.activations / "train-mirrored-features.npy"
            both = _composed(below, above)
            heads.append(_computed(both, pictures, "train", path, mirrored))
    else:
        count = recipe.copies_for_head(trained)
        heads = [features_of(name, views[name]) for name in list(views)[:count]]
    features = PhaseInputs(heads, pooled, features_of("validation", validation))
    return TrainingInputs(features, fine_tune, split_layer)


def _composed(below: Network, above: Network) -> Network:
    return lambda batch: above(below(batch))


def _computed(
    network: Network, pictures: Pictures, split: Split, path: Path, augment: _Augment
) -> Rows:
    """What a network gives for the pictures of a split, or what is found at `path`."""
    rows, targets = pictures.rows[split], pictures.targets[split]
    if not len(rows):
        return Rows(pictures.pixels, rows, targets)
    file = computed(network, pictures.pixels, rows, path=path, augment=augment)
    return Rows(file, np.arange(len(rows)), targets)


def _of_pixels(pictures: Pictures) -> PhaseInputs:
    trained, validation = (
        Rows(pictures.pixels, pictures.rows[split], pictures.targets[split])
        for split in ("train", "validation")
    )
    return PhaseInputs([trained], trained, validation)


def pooled_features(
    model: keras.Model,
    pictures: Pictures,
    recipe: Recipe,
    copies: Copies,
    *,
    folder: Path,
    cache: Path,
) -> PhaseInputs:
    """Pooled features straight from the pixels, or those found on disk.

    Args:
        copies: of the training pictures.
        folder: where the features are kept.
        cache: where converted networks are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = features_of_pixels(model, cache=cache)

    def of(name: str, split: Split, augment: _Augment = None) -> Rows:
        path = folder / f"{name}-features.npy"
        return _computed(network, pictures, split, path, augment)

    files = {name: of(name, "train", augment) for name, augment in copies.items()}
    plain = files.get("train") or (
        of("train", "train") if _asks_for_plain(recipe, len(pictures.rows["validation"])) else None
    )
    return PhaseInputs(list(files.values()), plain, of("validation", "validation"))


def _asks_for_plain(recipe: Recipe, validated: int) -> bool:
    return recipe.head_solver == "lbfgs" or recipe.knows_unknown or not validated


def head_copies(recipe: Recipe, trained: int) -> Copies:
    """The copies that a head is solved on: as they are, and few photos mirrored too.

    Rotated and enlarged ones gained nothing (docs/recipes.md).
    """
    few = 2 * trained <= ENOUGH_FOR_A_HEAD
    return {"train": None, **({"train-mirrored": mirrored} if recipe.flip and few else {})}


def _random_copies(recipe: Recipe) -> Copies:
    """The augmented copies of the training pictures, by name, and how each is made."""
    if not recipe.augments:
        return {"train": None}
    return {
        f"train-view-{number}": augmented_copy(recipe, number)
        for number in range(min(recipe.views, recipe.epochs))
    }


def _affordable(
    model: keras.Model, recipe: Recipe, copies: int, trained: int, validated: int
) -> tuple[int, int | None]:
    """How many copies, and the split layer for phase two, fit into the disk budget."""
    backbone = backbone_of(model)
    split_layer = split_layer_below(backbone, recipe.fine_tune_from)
    if split_layer is None or not planned_epochs(recipe, "fine_tune"):
        return copies, None
    size = row_size(backbone, split_layer)
    fitting = int((recipe.disk_budget * 1e9 / size - validated) // trained)
    if fitting >= copies:
        return copies, split_layer
    needed = size * (copies * trained + validated) / 1e9
    instead = f"{fitting} fit" if fitting > 0 else "phase two does without"
    logger.info(
        f"cached features of {copies} augmented copies take {needed:.1f} GB, more than "
        f"--disk-budget {recipe.disk_budget:g}: {instead}"
    )
    return (fitting, split_layer) if fitting > 0 else (copies, None)
