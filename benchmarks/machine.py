"""The machine that figures are measured on.

Everything is None where the system does not tell: no /sys on macOS, little of it in containers.
"""

import contextlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measured import Condition, Machine
from edge import __version__
from edge.temperature import CPU_TEMPERATURE, celsius
from edge.throttling import SYS, governor, megahertz, throttled_words, throttling

_PACKAGES = (
    "numpy",
    "opencv-python",
    "pillow",
    "ai-edge-litert",
    "tflite-runtime",
    "tensorflow",
    "keras",
)


def condition(sys_folder: Path = SYS) -> Condition:
    """The machine now."""
    load = None
    with contextlib.suppress(OSError, AttributeError):
        load = os.getloadavg()[0]
    return Condition(
        temperature_celsius=celsius(sys_folder / CPU_TEMPERATURE.relative_to(SYS)),
        governor=governor(sys_folder),
        megahertz=megahertz(sys_folder),
        throttled=throttled_words(throttling(sys_folder)),
        load_average=load,
    )


def this_machine(before: Condition, after: Condition) -> Machine:
    """What figures were measured on, between two moments."""
    affinity = getattr(os, "sched_getaffinity", None)
    board = _text(Path("/proc/device-tree/model")).rstrip("\0")
    return Machine(
        name=board or platform.node() or "unnamed",
        cpu=processor(),
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        system=_system(),
        python=platform.python_version(),
        versions={"edgetl": __version__, **_versions()},
        before=before,
        after=after,
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def processor() -> str:
    """Its name, as far as the system tells."""
    facts = {}
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    # On ARM the kernel names boards and part numbers only.
    part = " ".join(facts[name] for name in ("Hardware",) if name in facts)
    return facts.get("model name") or part or platform.processor() or platform.machine()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0


def _system() -> str:
    with contextlib.suppress(OSError):
        named = platform.freedesktop_os_release().get("PRETTY_NAME")
        if named:
            return f"{named}, {platform.system()} {platform.release()} {platform.machine()}"
    return f"{platform.system()} {platform.release()} {platform.machine()}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
