"""What makes a classifier more accurate: more photos, right labels, different photos, the size.

    python -m edgetl.benchmarks.dev.what_helps ../shared/data/suite/*/train

Each figure is the cross-validated accuracy of a head that is solved on the frozen backbone's
features, of photos that no head learned from: that takes seconds where fine-tuning takes minutes,
and what helps the one helps the other. It is the mean over data sets and repetitions.
"""

import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from edgetl.benchmarks.dev.command_line import console, figures_table, run_command
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.selection import rows_of, select_photos
from edgetl.trainer.features.cache import features_of_pixels
from edgetl.trainer.fitting.folds import assign_folds
from edgetl.trainer.fitting.linear_head import Features, solve_head
from edgetl.trainer.network.model import build_model
from edgetl.trainer.recipe import Recipe

_SIZES = (160, 192, 224)
_FOLDS = 3
# Within a third of the best on every data set of the suite.
_STRENGTH = 0.01


@dataclass(frozen=True)
class Photos:
    """The features of a data set's photos by size of the input, their classes and folds."""

    features: dict[int, Features]
    targets: metrics.Classes
    folds: npt.NDArray[np.int64]


_Learned = tuple[npt.NDArray[np.int64], metrics.Classes]
_Change = Callable[[npt.NDArray[np.int64], metrics.Classes, np.random.Generator], _Learned]


def of_each_class(count: int) -> _Change:
    """Learn from that many photos of each class."""

    def change(
        rows: npt.NDArray[np.int64], targets: metrics.Classes, random: np.random.Generator
    ) -> _Learned:
        chosen = [random.permutation(rows[targets == c])[:count] for c in np.unique(targets)]
        kept = np.isin(rows, np.concatenate(chosen))
        return rows[kept], targets[kept]

    return change


def wrong_labels(share: float) -> _Change:
    """Learn with so many labels, 0..1, replaced by another class."""

    def change(
        rows: npt.NDArray[np.int64], targets: metrics.Classes, random: np.random.Generator
    ) -> _Learned:
        classes = int(targets.max()) + 1
        wrong = random.random(len(rows)) < share
        other = (targets + random.integers(1, classes, len(rows))) % classes
        return rows, np.where(wrong, other, targets)

    return change


def doubled(
    rows: npt.NDArray[np.int64], targets: metrics.Classes, random: np.random.Generator
) -> _Learned:
    """Learn from half of the photos, each twice."""
    half = random.permutation(len(rows))[: len(rows) // 2]
    twice = np.concatenate([half, half])
    return rows[twice], targets[twice]


def as_they_are(
    rows: npt.NDArray[np.int64], targets: metrics.Classes, random: np.random.Generator
) -> _Learned:
    """Learn from all photos."""
    return rows, targets


CHANGES: dict[str, tuple[int, _Change]] = {
    "all photos, 160 pixels": (160, as_they_are),
    "5 photos of each class": (160, of_each_class(5)),
    "20 photos of each class": (160, of_each_class(20)),
    "50 photos of each class": (160, of_each_class(50)),
    "half of the photos, each twice": (160, doubled),
    "5 % of the labels wrong": (160, wrong_labels(0.05)),
    "10 % of the labels wrong": (160, wrong_labels(0.1)),
    "20 % of the labels wrong": (160, wrong_labels(0.2)),
    "192 pixels": (192, as_they_are),
    "224 pixels": (224, as_they_are),
}


def accuracy_after(photos: Photos, size: int, change: _Change, *, seed: int) -> float:
    """The accuracy on each fold, with its true labels, of a head that learned from the others."""
    random = np.random.default_rng(seed)
    features, right = photos.features[size], 0
    for fold in range(_FOLDS):
        rest = np.flatnonzero(photos.folds != fold)
        rows, targets = change(rest, photos.targets[rest], random)
        classes = int(photos.targets.max()) + 1
        head = solve_head(features[rows], targets, classes=classes, strength=_STRENGTH)
        held = photos.folds == fold
        predicted = head.probabilities(features[held]).argmax(axis=1)
        right += int((predicted == photos.targets[held]).sum())
    return right / len(photos.targets)


def read_photos(folder: Path, cache: Path) -> Photos:
    """The features of a folder of photos, a folder a class, at every size."""
    found = scan(folder)
    paths = [found.path(example) for example in found.examples]
    features = {}
    for size in _SIZES:
        recipe = replace(Recipe(), height=size, width=size)
        decoded = decode_pictures(paths, recipe.input_size, cache=cache)
        dataset, _ = select_photos(found, decoded, recipe)
        network = features_of_pixels(build_model(recipe, len(found.labels)), cache=cache)
        rows = rows_of(found, dataset.examples)
        features[size] = np.concatenate(
            [
                network(decoded.pixels[rows[start : start + 64]].astype(np.float32))
                for start in range(0, len(rows), 64)
            ]
        )
    targets = dataset.classes_of(dataset.examples)
    return Photos(features, targets, assign_folds(dataset.examples, _FOLDS, seed=0))


def main(
    data: Annotated[list[Path], typer.Argument(help="Folders of photos, a folder a class.")],
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions of what is random.")] = 3,
) -> None:
    """Measure what a change of the photos does to accuracy."""
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as cache:
        for folder in data:
            photos = read_photos(folder, Path(cache) / "cache")
            for name, (size, change) in CHANGES.items():
                repeated = [accuracy_after(photos, size, change, seed=s) for s in range(seeds)]
                found[name].append(float(np.mean(repeated)))
            logger.info(f"{folder}: {len(photos.targets)} photos")
    table = figures_table("", "accuracy", "difference", "by data set")
    base = np.array(next(iter(found.values())))
    for name, values in found.items():
        gain = 100 * (np.array(values) - base)
        table.add_row(
            name,
            f"{np.mean(values):.1%}",
            f"{gain.mean():+.1f} pp" if gain.any() else "",
            " ".join(f"{one:+.1f}" for one in gain) if gain.any() else "",
        )
    console().print(table)


if __name__ == "__main__":
    run_command(main)
