"""Every photo people have: a table of files, each with what it must become or how it is refused."""

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, features

from edgetl.edge.errors import MissingDecoderError, PictureError
from edgetl.edge.model import decoding
from edgetl.edge.model.decoding import upright_size
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import model_input, model_input_and_size
from edgetl.trainer.data.picture_cache import decode_pictures

HEIC = Path(__file__).with_name("heic")
# Left red; right green over blue: no turning or mirroring of it looks the same.
SCENE = np.zeros((64, 128, 3), np.uint8)
SCENE[:, :64], SCENE[:32, 64:], SCENE[32:, 64:] = (200, 40, 40), (40, 200, 40), (40, 40, 200)
PHOTO = Image.fromarray(SCENE)
GREY = np.asarray(PHOTO.convert("L"))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def with_cv2(suffix: str, pixels: np.ndarray) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def transparent(mode: str) -> Image.Image:
    image = PHOTO.convert(mode)
    image.putalpha(Image.new("L", image.size, 0))
    return image


def animated(form: str) -> bytes:
    return encoded(PHOTO, form, save_all=True, append_images=[Image.new("RGB", PHOTO.size)])


def ycck() -> bytes:
    """A JPEG as Photoshop saves it: YCbCr of the inverted colours, as its Adobe marker says.

    Pillow writes CMYK inverted, so what is to be in the file is inverted here.
    """
    luma = Image.fromarray(255 - SCENE).convert("YCbCr")
    planes = [Image.fromarray(255 - np.asarray(plane)) for plane in luma.split()]
    black = Image.new("L", PHOTO.size, 0)
    data = encoded(Image.merge("CMYK", [*planes, black]), "JPEG", quality=95)
    at = data.index(b"Adobe") + 11
    return data[:at] + b"\x02" + data[at + 1 :]


