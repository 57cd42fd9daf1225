"""Encoded pictures of every kind become upright RGB pixels, or one clear error."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from edgetl.edge.errors import PictureError
from edgetl.edge.model.decoding import upright_size
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import model_input

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def as_is(picture: bytes | Image.Image) -> np.ndarray:
    """The picture's pixels at its own size: what decoding alone makes of it."""
    image = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else picture
    return model_input(picture, InputSize(image.height, image.width))


def all_close_to(pixels: np.ndarray, colour: tuple[int, int, int], tolerance: int = 3) -> bool:
    return bool((abs(pixels.astype(int) - colour) <= tolerance).all())


# Colours and modes


@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("PPM", {}), ("WEBP", {"lossless": True})],
)
def test_colours_come_in_rgb_order(form: str, options: dict[str, object]) -> None:
    assert (
        as_is(encoded(Image.new("RGB", (8, 8), (250, 120, 5)), form, **options)).tolist()
        == [[[250, 120, 5]] * 8] * 8
    )


def test_a_palette_becomes_its_colours() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putdata([0, 1])
    assert as_is(encoded(image, "PNG")).tolist() == [[list(RED), list(GREEN)]]


def test_a_transparent_palette_entry_becomes_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putdata([0, 1])
    assert as_is(encoded(image, "PNG", transparency=1)).tolist() == [[list(RED), list(WHITE)]]


def test_a_transparent_colour_becomes_white() -> None:
    image = Image.new("RGB", (2, 1), RED)
    image.putpixel((1, 0), GREEN)
    data = encoded(image, "PNG", transparency=GREEN)
    assert as_is(data).tolist() == [[list(RED), list(WHITE)]]


def test_transparency_is_laid_over_white() -> None:
    image = Image.new("RGBA", (3, 1), (*RED, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    image.putpixel((2, 0), (255, 0, 0, 51))
    assert as_is(encoded(image, "PNG")).tolist() == [
        [[255, 0, 0], [255, 255, 255], [255, 204, 204]]
    ]


def test_grey_with_transparency_is_laid_over_white() -> None:
    image = Image.new("LA", (2, 1), (40, 255))
    image.putpixel((1, 0), (40, 0))
    assert as_is(encoded(image, "PNG")).tolist() == [[[40] * 3, [255] * 3]]


def test_grey_becomes_three_equal_channels() -> None:
    assert as_is(encoded(Image.new("L", (2, 1), 77), "PNG")).tolist() == [[[77] * 3] * 2]


def test_a_grey_jpeg_becomes_three_equal_channels() -> None:
    assert all_close_to(as_is(encoded(Image.new("L", (16, 16), 77), "JPEG")), (77, 77, 77), 1)


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    assert Image.open(io.BytesIO(data)).mode == "CMYK"
    assert all_close_to(as_is(data), RED)


def test_one_bit_becomes_black_and_white() -> None:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    assert as_is(encoded(image, "PNG")).tolist() == [[[0] * 3, [255] * 3]]


RAMP = np.arange(256).reshape(16, 16)


def test_a_16_bit_png_is_scaled_not_clipped() -> None:
    data = encoded(Image.fromarray((RAMP * 257).astype(np.uint16)), "PNG")
    assert (as_is(data) == RAMP[..., np.newaxis]).all()


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_16_bit_tiff_of_either_byte_order_is_scaled_not_clipped(order: str) -> None:
    mode = "I;16" if order == "<" else "I;16B"
    samples = (RAMP * 257).astype(f"{order}u2").tobytes()
    data = encoded(Image.frombytes(mode, (16, 16), samples), "TIFF")
    assert Image.open(io.BytesIO(data)).mode == mode
    assert (as_is(data) == RAMP[..., np.newaxis]).all()


def test_a_16_bit_picture_is_turned_upright_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    data = encoded(Image.fromarray((RAMP * 257).astype(np.uint16)), "PNG", exif=exif)
    assert (as_is(data) == RAMP[::-1, ::-1, np.newaxis]).all()


@pytest.mark.parametrize("scale", [1, 1 / 255], ids=["0 to 255", "0 to 1"])
def test_a_float_tiff_keeps_its_greys(scale: float) -> None:
    data = encoded(Image.fromarray((RAMP * scale).astype(np.float32)), "TIFF")
    assert Image.open(io.BytesIO(data)).mode == "F"
    assert (as_is(data) == RAMP[..., np.newaxis]).all()


def test_a_float_tiff_with_missing_samples_keeps_the_others() -> None:
    samples = (RAMP / 255).astype(np.float32)
    samples[0, 0] = np.nan
    assert (as_is(encoded(Image.fromarray(samples), "TIFF")) == RAMP[..., np.newaxis]).all()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(form: str) -> None:
    first, second = Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), BLUE)
    data = encoded(first, form, save_all=True, append_images=[second], duration=50)
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 2
    assert all_close_to(as_is(data), RED)


