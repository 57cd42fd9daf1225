"""Exported files as a table for a terminal of 80 columns, and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from edgetl.edge.errors import quoted
from edgetl.trainer.data.dataset import SPLIT_WORDS
from edgetl.trainer.exporting.parity import Parity
from edgetl.trainer.exporting.record import ExportedFile


def exported_json(exported: Sequence[ExportedFile]) -> str:
    """A JSON list of what `ExportedFile` has."""
    return json.dumps([{**asdict(file), "path": str(file.path)} for file in exported], indent=2)


def print_exported(exported: Sequence[ExportedFile]) -> None:
    """Print the table of checks, how to read it, and the path of each file."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(_table(exported))
    checked = [check.parity for file in exported for check in file.checks if check.parity]
    if checked:
        console.print(
            f"Compared with Keras, accuracy {100 * checked[0].keras_accuracy:.1f}, on "
            f"{checked[0].pictures} {SPLIT_WORDS[exported[0].split]} pictures; in percent.\n"
            "differs: probabilities, mean/largest; p: McNemar's exact test, small where the "
            "accuracy differs by more than chance; worst recall: percentage points of the class "
            "that lost most."
        )
    for file in exported:
        console.print(str(file.path), soft_wrap=True)
        if file.keep_float:
            console.print(f"  in float: {', '.join(file.keep_float)}")
        if file.layer_errors:
            worst = ", ".join(f"{error.layer} {error.lost:.0%}" for error in file.layer_errors)
            console.print(f"  lost to int8 of a layer's output, most in: {worst}")


def _table(exported: Sequence[ExportedFile]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0)
    # With the longest name of a file all of it is 80 wide. Only the class wraps, never a number.
    table.add_column("file", no_wrap=True)
    for heading in ("MB", "acc.", "95 %", "agrees", "differs", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("worst recall", overflow="fold", min_width=12)
    for file in exported:
        name = file.path.name.removeprefix("model.").removesuffix(".tflite")
        table.add_row(name.replace(".rejected", "\n  rejected"), f"{file.bytes / 1e6:.2f}")
        for check in file.checks:
            cells = _cells(check.parity) if check.parity else ["-"] * 5 + ["does not run"]
            table.add_row(f"  {check.runtime}", "", *cells)
    return table


def _cells(parity: Parity) -> list[str]:
    low, high = parity.accuracy_interval
    fallen = (
        f"{-100 * parity.recall_drop:.1f} {quoted(parity.fell_most)}" if parity.fell_most else "-"
    )
    return [
        f"{100 * parity.accuracy:.1f}",
        f"{100 * low:.1f}-{100 * high:.1f}",
        f"{100 * parity.agreement:.1f}",
        f"{parity.mean_difference:.3f}/{parity.largest_difference:.2f}",
        f"{parity.mcnemar_p:.2f}",
        fallen,
    ]
