"""The pictures that a trained model takes for another class, and why."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edgetl.trainer.data.dataset import Dataset, Split
from edgetl.trainer.evaluation import Evaluated, targets_of
from edgetl.trainer.fitting.explaining import (
    Explanation,
    TrainingFeatures,
    balanced,
    explain,
)
from edgetl.trainer.fitting.fit import Fit
from edgetl.trainer.network.model import feature_maps_model, features_model, outputs_of
from edgetl.trainer.preparation import Prepared
from edgetl.trainer.report.mistakes import SHOWN_MISTAKES, Mistake, Neighbour

Indices = npt.NDArray[np.int64]


def worst_mistakes(
    prepared: Prepared, fitted: Fit, evaluated: Mapping[Split, Evaluated]
) -> dict[Split, list[Mistake]]:
    """The held-out pictures that were misclassified with the most confidence, of each split.

    They are explained by the model that misclassified them: those of folds by the fold's, others by
    the final one. A split without pictures is left out.
    """
    dataset = prepared.dataset
    found: dict[Split, list[Mistake]] = {}
    by_final: dict[Split, Indices] = {}
    worst: dict[Split, Indices] = {}
    for split in ("test", "validation"):
        if len(evaluated[split].pictures):
            worst[split] = _most_confident(dataset, evaluated[split])
            if split != "validation" or fitted.held_out is None:
                by_final[split] = worst[split]
    explained = _by_final_model(prepared, fitted, evaluated, by_final)
    for split, some in worst.items():
        explanation = explained.get(split)
        if explanation is None and fitted.held_out:
            of_folds = fitted.held_out.explained.get(fitted.choice.share)
            if of_folds:
                explanation = Explanation(of_folds.evidence[some], of_folds.nearest[some])
        found[split] = _mistakes(prepared, evaluated[split], some, explanation)
    return found


def _most_confident(dataset: Dataset, evaluated: Evaluated) -> Indices:
    """Which of the pictures of a split, the most confident mistake first."""
    wrong = np.flatnonzero(evaluated.predicted != targets_of(dataset, evaluated))
    confidence = evaluated.probabilities.max(axis=1)
    return wrong[np.argsort(-confidence[wrong], kind="stable")][:SHOWN_MISTAKES]


def _by_final_model(
    prepared: Prepared,
    fitted: Fit,
    evaluated: Mapping[Split, Evaluated],
    worst: Mapping[Split, Indices],
) -> dict[Split, Explanation]:
    """Why the final model took pictures of some splits for another class."""
    if not sum(map(len, worst.values())):
        return {}
    model, pictures, dataset = prepared.final, prepared.pictures, prepared.dataset
    pixels, row_of = pictures.pixels, pictures.rows_by_place(dataset)
    explained = explain(
        model,
        outputs_of(feature_maps_model(model), pixels.dtype),
        pixels,
        np.concatenate([row_of[evaluated[split].pictures[some]] for split, some in worst.items()]),
        np.concatenate([evaluated[split].predicted[some] for split, some in worst.items()]),
        np.concatenate(
            [targets_of(dataset, evaluated[split])[some] for split, some in worst.items()]
        ),
        fitted.training or _training_features(prepared),
    )
    ends = np.cumsum([len(some) for some in worst.values()])[:-1]
    parts = zip(np.split(explained.evidence, ends), np.split(explained.nearest, ends), strict=True)
    return {split: Explanation(*part) for split, part in zip(worst, parts, strict=True)}


def _training_features(prepared: Prepared) -> TrainingFeatures:
    pictures = prepared.pictures
    targets = pictures.targets["train"]
    some = balanced(targets, np.unique(targets))
    features_of = outputs_of(features_model(prepared.final), pictures.pixels.dtype)
    features = features_of(pictures.pixels, pictures.rows["train"][some])
    return TrainingFeatures(some, targets[some], features)


def _mistakes(
    prepared: Prepared, evaluated: Evaluated, some: Indices, explained: Explanation | None
) -> list[Mistake]:
    dataset, pixels = prepared.dataset, prepared.pictures.pixels
    row_of = prepared.pictures.rows_by_place(dataset)
    trained = dataset.of("train")
    predicted, confidence = evaluated.predicted, evaluated.probabilities.max(axis=1)

    def neighbour(number: int) -> Neighbour:
        example = dataset.examples[trained[number]]
        return Neighbour(example.file, example.label, pixels[row_of[trained[number]]])

    return [
        Mistake(
            file=(example := dataset.examples[evaluated.pictures[i]]).file,
            true=example.label,
            predicted=dataset.labels[predicted[i]],
            probability=float(confidence[i]),
            pixels=pixels[row_of[evaluated.pictures[i]]],
            evidence=explained.evidence[number] if explained else None,
            nearest=tuple(neighbour(n) for n in explained.nearest[number] if n >= 0)
            if explained
            else (),
        )
        for number, i in enumerate(some)
    ]
