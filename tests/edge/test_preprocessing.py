"""Any picture, however it comes, becomes the same RGB pixels of the model's size."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.errors import PictureError, SettingError
from edgetl.edge.model.input_size import InputSize, ResizeMode
from edgetl.edge.model.preprocessing import model_input
from tests.conftest import COLOURS, colour_picture

# Resizing, of pictures small enough to work out by hand


def test_stretch_averages_each_block_and_ignores_the_aspect_ratio() -> None:
    row = [[10, 0, 0], [20, 0, 0], [100, 0, 0], [200, 0, 0]]
    pixels = np.array([row, row], np.uint8)
    assert model_input(pixels, InputSize(1, 2)).tolist() == [[[15, 0, 0], [150, 0, 0]]]


def test_crop_keeps_the_centre_of_a_wide_picture() -> None:
    pixels = np.zeros((2, 6, 3), np.uint8)
    pixels[:, :, 0] = [1, 2, 3, 4, 5, 6]
    assert model_input(pixels, InputSize(2, 2, "crop"))[:, :, 0].tolist() == [[3, 4], [3, 4]]


def test_crop_keeps_the_centre_of_a_tall_picture_and_then_shrinks_it() -> None:
    pixels = np.zeros((8, 4, 3), np.uint8)
    pixels[:, :, 1] = np.array([9, 9, 10, 30, 50, 70, 9, 9])[:, np.newaxis]
    expected = [[20, 20], [60, 60]]
    assert model_input(pixels, InputSize(2, 2, "crop"))[:, :, 1].tolist() == expected


def test_pad_keeps_the_whole_picture_between_black_bars() -> None:
    pixels = np.full((2, 4, 3), 200, np.uint8)
    padded = model_input(pixels, InputSize(4, 4, "pad"))
    assert padded[:, 0, 0].tolist() == [0, 200, 200, 0]
    assert (padded == padded[:, :1, :1]).all()


def test_pad_puts_bars_left_and_right_of_a_tall_picture() -> None:
    pixels = np.full((6, 2, 3), 90, np.uint8)
    padded = model_input(pixels, InputSize(3, 3, "pad"))
    assert padded[:, :, 2].tolist() == [[0, 90, 0]] * 3


def test_enlarging_interpolates_between_pixels() -> None:
    pixels = np.array([[[0, 0, 0], [100, 100, 100]]], np.uint8)
    assert model_input(pixels, InputSize(1, 4))[0, :, 0].tolist() == [0, 25, 75, 100]


def test_one_side_shrinks_while_the_other_grows() -> None:
    pixels = np.zeros((1, 4, 3), np.uint8)
    pixels[0, :, 0] = [10, 30, 70, 90]
    assert model_input(pixels, InputSize(3, 2))[:, :, 0].tolist() == [[20, 80]] * 3


def test_shrinking_does_not_alias_fine_stripes() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    grey = model_input(stripes, InputSize(16, 16))
    assert abs(grey.astype(int) - 128).max() <= 1


@pytest.mark.parametrize("width", [17, 21, 31, 32, 33, 41, 63, 100])
def test_shrinking_leaves_no_pixel_out(width: int) -> None:
    black = np.zeros((1, width, 3), np.uint8)
    for column in range(width):
        pixels = black.copy()
        pixels[:, column] = 255
        assert model_input(pixels, InputSize(1, 16)).any(), f"column {column}"


def test_every_opencv_and_processor_gives_the_same_pixels() -> None:
    digest = hashlib.sha256()
    for height, width in ((480, 640), (1080, 1920), (211, 317), (100, 90)):
        numbers = np.arange(height * width * 3, dtype=np.uint64) * 2654435761 >> 13
        pixels = (numbers % 251).astype(np.uint8).reshape(height, width, 3)
        for fit in ("stretch", "crop", "pad"):
            digest.update(model_input(pixels, InputSize(160, 160, fit)).tobytes())
    # OpenCV 4.6, 4.9, 4.11 and 5.0 on x86-64, 4.6 on armhf, and 4.11 and 5.0 on arm64. A change of
    # these pixels takes a new PREPROCESSING_VERSION.
    assert digest.hexdigest()[:16] == "7eb449f7e1ab7ef8"


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (33, 57), (64, 48)])
def test_every_shape_of_picture_gives_the_shape_of_the_model(
    fit: str, size: tuple[int, int]
) -> None:
    pixels = model_input(Image.new("RGB", size, (255, 255, 255)), InputSize(48, 64, fit))
    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == np.uint8
    assert pixels.max() == 255


@pytest.mark.parametrize(("height", "width", "fit"), [(0, 8, "crop"), (8, -1, "pad"), (8, 8, "x")])
def test_an_impossible_input_size_is_refused(height: int, width: int, fit: str) -> None:
    with pytest.raises(SettingError):
        InputSize(height, width, fit)


# Every kind of picture


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_path_text_bytes_image_and_array_give_equal_pixels(tmp_path: Path, fit: str) -> None:
    path = tmp_path / "café 1.jpg"
    colour_picture(COLOURS["red"], 1, (90, 70)).save(path)
    input_size = InputSize(48, 64, fit)
    expected = model_input(path, input_size)
    array = np.asarray(Image.open(path))
    for same in (str(path), path.read_bytes(), Image.open(path), array):
        assert (model_input(same, input_size) == expected).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((1, 8, 8, 3), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.int8),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_an_array_of_another_shape_or_type_is_refused(array: np.ndarray) -> None:
    with pytest.raises(PictureError, match=r"\[.*\]"):
        model_input(array, InputSize(8, 8))


def test_eight_threads_give_the_pixels_of_one(tmp_path: Path) -> None:
    paths = []
    for number, colour in enumerate([*COLOURS.values()] * 4):
        path = tmp_path / f"{number}.{'png' if number % 2 else 'jpg'}"
        colour_picture(colour, number, (120 + number, 100)).save(path)
        paths.append(path)
    input_size = InputSize(64, 64, "crop")
    expected = [model_input(path, input_size) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for one, other in zip(
                expected, pool.map(lambda path: model_input(path, input_size), paths), strict=True
            ):
                assert (one == other).all()


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(480, 640), (479, 641), (1080, 1920), (20, 50), (64, 64)])
def test_a_bgr_frame_seen_as_rgb_gives_the_same_pixels_as_its_copy(
    fit: ResizeMode, size: tuple[int, int]
) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    seen = frame[..., ::-1]
    for input_size in (InputSize(64, 64, fit), InputSize(160, 96, fit)):
        found = model_input(seen, input_size)
        assert (found == model_input(np.ascontiguousarray(seen), input_size)).all()
        assert found.flags.c_contiguous
