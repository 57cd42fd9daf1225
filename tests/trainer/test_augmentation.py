"""The random changes of training pictures."""

from typing import Any

import keras
import numpy as np
import pytest

from edgetl.trainer.network.augmentation import RandomView, augmentation, augmented_by
from edgetl.trainer.recipe import Recipe

NOTHING: dict[str, Any] = {"flip": False, "rotation": 0.0, "zoom": 0.0, "translation": 0.0}


def copies(picture: np.ndarray, *, number: int = 200, **ranges: Any) -> np.ndarray:
    layer = RandomView(**{**NOTHING, "seed": 3, **ranges})
    return np.asarray(layer(np.stack([picture] * number).astype(np.float32), training=True))


@pytest.fixture
def picture() -> np.ndarray:
    """Smooth noise, so that interpolation changes little: float32 [40, 60, 3]."""
    noise = np.random.default_rng(0).uniform(0, 255, (10, 15, 3)).astype(np.float32)
    return np.asarray(keras.ops.image.resize(noise, (40, 60), interpolation="bicubic"))


def test_pictures_are_mirrored_half_of_the_time(picture: np.ndarray) -> None:
    seen = copies(picture, flip=True)
    plain = [np.allclose(copy, picture, atol=0.01) for copy in seen]
    mirrored = [np.allclose(copy, picture[:, ::-1], atol=0.01) for copy in seen]
    assert all(a != b for a, b in zip(plain, mirrored, strict=True))
    assert 70 <= sum(mirrored) <= 130


def test_pictures_are_turned_about_their_middle_by_the_share_of_a_turn() -> None:
    y, x = np.mgrid[:61, :61] - 30
    # A dot to the right of the middle shows the angle.
    dot = np.exp(-((x - 10) ** 2 + y**2) / 8)[..., np.newaxis] * 255
    seen = copies(dot, rotation=0.125)[..., 0]
    mass = seen.sum(axis=(1, 2))
    at_x, at_y = (seen * x).sum(axis=(1, 2)) / mass, (seen * y).sum(axis=(1, 2)) / mass
    np.testing.assert_allclose(np.hypot(at_x, at_y), 10, atol=0.1)
    turns = np.arctan2(at_y, at_x) / (2 * np.pi)
    assert np.abs(turns).max() <= 0.126
    assert turns.min() < -0.1
    assert turns.max() > 0.1


def test_pictures_are_enlarged_by_the_same_factor_each_way_and_never_shrunk() -> None:
    y, x = np.mgrid[:61, :61] - 30
    dot = np.exp(-(x**2 + y**2) / 50)[..., np.newaxis] * 255
    seen = copies(dot, zoom=0.5)[..., 0]
    mass = seen.sum(axis=(1, 2))
    wide, high = ((seen * d**2).sum(axis=(1, 2)) / mass for d in (x, y))
    np.testing.assert_allclose(wide, high, rtol=0.02)
    factors = np.sqrt(wide / 25)
    assert 0.99 < factors.min() < 1.1
    assert 1.8 < factors.max() < 2.05


def test_pictures_are_shifted_by_the_share_of_their_sides(picture: np.ndarray) -> None:
    dot = np.zeros((41, 81, 1))
    dot[20, 40] = 255
    seen = copies(dot, translation=0.1)[..., 0]
    mass = seen.sum(axis=(1, 2))
    y, x = np.mgrid[:41, :81]
    right, down = (seen * x).sum(axis=(1, 2)) / mass - 40, (seen * y).sum(axis=(1, 2)) / mass - 20
    assert 7 < np.abs(right).max() <= 8.11
    assert 3.5 < np.abs(down).max() <= 4.11
    assert min(right.min(), down.min()) < -3


def test_what_lies_outside_is_reflected() -> None:
    ramp = np.tile(np.arange(50, dtype=np.float32)[:, np.newaxis, np.newaxis], (1, 50, 3))
    seen = copies(ramp, translation=0.2)
    assert seen.min() >= 0
    assert np.abs(np.diff(seen, axis=1)).max() <= 1.001


def test_one_by_one_they_are_what_keras_layers_give(picture: np.ndarray) -> None:
    # With one kind of change at a time nothing is interpolated twice, so the pictures of both
    # have the same mean and spread at every pixel.
    for mine, layer in (
        ({"rotation": 0.1}, keras.layers.RandomRotation(0.1, seed=1)),
        ({"zoom": 0.3}, keras.layers.RandomZoom((-0.3, 0.0), seed=1)),
        ({"translation": 0.2}, keras.layers.RandomTranslation(0.2, 0.2, seed=1)),
    ):
        number = 600
        ours = copies(picture, number=number, **mine)
        theirs = np.asarray(layer(np.stack([picture] * number), training=True))
        assert np.abs(ours.mean(axis=0) - theirs.mean(axis=0)).mean() < 4
        assert np.abs(ours.std(axis=0) - theirs.std(axis=0)).mean() < 4
        assert np.abs(ours.mean(axis=0) - picture).mean() > 4


def test_nothing_is_changed_outside_of_training_or_by_empty_ranges(picture: np.ndarray) -> None:
    layer = RandomView(flip=True, rotation=0.5, zoom=0.5, translation=0.5, seed=0)
    np.testing.assert_array_equal(layer(picture[np.newaxis])[0], picture)
    np.testing.assert_allclose(copies(picture, number=2)[1], picture, atol=1e-3)
    assert augmentation(Recipe(flip=False, rotation=0, zoom=0, translation=0)) is None


def test_each_copy_has_its_own_numbers_and_the_same_copy_the_same(picture: np.ndarray) -> None:
    def drawn(seed: int, view: int) -> np.ndarray:
        layer = augmentation(Recipe(seed=seed), view=view)
        assert layer is not None
        return np.asarray(layer(picture[np.newaxis], training=True))

    np.testing.assert_array_equal(drawn(0, 1), drawn(0, 1))
    assert not np.allclose(drawn(0, 1), drawn(0, 2))
    assert not np.allclose(drawn(0, 1), drawn(1, 1))


def test_opencv_gives_the_pictures_of_the_layer(picture: np.ndarray) -> None:
    recipe = Recipe(flip=True, rotation=0.2, zoom=0.3, translation=0.2)
    pictures = np.stack([picture.clip(0, 255).astype(np.uint8)] * 100)
    layers = [augmentation(recipe) for _ in range(2)]
    assert layers[0] is not None
    assert layers[1] is not None
    fast = augmented_by(layers[1])
    # Both draw on, batch by batch, and the last batch is smaller.
    for batch in (pictures, pictures[:30]):
        slow = np.asarray(layers[0](batch.astype(np.float32), training=True))
        difference = np.abs(fast(batch).astype(np.float32) - slow)
        assert difference.max() < 6
        assert difference.mean() < 0.6
        assert np.abs(slow - batch).mean() > 20


def test_the_layer_is_saved_with_its_ranges() -> None:
    layer = augmentation(Recipe(rotation=0.3, flip=False))
    assert layer is not None
    again = RandomView.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.get_config()["rotation"] == 0.3
