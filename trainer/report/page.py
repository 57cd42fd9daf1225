"""HTML pages that need nothing else: no network, no script, no other file.

Functions give HTML. What they take is HTML too, but for `title`, `words`, `file`, `described` and
`values`: these are anybody's words, and escaped.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
from PIL import Image

from edgetl.edge.errors import quoted

TIMES = "\N{MULTIPLICATION SIGN}"
NONE = "\N{EN DASH}"


def document(title: str, header: str, sections: Mapping[str, str]) -> str:
    """A whole page: `header` has its h1, and `sections` their content by name, to be linked to."""
    marks = {name: name.lower().replace(" ", "-") for name in sections}
    links = "".join(f'<li><a href="#{marks[name]}">{name}</a></li>' for name in sections)
    body = "\n".join(
        f'<section id="{marks[name]}">\n<h2>{name}</h2>\n{content}\n</section>'
        for name, content in sections.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{plain(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{header}
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main>
{body}
</main>
</body>
</html>
"""


def headline(name: str, value: str, note: str) -> str:
    """One of the figures to be seen first, for a dl of the class "headline"."""
    return f"<div><dt>{name}</dt><dd><strong>{value}</strong><span>{note}</span></dd></div>\n"


def figure(png: Path, described: str, caption: str, *, wide: bool = False) -> str:
    """A figure on a white card; one that is `wide` is scrolled rather than shrunk out of sight."""
    data = png.read_bytes()
    with Image.open(io.BytesIO(data)) as picture:
        width, height = picture.size
    image = (
        f'<img src="{data_uri("png", data)}" alt="{plain(described)}" '
        f'width="{width}" height="{height}">'
    )
    card = (
        f'<div class="card wide" tabindex="0" role="group" aria-label="{png.stem} figure">'
        f"{image}</div>"
        if wide
        else f'<div class="card">{image}</div>'
    )
    return f"<figure>{card}<figcaption>{caption}</figcaption></figure>"


def table(caption: str, head: str, rows: Sequence[str], *, foot: str = "", style: str = "") -> str:
    """A table that scrolls in its own box when it is long or wide, by keyboard too."""
    end = f"\n<tfoot>{foot}</tfoot>" if foot else ""
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{caption}">'
        f'<table class="{style or "numbers"}">\n<caption>{caption}</caption>\n'
        f"<thead>{head}</thead>\n<tbody>{''.join(rows)}</tbody>{end}\n</table></div>"
    )


def pairs(caption: str, values: Mapping[str, str]) -> str:
    """A table of names and values, anybody's words."""
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>'
        for name, value in values.items()
    )
    return f'<table class="pairs"><caption>{caption}</caption><tbody>{rows}</tbody></table>'


def plain(words: str) -> str:
    """Anybody's words as HTML, in an attribute too; what UTF-8 cannot hold is shown as escapes."""
    return html.escape(quoted(words))


def text(words: str) -> str:
    """The same, and kept from turning the direction of the words around it."""
    return f"<bdi>{plain(words)}</bdi>"


def path(file: str) -> str:
    """The same of a file, whose folders are the places to break a line at."""
    return f"<bdi>{plain(file).replace('/', '/<wbr>')}</bdi>"


