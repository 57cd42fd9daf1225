"""Messages while a command works: the logger "edgetl", shown on stderr.

Results go to stdout. Everything else is logged, by the standard library: as info what goes on, as a
warning what is left out, replaced or assumed, as an error what failed while the rest goes on.
"""

import logging
import os
import sys

from edgetl.edge.errors import quoted
from edgetl.edge.system.native_log import DEBUG_VARIABLE
from edgetl.edge.system.standard_streams import abandon

logger = logging.getLogger("edgetl")
logger.addHandler(logging.NullHandler())


class _Stderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Not what stderr was when the handler was made: tests and progress bars replace it.
        prefix = "edgetl: " if record.levelno >= logging.WARNING else ""
        # Names of files and labels may hold what a terminal obeys.
        message = "\n".join(map(quoted, record.getMessage().split("\n")))
        try:
            print(f"{prefix}{message}", file=sys.stderr, flush=True)
        except OSError:
            # Whoever read it has gone, or its disk is full: no reason to stop what is going on.
            abandon(sys.stderr)


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
