"""When a photo was taken, and by which camera, as its EXIF data tell."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import ExifTags, Image

_FORMAT = "%Y:%m:%d %H:%M:%S"


@dataclass(frozen=True)
class Capture:
    """A camera's make and model, and its own clock."""

    camera: str
    time: datetime


def capture_of(path: Path) -> Capture | None:
    """The capture; None where the file does not tell, or cannot be read."""
    try:
        with Image.open(path) as image:
            exif = image.getexif()
            time = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
            camera = f"{exif.get(ExifTags.Base.Make)} {exif.get(ExifTags.Base.Model)}"
            return Capture(camera, datetime.strptime(str(time), _FORMAT))
    # What Pillow raises for damaged EXIF data is not documented: SyntaxError and struct.error too.
    except Exception:
        return None


def seconds_apart(one: Capture | None, other: Capture | None) -> float | None:
    """Seconds between two photos of one camera; None where they are not, or none is known."""
    if one is None or other is None or one.camera != other.camera:
        return None
    return abs((one.time - other.time).total_seconds())
