"""What figures are checked with."""

import io
import warnings

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image


def as_png(figure: Figure) -> Image.Image:
    """The figure as a PNG, read again."""
    file = io.BytesIO()
    # A label out of its font's reach is drawn as a box, which is not what these tests are about.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(file, format="png")
    return Image.open(file)


def texts_of(figure: Figure | Axes) -> list[str]:
    """Every text in it."""
    return [
        artist.get_text()
        for artist in figure.findobj(Text)
        if isinstance(artist, Text) and artist.get_text()
    ]


def assert_nothing_is_clipped(figure: Figure) -> None:
    """See that all of it lies inside its canvas."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        drawn = figure.get_tightbbox()
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= figure.get_figwidth()
    assert drawn.y1 <= figure.get_figheight()
