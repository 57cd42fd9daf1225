"""An examination as people and as programs read it."""

import json
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgetl.edge.doctor.check import Examination
from edgetl.edge.errors import quoted

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def print_examination(examination: Examination, console: Console) -> None:
    """A row for each check, and below it what to do."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found", overflow="fold")
    for check in examination.checks:
        colour = _COLOURS[check.state]
        table.add_row(check.name, f"[{colour}]{check.state}[/]", _shown(check.found))
        if check.remedy:
            table.add_row("", "[bold]->[/]", _shown(check.remedy))
    console.print(table)
    states = [check.state for check in examination.checks]
    found = [f"{states.count(state)} {state}" for state in ("fail", "warn") if state in states]
    console.print(", ".join(found) or "all is well")


def _shown(text: str) -> str:
    # Cameras and systems name themselves.
    return escape(quoted(text))


def examination_json(examination: Examination) -> str:
    """One JSON object."""
    # "mend" is the key's name since 0.1.0; `edgetl deploy` reads it.
    facts: dict[str, Any] = {
        "healthy": examination.healthy,
        "checks": [
            {"mend" if name == "remedy" else name: value for name, value in asdict(check).items()}
            for check in examination.checks
        ],
        "model": asdict(examination.model) if examination.model else None,
    }
    return json.dumps(facts, indent=2, ensure_ascii=False)
