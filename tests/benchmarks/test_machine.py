import sys
from pathlib import Path

import pytest

from edgetl.benchmarks.machine import condition, processor, this_machine


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def raspberry(tmp_path: Path) -> Path:
    write(tmp_path, "class/thermal/thermal_zone0/temp", "61234\n")
    write(tmp_path, "devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n")
    write(tmp_path, "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1500000\n")
    write(tmp_path, "devices/platform/soc/soc:firmware/get_throttled", "50005\n")
    return tmp_path


def test_a_raspberry_pi_tells_what_it_holds_back(raspberry: Path) -> None:
    now = condition(raspberry)
    assert (now.temperature_celsius, now.governor, now.megahertz) == (61.234, "ondemand", 1500.0)
    # 0x50005: bits 0, 2, 16 and 18.
    assert now.throttled == ("under-voltage", "throttled")


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    now = condition(tmp_path)
    assert (now.temperature_celsius, now.governor, now.megahertz) == (None, None, None)
    assert now.throttled is None


def test_a_processor_is_named_as_well_as_the_system_can(tmp_path: Path) -> None:
    pi = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n"
    write(tmp_path, "cpuinfo", pi)
    assert processor(tmp_path) == "Cortex-A72"
    write(tmp_path, "cpuinfo", f"{pi}\n{pi.replace('0xd08', '0xd03')}\n{pi}")
    assert processor(tmp_path) == "Cortex-A72, Cortex-A53"
    write(tmp_path, "device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    assert processor(tmp_path) == "Raspberry Pi 4 Model B Rev 1.4"
    write(tmp_path / "x86", "cpuinfo", "model name\t: AMD EPYC 7B13\nmodel name\t: x\n")
    assert processor(tmp_path / "x86") == "AMD EPYC 7B13"
    # A part number of somebody else's says nothing.
    write(tmp_path / "apple", "cpuinfo", pi.replace("0x41", "0x61"))
    assert processor(tmp_path / "apple") == processor(tmp_path / "nothing")


def test_this_machine_has_a_name_and_versions() -> None:
    now = condition()
    machine = this_machine(now, now)
    assert machine.name
    assert machine.cpu
    assert machine.cores >= 1
    assert machine.versions["edgetl"]
    assert machine.versions["numpy"]
    assert machine.python.startswith(f"{sys.version_info.major}.")
