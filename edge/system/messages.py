"""Messages while a command works: the logger "edgetl", shown on stderr.

Results go to stdout. Everything else is logged, by the standard library: as info what goes on, as a
warning what is left out, replaced or assumed, as an error what failed while the rest goes on.
"""

import logging
import os
import re
import sys

from edgetl.edge.errors import quoted
from edgetl.edge.system.native_log import DEBUG_VARIABLE
from edgetl.edge.system.standard_streams import abandon

# Where a line begins with a heading, the next one begins below what follows it.
_HEADING = re.compile(r"\s*\S+ {2,}(?=\S)")
# Commands, whose spaces are no place to break a line: who copies them types Enter with the break.
_COMMAND = re.compile(r"`[^`]*`|(?<=: )(?:sudo |edgetl |pip |ssh ).*")
_NO_BREAK = "\0"

logger = logging.getLogger("edgetl")
logger.addHandler(logging.NullHandler())


class _Stderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Not what stderr was when the handler was made: tests and progress bars replace it.
        prefix = "edgetl: " if record.levelno >= logging.WARNING else ""
        # Names of files and labels may hold what a terminal obeys.
        lines = f"{prefix}{record.getMessage()}".split("\n")
        columns = _columns()
        try:
            shown = (_folded(quoted(line), columns) for line in lines)
            print("\n".join(shown), file=sys.stderr, flush=True)
        except OSError:
            # Whoever read it has gone, or its disk is full: no reason to stop what is going on.
            abandon(sys.stderr)


def _columns() -> int | None:
    """Those of the terminal that messages are shown on, None where they are not."""
    try:
        if not sys.stderr.isatty():
            return None
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):  # closed, or replaced by what has no descriptor
        return None


def _folded(line: str, columns: int | None) -> str:
    """A line broken between words, where the terminal would break it inside a word or a number."""
    if not columns or len(line) <= columns:
        return line
    import textwrap

    heading = _HEADING.match(line)
    kept = _COMMAND.sub(lambda found: found[0].replace(" ", _NO_BREAK), line)
    folded = textwrap.fill(
        kept,
        columns,
        subsequent_indent=" " * (heading.end() if heading and heading.end() < columns // 2 else 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return folded.replace(_NO_BREAK, " ")


def show_messages(level: str = "info") -> None:
    """Show what is logged on stderr; the command line does.

    Args:
        level: "warning", "info", "debug", or "all": debug, with tracebacks and the logs of native
            libraries, in processes started from now on too.
    """
    if not any(isinstance(handler, _Stderr) for handler in logger.handlers):
        logger.addHandler(_Stderr())
        logger.propagate = False
    logger.setLevel(logging.DEBUG if level in ("debug", "all") else level.upper())
    if level == "all":
        os.environ[DEBUG_VARIABLE] = "1"
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
