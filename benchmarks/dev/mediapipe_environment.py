"""A virtual environment that has MediaPipe and not edgetl, in which our files are classified too.

MediaPipe brings opencv-contrib-python and NumPy 2, which must not meet our opencv-python and
NumPy 1.
"""

import subprocess
import sys
from pathlib import Path

from edgetl.benchmarks.dev.processes import last_line
from edgetl.edge.errors import EdgetlError, quoted, reason

VERSION = "1.2.3"
FOLDER = ".venv-mediapipe"


def mediapipe_python(folder: Path) -> Path:
    """The Python of the environment in `folder`, which is made on first use (20 s, by pip).

    It is to be run with -I, so that no module of ours can come in.

    Raises:
        EdgetlError: it cannot be made: the folder cannot be written, there is no network, or
            MediaPipe has no wheel for this machine.
    """
    # Not resolved: the environment's python is a link to the one that made it.
    python = folder.absolute() / "bin" / "python"
    if _has_mediapipe(python):
        return python
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", folder], capture_output=True, text=True
    )
    if made.returncode != 0:
        raise EdgetlError(
            f"{quoted(folder)}: cannot be made: {last_line(made.stdout + made.stderr)}"
        )
    try:
        # As Python 3.13's venv does of itself: git and ruff then ignore the folder.
        (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        raise EdgetlError(f"{quoted(folder)}: cannot be written: {reason(error)}") from error
    installed = subprocess.run(
        [
            *(python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            # More patience, as by default, only makes the wait without a network longer.
            *("--retries", "1", "--timeout", "20"),
            *("--only-binary", ":all:", f"mediapipe=={VERSION}"),
        ],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    if installed.returncode != 0 or not _has_mediapipe(python):
        words = last_line(installed.stdout + installed.stderr)
        raise EdgetlError(f"pip cannot install mediapipe {VERSION} into {quoted(folder)}: {words}")
    return python


def _has_mediapipe(python: Path) -> bool:
    """Whether the pinned release is there and whole: an interrupted installation is repeated."""
    try:
        result = subprocess.run(
            [python, "-I", "-c", "import mediapipe; print(mediapipe.__version__)"],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    except OSError:
        return False
    return result.stdout.strip() == VERSION