def percent(value: float) -> str:
    """With one decimal, as HTML; what is not quite all or nothing never looks like it."""
    # Halves go up, as a reader expects: 778 of 800 is 97.3%, whether it comes in float64 or, as
    # Keras has it, in float32; in binary both are a little off the half.
    tenths = (Decimal(str(np.float32(value))) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    if tenths == 100 and value < 1:
        return "&gt;99.9%"
    if tenths == 0 and value > 0:
        return "&lt;0.1%"
    return f"{tenths}%"


def share(value: float | None) -> str:
    """`percent`, or a dash where there is nothing."""
    return NONE if value is None else percent(value)


def duration(seconds: float) -> str:
    """In the units that a person would choose."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min"


def when(created: str) -> str:
    """An ISO time in UTC, to the minute."""
    return plain(created[:16].replace("T", " ")) + " UTC"


def data_uri(kind: str, data: bytes) -> str:
    """A picture's bytes, "png" or "jpeg", as an address of their own."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


# The browser itself holds the page to what it promises: no script, and nothing from elsewhere.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

# The colours of the figures (figures.py); each has a contrast of 3:1 or more to its page.
STAGE_COLOURS = 8
_STYLE = """
:root {
  --page: #ffffff; --ink: #1f2937; --faint: #5b6472; --line: #e5e7eb; --panel: #f8fafc;
  --link: #1d4ed8; --wrong: #b91c1c; --warn: #fff7ed; --warn-line: #ea580c;
  --train: #2563eb; --validation: #ea580c; --test: #15803d;
  --stage3: #7c3aed; --stage4: #64748b; --stage5: #be185d;
  --stage6: #0e7490; --stage7: #854d0e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111827; --ink: #e5e7eb; --faint: #a3adbb; --line: #374151; --panel: #1f2937;
    --link: #93c5fd; --wrong: #fca5a5; --warn: #2b2019; --warn-line: #fb923c;
    --train: #60a5fa; --validation: #fb923c; --test: #4ade80;
    --stage3: #c4b5fd; --stage4: #94a3b8; --stage5: #f9a8d4;
    --stage6: #67e8f9; --stage7: #fde047;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  max-width: 70rem; margin: 0 auto; padding: 2rem 1.25rem 4rem;
  background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: clamp(1.75rem, 5vw, 2.75rem); line-height: 1.15; }
h2 { margin: 3rem 0 1rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.faint, figcaption, caption { color: var(--faint); font-size: .875rem; }
header .faint { margin: .5rem 0; }
.headline {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 1rem;
  margin: 1.5rem 0 1rem;
}
.headline div {
  padding: 1rem 1.25rem; background: var(--panel); border: 1px solid var(--line);
  border-radius: .75rem;
}
.headline dt { color: var(--faint); font-size: .875rem; }
.headline dd { margin: 0; }
.headline strong { display: block; font-size: 2rem; line-height: 1.3; }
.headline span { display: block; font-size: .875rem; }
.headline em { display: block; color: var(--faint); font-style: normal; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1.5rem 0 0; padding: 0; }
nav li { list-style: none; }
.warned a { color: var(--wrong); }
.warnings {
  margin: 0 0 1.5rem; padding: .25rem 1.25rem; background: var(--warn);
  border-left: .25rem solid var(--warn-line); border-radius: .25rem;
}
.columns > * { min-width: 0; }
.columns {
  display: grid; gap: 1rem 2.5rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
}
figure { margin: 0; }
figcaption { margin: .5rem 0 1rem; }
.manifest {
  width: fit-content; max-width: 100%; padding: .75rem; background: #ffffff;
  border: 1px solid var(--line); border-radius: .75rem;
}
img { display: block; max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
.wide img { min-width: 44rem; }
.scroll { max-height: 60rem; overflow: auto; margin: 0 0 1rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 .5rem; text-align: left; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { text-align: left; font-weight: 600; }
.counts td, .counts thead th + th, .numbers td, .numbers thead th { text-align: right; }
.numbers thead th:first-child { text-align: left; }
.numbers thead tr + tr th:first-child { text-align: right; }
.numbers thead th[scope="colgroup"] { text-align: center; }
.scroll th { overflow-wrap: normal; }
.scroll td { white-space: nowrap; }
.scroll tbody th { min-width: 7rem; overflow-wrap: anywhere; }
.scroll thead { position: sticky; top: 0; background: var(--page); }
.scroll tfoot {
  position: sticky; bottom: 0; background: var(--page); font-weight: 600;
  box-shadow: 0 -1px var(--line);
}
.counts tbody th { width: 70%; }
.under { display: block; color: var(--faint); font-size: .8rem; font-weight: 400; }
.mark {
  padding: 0 .4rem; border: 1px solid var(--warn-line); border-radius: .25rem;
  background: var(--warn); font-size: .75rem; font-weight: 400; white-space: nowrap;
}
.doubtful { color: var(--faint); font-style: italic; }
.pairs th { width: 45%; color: var(--faint); font-weight: 400; }
.bar { display: flex; height: .5rem; margin: .25rem 0; border-radius: .25rem; overflow: hidden; }
.bar i { flex: none; }
.thick { height: 2rem; border-radius: .5rem; }
.key {
  display: inline-block; width: .75rem; height: .75rem; margin-right: .4rem; border-radius: .2rem;
}
.train, .stage0 { background: var(--train); }
.validation, .stage1 { background: var(--validation); }
.test, .stage2 { background: var(--test); }
.stage3 { background: var(--stage3); }
.stage4 { background: var(--stage4); }
.stage5 { background: var(--stage5); }
.stage6 { background: var(--stage6); }
.stage7 { background: var(--stage7); }
.legend {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr));
  gap: .25rem 1.5rem; margin: 1rem 0; padding: 0;
}
.legend li { list-style: none; }
.mistakes {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1.25rem 1rem;
  margin: 1rem 0; padding: 0;
}
.mistakes li { list-style: none; }
.mistakes img { width: 100%; max-width: 10rem; border-radius: .5rem; }
.mistakes span { display: block; color: var(--ink); }
.mistakes .predicted { color: var(--wrong); font-weight: 600; }
.mistakes .faint { color: var(--faint); font-size: .75rem; }
code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace; }
code { font-size: .875rem; }
pre {
  margin: 0; padding: .75rem 1rem; overflow-x: auto; background: var(--panel);
  border: 1px solid var(--line); border-radius: .5rem;
}
summary { cursor: pointer; margin: 1rem 0; }
@media (max-width: 30rem) {
  body { padding: 1.25rem 1rem 3rem; }
  th, td { padding: .35rem .4rem; font-size: .875rem; }
  .mistakes { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .mistakes img { max-width: none; }
}
@media print {
  :root { color-scheme: light; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, details { display: none; }
  .scroll { max-height: none; overflow: visible; }
  .scroll thead, .scroll tfoot { position: static; }
  tfoot { display: table-row-group; }
  .headline { grid-template-columns: repeat(4, 1fr); gap: .5rem; }
  .headline div { padding: .5rem .75rem; }
  .headline strong { font-size: 1.4rem; }
  .columns { grid-template-columns: repeat(2, 1fr); }
  .wide { overflow: visible; }
  .wide img { min-width: 0; }
  h2, h3, caption { break-after: avoid; }
  figure, tr, .headline div { break-inside: avoid; }
}
"""
