"""The machine that figures are measured on, and whether it holds back.

Everything is None where the system does not tell: no /sys on macOS, little of it in containers.
"""

import contextlib
import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measured import Condition, Machine
from edge import __version__
from edge.temperature import CPU_TEMPERATURE, celsius

_PACKAGES = (
    "numpy",
    "opencv-python",
    "pillow",
    "ai-edge-litert",
    "tflite-runtime",
    "tensorflow",
    "keras",
)

# Of the firmware's get_throttled, bits that are true now; each has another 16 places higher that
# stays once it was true
# (https://www.raspberrypi.com/documentation/computers/os.html#get_throttled).
_THROTTLED_NOW = {
    0: "under-voltage",
    1: "ARM frequency capped",
    2: "throttled",
    3: "soft temperature limit",
}
_HAS_BEEN = 16
_FIRMWARE_FLAGS = Path("devices/platform/soc/soc:firmware/get_throttled")
_CORE_COUNTS = "devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"


@dataclass(frozen=True)
class Throttling:
    """What the system knows of holding back at one moment.

    Attributes:
        flags: a Raspberry Pi's get_throttled; None on other machines.
        events: how often Intel cores have been slowed because they were hot, None elsewhere.
    """

    flags: int | None
    events: int | None


def throttling(sys_folder: Path = Path("/sys")) -> Throttling:
    """Ask the firmware or the kernel."""
    return Throttling(_firmware_flags(sys_folder), _core_events(sys_folder))


def throttled_words(now: Throttling) -> tuple[str, ...] | None:
    """What the firmware says is or was wrong since it started; None where it says nothing."""
    if now.flags is None:
        return None
    present = [words for bit, words in _THROTTLED_NOW.items() if now.flags >> bit & 1]
    past = [
        f"{words} has occurred"
        for bit, words in _THROTTLED_NOW.items()
        if now.flags >> (bit + _HAS_BEEN) & 1 and not now.flags >> bit & 1
    ]
    return (*present, *past)


def throttled_between(before: Throttling, after: Throttling) -> str:
    """Why what ran between two moments was held back, "" if nothing says that it was."""
    if before.flags is not None and after.flags is not None:
        bits = range(len(_THROTTLED_NOW))
        both = before.flags | after.flags
        new = (after.flags & ~before.flags) >> _HAS_BEEN
        return ", ".join(_THROTTLED_NOW[bit] for bit in bits if (both | new) >> bit & 1)
    if before.events is not None and after.events is not None and after.events > before.events:
        return "a core was hot and slowed"
    return ""


def condition(sys_folder: Path = Path("/sys")) -> Condition:
    """The machine now."""
    frequency = sys_folder / "devices/system/cpu/cpu0/cpufreq"
    kilohertz = _text(frequency / "scaling_cur_freq")
    load = None
    with contextlib.suppress(OSError, AttributeError):
        load = os.getloadavg()[0]
    return Condition(
        temperature_celsius=celsius(sys_folder / CPU_TEMPERATURE.relative_to("/sys")),
        governor=_text(frequency / "scaling_governor") or None,
        megahertz=int(kilohertz) / 1000 if kilohertz.isdecimal() else None,
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


def _firmware_flags(sys_folder: Path) -> int | None:
    told = _text(sys_folder / _FIRMWARE_FLAGS)
    if not told and sys_folder == Path("/sys"):
        # Kernels that are older, or not Raspberry Pi's, have no such file.
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            answer = subprocess.run(
                ["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=5, check=True
            )
            told = answer.stdout.strip().removeprefix("throttled=")
    try:
        return int(told, 16)
    except ValueError:
        return None


def _core_events(sys_folder: Path) -> int | None:
    counts = [_text(path) for path in sys_folder.glob(_CORE_COUNTS)]
    return sum(int(count) for count in counts if count.isdecimal()) if counts else None


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