# EXIF orientation: what the stored rows and columns are of the upright picture, by the standard
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_turns_the_picture_upright(orientation: int, form: str) -> None:
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, :16], upright[:16, 48:], upright[16:, :16] = RED, GREEN, BLUE
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}
    data = encoded(stored, form, exif=exif, **options.get(form, {}))
    pixels = model_input(data, InputSize(32, 64))
    assert abs(pixels.astype(int) - upright).max() <= (4 if form == "JPEG" else 0)


def test_orientation_is_applied_to_a_pillow_image_without_changing_it() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encoded(Image.new("RGB", (20, 10), RED), "JPEG", exif=exif)))
    padded = model_input(image, InputSize(20, 20, "pad"))
    assert padded[:, 0].max() == 0
    assert padded[:, 10].min(axis=0)[0] > 250
    assert image.size == (20, 10)
    assert image.getexif()[0x0112] == 6


# Large JPEGs


def photo(width: int, height: int) -> Image.Image:
    random = np.random.default_rng(5)
    small = random.integers(0, 256, (12, 16, 3)).astype(np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    data = encoded(photo(2048, 1536), "JPEG", quality=90)
    eighth = Image.open(io.BytesIO(data))
    eighth.draft(None, (256, 192))
    assert eighth.size == (256, 192)
    input_size = InputSize(64, 64)
    drafted = model_input(data, input_size)
    assert (drafted == model_input(np.asarray(eighth), input_size)).all()
    whole = model_input(np.asarray(Image.open(io.BytesIO(data))), input_size)
    difference = abs(drafted.astype(int) - whole)
    assert difference.max() > 0
    assert difference.mean() < 1
    assert difference.max() <= 6


def test_a_jpeg_less_than_twice_the_input_is_decoded_whole() -> None:
    data = encoded(photo(250, 127), "JPEG", quality=90)
    input_size = InputSize(64, 64)
    whole = model_input(np.asarray(Image.open(io.BytesIO(data))), input_size)
    assert (model_input(data, input_size) == whole).all()


# What cannot be read


def picture_error(picture: Path | bytes) -> str:
    """The message of the PictureError that `picture` gives: always a single line."""
    with pytest.raises(PictureError) as caught:
        model_input(picture, InputSize(16, 16))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def upright_size_error(path: Path) -> str:
    with pytest.raises(PictureError) as caught:
        upright_size(path)
    return str(caught.value)


def test_a_cut_off_jpeg_is_named_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(encoded(photo(320, 240), "JPEG")[:-2000])
    assert picture_error(path).startswith(f"{path}: damaged picture")


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_any_cut_off_picture_is_named(tmp_path: Path, form: str) -> None:
    data = encoded(photo(64, 48), form)
    path = tmp_path / f"cut.{form.lower()}"
    path.write_bytes(data[: len(data) // 2])
    assert picture_error(path).startswith(f"{path}: ")


def test_an_empty_file_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    assert picture_error(path) == f"{path}: not a picture that can be read"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", [picture_error, upright_size_error], ids=["pixels", "size"])
def test_a_pipe_with_a_picture_s_name_is_not_waited_for(
    tmp_path: Path, read: Callable[[Path], str]
) -> None:
    path = tmp_path / "pipe.jpg"
    os.mkfifo(path)
    assert read(path) == f"{path}: a pipe or device, not a file"


def test_text_with_a_picture_s_name_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("this is no photo")
    assert picture_error(path) == f"{path}: not a picture that can be read"


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    assert picture_error(tmp_path) == f"{tmp_path}: is a directory"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone.jpg"
    assert picture_error(path) == f"{path}: no such file or directory"


@pytest.mark.parametrize("separator", ["\n", "\r", "\x0b", "\x1b[2J", "\x85", "\u2028"])
def test_a_name_with_control_characters_stays_on_one_line(tmp_path: Path, separator: str) -> None:
    message = picture_error(tmp_path / f"é{separator}b.jpg")
    assert message.isprintable()
    assert "é" in message


def test_a_picture_with_too_many_pixels_is_refused_before_decoding() -> None:
    # A BMP header that promises 30000 x 30000 pixels and holds none.
    bomb = bytearray(encoded(Image.new("RGB", (4, 4)), "BMP"))
    bomb[18:26] = (30000).to_bytes(4, "little") * 2
    assert "more pixels than" in picture_error(bytes(bomb))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "DDS"])
def test_random_damage_gives_pixels_or_a_picture_error(form: str) -> None:
    if not features.check("avif") and form == "AVIF":
        pytest.skip("this Pillow is built without AVIF")
    random = np.random.default_rng(11)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "a camera", (72, 1)
    options = {"exif": exif} if form in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF") else {}
    data = encoded(photo(24, 18), form, **options)
    messages = []
    for _ in range(150):
        damaged = bytearray(data)
        # Most of what can go wrong is in the headers.
        end = len(data) if random.random() < 0.3 else min(len(data), 300)
        for place in random.integers(0, end, random.integers(1, 6)):
            damaged[place] = random.integers(0, 256)
        try:
            pixels = model_input(bytes(damaged), InputSize(8, 8))
        except PictureError as error:
            messages.append(str(error))
        else:
            assert pixels.shape == (8, 8, 3)
    assert messages
    assert all(len(message.splitlines()) == 1 for message in messages)
