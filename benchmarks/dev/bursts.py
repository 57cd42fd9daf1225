"""Whether the accuracy that training reports is that on new scenes, where photos come in bursts."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from PIL import Image

from edgetl.benchmarks.dev.camera_effects import frame
from edgetl.benchmarks.dev.command_line import console, run_command
from edgetl.edge.errors import DataError
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.sources.file_kinds import PICTURE_SUFFIXES
from edgetl.trainer.data.dataset import Dataset, Example
from edgetl.trainer.data.groups import near_copy_groups, with_groups
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.splitting import assign_splits
from edgetl.trainer.features.cache import computed, features_of_pixels
from edgetl.trainer.metrics import accuracy_interval
from edgetl.trainer.network.model import build_model
from edgetl.trainer.recipe import Recipe

_SIZE = InputSize(160, 160, "crop")
_LARGEST = 320
_CLASSES = 3
_FRAMES = 12
# With which a logistic regression on some hundred photos has converged.
_STEPS, _RATE, _DECAY = 300, 0.01, 1e-3

_Features = npt.NDArray[np.float32]
_Classes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """One seed: the accuracy on the test split with its interval, and that on new scenes.

    `ungrouped` is the accuracy on the test split where near-copies are not kept together.
    """

    reported: float
    low: float
    high: float
    groups: int
    new_scenes: float
    ungrouped: float

    @property
    def honest(self) -> bool:
        """Whether the accuracy on new scenes lies in the interval."""
        return self.low <= self.new_scenes <= self.high


def main(
    photos: Annotated[Path, typer.Argument(help="A folder of unrelated photos, the scenes.")],
    scenes: Annotated[
        int, typer.Option(help="Scenes to train on, and new ones; of four times as many.")
    ] = 24,
    seeds: Annotated[int, typer.Option(help="How often the classes are drawn by lot.")] = 20,
) -> None:
    """Train on bursts whose classes are drawn by lot: the true accuracy on new scenes is chance."""
    out = console()
    outcomes = list(_outcomes(photos, scenes, seeds))
    for seed, one in enumerate(outcomes):
        out.print(
            f"seed {seed:2}: reported {one.reported:6.1%} (95 % interval {one.low:.0%} to "
            f"{one.high:.0%}, {one.groups} groups), new scenes {one.new_scenes:5.1%}; "
            f"without groups {one.ungrouped:6.1%} was reported"
        )
    means = [float(np.mean([getattr(one, name) for one in outcomes])) for name in
             ("reported", "new_scenes", "ungrouped")]  # fmt: skip
    out.print(
        f"mean: reported {means[0]:.1%}, new scenes {means[1]:.1%}, without groups {means[2]:.1%}"
    )
    out.print(f"within the interval in {sum(one.honest for one in outcomes)} of {seeds} seeds")


def _outcomes(photos: Path, scenes: int, seeds: int) -> Iterator[Outcome]:
    pool = 4 * scenes
    paths = sorted(p for p in photos.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if len(paths) < pool:
        raise DataError(f"{photos}: {pool} photos are needed, {len(paths)} found")
    random = np.random.default_rng(0)
    chosen = [paths[i] for i in random.choice(len(paths), pool, replace=False)]
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        frames = _written(chosen, here, random)
        pixels = decode_pictures(frames, _SIZE, cache=here / "decoded").pixels
        groups = [[frames[row].name for row in rows] for rows in near_copy_groups(pixels, frames)]
        features = _features(pixels, here)
    by_scene = np.arange(len(frames)).reshape(pool, _FRAMES)
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        own, new = np.split(random.choice(pool, 2 * scenes, replace=False), 2)
        classes = np.repeat(random.integers(0, _CLASSES, pool), _FRAMES)
        rows = by_scene[own].ravel()
        dataset = Dataset(
            here,
            tuple(map(str, range(_CLASSES))),
            tuple(Example(frames[row].name, str(classes[row]), None) for row in rows),
        )
        frozen, targets = features[rows], classes[rows]
        split = assign_splits(with_groups(dataset, groups), seed=seed)
        head, right = _tested(frozen, targets, split)
        low, high = accuracy_interval(right, split.clusters("test"))
        strange = by_scene[new].ravel()
        yield Outcome(
            reported=float(right.mean()),
            low=low,
            high=high,
            groups=len(set(split.clusters("test"))),
            new_scenes=float((head(features[strange]) == classes[strange]).mean()),
            ungrouped=float(_tested(frozen, targets, assign_splits(dataset, seed=seed))[1].mean()),
        )


def _tested(
    features: _Features, classes: _Classes, split: Dataset
) -> tuple["_Head", npt.NDArray[np.bool_]]:
    """A head trained on train, and which pictures of test it has right."""
    trained, tested = split.of("train"), split.of("test")
    head = _Head(features[trained], classes[trained])
    return head, head(features[tested]) == classes[tested]


def _written(scenes: list[Path], folder: Path, random: np.random.Generator) -> list[Path]:
    """The frames of each scene, as JPEG files."""
    paths = []
    for number, scene in enumerate(scenes):
        with Image.open(scene) as image:
            image.thumbnail((_LARGEST, _LARGEST))
            picture = np.asarray(image.convert("RGB"))
        for index in range(_FRAMES):
            path = folder / f"{number:03}-{index:02}.jpg"
            Image.fromarray(frame(picture, random)).save(path, quality=85)
            paths.append(path)
    return paths


def _features(pixels: MemoryMappedArray, folder: Path) -> _Features:
    network = features_of_pixels(build_model(Recipe(), _CLASSES), cache=folder)
    rows = np.arange(len(pixels))
    return computed(network, pixels, rows, path=folder / "features.npy")[:].astype(np.float32)


class _Head:
    """A logistic regression on standardized features, by gradient descent."""

    def __init__(self, features: _Features, classes: _Classes) -> None:
        self._mean, self._scale = features.mean(axis=0), features.std(axis=0) + 1e-3
        standard = self._standard(features)
        targets = np.eye(_CLASSES, dtype=np.float32)[classes]
        self._weights = np.zeros((standard.shape[1], _CLASSES), np.float32)
        for _ in range(_STEPS):
            scores = standard @ self._weights
            shares = np.exp(scores - scores.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            gradient = standard.T @ (shares - targets) / len(standard) + _DECAY * self._weights
            self._weights -= _RATE * gradient

    def __call__(self, features: _Features) -> _Classes:
        found: _Classes = (self._standard(features) @ self._weights).argmax(axis=1)
        return found

    def _standard(self, features: _Features) -> _Features:
        # A constant column for the bias.
        standard = (features - self._mean) / self._scale
        return np.pad(standard, [(0, 0), (0, 1)], constant_values=1).astype(np.float32)


if __name__ == "__main__":
    run_command(main)
