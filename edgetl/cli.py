"""The front door: finds the command that was typed, runs it, and says what went wrong in one line.

Only the module of that command is imported, so that `edgetl --help` is there at once and `classify`
never meets TensorFlow.
"""

import os
import sys
import threading
from contextlib import suppress
from io import TextIOWrapper
from typing import Any

from typer.main import get_install_completion_arguments

from edgetl import __version__
from edgetl.command import eager_flag, message_options
from edgetl.commands import Commands
from edgetl.edge.errors import EdgetlError, quoted, reason
from edgetl.edge.system.messages import logger, show_messages
from edgetl.edge.system.native_log import DEBUG_VARIABLE
from edgetl.edge.system.out_of_memory import advice, shortage
from edgetl.edge.system.shutdown import GracefulShutdown
from edgetl.edge.system.standard_streams import abandon, replace_closed

SUMMARIES = {
    "demo": "Every step, end to end, on pictures it draws itself.",
    "collect": "Take photos with a camera into class folders, on a page.",
    "review": "Sort what a device has seen into class folders, on a page.",
    "train": "Train a classifier on a folder of photos, in two phases.",
    "inspect": "Show what train would find in a folder, and what is odd there.",
    "export": "Write a run's .tflite files, each checked against Keras.",
    "classify": "Classify pictures, videos or a camera on the device.",
    "index": "List a million pictures for `classify --index`, in shards.",
    "serve": "Classify pictures that are posted to this device, or to its page.",
    "teach": "Teach a model a new class or corrections, on the device.",
    "explain": "Show where in photos a model sees what it calls them.",
    "info": "Print what is inside a model file.",
    "doctor": "Check this device, and say how to fix what is broken.",
    "deploy": "Put a model on devices; roll back where its test fails.",
    "runs": "List runs, compare two, and free the space of those not needed.",
    "benchmark": "Measure what .tflite files lose and gain compared with Keras.",
    "service": "Run `classify` or `serve` all day, and after every boot.",
}


def _completion() -> list[Any]:
    """What installs and prints shell completion; in --help-all, since --help fits a screen."""
    install, show = get_install_completion_arguments()
    install.hidden = show.hidden = True  # type: ignore[attr-defined]
    return [install, show]


def _show_version(context: Any, parameter: Any, wanted: bool) -> None:
    if wanted:
        print(f"edgetl {__version__}")
        context.exit()


app = Commands(
    name="edgetl",
    package="edgetl.commands",
    summaries=SUMMARIES,
    help="From a folder of photos to an image classifier on a Raspberry Pi.",
    epilog="Example: edgetl train photos && edgetl export && edgetl classify x.jpg",
    params=[
        eager_flag("version", "Print the version.", _show_version),
        *message_options(hidden=True),
        *_completion(),
    ],
)


def main() -> None:
    """The `edgetl` command: runs the app, and shows what the user can fix in one line."""
    replace_closed()
    try:
        _run_app()
    except SystemExit as end:
        cause = end.__context__
        if any(thread.daemon for thread in threading.enumerate()) or (cause and shortage(cause)):
            # One that comes back from a camera's driver to a Python that is going away would end
            # the process with an abort; a library that was half loaded can wait indefinitely.
            _leave_at_once(end.code)
        raise


def _leave_at_once(status: str | int | None) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


def _run_app() -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        # A file name may hold bytes that are no UTF-8; in JSON as elsewhere "\\udce9" can stand.
        sys.stdout.reconfigure(errors="backslashreplace")
    show_messages("all" if os.environ.get(DEBUG_VARIABLE) else "info")
    try:
        try:
            # Whatever is run: children are ended, and temporary folders deleted.
            with GracefulShutdown():
                app()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        # Before a command takes signals itself.
        sys.exit(130)
    except BrokenPipeError:
        # A reader that has had enough, as `| head` has.
        abandon(sys.stdout)
        sys.exit(0)
    except (EdgetlError, ImportError, OSError, MemoryError, RuntimeError) as error:
        known = not isinstance(error, RuntimeError) or shortage(error)
        if os.environ.get(DEBUG_VARIABLE) or not known:
            raise
        if isinstance(error, OSError):
            abandon(sys.stdout)
        message, status = _explained(error)
        logger.error(message)
        sys.exit(status)


def _explained(error: Exception) -> tuple[str, int]:
    """What an error tells a person, and its exit status."""
    short = shortage(error)
    if short and not (isinstance(error, EdgetlError) and "memory" in str(error)):
        words = " ".join(str(short).split())
        return f"too little memory{f' ({words})' if words else ''}; {advice()}", 2
    if isinstance(error, EdgetlError):
        return str(error), error.exit_code
    if isinstance(error, ImportError):
        # As on Raspberry Pi OS Lite, which has no libGL for OpenCV.
        words = " ".join(str(error).split())
        return f"a library does not load: {words}; find out why with: edgetl doctor", 2
    assert isinstance(error, OSError)
    name = quoted(error.filename) if isinstance(error.filename, str) else "stdout"
    return f"{name}: {reason(error)}", 1
