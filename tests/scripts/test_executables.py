"""The executables in scripts/: that they start, and what CI calls."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
EXECUTABLES = sorted(path for path in SCRIPTS.glob("*") if path.is_file())
CHECKS = [path for path in EXECUTABLES if path.name.endswith("-check")]
SHELL = [path for path in EXECUTABLES if "bash" in path.read_text().partition("\n")[0]]
posix = pytest.mark.skipif(os.name != "posix", reason="a shell")


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.name)
def test_a_check_explains_itself(path: Path) -> None:
    result = subprocess.run(
        [sys.executable, path, "--help"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert f"scripts/{path.name}" in result.stdout
    assert "--cache" in result.stdout


@posix
@pytest.mark.parametrize("path", EXECUTABLES, ids=lambda path: path.name)
def test_it_can_be_executed(path: Path) -> None:
    assert os.access(path, os.X_OK)


@posix
@pytest.mark.parametrize("path", [*SHELL, SCRIPTS.parent / ".ci/run"], ids=lambda path: path.name)
def test_a_shell_can_read_it(path: Path) -> None:
    result = subprocess.run(["bash", "-n", path], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")


def test_ci_leaves_a_contributors_environment_alone() -> None:
    text = (SCRIPTS.parent / ".ci/run").read_text()
    before, _, after = text.partition('cd "$temporary/edgetl"\n')
    assert after
    assert ".venv" not in before.partition("set -euo pipefail")[2]
    assert "scripts/lint" in after
    assert "scripts/test -m slow" in after
