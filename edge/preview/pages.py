"""The HTML pages of the preview, each with its Content-Security-Policy."""

import base64
import hashlib
import html
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Page:
    """A page and its Content-Security-Policy, which allows its own scripts and styles only."""

    markup: str
    policy: str


@cache
def live_page() -> Page:
    """The page that shows the live picture."""
    return _page("live.html")


def message_page(title: str, text: str) -> Page:
    """A page that explains why there is no live picture."""
    return _page("message.html", title=title, text=text)


@cache
def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _page(template: str, **words: str) -> Page:
    # In one pass, so that words which look like a name stay words.
    values = {"style": _read("preview.css")} | {n: html.escape(w) for n, w in words.items()}
    markup = re.sub(r"{{(\w+)}}", lambda found: values[found[1]], _read(template))
    scripts, styles = (
        " ".join(_hash(part) for part in re.findall(rf"<{tag}>(.*?)</{tag}>", markup, re.DOTALL))
        or "'none'"
        for tag in ("script", "style")
    )
    return Page(
        markup,
        f"default-src 'self'; script-src {scripts}; style-src {styles}; "
        "img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
    )


def _hash(inline: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"
