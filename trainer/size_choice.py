"""`--image-size auto`: the size of the input by which the photos are told apart best."""

from dataclasses import replace

from edgetl.edge.system.messages import logger
from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.selection import select_photos
from edgetl.trainer.frozen_head import cross_validated_head, frozen_features
from edgetl.trainer.options import SIZES
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder

# With more photos the default is at least as good, and trying sizes takes minutes.
_TRIED_UP_TO = 2000


def with_best_size(found: Dataset, run: RunFolder, recipe: Recipe) -> Recipe:
    """The recipe at the one of `SIZES` that has the lower cross-entropy.

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
    folder = run.activations / f"size-{recipe.height}"
    features = frozen_features(found, decoded, trained, recipe, folder=folder, cache=run.cache)
    return cross_validated_head(features, trained, dataset.labels, recipe).loss
