"""Pictures with the label and bars drawn on them."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.results.annotate import annotated, shown_size
from tests.edge.conftest import made_result

RED = np.full((48, 64, 3), (200, 20, 20), np.uint8)


def test_the_label_and_bars_are_drawn_on_a_copy() -> None:
    picture = np.full((480, 640, 3), (200, 20, 20), np.uint8)
    result = made_result([0.1, 0.2, 0.7], picture=picture)
    shown = annotated(result)
    assert (shown.shape, shown.dtype) == (picture.shape, np.uint8)
    assert (picture == (200, 20, 20)).all()
    assert (shown[:300] == (200, 20, 20)).all()
    # The best class's bar is lighter than what is beside it, and as long as it is probable.
    row = shown[440:470].astype(int).mean(axis=(0, 2))
    assert (shown[-150:] > 240).all(axis=2).any(), "no text was drawn"
    assert row.max() - row.min() > 20


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 500, 3), (500, 3, 3), (31, 47, 3)])
@pytest.mark.parametrize("label", ["é 写 🐈", "x" * 300, "a\nb"], ids=["other", "long", "lines"])
def test_any_picture_and_label_can_be_drawn(shape: tuple[int, ...], label: str) -> None:
    result = made_result([1, 0, 0], picture=np.zeros(shape, np.uint8), labels=[label, "b", "c"])
    height, width = annotated(result).shape[:2]
    assert height % 2 == width % 2 == 0


def test_a_picture_of_another_size_gets_black_bars() -> None:
    shown = annotated(made_result([1, 0, 0], picture=RED), size=(240, 640))
    assert shown.shape == (240, 640, 3)
    assert (shown[0, :160] == 0).all()
    assert (shown[0, 320] == (200, 20, 20)).all()


def test_a_large_frame_is_shown_smaller_and_a_file_at_one_size(tmp_path: Path) -> None:
    assert shown_size(np.zeros((3000, 4000, 3), np.uint8)) == (1440, 1920)
    photo = tmp_path / "a.jpg"
    Image.fromarray(RED).save(photo)
    assert annotated(made_result([1, 0, 0], picture=photo)).shape == (720, 1280, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="the font comes with OpenCV on Linux")
def test_labels_may_have_accents() -> None:
    def drawn(label: str) -> np.ndarray:
        picture = np.zeros((240, 320, 3), np.uint8)
        return annotated(made_result([1, 0, 0], picture=picture, labels=[label, "b", "c"]))

    # What a font lacks, it draws as the same box.
    assert (drawn("ä") != drawn("é")).any()
