"""The HTML pages of the preview, each with its Content-Security-Policy."""

import base64
import hashlib
import html
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Page:
    """A page and its Content-Security-Policy, which allows its own scripts and styles only."""

    markup: str
    policy: str


def live_page(sources: tuple[str, ...] = ()) -> Page:
    """The page that shows the live picture of one of the sources, of which each may have a name."""
    return page_of(_FOLDER / "live.html", script=_FOLDER / "live.js", sources=" ".join(sources))


def message_page(title: str, text: str) -> Page:
    """A page that explains why there is no live picture."""
    return page_of(_FOLDER / "message.html", title=title, text=text)


def page_of(
    template: Path, *, styles: tuple[Path, ...] = (), script: Path | None = None, **words: str
) -> Page:
    """The page of an HTML file with {{common}}, {{script}} and {{words}} in it.

    Args:
        template: the file, from its title on; page.html is what stands around it on each page.
        styles: further style sheets, behind the one that all pages have.
        script: a JavaScript file, where the page has none in it; {{common}} goes before any.
        words: by their names; they are escaped.
    """
    style = "".join(_read(path) for path in (_FOLDER / "preview.css", *styles))
    code = "" if script is None else _read(script)
    # In one pass, so that words which look like a name stay words.
    common = _read(_FOLDER / "page.js")
    values = {"style": style, "common": common, "script": code}
    values |= {name: html.escape(word) for name, word in words.items()}
    whole = _read(_FOLDER / "page.html").replace("{{page}}", _read(template).rstrip())
    markup = re.sub(r"{{(\w+)}}", lambda found: values[found[1]], whole)
    scripts, styled = (
        " ".join(_hash(part) for part in re.findall(rf"<{tag}>(.*?)</{tag}>", markup, re.DOTALL))
        or "'none'"
        for tag in ("script", "style")
    )
    return Page(
        markup,
        f"default-src 'self'; script-src {scripts}; style-src {styled}; "
        "img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
    )


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _hash(inline: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"
