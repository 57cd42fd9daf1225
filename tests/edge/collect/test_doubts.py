"""Dark, overexposed, blurred photos, and such as are like one before."""

from itertools import product

import cv2
import numpy as np

from edgetl.edge.collect.doubts import ALIKE, BLURRED, BRIGHT, DARK, Earlier, looks_of
from edgetl.edge.model.preprocessing import Pixels
from edgetl.trainer.data.demo_pictures import CLASSES, draw_picture


def drawn(label: str, seed: int) -> Pixels:
    picture = np.asarray(draw_picture(label, seed=seed, size=(640, 480)))
    # Drawn areas are smoother than any photo: a little noise, as of a camera.
    noise = np.random.default_rng(seed).normal(0, 8, picture.shape)
    return (picture + noise).clip(0, 255).astype(np.uint8)


def test_sharp_photos_are_without_doubt_and_blurred_ones_are_not() -> None:
    motion = np.full((1, 31), 1 / 31, np.float32)
    moved = 0
    for label, seed in product(CLASSES, range(5)):
        sharp = drawn(label, seed)
        assert looks_of(sharp) == []
        assert looks_of(np.asarray(cv2.GaussianBlur(sharp, (0, 0), 6), np.uint8)) == [BLURRED]
        moved += looks_of(np.asarray(cv2.filter2D(sharp, -1, motion), np.uint8)) == [BLURRED]
    # Edges along the motion stay sharp.
    assert moved >= 12


def test_dark_and_overexposed_photos_are_told() -> None:
    photo = drawn("house", 1)
    assert looks_of((photo * 0.08).astype(np.uint8)) == [DARK]
    assert looks_of(np.full_like(photo, 252)) == [BRIGHT]
    assert looks_of(np.zeros((1, 1, 3), np.uint8)) == [DARK]


def test_near_copies_are_told_from_other_photos() -> None:
    earlier = Earlier()
    photo = drawn("fish", 1)
    assert not earlier.is_alike(photo)
    shifted = np.roll(photo, 2, axis=1)
    assert earlier.is_alike((shifted * 0.95).astype(np.uint8)), ALIKE
    assert not any(earlier.is_alike(drawn(label, seed)) for label in CLASSES for seed in (7, 8, 9))
