"""What a trained model reaches: probabilities, metrics and its worst mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import keras
import numpy as np

from edgetl.trainer import metrics
from edgetl.trainer.data.dataset import SPLITS, Dataset, Split
from edgetl.trainer.fitting.phases import Pictures
from edgetl.trainer.network.model import ParameterCounts, class_probabilities, folded_model
from edgetl.trainer.report.report import SHOWN_MISTAKES, Mistake
from edgetl.trainer.run.records import EpochRecord, HeadMetrics, RunMetrics


def split_probabilities(
    model: keras.Model, pictures: Pictures
) -> dict[Split, metrics.Probabilities]:
    """The probabilities of each split's measured pictures, float32 [pictures, classes]."""
    rows = [pictures.rows[split][pictures.measured(split)] for split in SPLITS]
    together = class_probabilities(folded_model(model), pictures.pixels, np.concatenate(rows))
    ends = np.cumsum([len(some) for some in rows])
    return dict(zip(SPLITS, np.split(together, ends[:-1]), strict=True))


def split_metrics(
    probabilities: Mapping[Split, metrics.Probabilities], pictures: Pictures, dataset: Dataset
) -> dict[str, metrics.SplitMetrics | None]:
    """The figures on each split's measured pictures; None for a split without pictures."""
    trained = set(dataset.clusters("train"))
    figures: dict[str, metrics.SplitMetrics | None] = {}
    for split, some in probabilities.items():
        measured, clusters = pictures.measured(split), dataset.clusters(split)
        figures[split] = metrics.summary(
            some,
            pictures.targets[split][measured],
            dataset.labels,
            clusters=[clusters[i] for i in measured],
            trained=() if split == "train" else trained,
        )
    return figures


def worst_mistakes(
    dataset: Dataset, pictures: Pictures, probabilities: metrics.Probabilities
) -> list[Mistake]:
    """The held-out pictures that were misclassified with the most confidence."""
    split = dataset.held_out
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != pictures.targets[split])
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:SHOWN_MISTAKES]
    examples = [dataset.examples[i] for i in dataset.of(split)]
    return [
        Mistake(
            file=examples[i].file,
            true=examples[i].label,
            predicted=dataset.labels[predicted[i]],
            probability=float(confidence[i]),
            pixels=pictures.pixels[pictures.rows[split][i]],
        )
        for i in worst
    ]


def run_metrics(
    history: Sequence[EpochRecord],
    counts: ParameterCounts,
    splits: Mapping[str, metrics.SplitMetrics | None],
    seconds: Mapping[str, float],
    cross_validation: metrics.CrossValidation | None,
) -> RunMetrics:
    """The content of metrics.json; `seconds` are by stage."""
    best = min(history, key=lambda epoch: epoch.val_loss)
    head = [epoch for epoch in history if epoch.phase == "head"]
    return RunMetrics(
        best_epoch=best.epoch,
        best_phase=best.phase,
        after_head=HeadMetrics(head[-1].val_loss, head[-1].val_accuracy) if head else None,
        training_seconds=round(sum(epoch.seconds for epoch in history), 1),
        parameters=asdict(counts),
        splits=splits,
        seconds=dict(seconds),
        cross_validation=cross_validation,
    )
