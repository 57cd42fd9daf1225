"""What throttles the machine, and how much memory and disk is free."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from edgetl.edge.doctor.check import Check, State
from edgetl.edge.errors import reason
from edgetl.edge.system.allowance import CGROUPS, MEMBERSHIP, memory, memory_left
from edgetl.edge.system.throttling import (
    CPU_TEMPERATURE,
    SYS,
    celsius,
    governor,
    throttled_now,
    throttled_words,
    throttling,
)  # fmt: skip

# A Raspberry Pi slows down from here on.
_HOT = 80.0
_COOL = "cool it: a heat sink or a fan"
# classify takes about 110 MB (measured with int8 at 160x160), and pictures their own.
_MEMORY_LOW, _MEMORY_NEEDED = 250e6, 120e6
_DISK_LOW, _DISK_NEEDED = 500e6, 20e6


def machine_checks(
    sys_folder: Path = SYS,
    *,
    meminfo: Path = Path("/proc/meminfo"),
    folder: Path = Path(),
    membership: Path = MEMBERSHIP,
    cgroups: Path = CGROUPS,
) -> Iterator[Check]:
    """The CPU's governor, heat and throttling, memory and disk, as far as the system reports them.

    The kernel reports on the CPU in `sys_folder` and on memory in `meminfo`; what a container or a
    service may have of it is in `membership` and `cgroups`, as in `allowance.cores`; the disk is
    that of `folder`.
    """
    chosen = governor(sys_folder)
    if chosen == "powersave":
        governors = f"{sys_folder}/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        remedy = f"echo ondemand | sudo tee {governors}"
        yield Check("cpu governor", "warn", "powersave: the lowest clock rate, always", remedy)
    elif chosen:
        yield Check("cpu governor", "ok", chosen)
    degrees = celsius(sys_folder / CPU_TEMPERATURE.relative_to(SYS))
    if degrees is not None and degrees >= _HOT:
        yield Check("temperature", "warn", f"{degrees:.0f} °C", _COOL)
    elif degrees is not None:
        yield Check("temperature", "ok", f"{degrees:.0f} °C")
    yield from _throttling(sys_folder)
    yield from _memory(meminfo, membership, cgroups)
    yield from _disk(folder)


def _throttling(sys_folder: Path) -> Iterator[Check]:
    now = throttling(sys_folder)
    words = throttled_words(now)
    if words is None:
        return
    if not words:
        yield Check("throttling", "ok", "none since it started")
        return
    power = any("voltage" in word for word in words)
    remedy = "use the power supply made for this board" if power else _COOL
    state = "now" if throttled_now(now) else "before"
    yield Check("throttling", "warn", f"{state}: {', '.join(words)}", remedy)


def _memory(meminfo: Path, membership: Path, cgroups: Path) -> Iterator[Check]:
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
        facts = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if ":" in line}
        free, whole = facts["MemAvailable"], facts["MemTotal"]
    except (OSError, ValueError, IndexError, KeyError):
        return
    whole = min(whole, memory(membership, cgroups) or whole)
    left = memory_left(membership, cgroups)
    free = free if left is None else min(free, left)
    swap = facts.get("SwapTotal", 0)
    found = f"{_size(free)} of {_size(whole)} free, swap {_size(swap)}"
    remedy = "end other programs, or stop the desktop: sudo systemctl isolate multi-user"
    state = _state(free, _MEMORY_LOW, _MEMORY_NEEDED)
    yield Check("memory", state, found, "" if state == "ok" else remedy)


def _disk(folder: Path) -> Iterator[Check]:
    try:
        free, name = shutil.disk_usage(folder).free, folder.resolve()
    except OSError as error:
        yield Check("disk", "warn", f"cannot be asked ({reason(error)})", "is this folder gone?")
        return
    state = _state(free, _DISK_LOW, _DISK_NEEDED)
    remedy = "" if state == "ok" else "free some: sudo apt clean, old files, or a larger card"
    yield Check("disk", state, f"{_size(free)} free in {name}", remedy)


def _state(free: float, low: float, needed: float) -> State:
    return "fail" if free < needed else "warn" if free < low else "ok"


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
