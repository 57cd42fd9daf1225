"""What tests of `edgetl service` share: another system's file tree, and systemd's own tools."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

needs_systemd = pytest.mark.skipif(
    not (shutil.which("systemd-analyze") and shutil.which("systemctl")),
    reason="needs systemd's tools: apt-get install systemd",
)


def verified(unit: Path) -> str:
    """What `systemd-analyze verify` has to say of a unit."""
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
    )
    return "\n".join(
        line for line in (result.stdout + result.stderr).splitlines() if unit.name in line
    )


def as_read(unit: Path, name: str) -> str:
    """What systemd has read of a unit, by the name of a key."""
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True, text=True, env={**os.environ, "SYSTEMD_LOG_LEVEL": "debug"},
    )  # fmt: skip
    dump = result.stdout.partition(f"-> Unit {unit.name}:")[2].partition("-> Unit ")[0]
    return "\n".join(re.findall(rf"^\s*{name}: (.*)$", dump, re.MULTILINE))


def install(card: Path, *more: str) -> list[str | Path]:
    """The arguments that install `classify` into `card`, `more` in place of or behind these."""
    usual = {"--camera": "0", "--model": "/home/pi/m.tflite", "--root": card, "--run-as": "pi"}
    return ["service", "install", *_with(usual, more)]


def install_serve(card: Path, *more: str) -> list[str | Path]:
    """The same for `serve`."""
    usual = {"--model": "/home/pi/m.tflite", "--root": card, "--run-as": "pi"}
    return ["service", "install", "serve", *_with(usual, more)]


def arguments_of(unit: str, command: str) -> list[str]:
    """What a unit gives to a command of edgetl."""
    (line,) = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
    words = shlex.split(line.replace("$$", "$").replace("%%", "%"))
    return words[words.index(command) + 1 :]


def _with(usual: Mapping[str, str | Path], more: Sequence[str]) -> list[str | Path]:
    given = {argument.partition("=")[0] for argument in more}
    kept = [item for item in usual.items() if item[0] not in given]
    return [*(part for item in kept for part in item), *more]
