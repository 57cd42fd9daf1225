"""Which Python this is, and on what."""

import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from edgetl import __version__
from edgetl.edge.doctor.check import Check
from edgetl.edge.system.extras import extras

_OLDEST = (3, 11)


def python_checks() -> Iterator[Check]:
    """Python, the system under it, its virtual environment and the extras."""
    yield Check("edgetl", "ok", __version__)
    yield _python()
    yield _environment()
    found = extras()
    there = ", ".join(extra for extra in found if found[extra]) or "none"
    missing = ", ".join(extra for extra in found if not found[extra]) or "none"
    yield Check("extras", "ok", f"{there} (not installed: {missing})")


def _python() -> Check:
    bits = struct.calcsize("P") * 8
    found = (
        f"{platform.python_implementation()} {platform.python_version()}, {bits}-bit, "
        f"{platform.system()} {platform.machine()}{_board()}"
    )
    if sys.version_info < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        return Check("python", "fail", found, f"edgetl needs Python {oldest} or newer")
    if bits == 32:
        return Check("python", "warn", found, "a 64-bit system runs the same model faster")
    return Check("python", "ok", found)


def _board() -> str:
    try:
        model = Path("/proc/device-tree/model").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return f", {model.strip(chr(0)).strip()}"


def _environment() -> Check:
    if sys.prefix == sys.base_prefix:
        remedy = "keep edgetl apart from the system: python3 -m venv ~/edgetl"
        return Check("environment", "warn", f"none: the system's own Python, {sys.prefix}", remedy)
    try:
        settings = Path(sys.prefix, "pyvenv.cfg").read_text(encoding="utf-8").lower()
    except OSError:
        settings = ""
    shared = "include-system-site-packages = true" in settings
    return Check("environment", "ok", sys.prefix + (", with the system's packages" * shared))
