"""The results of a deployment, for people and for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgetl.deploy.deploying import Deployed
from edgetl.edge.errors import quoted

_COLOURS = {"deployed": "green", "unchanged": "green"}


def print_deployed(results: Sequence[Deployed], console: Console, *, dry_run: bool) -> None:
    """A line for each device, and below them, for each that failed, a line with the reason."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("device", "state", "model", "edgetl", "runtime", "ms"):
        # Names of hosts and runtimes may be long; what else there is is not broken.
        wraps = heading in ("device", "runtime")
        justify: Literal["left", "right"] = "right" if heading == "ms" else "left"
        table.add_column(heading, overflow="fold", no_wrap=not wraps, justify=justify)
    for result in results:
        state = "would deploy" if dry_run and result.state == "deployed" else result.state
        colour = _COLOURS.get(result.state, "bold red")
        table.add_row(
            _shown(result.host),
            f"[{colour}]{state}[/]",
            _shown(result.model[:8]),
            _shown(result.edgetl),
            _shown(result.runtime),
            "" if result.milliseconds is None else f"{result.milliseconds:.1f}",
        )
    console.print(table)
    for result in results:
        if result.why:
            line = f"{result.host}: {result.why}"
            console.print(quoted(line), markup=False, highlight=False, soft_wrap=True)


def _shown(text: str) -> str:
    # It is the device that says so.
    return escape(quoted(text))


def deployed_json(results: Sequence[Deployed]) -> str:
    """The results as a list of objects."""
    return json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False)
