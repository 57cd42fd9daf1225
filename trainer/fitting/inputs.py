"""What each phase is fitted on: decoded pictures, or features that are computed once."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np
import numpy.typing as npt

from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.data.dataset import Split
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.features.cache import (
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
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder

# Enough training pictures to show whether a model overfits.
TRAINING_SAMPLE = 500
# A head that is fine-tuned afterwards gains nothing from more augmented copies than make so many
# pictures; with 40 photos it does gain from all four (docs/recipes.md).
ENOUGH_FOR_A_HEAD = 2000

_Augment = Callable[[Pixels], Pixels] | None


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures, uint8 [pictures, height, width, 3] RGB; each split's rows and classes."""

    pixels: MemoryMappedArray
    rows: dict[Split, npt.NDArray[np.int64]]
    targets: dict[Split, metrics.Classes]

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
    if not recipe.reuse:
        solving = recipe.head_solver == "lbfgs"
        features = head_features(model, pictures, run, recipe) if solving else None
        return TrainingInputs(features, pixels, None)
    copies = _copies(recipe)
    fitting, split_layer = _affordable(model, recipe, len(copies), trained, validated)
    if split_layer is None:
        head = _head_copies(recipe) if recipe.head_solver == "lbfgs" else copies
        return TrainingInputs(_pooled(model, pictures, run, recipe, head), pixels, None)
    below = below_split(model, split_layer, cache=run.cache)
    above = features_above_split(model, split_layer, cache=run.cache)

    def activations(name: str, split: Split, augment: _Augment) -> Rows:
        path = run.activations / f"{name}-split_layer.npy"
        rows = pictures.rows[split]
        if not len(rows):
            return Rows(pictures.pixels, rows, pictures.targets[split])
        file = computed(below, pictures.pixels, rows, path=path, augment=augment)
        return Rows(file, np.arange(len(rows)), pictures.targets[split])

    def features_of(name: str, some: Rows) -> Rows:
        if not len(some):
            return some
        path = run.activations / f"{name}-features.npy"
        return replace(some, file=computed(above, some.file, some.rows, path=path))

    named = dict(list(copies.items())[:fitting])
    files = {name: activations(name, "train", augment) for name, augment in named.items()}
    plain = files.get("train") or (
        activations("train", "train", None) if _asks_for_plain(recipe, validated) else None
    )
    fine_tune = PhaseInputs(
        list(files.values()), plain, activations("validation", "validation", None)
    )
    if recipe.head_solver == "lbfgs":
        chosen = [name for name in _head_copies(recipe) if name in files]
    else:
        chosen = list(files)[: recipe.head_views or -(-ENOUGH_FOR_A_HEAD // trained)]
    pooled = {name: features_of(name, files[name]) for name in chosen}
    features = PhaseInputs(
        list(pooled.values()),
        pooled.get("train") or (features_of("train", plain) if plain else None),
        features_of("validation", fine_tune.validation),
    )
    return TrainingInputs(features, fine_tune, split_layer)


def _of_pixels(pictures: Pictures) -> PhaseInputs:
    trained, validation = (
        Rows(pictures.pixels, pictures.rows[split], pictures.targets[split])
        for split in ("train", "validation")
    )
    return PhaseInputs([trained], trained, validation)


def head_features(
    model: keras.Model, pictures: Pictures, run: RunFolder, recipe: Recipe, *, prefix: str = ""
) -> PhaseInputs:
    """The pooled features that a head is solved on, or those found on disk under `prefix`."""
    run.activations.mkdir(exist_ok=True)
    return _pooled(model, pictures, run, recipe, _head_copies(recipe), prefix=prefix)


def _pooled(
    model: keras.Model,
    pictures: Pictures,
    run: RunFolder,
    recipe: Recipe,
    copies: dict[str, _Augment],
    *,
    prefix: str = "",
) -> PhaseInputs:
    """Pooled features straight from the pixels."""
    network = features_of_pixels(model, cache=run.cache)

    def of(name: str, split: Split, augment: _Augment = None) -> Rows:
        path, rows = run.activations / f"{prefix}{name}-features.npy", pictures.rows[split]
        if not len(rows):
            return Rows(pictures.pixels, rows, pictures.targets[split])
        file = computed(network, pictures.pixels, rows, path=path, augment=augment)
        return Rows(file, np.arange(len(rows)), pictures.targets[split])

    files = {name: of(name, "train", augment) for name, augment in copies.items()}
    plain = files.get("train") or (
        of("train", "train") if _asks_for_plain(recipe, len(pictures.rows["validation"])) else None
    )
    return PhaseInputs(list(files.values()), plain, of("validation", "validation"))


def _asks_for_plain(recipe: Recipe, validated: int) -> bool:
    return recipe.head_solver == "lbfgs" or not validated


def _head_copies(recipe: Recipe) -> dict[str, _Augment]:
    """The copies that a head is solved on: as they are, and mirrored.

    Rotated and enlarged ones gained nothing (docs/recipes.md).
    """
    return {"train": None, **({"train-mirrored": mirrored} if recipe.flip else {})}


def _copies(recipe: Recipe) -> dict[str, _Augment]:
    """The copies of the training pictures, by name, and how each is made."""
    if not recipe.augments:
        return {"train": None}
    first = _head_copies(recipe) if recipe.head_solver == "lbfgs" else {}
    views = min(recipe.views, recipe.epochs) if recipe.head_solver == "adam" else recipe.views
    random = {
        f"train-view-{number}": augmented_copy(recipe, number)
        for number in range(max(0, views - len(first)))
    }
    return {**first, **random}


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
