"""The HTML page of `edgetl serve`."""

from functools import cache
from pathlib import Path

from edgetl.edge.preview.pages import Page, page_of


@cache
def serve_page() -> Page:
    """The page that a picture is tried on."""
    folder = Path(__file__).parent
    return page_of(folder / "serve.html", styles=(folder / "serve.css",))
