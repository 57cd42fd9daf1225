"""Encoded pictures of every format to RGB pixels, bounded in memory, or one clear error."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

import PIL
from PIL import Image, UnidentifiedImageError

from edgetl.edge.errors import MissingDecoderError, MissingExtraError, PictureError, quoted, reason
from edgetl.edge.model.picture_format import HEAD_BYTES, picture_format
from edgetl.edge.model.rgb import Pixels, rgb, turned_aside
from edgetl.edge.system.allowance import memory
from edgetl.edge.system.files import open_regular_file

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

# Pillow warns about odd EXIF blocks and very large pictures, then reads them all the same. Not
# caught around each call: Python's warning filters belong to the process, and we decode in threads.
warnings.filterwarnings("ignore", module=r"PIL\.")

EncodedPicture: TypeAlias = str | Path | bytes | Image.Image

# Decoded at an eighth of its size, a JPEG of as many takes 25 MB. Phones make 200 megapixels.
_MOST_JPEG_PIXELS = 400_000_000
# Of what has to be decoded whole: as many as Pillow itself allows, and a quarter of the memory.
_MOST_PIXELS = 178_956_970
# What decoding takes at its peak, by Pillow's name of the format; of those not named 4. Measured
# with photos of 50 megapixels; AVIF's is taken to be WebP's.
_PIXEL_BYTES = {"WEBP": 16, "AVIF": 16, "HEIF": 8}
# Fewer always fit. (To look up the memory takes as long as to decode a small picture.)
_FEW_PIXELS = 16_000_000


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture that has been decoded.

    Attributes:
        pixels: uint8 [height, width, 3] RGB, upright; at a fraction of the picture's size where it
            is larger than asked for.
        size: (width, height) of the upright picture itself.
        to_srgb: what makes the colours sRGB, to be applied when the picture has become small;
            None if they are.
    """

    pixels: Pixels
    size: tuple[int, int]
    to_srgb: "ImageCmsTransform | None"


def decode(picture: EncodedPicture, *, at_least: int) -> Decoded:
    """Decode a picture, judged by its content and not by its name; of an animation the first frame.

    Args:
        picture: a path, encoded bytes, or a Pillow image.
        at_least: both sides have as many pixels if the picture has them.

    Raises:
        MissingDecoderError: a package is missing that reads this format.
        PictureError: it cannot be read, is no picture, is cut off, or too large for the memory.
    """
    with _errors_named(picture):
        if isinstance(picture, Image.Image):
            return _decoded(picture, picture.size, at_least)
        with _stream(picture) as stream:
            return _from_stream(stream, _name(picture), at_least)


def upright_size(picture: Path | bytes) -> tuple[int, int]:
    """An encoded picture's (width, height), upright; nothing is decoded.

    Raises:
        PictureError: see `decode`.
    """
    with (
        _errors_named(picture),
        _stream(picture) as stream,
        _opened(stream, _name(picture)) as image,
    ):
        width, height = image.size
        return (height, width) if turned_aside(image) else (width, height)


def _stream(picture: str | Path | bytes) -> IO[bytes]:
    return io.BytesIO(picture) if isinstance(picture, bytes) else open_regular_file(picture)


@contextmanager
def _errors_named(picture: EncodedPicture) -> Iterator[None]:
    """What Pillow raises as a PictureError of one line, which names the picture."""
    try:
        yield
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"{_name(picture)}: not a picture that can be read") from None
    except Image.DecompressionBombError as error:
        # Its message is where Pillow says how many.
        pixels = re.search(r"\d+", str(error))
        raise _too_large(_name(picture), int(pixels[0]) if pixels else 0, _MOST_PIXELS) from None
    except OSError as error:
        # Pillow reports damaged data as OSError too, but without an error number.
        words = reason(error) if error.errno else f"damaged picture ({error})"
        raise PictureError(f"{_name(picture)}: {words}") from error
    except Exception as error:
        # On damaged files Pillow's decoders and its EXIF code raise almost anything: SyntaxError
        # (PNG), struct.error (EXIF), RuntimeError (AVIF), NotImplementedError (DDS), ...
        words = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(f"{_name(picture)}: damaged picture ({words})") from error


def _name(picture: EncodedPicture) -> str:
    return quoted(picture) if isinstance(picture, str | Path) else "picture"


def _from_stream(stream: IO[bytes], name: str, at_least: int) -> Decoded:
    with _opened(stream, name) as image:
        size = image.size
        # A JPEG decodes at 1/2, 1/4 or 1/8 size in a fraction of the time, and what is left out
        # are the frequencies that shrinking would remove. Pillow takes the smallest that has
        # this many pixels on both sides.
        image.draft(None, (at_least, at_least))
        _check_size(image, size, name)
        return _decoded(image, size, at_least)


def _opened(stream: IO[bytes], name: str) -> Image.Image:
    found = picture_format(stream.read(HEAD_BYTES))
    stream.seek(0)
    if found == "JPEG":
        # Image.open would look at the size before `draft` has made it smaller, and refuse.
        from PIL.JpegImagePlugin import JpegImageFile

        return JpegImageFile(stream)
    if found == "HEIC":
        _register_heic(name)
    try:
        return Image.open(stream)
    except UnidentifiedImageError:
        if found == "AVIF" and "AVIF" not in Image.OPEN:
            raise MissingDecoderError(
                f"{name}: an AVIF picture needs Pillow 11.3 or newer, and here is "
                f"{PIL.__version__}; upgrade it with: pip install --upgrade pillow"
            ) from None
        raise


def _register_heic(name: str) -> None:
    from edgetl.edge.system.extras import need_package

    try:
        need_package("pi-heif", needs=f"{name}: a HEIC picture")
    except MissingExtraError as error:
        raise MissingDecoderError(str(error)) from None
    _register_pi_heif()


@cache
def _register_pi_heif() -> None:
    # Here, since it takes a fifth of a second to load, and most folders have no such picture.
    import pi_heif

    pi_heif.register_heif_opener()


def _check_size(image: Image.Image, size: tuple[int, int], name: str) -> None:
    pixels = size[0] * size[1]
    if pixels <= _FEW_PIXELS:
        return
    if pixels > _MOST_JPEG_PIXELS:
        raise _too_large(name, pixels, _MOST_JPEG_PIXELS)
    # A progressive JPEG is held whole in memory, whatever size is asked for.
    needed = pixels if "progressive" in image.info else image.width * image.height
    most = _most_pixels(image.format)
    if needed > most:
        raise _too_large(name, needed, most)


def _most_pixels(image_format: str | None) -> int:
    there = memory()
    if there is None:
        return _MOST_PIXELS
    return min(_MOST_PIXELS, there // 4 // _PIXEL_BYTES.get(image_format or "", 4))


def _too_large(name: str, pixels: int, most: int) -> PictureError:
    return PictureError(
        f"{name}: {pixels / 1e6:,.0f} megapixels, more pixels than can be decoded here "
        f"({most / 1e6:,.0f} megapixels); make it smaller, or save it as a JPEG that is not "
        f"progressive, of which {_MOST_JPEG_PIXELS // 1_000_000} are read"
    )


def _decoded(image: Image.Image, size: tuple[int, int], at_least: int) -> Decoded:
    pixels, to_srgb = rgb(image, at_least=at_least)
    # Only a JPEG is smaller once it is loaded; a TIFF or HEIC may be turned.
    width, height = size if image.format == "JPEG" else image.size
    upright = (height, width) if turned_aside(image) else (width, height)
    return Decoded(pixels, upright, to_srgb)
