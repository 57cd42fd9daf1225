"""Any picture, however it comes, becomes the same RGB pixels of the model's size."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from edgetl.edge.errors import PictureError, SettingError
from edgetl.edge.model.input_size import InputSize, ResizeMode
from edgetl.edge.model.preprocessing import model_input
from tests.conftest import COLOURS, colour_picture

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


# Geometry, on pictures small enough to work out by hand


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
    assert all_close_to(model_input(stripes, InputSize(16, 16)), (128, 128, 128), 1)


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
    pixels = model_input(Image.new("RGB", size, WHITE), InputSize(48, 64, fit))
    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == np.uint8
    assert pixels.max() == 255


@pytest.mark.parametrize(("height", "width", "fit"), [(0, 8, "crop"), (8, -1, "pad"), (8, 8, "x")])
def test_an_impossible_input_size_is_refused(height: int, width: int, fit: str) -> None:
    with pytest.raises(SettingError):
        InputSize(height, width, fit)


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


# Every way to hand a picture over


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


# What cannot be read


def picture_error(picture: Path | bytes) -> str:
    """The message of the PictureError that `picture` gives: always a single line."""
    with pytest.raises(PictureError) as caught:
        model_input(picture, InputSize(16, 16))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


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
