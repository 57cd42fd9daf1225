"""Running Python code of ours in a subprocess."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

# -P and absolute paths: the folder we are in must not lend its modules to the new process, and this
# process may have found its own in ways of its own.
_PYTHON = (sys.executable, "-P")
# A session of its own: Ctrl-C is for this process, which then ends the other in order. It would
# show a traceback.
_OF_ITS_OWN: Mapping[str, Any] = {"start_new_session": True}


def run_python(arguments: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[Any]":
    """Run this Python in a subprocess, with the modules that this process finds and no others.

    Args:
        arguments: its own, such as "-m" and a module.
        options: of subprocess.run.

    Raises:
        OSError, subprocess.TimeoutExpired: as subprocess.run.
    """
    options = {**_OF_ITS_OWN, **options, "env": _environment()}
    return subprocess.run([*_PYTHON, *arguments], check=False, **options)


def start_python(
    arguments: Sequence[str], *, environment: Mapping[str, str] | None = None, **options: Any
) -> "subprocess.Popen[Any]":
    """As `run_python`, and not wait for its end.

    Args:
        arguments: its own.
        environment: variables that it has besides this process's.
        options: of subprocess.Popen.

    Raises:
        OSError: as subprocess.Popen.
    """
    options = {**_OF_ITS_OWN, **options, "env": _environment(environment)}
    return subprocess.Popen([*_PYTHON, *arguments], **options)


def ending(status: int) -> str:
    """How a process ended, by its status: the name of a signal, or "exit status 3"."""
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"exit status {status}"


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    paths = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100
    return {**os.environ, "PYTHONPATH": paths, **(more or {})}
