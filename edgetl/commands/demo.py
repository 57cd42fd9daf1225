"""`edgetl demo`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgetl.command import command
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.native_log import hidden_native_log


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the run.")] = Path(
        "edgetl-demo"
    ),
) -> None:
    need_extra("train", needs="training and export")
    with hidden_native_log(), gc_disabled():
        from edgetl.benchmarks.demo import run_demo
        from edgetl.edge.sinks.text import percentages
    result = run_demo(out)
    print("held-out pictures, classified on the device runtime:")
    for path, predictions in result.shown:
        print(f"  {path}  {percentages(predictions)}")
    print()
    _print_measured(result.measured)
    print()
    for name, made in (
        ("pictures", result.pictures),
        ("run", result.run.path),
        ("figures", result.run.figures),
        ("models", result.run.exports),
    ):
        print(f"{name:9} {made}")


def _print_measured(measured: Any) -> None:
    from rich.console import Console

    from edgetl.benchmarks.report.tables import method, tables

    console = Console()
    for table in tables(measured):
        console.print(table)
    for line in method(measured):
        console.print(line, highlight=False, markup=False)


COMMAND = command(demo, epilog="Example: edgetl demo --out my-demo")
