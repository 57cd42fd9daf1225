"""The HTML page of `edgetl collect`."""

from functools import cache
from pathlib import Path

from edgetl.edge.preview.pages import Page, page_of


@cache
def collect_page() -> Page:
    """The page that shows the live picture and the photos."""
    folder = Path(__file__).parent
    return page_of(folder / "collect.html", styles=(folder / "collect.css",))
