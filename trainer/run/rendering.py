"""Runs as tables for a terminal of 80 columns."""

import re
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgetl.edge.errors import quoted
from edgetl.edge.model.latest import LATEST
from edgetl.edge.system.tables import table_console
from edgetl.trainer.metrics import SplitMetrics
from edgetl.trainer.run.overview import Comparison, RunOverview

# With the other columns these make 80; a run's own name, its date, is not broken.
_NAME_WIDTH = 17
_EXPORTS_WIDTH = 8
# Spaces between two columns.
_BETWEEN = 2


def print_runs(runs: Sequence[RunOverview]) -> None:
    """Print a line a run, the latest marked."""
    table = _table("run", "date", "size", "photos", "accuracy", "MB", "exports")
    for run in runs:
        accuracy = f"{100 * run.accuracy:.1f} % {run.split}" if run.accuracy is not None else ""
        marked = f" ({LATEST})" if run.latest else ""
        exports = ", ".join(
            name.removeprefix("model.").removesuffix(".tflite") for name in run.exports
        )
        table.add_row(
            _in_parts(quoted(run.path.name) + marked, _NAME_WIDTH),
            quoted((run.created or "")[:10]),
            run.image_size or "",
            "" if run.pictures is None else f"{run.pictures:,}",
            accuracy or run.state,
            f"{run.bytes / 1e6:.0f}",
            _in_parts(quoted(exports), _EXPORTS_WIDTH) or "-",
        )
    table_console().print(table)
    for run in runs:
        if run.from_run:
            table_console().print(f"{quoted(run.path.name)} went on from {quoted(run.from_run)}.")


def print_comparison(comparison: Comparison, names: tuple[str, str]) -> None:
    """Print the settings that differ and the figures of each split."""
    console = table_console()
    settings = [(quoted(name.replace("_", "-")), v) for name, v in comparison.settings.items()]
    longest = max(len("validation accuracy"), *(len(name) for name, _ in settings), 0)
    room = (console.width - longest - _BETWEEN) // 2 - _BETWEEN
    table = _table("", *(_in_parts(quoted(name), room) for name in names))
    for name, values in settings:
        table.add_row(name, *(_in_parts(_shown(value), room) for value in values))
    for split, figures in comparison.metrics.items():
        if any(figures):
            table.add_row(f"{split} accuracy", *map(_accuracy, figures))
            table.add_row(f"{split} loss", *(f"{f.loss:.4f}" if f else "-" for f in figures))
    console.print(table)
    if not comparison.settings:
        console.print("All settings and the photos are the same.")
    for split, same in comparison.same_pictures.items():
        if split != "train" and any(comparison.metrics[split]) and not same:
            console.print(f"{split}: measured on different photos; compare with care.")


def _accuracy(figures: SplitMetrics | None) -> str:
    return f"{100 * figures.accuracy:.2f} % of {figures.pictures:,}" if figures else "-"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else quoted(str(value))


def _in_parts(text: str, room: int) -> str:
    """`text` in lines of at most so many characters, broken after / where a path allows it.

    rich would break it anywhere, in the middle of a run's date too.
    """
    lines = [""]
    for whole in re.split(r"(?<=[/ ])", text):
        for part in re.findall(f".{{1,{room}}} ?", whole):
            if lines[-1] and len((lines[-1] + part).rstrip()) > room:
                lines.append("")
            lines[-1] += part
    return "\n".join(lines)


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table
