"""Training on as few photos as there may be: figures, and never a traceback or NaN."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgetl.trainer import train
from edgetl.trainer.run.folder import RunFolder
from tests.conftest import COLOURS, colour_picture, write_colour_pictures

# TensorFlow is loaded once for all of them.
pytestmark = pytest.mark.xdist_group("few photos")


def write_burst(folder: Path, name: str, seed: int, count: int) -> None:
    """Near-copies: one photo, a little brighter each time."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = colour_picture(COLOURS[folder.name], seed, (80, 60))
    for number in range(count):
        _brighter(photo, number).save(folder / f"{name}-{number}.jpg", quality=92)


def _brighter(photo: Image.Image, number: int) -> Image.Image:
    return photo.point(lambda value: value * (1 - 0.02 * number) + 5 * number)


def two_a_class(data: Path) -> None:
    write_colour_pictures(data, ["blue", "red"], 2)


def a_class_of_two_beside_one_of_many(data: Path) -> None:
    write_colour_pictures(data, ["blue"], 12)
    write_colour_pictures(data, ["red", "white"], 2)


def classes_of_one_burst(data: Path) -> None:
    for seed, label in enumerate(["blue", "red"]):
        write_burst(data / label, "only", seed, 4)


def classes_of_two_bursts(data: Path) -> None:
    for seed, label in enumerate(["blue", "red"]):
        for burst in range(2):
            write_burst(data / label, f"burst-{burst}", 10 * burst + seed, 3)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all runs of this file: what one of them has converted, all of them use."""
    return tmp_path_factory.mktemp("runs")


Trained = Callable[..., RunFolder]


@pytest.fixture
def trained_on(tmp_path: Path, runs: Path) -> Trained:
    """A function that trains on what another one makes."""

    def trained(make: Callable[[Path], None], **settings: Any) -> RunFolder:
        make(tmp_path / "data")
        out = runs / tmp_path.name
        return train(tmp_path / "data", out=out, height=32, width=32, weights="none", **settings)

    return trained


def metrics_of(run: RunFolder) -> dict[str, Any]:
    def refuse(number: str) -> None:
        raise AssertionError(f"{number} in metrics.json")

    found: dict[str, Any] = json.loads(run.metrics.read_text(), parse_constant=refuse)
    json.loads(run.history.read_text(), parse_constant=refuse)
    return found


@pytest.mark.parametrize(
    ("make", "folds", "photos"),
    [
        pytest.param(two_a_class, 2, 4, marks=pytest.mark.slow),
        pytest.param(a_class_of_two_beside_one_of_many, 5, 16, marks=pytest.mark.slow),
        pytest.param(classes_of_one_burst, 4, 8, marks=pytest.mark.slow),
        pytest.param(classes_of_two_bursts, 2, 12, marks=pytest.mark.slow),
    ],
)
def test_each_photo_is_held_out_once_and_all_are_learned_from(
    trained_on: Trained,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[Path], None],
    folds: int,
    photos: int,
) -> None:
    metrics = metrics_of(trained_on(make, epochs=2, least_steps=2))
    assert metrics["splits"]["validation"]["pictures"] == photos
    assert metrics["splits"]["train"]["pictures"] == photos
    assert metrics["splits"]["test"] is None
    validation = metrics["cross_validation"]
    assert (validation["folds"], validation["pictures"]) == (folds, photos)
    assert len(validation["accuracies"]) == folds
    assert metrics["fine_tuned"] in (0, 0.5, 0.75, 1)
    assert 0.2 < metrics["temperature"] < 5
    groups = [one["groups"] for one in metrics["precision"]["classes"].values()]
    assert any(groups) == (make in (classes_of_one_burst, classes_of_two_bursts))
    said = [line for line in caplog.messages if line.startswith("cross-validation has")]
    expected = f"cross-validation has {folds} folds and not 5: no class has more photos, "
    assert said == ([] if folds == 5 else [f"{expected}near-copies counted as one"])


def one_in_train(data: Path) -> None:
    write_colour_pictures(data / "made", ["blue", "red"], 6)
    for label in ("blue", "red"):
        for number in range(6):
            if number in (1, 2) and label == "blue":
                continue
            split = "train" if number < 3 else "validation"
            place = data / split / label / f"{number}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            (data / "made" / label / f"{label}-{number:02}.jpg").rename(place)
    for path in sorted((data / "made").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (data / "made").rmdir()


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"epochs": 1}, {"epochs": 2, "average": False}])
def test_one_photo_of_a_class_in_train_and_a_validation_folder(
    trained_on: Trained, caplog: pytest.LogCaptureFixture, settings: dict[str, Any]
) -> None:
    """The head alone, and fine-tuned: nothing is held out of train."""
    metrics = metrics_of(trained_on(one_in_train, least_steps=2, **settings))
    assert metrics["cross_validation"] is None
    assert metrics["splits"]["train"]["pictures"] == 4
    assert metrics["best_epoch"] <= settings["epochs"]
    assert metrics["fine_tuned"] == 1
    assert not [line for line in caplog.messages if "cross-validation" in line]


@pytest.mark.slow
def test_the_head_alone_of_photos_that_are_held_out_in_turn(trained_on: Trained) -> None:
    metrics = metrics_of(trained_on(two_a_class, epochs=1))
    assert (metrics["best_epoch"], metrics["best_phase"]) == (1, "head")
    assert metrics["cross_validation"]["folds"] == 2


@pytest.mark.slow
def test_adam_can_be_held_out_in_turn_too(trained_on: Trained) -> None:
    metrics = metrics_of(trained_on(two_a_class, epochs=2, head_epochs=1, least_steps=2))
    assert (metrics["best_epoch"], metrics["fine_tuned"]) == (2, 1)
    assert metrics["splits"]["validation"]["pictures"] == 4
