"""A head on the frozen backbone, without a run: which photos it tells apart, and how well."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgetl.trainer.data.checks import class_weights
from edgetl.trainer.data.dataset import Dataset, Example
from edgetl.trainer.data.picture_cache import DecodedPictures
from edgetl.trainer.data.selection import rows_of
from edgetl.trainer.doubtful.confident_learning import LabelCheck, check_labels
from edgetl.trainer.fitting.folds import assign_folds
from edgetl.trainer.fitting.inputs import Pictures, head_copies, pooled_features
from edgetl.trainer.fitting.rows import PhaseInputs
from edgetl.trainer.fitting.solving import CrossValidated, cross_validate
from edgetl.trainer.network.model import build_model
from edgetl.trainer.recipe import Recipe


def frozen_features(
    found: Dataset,
    decoded: DecodedPictures,
    examples: Sequence[Example],
    recipe: Recipe,
    *,
    folder: Path,
    cache: Path,
) -> PhaseInputs:
    """What the frozen backbone gives for photos, in the copies that a head is solved on.

    Args:
        found: all photos.
        decoded: their pixels.
        examples: some of them.
        recipe: the size of the input, and what it says of the head.
        folder: where features are kept.
        cache: where converted networks are.

    Raises:
        OSError: the disk is full.
    """
    none = np.zeros(0, np.int64)
    pictures = Pictures(
        decoded.pixels,
        {"train": rows_of(found, examples), "validation": none, "test": none},
        {"train": found.classes_of(examples), "validation": none, "test": none},
    )
    model = build_model(recipe, len(found.labels))
    copies = head_copies(recipe, len(examples))
    return pooled_features(model, pictures, recipe, copies, folder=folder, cache=cache)


def cross_validated_head(
    features: PhaseInputs, examples: Sequence[Example], labels: Sequence[str], recipe: Recipe
) -> CrossValidated:
    """Heads that each did not learn from some of the photos, near-copies together, and predict
    them.

    Args:
        features: of `frozen_features`.
        examples: the photos, some of each class.
        labels: the classes.
        recipe: the number of folds and the seed.
    """
    given = Counter(example.label for example in examples)
    weights = class_weights({label: given[label] for label in labels})
    return cross_validate(features, assign_folds(examples, recipe.folds, seed=recipe.seed), weights)


def frozen_label_check(
    found: Dataset, decoded: DecodedPictures, dataset: Dataset, recipe: Recipe, *, cache: Path
) -> LabelCheck:
    """Which labels of photos that are used, and lie in no validation or test folder, are doubtful.

    Args:
        found: all photos, as they were found.
        decoded: their pixels.
        dataset: those that are used.
        recipe: for the features and the folds.
        cache: where converted networks are.

    Raises:
        OSError: the disk is full.
    """
    held_out = {example.file for example in found.examples if example.split not in (None, "train")}
    examples = [example for example in dataset.examples if example.file not in held_out]
    with tempfile.TemporaryDirectory() as folder:
        features = frozen_features(
            found, decoded, examples, recipe, folder=Path(folder), cache=cache
        )
        solved = cross_validated_head(features, examples, dataset.labels, recipe)
    return check_labels(examples, dataset.labels, solved.probabilities)
