"""The sample of features in a model's file."""

import numpy as np
import pytest

from edgetl.edge.teach.sample import (
    MOST_OF_A_CLASS,
    MOST_SAMPLED,
    FeatureSample,
    drawn_rows,
    packed_sample,
    read_sample,
)

CHANNELS = 1280


def made(photos: int = 12, classes: int = 3) -> FeatureSample:
    random = np.random.default_rng(0)
    features = np.maximum(random.normal(0, 1, (photos, CHANNELS)), -0.5).astype(np.float32)
    features[0] = 0
    return FeatureSample(features, np.arange(photos) % classes)


def test_it_is_read_within_half_a_step_and_the_same_each_time() -> None:
    sample = made()
    packed = packed_sample(sample)
    assert packed == packed_sample(sample)
    found = read_sample(packed, channels=CHANNELS, classes=3)
    np.testing.assert_array_equal(found.targets, sample.targets)
    assert found.features.dtype == np.float32
    span = np.ptp(sample.features, axis=1, keepdims=True)
    assert (np.abs(found.features - sample.features) <= span / 255 / 2 + 1e-6).all()
    again = read_sample(packed_sample(found), channels=CHANNELS, classes=3)
    np.testing.assert_allclose(again.features, found.features, atol=1e-6)


def test_a_sample_is_no_larger_than_the_documentation_says() -> None:
    features = np.zeros((MOST_SAMPLED, CHANNELS), np.float32)
    packed = packed_sample(FeatureSample(features, np.zeros(MOST_SAMPLED, np.int64)))
    assert len(packed) < 390_000


@pytest.mark.parametrize(("classes", "of_each"), [(2, MOST_OF_A_CLASS), (10, 30), (100, 3)])
def test_as_many_of_each_class_are_drawn_evenly(classes: int, of_each: int) -> None:
    targets = np.arange(classes * 120) % classes
    rows = drawn_rows(targets)
    assert (np.bincount(targets[rows]) == of_each).all()
    assert (np.diff(rows) > 0).all()
    assert rows[-1] > len(targets) - 2 * classes, "the last photos too"


def test_more_classes_than_photos_and_none_at_all() -> None:
    assert len(drawn_rows(np.arange(1000))) == MOST_SAMPLED
    assert len(drawn_rows(np.empty(0, np.int64))) == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-1],
        lambda packed: packed + b"x",
        lambda packed: b"",
        lambda packed: b"x" + packed[1:],
        lambda packed: packed[:18] + b"\xff" * 4 + packed[22:],
        lambda packed: packed[:26] + b"\x09" + packed[27:],
        lambda packed: packed[:30] + b"\x00\x00\xc0\x7f" + packed[34:],
    ],
)
def test_damage_is_found(damage) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"\w"):
        read_sample(damage(packed_sample(made())), channels=CHANNELS, classes=3)


def test_that_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="1280 values"):
        read_sample(packed_sample(made()), channels=640, classes=3)
    with pytest.raises(ValueError, match="classes that are not there"):
        read_sample(packed_sample(made()), channels=CHANNELS, classes=2)
