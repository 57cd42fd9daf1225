"""`edgetl export`."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from edgetl.command import JsonOption, command
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.messages import logger
from edgetl.edge.system.native_log import hidden_native_log


class QuantizeOption(StrEnum):
    # Not a Literal like the other choices: Typer takes no list of those.
    none = "none"
    float16 = "float16"
    dynamic = "dynamic"
    int8 = "int8"
    all = "all"


def export(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="Run folder. [default: runs/latest]"),
    ] = None,
    quantize: Annotated[
        list[QuantizeOption] | None,
        typer.Option(help="none is float32. Repeatable. [default: none]"),
    ] = None,
    input_type: Annotated[
        Literal["uint8", "float32"],
        typer.Option("--input", help="Of int8 files; uint8 takes frames as they are."),
    ] = "uint8",
    calibration: Annotated[
        int, typer.Option(min=1, help="Training pictures that int8's ranges are measured on.")
    ] = 100,
    keep_float: Annotated[
        list[str] | None,
        typer.Option(
            metavar="auto|LAYER",
            help="Layers of int8 files left in float; auto finds the fewest that make a file "
            "pass, within 5 minutes. Repeatable.",
        ),
    ] = None,
    max_drop: Annotated[
        float,
        typer.Option(
            min=0,
            help="Points of accuracy a file may lose (and one picture, unless 0); one that loses "
            "more is named NAME.rejected.tflite and the exit status is 1.",
        ),
    ] = 1.0,
    data: Annotated[
        Path | None, typer.Option(help="Where the photos are now, if they have moved.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    need_extra("train", needs="training and export")
    with hidden_native_log(), gc_disabled():
        from edgetl.trainer.exporting.export import export as export_run
        from edgetl.trainer.run.folder import find_run
    modes = {mode.value for mode in quantize or [QuantizeOption.none]}
    if QuantizeOption.all in modes:
        modes = {mode.value for mode in QuantizeOption} - {"all"}
    exported = export_run(
        find_run(run),
        quantize=sorted(modes),
        input_type=input_type,
        calibration=calibration,
        keep_float=keep_float or [],
        max_drop=max_drop,
        data=data,
    )
    if as_json:
        print(json.dumps([{**asdict(item), "path": str(item.path)} for item in exported], indent=2))
    else:
        _print_exported(exported)
    for item in exported:
        if item.rejected:
            logger.warning(f"{item.path.name}: {item.rejected}")
    if any(item.rejected for item in exported):
        raise typer.Exit(1)


def _print_exported(exported: Any) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("file", no_wrap=True)
    table.add_column("runtime", no_wrap=True)
    for name in ("MB", "acc.", "95 %", "agrees", "differs", "p", "recall"):
        table.add_column(name, justify="right", no_wrap=name != "recall")
    for item in exported:
        name = item.path.name.removeprefix("model.").removesuffix(".tflite")
        for check in item.checks:
            size = f"{item.bytes / 1e6:.2f}"
            if check.parity is None:
                table.add_row(name, check.runtime, size, "does not run")
                continue
            found = check.parity
            low, high = found.accuracy_interval
            table.add_row(
                name,
                check.runtime,
                size,
                f"{100 * found.accuracy:.1f}",
                f"{100 * low:.1f}-{100 * high:.1f}",
                f"{100 * found.agreement:.1f}",
                f"{found.mean_difference:.3f}/{found.largest_difference:.2f}",
                f"{found.mcnemar_p:.2f}",
                f"{found.fell_most} {-100 * found.recall_drop:.1f}" if found.fell_most else "-",
            )
    Console().print(table)
    checked = [c.parity for item in exported for c in item.checks if c.parity]
    if checked:
        print(
            f"Beside Keras, accuracy {100 * checked[0].keras_accuracy:.1f}, on "
            f"{checked[0].pictures} {exported[0].split} pictures; percent and points.\n"
            f"differs: probabilities, mean/largest; p: McNemar's exact test, small where accuracy\n"
            f"differs by more than chance; recall: the class whose recall fell most."
        )
    for item in exported:
        kept = f"  (in float: {', '.join(item.keep_float)})" if item.keep_float else ""
        print(f"{item.path}{kept}")
        if item.layer_errors:
            worst = ", ".join(f"{error.layer} {error.lost:.0%}" for error in item.layer_errors)
            print(f"  lost to int8 of each layer's output, the worst: {worst}")


COMMAND = command(export, epilog="Example: edgetl export runs/latest --quantize all --max-drop 0.5")
