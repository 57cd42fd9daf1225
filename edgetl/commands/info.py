"""`edgetl info`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from edgetl.command import JsonOption, command


def info(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .tflite file.")],
    labels: Annotated[
        Path | None, typer.Option(help="Names of the classes, if the file holds none.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    from edgetl.edge.model.model_file import describe, read_labels, read_model_file

    names = read_labels(labels) if labels else None
    facts = describe(read_model_file(model, labels=names))
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for name, value in _flat(facts):
        print(f"{name:28} {value}")


def _flat(facts: dict[str, Any], prefix: str = "") -> Any:
    """Nested facts as lines: ("input.shape", "1x160x160x3")."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(str(part) for part in value)
        elif value is not None:
            yield f"{prefix}{name}", f"{value:.4g}" if isinstance(value, float) else value


COMMAND = command(info, epilog="Example: edgetl info model.int8.tflite")
