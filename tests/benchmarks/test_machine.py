import sys
from pathlib import Path

import pytest

from benchmarks.machine import (
    Throttling,
    condition,
    this_machine,
    throttled_between,
    throttled_words,
    throttling,
)


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
    assert throttling(tmp_path) == Throttling(None, None)


def test_what_has_been_is_told_from_what_is() -> None:
    assert throttled_words(Throttling(0, None)) == ()
    assert throttled_words(Throttling(0x50000, None)) == (
        "under-voltage has occurred",
        "throttled has occurred",
    )
    assert throttled_words(Throttling(0x80008, None)) == ("soft temperature limit",)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (0, 0, ""),
        (0x50000, 0x50000, ""),  # long ago
        (0, 0x40004, "throttled"),
        (0, 0x10000, "under-voltage"),  # between the two moments
        (2, 0x20000, "ARM frequency capped"),
    ],
)
def test_a_round_is_throttled_if_it_was_so_within_it(before: int, after: int, why: str) -> None:
    assert throttled_between(Throttling(before, None), Throttling(after, None)) == why


def test_cores_that_were_slowed_count_on_intel(tmp_path: Path) -> None:
    for core, count in ((0, "3"), (1, "4")):
        folder = f"devices/system/cpu/cpu{core}/thermal_throttle"
        write(tmp_path, f"{folder}/core_throttle_count", f"{count}\n")
    now = throttling(tmp_path)
    assert now == Throttling(None, 7)
    assert throttled_between(now, now) == ""
    assert "hot" in throttled_between(now, Throttling(None, 8))


def test_this_machine_has_a_name_and_versions() -> None:
    now = condition()
    machine = this_machine(now, now)
    assert machine.name
    assert machine.cpu
    assert machine.cores >= 1
    assert machine.versions["edgetl"]
    assert machine.versions["numpy"]
    assert machine.python.startswith(f"{sys.version_info.major}.")
