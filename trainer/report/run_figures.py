"""The pictures of a run: what figures.py draws, from what training knows."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.metrics import Classes, Probabilities, as_matrix
from edgetl.trainer.network.augmentation import augmentation
from edgetl.trainer.network.model import ParameterCounts, backbone_of
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report import figures
from edgetl.trainer.report.coverage import coverage_figure
from edgetl.trainer.report.drawing import save
from edgetl.trainer.report.model_diagram import ModelStage, model_figure
from edgetl.trainer.report.reliability import reliability_figure
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import EpochRecord, RunMetrics

_SHOWN_SAMPLES = 12
_SHOWN_AUGMENTED = 6


def write_samples(
    run: RunFolder, dataset: Dataset, rows: list[int], pixels: MemoryMappedArray, recipe: Recipe
) -> None:
    """samples.png: training pictures, interleaved by class, and the first of them augmented.

    Args:
        rows: where in `pixels`, uint8 [pictures, height, width, 3], the training pictures are, in
            the order of `dataset.of("train")`.
    """
    row_of = dict(zip(dataset.of("train"), rows, strict=True))
    chosen = [
        (np.asarray(pixels[row_of[i]]), dataset.examples[i].label)
        for i in dataset.interleaved("train")[:_SHOWN_SAMPLES]
    ]
    augmented = np.stack([picture for picture, _ in chosen[:_SHOWN_AUGMENTED]]).astype(np.float32)
    layer = augmentation(recipe)
    if layer:
        augmented = np.asarray(layer(augmented, training=True))
    shown = [picture.clip(0, 255).astype(np.uint8) for picture in augmented] if layer else []
    _save(run, "samples", figures.samples_figure(chosen, augmented=shown))


def write_model(
    run: RunFolder, model: keras.Model, counts: ParameterCounts, recipe: Recipe
) -> None:
    """model.png: the network with its shapes, parameters and what each phase trains."""
    _save(run, "model", model_figure(_stages(model, counts, recipe)))


def write_curves(run: RunFolder, history: Sequence[EpochRecord], *, kept: int) -> None:
    """curves.png and curves-narrow.png, for phones: accuracy and loss over both phases.

    `kept` is the epoch whose weights the model has.
    """
    _save(run, "curves", figures.curves_figure(history, kept=kept))
    _save(run, "curves-narrow", figures.curves_figure(history, kept=kept, narrow=True))


def write_confusion(run: RunFolder, dataset: Dataset, metrics: RunMetrics) -> None:
    """confusion.png: of the split whose accuracy is the one to quote."""
    found = metrics.splits[metrics.quoted]
    assert found is not None
    matrix = as_matrix(found.confusion, dataset.labels)
    title = f"{metrics.quoted} split"
    _save(run, "confusion", figures.confusion_figure(matrix, dataset.labels, title=title))


def write_reliability(run: RunFolder, metrics: RunMetrics) -> None:
    """reliability.png: of the same split."""
    found = metrics.splits[metrics.quoted]
    if found and found.calibration:
        _save(run, "reliability", reliability_figure(found.calibration, found.uncalibrated))


def write_coverage(run: RunFolder, probabilities: Probabilities, targets: Classes) -> None:
    """coverage.png: of the photos of the same split, [pictures, classes] and [pictures]."""
    _save(run, "coverage", coverage_figure(probabilities, targets))


def _stages(model: keras.Model, counts: ParameterCounts, recipe: Recipe) -> list[ModelStage]:
    size = (recipe.height, recipe.width, 3)
    backbone = backbone_of(model)
    features = tuple(backbone.output_shape[1:])
    head = counts.trainable_head
    tuned = counts.trainable_fine_tune - head
    first, last = recipe.fine_tune_from, len(backbone.layers) - 1
    bands = f"layers {first} to {last} tuned in phase two"
    if first:
        bands = f"layers 0 to {first - 1}\n{bands}"
    moves = {
        "flip": recipe.flip,
        f"rotate ±{recipe.rotation * 360:.0f}°": recipe.rotation,
        f"zoom {recipe.zoom:.0%}": recipe.zoom,
        f"shift ±{recipe.translation:.0%}": recipe.translation,
    }
    augmented = f"training only: {', '.join(move for move, used in moves.items() if used)}"
    return [
        ModelStage("Input", size, note="RGB 0..255"),
        *([ModelStage("Augmentation", size, note=augmented)] if recipe.augments else []),
        ModelStage("Scaling", size, note="to [-1, 1]"),
        ModelStage("MobileNetV2", features, counts.backbone, 0, tuned, note=bands),
        ModelStage("Average pooling", features[-1:]),
        ModelStage("Dropout", features[-1:], note=f"training only: {recipe.dropout:g}"),
        ModelStage("Dense head", tuple(model.output_shape[1:]), head, head, head),
    ]


def _save(run: RunFolder, name: str, figure: Any) -> None:
    save(figure, run.figures / f"{name}.png")
