"""Running Python code of ours in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def run_python(arguments: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[Any]":
    """Run this Python anew, with the modules that this process finds and no others.

    Args:
        arguments: its own, such as "-m" and a module.
        options: of subprocess.run.

    Raises:
        OSError, subprocess.TimeoutExpired: as subprocess.run.
    """
    # -P and absolute paths: the folder we are in must not lend its modules to the new process,
    # and this process may have found its own in ways of its own.
    paths = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
        **options,
    )
