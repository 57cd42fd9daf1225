"""What came of a deployment, as people and as programs read it."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgetl.deploy.deploying import Deployed

_COLOURS = {"deployed": "green", "unchanged": "green"}


def print_deployed(results: Sequence[Deployed], console: Console, *, dry_run: bool) -> None:
    """A row for each device, and below it what went wrong."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("device", "state", "model", "edgetl", "runtime"):
        table.add_column(heading, overflow="fold")
    table.add_column("ms", justify="right", no_wrap=True)
    for result in results:
        state = "would deploy" if dry_run and result.state == "deployed" else result.state
        colour = _COLOURS.get(result.state, "bold red")
        table.add_row(
            escape(result.host),
            f"[{colour}]{state}[/]",
            result.model[:8],
            result.edgetl,
            result.runtime,
            "" if result.milliseconds is None else f"{result.milliseconds:.1f}",
        )
    console.print(table)
    for result in results:
        if result.why:
            console.print(f"{result.host}: {result.why}", markup=False, highlight=False)


def deployed_json(results: Sequence[Deployed]) -> str:
    """A list of objects."""
    return json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False)
