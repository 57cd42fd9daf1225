"""Where the evidence for a class is, and that drawn over a picture."""

import numpy as np
import pytest

from edgetl.edge.results.activation_map import activation_map, overlaid

GREY = np.full((64, 96, 3), 128, np.uint8)


def test_the_mean_of_a_map_is_the_logit_without_its_bias() -> None:
    generator = np.random.default_rng(0)
    features = generator.random((7, 5, 32), np.float32)
    weights = generator.normal(size=32).astype(np.float32)
    found = activation_map(features, weights)
    assert (found.shape, found.dtype) == ((7, 5), np.float32)
    assert found.mean() == pytest.approx(features.mean(axis=(0, 1)) @ weights, rel=1e-4)


def test_evidence_for_is_reddish_and_evidence_against_is_bluish_where_it_lies() -> None:
    evidence = np.zeros((4, 6), np.float32)
    evidence[0, 0], evidence[3, 5] = 2, -2
    shown = overlaid(GREY, evidence).astype(int)
    red, blue = shown[8, 8], shown[-8, -8]
    assert red[0] > red[2] + 80, "the top left"
    assert blue[2] > blue[0] + 80, "the bottom right"
    assert (shown[8, -8] == 128).all(), "nothing speaks for or against there"


def test_the_picture_is_still_seen_and_stays_as_it_was() -> None:
    picture = GREY.copy()
    picture[:, 48:] = 0
    before = picture.copy()
    shown = overlaid(picture, np.ones((7, 7), np.float32)).astype(int)
    assert (picture == before).all()
    assert (shown[:, :40].mean(axis=(0, 1)) > shown[:, 56:].mean(axis=(0, 1)) + 20).all()


def test_maps_with_one_strongest_value_can_be_compared() -> None:
    weak, strong = np.full((3, 3), 1, np.float32), np.full((3, 3), 4, np.float32)
    assert (overlaid(GREY, weak) == overlaid(GREY, strong)).all()
    little = overlaid(GREY, weak, strongest=4).astype(int)
    much = overlaid(GREY, strong, strongest=4).astype(int)
    assert abs(much - 128).max() > 4 * abs(little - 128).max() > 0
    beyond = overlaid(GREY, 9 * strong, strongest=4)
    assert (beyond == much).all()


def test_a_map_of_nothing_leaves_the_picture_without_colour() -> None:
    assert (overlaid(GREY, np.zeros((2, 2), np.float32)) == GREY).all()


def test_colours_of_the_picture_are_faded() -> None:
    picture = np.full((9, 9, 3), (255, 0, 0), np.uint8)
    shown = overlaid(picture, np.zeros((2, 2), np.float32)).astype(int)
    assert np.ptp(shown[4, 4]) < 128


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 500, 3), (500, 3, 3)])
@pytest.mark.parametrize("map_shape", [(1, 1), (7, 7), (3, 10)])
def test_any_shape_can_be_drawn(shape: tuple[int, int, int], map_shape: tuple[int, int]) -> None:
    evidence = np.random.default_rng(0).normal(size=map_shape).astype(np.float32)
    picture = np.zeros(shape, np.uint8)
    picture.flags.writeable = False
    assert overlaid(picture, evidence).shape == shape
