"""How the benchmarks of development are run as commands."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.messages import logger, show_messages

# In a file or a pipe rich would take 80 columns, too few for these tables.
_WIDTH = 100


def run_command(function: Callable[..., None]) -> None:
    """Run `function` as a command; what the user can fix becomes one line."""
    show_messages()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(function)
    try:
        app()
    except EdgetlError as error:
        logger.error(str(error))
        sys.exit(error.exit_code)


def console(width: int = _WIDTH) -> Console:
    """What prints a table and the text below it on stdout, `width` columns wide in a file."""
    return Console(width=None if sys.stdout.isatty() else width, highlight=False, markup=False)


def figures_table(title: str, *headings: str) -> Table:
    """A table of what is measured, in words, and its figures; empty as yet."""
    table = Table(title, box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def print_json(report: Any) -> None:
    """Print a dataclass on stdout."""
    print(json.dumps(asdict(report), indent=2, ensure_ascii=False))  # noqa: T201
