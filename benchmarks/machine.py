"""The machine that figures are measured on.

Everything is None where the system does not say: no /sys on macOS, little of it in containers.
"""

import contextlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgetl import __version__
from edgetl.benchmarks.measured import Condition, Machine
from edgetl.edge.system.allowance import cores, memory
from edgetl.edge.system.throttling import (
    CPU_TEMPERATURE,
    SYS,
    celsius,
    governor,
    megahertz,
    text_of,
    throttled_words,
    throttling,
)  # fmt: skip

_PACKAGES = (
    "numpy",
    "opencv-python",
    "pillow",
    "ai-edge-litert",
    "tflite-runtime",
    "tensorflow",
    "keras",
)

_ARM_CORES = {
    "0xc07": "Cortex-A7",
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse N1",
    "0xd40": "Neoverse V1",
    "0xd49": "Neoverse N2",
}


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
    return Machine(
        name=_board(Path("/proc")) or platform.node() or "unnamed",
        cpu=processor(),
        cores=cores(),
        memory_bytes=memory() or 0,
        system=_system(),
        python=platform.python_version(),
        versions=_versions(),
        before=before,
        after=after,
    )


def _versions() -> dict[str, str]:
    found = {"edgetl": __version__}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def processor(proc: Path = Path("/proc")) -> str:
    """Its name, or the board's, which says more on ARM; as far as the system knows."""
    facts: dict[str, list[str]] = {}
    for line in text_of(proc / "cpuinfo").splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), []).append(value.strip())
    # Arm's own part numbers mean nothing with another implementer's.
    by_arm = set(facts.get("CPU implementer", ())) == {"0x41"}
    parts = dict.fromkeys(facts.get("CPU part", ())) if by_arm else {}
    cores = ", ".join(_ARM_CORES[part] for part in parts if part in _ARM_CORES)
    named = (_board(proc), *facts.get("model name", ()), cores, *facts.get("Hardware", ()))
    return next(filter(None, named), platform.processor() or platform.machine())


def _board(proc: Path) -> str:
    """A device tree's name of the board: Raspberry Pis, and few others, have one."""
    return text_of(proc / "device-tree" / "model").strip("\0")


def _system() -> str:
    named = None
    with contextlib.suppress(OSError):
        named = platform.freedesktop_os_release().get("PRETTY_NAME")
    kernel = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"{named}, {kernel}" if named else kernel
