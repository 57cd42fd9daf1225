"""`--image-size auto`: the size of the input by which the photos are told apart best."""

from dataclasses import replace

import numpy as np

from edgetl.edge.system.messages import logger
from edgetl.trainer.data.checks import class_weights
from edgetl.trainer.data.dataset import Dataset, counts
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.selection import select_photos
from edgetl.trainer.fitting.folds import assign_folds
from edgetl.trainer.fitting.inputs import Pictures, head_features
from edgetl.trainer.fitting.solving import choose_strength
from edgetl.trainer.network.model import build_model
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder

SIZES = (160, 224)
# With more photos the default is at least as good, and trying sizes takes minutes.
_TRIED_UP_TO = 2000


def with_best_size(found: Dataset, run: RunFolder, recipe: Recipe) -> Recipe:
    """The recipe at 160 or 224 pixels, whichever has the lower cross-entropy.

    It is that of a solved head on the frozen backbone's features, cross-validated on the training
    photos. Which was chosen, and why, is logged.

    Args:
        found: the photos.
        run: where features are cached.
        recipe: whose size is kept where there are more than 2000 photos.
    """
    if len(found.examples) > _TRIED_UP_TO:
        logger.info(
            f"image size {recipe.height}: with more than {_TRIED_UP_TO} photos sizes are not tried"
        )
        return recipe
    losses = {size: _loss(found, run, replace(recipe, height=size, width=size)) for size in SIZES}
    best = min(losses, key=losses.__getitem__)
    tried = ", ".join(f"{loss:.3f} at {size}" for size, loss in losses.items())
    logger.info(f"image size {best}: cross-entropy of a head on frozen features {tried}")
    return replace(recipe, height=best, width=best)


def _loss(found: Dataset, run: RunFolder, recipe: Recipe) -> float:
    paths = [found.path(example) for example in found.examples]
    decoded = decode_pictures(paths, recipe.input_size, cache=run.cache)
    dataset, _ = select_photos(found, decoded, recipe)
    trained = [dataset.examples[i] for i in dataset.of("train")]
    indices = {example.file: i for i, example in enumerate(found.examples)}
    rows = np.array([indices[example.file] for example in trained], np.int64)
    none = np.zeros(0, np.int64)
    pictures = Pictures(
        decoded.pixels,
        {"train": rows, "validation": none, "test": none},
        {"train": dataset.classes_of(trained), "validation": none, "test": none},
    )
    model = build_model(recipe, len(dataset.labels))
    features = head_features(model, pictures, run, recipe, prefix=f"size-{recipe.height}-")
    folds = assign_folds(trained, recipe.folds, seed=recipe.seed)
    return choose_strength(features, folds, class_weights(counts(dataset, "train"))).loss
