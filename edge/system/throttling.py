"""How hot a CPU is, and whether it is throttled: by heat, low voltage, or its governor.

All is None where the system does not report it: no /sys on macOS, little of it in containers.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

SYS = Path("/sys")
CPU_TEMPERATURE = SYS / "class/thermal/thermal_zone0/temp"

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
_FIRMWARE_FLAGS = "devices/platform/soc/soc:firmware/get_throttled"
_CORE_COUNTS = "devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"
_FREQUENCY = "devices/system/cpu/cpu0/cpufreq"


@dataclass(frozen=True)
class Throttling:
    """What the system reports of throttling at one moment.

    Attributes:
        flags: a Raspberry Pi's get_throttled; None on other machines.
        events: how often Intel cores have been slowed because they were hot, None elsewhere.
    """

    flags: int | None
    events: int | None


def throttling(sys_folder: Path = SYS) -> Throttling:
    """Ask the firmware or the kernel."""
    return Throttling(_firmware_flags(sys_folder), _core_events(sys_folder))


def throttled_now(now: Throttling) -> list[str]:
    """What the firmware says is wrong at this moment."""
    return [words for bit, words in _THROTTLED_NOW.items() if (now.flags or 0) >> bit & 1]


def throttled_words(now: Throttling) -> tuple[str, ...] | None:
    """What the firmware says is or was wrong since it started; None where it says nothing."""
    if now.flags is None:
        return None
    past = [
        f"{words} has occurred"
        for bit, words in _THROTTLED_NOW.items()
        if now.flags >> (bit + _HAS_BEEN) & 1 and not now.flags >> bit & 1
    ]
    return (*throttled_now(now), *past)


def throttled_between(before: Throttling, after: Throttling) -> str:
    """Why the CPU was throttled between two moments, "" if nothing reports that it was."""
    if before.flags is not None and after.flags is not None:
        bits = range(len(_THROTTLED_NOW))
        both = before.flags | after.flags
        new = (after.flags & ~before.flags) >> _HAS_BEEN
        return ", ".join(_THROTTLED_NOW[bit] for bit in bits if (both | new) >> bit & 1)
    if before.events is not None and after.events is not None and after.events > before.events:
        return "a core was hot and slowed"
    return ""


def celsius(sensor: Path = CPU_TEMPERATURE) -> float | None:
    """The CPU's temperature in degrees Celsius, by a file with thousandths of a degree in it."""
    try:
        return int(text_of(sensor)) / 1000
    except ValueError:
        return None


def governor(sys_folder: Path = SYS) -> str | None:
    """What sets the first core's clock rate, such as "ondemand"."""
    return text_of(sys_folder / _FREQUENCY / "scaling_governor") or None


def megahertz(sys_folder: Path = SYS) -> float | None:
    """The first core's clock rate at this moment."""
    kilohertz = text_of(sys_folder / _FREQUENCY / "scaling_cur_freq")
    return int(kilohertz) / 1000 if kilohertz.isdecimal() else None


def _firmware_flags(sys_folder: Path) -> int | None:
    flags = text_of(sys_folder / _FIRMWARE_FLAGS)
    if not flags and sys_folder == SYS:
        # Kernels that are older, or not Raspberry Pi's, have no such file. Imported here: who asks
        # for the temperature alone need not wait for it.
        import subprocess

        with contextlib.suppress(OSError, subprocess.SubprocessError):
            answer = subprocess.run(
                ["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=5, check=True
            )
            flags = answer.stdout.strip().removeprefix("throttled=")
    try:
        return int(flags, 16)
    except ValueError:
        return None


def _core_events(sys_folder: Path) -> int | None:
    counts = [text_of(path) for path in sys_folder.glob(_CORE_COUNTS)]
    return sum(int(count) for count in counts if count.isdecimal()) if counts else None


def text_of(path: Path) -> str:
    """What a file of the kernel's says; "" where it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
