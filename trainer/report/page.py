"""HTML pages that need nothing else: no network, no script, no other file.

Templates lie in templates/, with the macros, the frame and the stylesheet that all pages share.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from edgetl.edge.errors import plural, quoted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.results.probability import percent

TIMES = "\N{MULTIPLICATION SIGN}"
NONE = "\N{EN DASH}"
TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Picture:
    """A picture inside a page: its bytes as a data URI, and its size in pixels."""

    uri: str
    width: int
    height: int


def picture(data: bytes) -> Picture:
    """The picture of a PNG's or JPEG's bytes."""
    with Image.open(io.BytesIO(data)) as opened:
        kind, (width, height) = str(opened.format).lower(), opened.size
    encoded = base64.b64encode(data).decode("ascii")
    return Picture(f"data:image/{kind};base64,{encoded}", width, height)


def thumbnail(pixels: Pixels, *, side: int, quality: int) -> Picture:
    """A small JPEG of pixels, uint8 [height, width, 3] RGB.

    Args:
        side: what its sides have at most, in pixels.
        quality: the JPEG's, 0..100.
    """
    small = Image.fromarray(np.asarray(pixels))
    small.thumbnail((side, side))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=quality)
    return picture(file.getvalue())


def render(template: str, *, folders: Sequence[Path] = (), **values: Any) -> str:
    """The page that a template makes of `values`.

    Every value is escaped; text that cannot be printed or is not UTF-8 is shown as escapes.

    Args:
        template: its file's name.
        folders: where it is, and what it includes, unless in TEMPLATES.

    Raises:
        jinja2.TemplateError: the template uses a value that is not given.
    """
    environment = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "bdi": _bdi, "duration": _duration, "path": _path, "percent": percent,
        "share": lambda value: NONE if value is None or np.isnan(value) else percent(value),
        "thousands": "{:,}".format, "when": lambda time: time[:16].replace("T", " ") + " UTC",
    }  # fmt: skip
    environment.globals |= {"NONE": NONE, "TIMES": TIMES, "plural": plural}
    return environment.get_template(template).render(values)


def _printable(value: Any) -> Any:
    return quoted(value) if type(value) is str else value


def _bdi(words: str) -> Markup:
    """Kept from changing the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(quoted(words))


def _path(file: str) -> Markup:
    """The same of a file, whose folders are where a line may break.

    Each name is kept apart: after an Arabic folder's the digits of a file would change places.
    """
    names = [Markup("<bdi>{}</bdi>").format(name) for name in quoted(file).split("/")]
    return Markup('<bdi dir="ltr">{}</bdi>').format(Markup("/<wbr>").join(names))


def _duration(seconds: float) -> str:
    """In the units that a person would choose."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min"
