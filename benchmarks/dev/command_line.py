"""How the benchmarks of development are run as commands."""

import sys
from collections.abc import Callable

import typer
from rich.console import Console

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


def console() -> Console:
    """What prints a table and the text below it on stdout."""
    width = None if sys.stdout.isatty() else _WIDTH
    return Console(width=width, highlight=False, markup=False)