def matrix_profile(
    red: tuple[float, ...], green: tuple[float, ...], blue: tuple[float, ...]
) -> bytes:
    """A small ICC profile: primaries as XYZ under D50, and a gamma of 2.2."""

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(78) + b"\0"
    bodies = {
        b"desc": text, b"wtpt": xyz((0.9642, 1, 0.8249)), b"rXYZ": xyz(red), b"gXYZ": xyz(green),
        b"bXYZ": xyz(blue), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    table, data, start = b"", b"", 128 + 4 + 12 * len(bodies)
    for name, body in bodies.items():
        table += name + struct.pack(">II", start + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\x02\x10\0\0", b"mntrRGB XYZ ", b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    profile = bytes(head) + struct.pack(">I", len(bodies)) + table + data
    return struct.pack(">I", len(profile)) + profile[4:]


DISPLAY_P3 = matrix_profile(
    (0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)
)


def in_display_p3(image: Image.Image) -> Image.Image:
    """The same colours, as a phone saves them."""
    wide = ImageCms.ImageCmsProfile(io.BytesIO(DISPLAY_P3))
    return ImageCms.profileToProfile(image, SRGB, wide, renderingIntent=1)


@dataclass(frozen=True)
class Row:
    """A file, and the RGB pixels of the scene that it must decode to, within `tolerance`."""

    name: str
    make: Callable[[], bytes]
    expected: np.ndarray | None = None
    tolerance: int = 6


GREYS = np.repeat(GREY[..., np.newaxis], 3, 2)
WHITE = np.full_like(SCENE, 255)
SIXTEEN = SCENE[..., ::-1].astype(np.uint16) * 257

TABLE = [
    Row("jpeg.jpg", lambda: encoded(PHOTO, "JPEG", quality=95, subsampling=0)),
    Row("jpeg.jfif", lambda: encoded(PHOTO, "JPEG", quality=95, subsampling=0)),
    Row("progressive.jpg", lambda: encoded(PHOTO, "JPEG", quality=95, subsampling=0,
                                           progressive=True)),
    Row("grey.jpg", lambda: encoded(PHOTO.convert("L"), "JPEG", quality=95), GREYS),
    Row("cmyk.jpg", lambda: encoded(PHOTO.convert("CMYK"), "JPEG", quality=95)),
    Row("ycck.jpg", ycck),
    Row("two_frames.mpo", lambda: encoded(PHOTO, "MPO", quality=95, subsampling=0, save_all=True,
                                          append_images=[Image.new("RGB", PHOTO.size)])),
    Row("turned.jpg", lambda: encoded(PHOTO.rotate(90, expand=True), "JPEG", quality=95,
                                      subsampling=0, exif=exif(6))),
    Row("phone.heic", (HEIC / "upright.heic").read_bytes),
    Row("phone_turned.heic", (HEIC / "turned.heic").read_bytes),
    Row("heic.jpg", (HEIC / "upright.heic").read_bytes),
    Row("jpeg.HEIC", lambda: encoded(PHOTO, "JPEG", quality=95, subsampling=0)),
    Row("no_suffix", (HEIC / "upright.heic").read_bytes),
    Row("png.png", lambda: encoded(PHOTO, "PNG"), tolerance=0),
    Row("png.jpg", lambda: encoded(PHOTO, "PNG"), tolerance=0),
    Row("one_bit.png", lambda: encoded(Image.fromarray(GREY > 70), "PNG"),
        np.where(GREYS > 70, 255, 0), 0),
    Row("sixteen_bit_rgb.png", lambda: with_cv2(".png", SIXTEEN), tolerance=1),
    Row("sixteen_bit_rgb.tif", lambda: with_cv2(".tiff", SIXTEEN), tolerance=1),
    Row("sixteen_bit_grey.png", lambda: with_cv2(".png", GREY.astype(np.uint16) * 257), GREYS, 0),
    Row("transparent.png", lambda: encoded(transparent("RGB"), "PNG"), WHITE, 0),
    Row("grey_transparent.png", lambda: encoded(transparent("L"), "PNG"), WHITE, 0),
    Row("palette.png", lambda: encoded(PHOTO.quantize(8), "PNG"), tolerance=2),
    Row("palette_transparent.gif",
        lambda: encoded(Image.new("P", (128, 64)), "GIF", transparency=0), WHITE, 0),
    Row("animated.gif", lambda: animated("GIF"), tolerance=2),
    Row("animated.webp", lambda: animated("WEBP"), tolerance=40),
    Row("animated.png", lambda: animated("PNG"), tolerance=0),
    Row("photo.webp", lambda: encoded(PHOTO, "WEBP", lossless=True), tolerance=0),
    Row("photo.avif", lambda: encoded(PHOTO, "AVIF", quality=95, subsampling="4:4:4")),
    Row("turned.avif", lambda: encoded(PHOTO.rotate(90, expand=True), "AVIF", quality=95,
                                       subsampling="4:4:4", exif=exif(6).tobytes())),
    Row("photo.jp2", lambda: encoded(PHOTO, "JPEG2000"), tolerance=1),
    Row("photo.tif", lambda: encoded(PHOTO, "TIFF", compression="tiff_lzw"), tolerance=0),
    Row("lab.tif", lambda: encoded(ImageCms.profileToProfile(
        PHOTO, SRGB, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), outputMode="LAB"),
        "TIFF")),
    Row("photo.bmp", lambda: encoded(PHOTO, "BMP"), tolerance=0),
    Row("srgb_profile.png", lambda: encoded(PHOTO, "PNG", icc_profile=SRGB.tobytes()), tolerance=0),
    Row("display_p3.jpg", lambda: encoded(in_display_p3(PHOTO), "JPEG", quality=95, subsampling=0,
                                          icc_profile=DISPLAY_P3)),
    Row("display_p3.png", lambda: encoded(in_display_p3(PHOTO), "PNG", icc_profile=DISPLAY_P3),
        tolerance=2),
    Row("damaged_profile.png", lambda: encoded(PHOTO, "PNG", icc_profile=DISPLAY_P3[:200]),
        tolerance=0),
    Row("profile_of_another_mode.jpg", lambda: encoded(
        PHOTO.convert("L"), "JPEG", quality=95, icc_profile=DISPLAY_P3), GREYS),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_photo_becomes_its_pixels(row: Row, tmp_path: Path) -> None:
    if row.name.endswith("avif") and not features.check("avif"):
        pytest.skip("this Pillow is built without AVIF")
    if row.make.__name__ == "read_bytes":
        pytest.importorskip("pi_heif")
    path = tmp_path / row.name
    path.write_bytes(row.make())
    pixels, size = model_input_and_size(path, InputSize(64, 128))
    assert size == (128, 64)
    assert upright_size(path) == (128, 64)
    # Codecs blur where colours meet.
    inside = np.ones(SCENE.shape[:2], bool)
    inside[:, 48:80] = inside[24:40] = False
    expected = SCENE if row.expected is None else row.expected
    difference = abs(pixels.astype(int) - expected)
    assert difference[inside if row.tolerance else ...].max() <= row.tolerance


def test_without_its_profile_a_wide_gamut_photo_would_be_paler() -> None:
    """What the rows of Display P3 are worth: taken as sRGB the colours are others."""
    pixels = model_input(np.asarray(in_display_p3(PHOTO)), InputSize(64, 128))
    assert abs(pixels.astype(int) - SCENE).max() > 10


def bmp_of(width: int, height: int) -> bytes:
    """A BMP header that promises pixels and holds none."""
    data = bytearray(encoded(Image.new("RGB", (4, 4)), "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def jpeg_of(width: int, height: int) -> bytes:
    data = bytearray(encoded(Image.new("RGB", (16, 16)), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a picture that can be read"),
        (b"text", "not a picture that can be read"),
        (
            (HEIC / "upright.heic").read_bytes()[:100],
            "damaged|not a picture" if find_spec("pi_heif") else r"pip install 'edgetl\[heic\]'",
        ),
        (b"\xff\xd8\xff" + bytes(50), "damaged picture|not a picture"),
        (
            bmp_of(30000, 30000),
            "900 megapixels, more pixels than .* make it smaller, or save it as",
        ),
        (jpeg_of(40000, 30000), r"1,200 megapixels, more pixels than .* \(400 megapixels\)"),
    ],
    ids=["empty", "text", "cut HEIC", "no JPEG", "bomb", "large JPEG"],
)
def test_what_cannot_be_read_is_one_line_that_names_it(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=words) as caught:
        model_input(path, InputSize(16, 16))
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_little_memory_refuses_a_large_picture_and_not_a_large_jpeg(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, "memory", lambda: 256_000_000)
    large = Image.new("RGB", (5000, 4000), (200, 40, 40))
    with pytest.raises(PictureError, match=r"20 megapixels, .*\(16 megapixels\)"):
        model_input(encoded(large, "PNG"), InputSize(16, 16))
    with pytest.raises(PictureError, match="not progressive"):
        model_input(encoded(large, "JPEG", progressive=True), InputSize(16, 16))
    assert model_input(encoded(large, "JPEG"), InputSize(16, 16)).shape == (16, 16, 3)


PEAK = """
import sys
from pathlib import Path
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import model_input_and_size
pixels, size = model_input_and_size(sys.argv[1], InputSize(224, 224, "crop"))
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(size[0] * size[1], status["VmHWM"].split()[0], *pixels.mean((0, 1)).round())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
@pytest.mark.parametrize(
    ("name", "make", "megabytes"),
    [
        ("a.png", lambda: encoded(Image.new("RGBA", (8660, 5774), (200, 40, 40, 255)), "PNG",
                                  compress_level=1), 400),
        ("b.png", lambda: with_cv2(".png", np.full((5774, 8660, 3), SIXTEEN[0, 0])), 400),
        ("c.jpg", lambda: encoded(Image.new("RGB", (17320, 11547), (200, 40, 40)), "JPEG"), 200),
    ],
    ids=["50 megapixels RGBA", "50 megapixels 16-bit", "200 megapixels JPEG"],
)  # fmt: skip
def test_a_large_picture_takes_little_memory(
    tmp_path: Path, name: str, make: Callable[[], bytes], megabytes: int
) -> None:
    (tmp_path / name).write_bytes(make())
    command = [sys.executable, "-c", PEAK, str(tmp_path / name)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    pixels, kilobytes, *colour = (float(word) for word in run.stdout.split())
    assert pixels >= 50_000_000
    assert kilobytes < megabytes * 1000
    assert abs(np.array(colour) - (200, 40, 40)).max() <= 2


def test_heic_without_its_package_says_what_to_install_and_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pi_heif")
    path = tmp_path / "phone.jpg"
    path.write_bytes((HEIC / "upright.heic").read_bytes())
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pi_heif", None)
        with pytest.raises(MissingDecoderError, match=r"phone.jpg: .*pip install 'edgetl\[heic\]'"):
            decode_pictures([path], InputSize(16, 16), cache=tmp_path / "cache")
    decoded = decode_pictures([path], InputSize(16, 16), cache=tmp_path / "cache")
    assert decoded.errors == {}
    assert decoded.sizes == [(128, 64)]


def test_a_jpeg_needs_neither_heic_nor_colour_profiles_loaded(tmp_path: Path) -> None:
    PHOTO.save(tmp_path / "a.jpg")
    code = (
        "import sys\nfrom edgetl.edge.model.preprocessing import InputSize, model_input\n"
        "model_input(sys.argv[1], InputSize(16, 16))\n"
        "print([name for name in ('pi_heif', 'PIL.ImageCms') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.jpg")],
        check=True, capture_output=True, text=True, env={**os.environ},
    )  # fmt: skip
    assert run.stdout == "[]\n"
