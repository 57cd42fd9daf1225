"""Commands that a check runs, with their output in a log."""

import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOUR = 3600


class CheckError(Exception):
    """A check failed; the message is for the table."""


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def run_logged(log: Path, command: Sequence[str | Path], *, status: int = 0, **options: Any) -> str:
    """The stdout of a command, and its stderr behind it where a failure is expected.

    Args:
        log: the file that both streams are appended to.
        command: the program and its arguments.
        status: the exit status that is expected.
        options: more for subprocess.run.

    Raises:
        CheckError: it ends with another status.
    """
    options = {"timeout": HOUR, "stdin": subprocess.DEVNULL, **options}
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    with log.open("a") as output:
        shown = shlex.join(map(str, command))
        print(f"$ {shown}\n{done.stdout}{done.stderr}[{done.returncode}]", file=output)
    if done.returncode != status:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        end = shlex.join(map(str, command[-3:]))
        raise CheckError(f"{end}: status {done.returncode}: {lines[-1] if lines else 'no output'}")
    return done.stdout if status == 0 else done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
