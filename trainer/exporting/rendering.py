"""Exported files as a table for a terminal of 80 columns, and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgetl.edge.errors import quoted
from edgetl.edge.system.tables import table_console
from edgetl.trainer.data.dataset import SPLIT_WORDS
from edgetl.trainer.exporting.record import ExportedFile, RuntimeCheck


def exported_json(exported: Sequence[ExportedFile]) -> str:
    """A JSON list of what `ExportedFile` has."""
    return json.dumps([{**asdict(file), "path": str(file.path)} for file in exported], indent=2)


def print_exported(exported: Sequence[ExportedFile]) -> None:
    """Print the table of checks, how to read it, and the path of each file."""
    console = table_console()
    console.print(_table(exported))
    checked = [check.parity for file in exported for check in file.checks if check.parity]
    if checked:
        console.print(
            "Compared with Keras on as many photos, trained on or not; in percent.\n"
            "difference: of the accuracies, in points, with its 92 % interval (Tango's "
            "score); worst recall: points of the class that lost most.\n"
            f"acc.: on {checked[0].pictures} {SPLIT_WORDS[exported[0].split]} pictures, where "
            f"Keras has {100 * checked[0].keras_accuracy:.1f}."
        )
    for file in exported:
        console.print(quoted(file.path), soft_wrap=True)
        for check in file.checks:
            if check.parity and None not in (check.parity.ece, check.parity.keras_ece):
                console.print(
                    f"  expected calibration error on {check.runtime}: {check.parity.ece:.4f}, "
                    f"Keras {check.parity.keras_ece:.4f}"
                )
        if file.keep_float:
            console.print(f"  in float: {', '.join(file.keep_float)}")
        if file.layer_errors:
            worst = ", ".join(f"{error.layer} {error.lost:.0%}" for error in file.layer_errors)
            console.print(f"  lost to int8 of a layer's output, most in: {worst}")


def _table(exported: Sequence[ExportedFile]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0)
    # With the longest name of a file all of it is 80 wide. Only the class wraps, never a number.
    table.add_column("file", no_wrap=True)
    for heading in ("MB", "acc.", "photos", "agrees", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("worst recall", overflow="fold", min_width=12)
    for file in exported:
        name = file.path.name.removeprefix("model.").removesuffix(".tflite")
        table.add_row(name.removesuffix(".rejected"), f"{file.bytes / 1e6:.2f}")
        table.add_row(f"  {file.verdict}")
        for check in file.checks:
            table.add_row(f"  {check.runtime}", "", *_cells(check))
    return table


def _cells(check: RuntimeCheck) -> list[str]:
    parity, found = check.parity, check.difference
    if parity is None or found is None:
        return ["-"] * 4 + ["does not run"]
    low, high = found.interval
    fallen = next(
        (
            f"{100 * (r.file - r.keras):.1f} {quoted(r.label)}"
            for r in found.recalls[:1]
            if r.lost > 0
        ),
        "-",
    )
    return [
        f"{100 * parity.accuracy:.1f}",
        str(found.pictures),
        f"{100 * found.agreement:.1f}",
        f"{100 * found.difference:+.1f} ({100 * low:+.1f}, {100 * high:+.1f})",
        fallen,
    ]
