"""Runs as tables for a terminal of 80 columns."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from edgetl.edge.errors import quoted
from edgetl.trainer.metrics import SplitMetrics
from edgetl.trainer.run.overview import Comparison, RunOverview


def print_runs(runs: Sequence[RunOverview]) -> None:
    """Print a line a run, the latest marked."""
    table = _table("run", "date", "size", "photos", "accuracy", "MB", "exports")
    for run in runs:
        accuracy = f"{100 * run.accuracy:.1f} % {run.split}" if run.accuracy is not None else ""
        exports = ", ".join(
            name.removeprefix("model.").removesuffix(".tflite") for name in run.exports
        )
        table.add_row(
            quoted(run.path.name) + (" (latest)" if run.latest else ""),
            quoted((run.created or "")[:10]),
            run.image_size or "",
            "" if run.pictures is None else f"{run.pictures:,}",
            accuracy or run.state,
            f"{run.bytes / 1e6:.0f}",
            quoted(exports) or "-",
        )
    _console().print(table)
    for run in runs:
        if run.from_run:
            _console().print(f"{quoted(run.path.name)} went on from {quoted(run.from_run)}.")


def print_comparison(comparison: Comparison, names: tuple[str, str]) -> None:
    """Print the settings that differ and the figures of each split."""
    console = _console()
    table = _table("", *map(quoted, names))
    for name, values in comparison.settings.items():
        table.add_row(quoted(name.replace("_", "-")), *map(_shown, values))
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


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=0 < number < len(headings) - 1)
    return table


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)
