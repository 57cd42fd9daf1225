"""How many cores and how much memory there are, where a cgroup withholds some."""

import os
from pathlib import Path

import pytest

from edgetl.edge.system.allowance import cores, memory, memory_left

V2 = "0::/system.slice/edgetl.service\n"
V1 = "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n0::/\n"


def made(tmp_path: Path, membership: str, settings: dict[str, str]) -> tuple[Path, Path]:
    (tmp_path / "cgroup").write_text(membership)
    for name, words in settings.items():
        path = tmp_path / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words + "\n")
    return tmp_path / "cgroup", tmp_path / "fs"


@pytest.mark.parametrize(
    ("membership", "settings", "expected"),
    [
        (V2, {"system.slice/edgetl.service/cpu.max": "100000 100000"}, 1),
        (V2, {"system.slice/cpu.max": "50000 100000"}, 1),
        (V2, {"cpu.max": "150000 100000"}, 2),
        (V2, {"system.slice/edgetl.service/cpu.max": "max 100000"}, None),
        (V1, {"cpu/docker/abc/cpu.cfs_quota_us": "100000",
              "cpu/docker/abc/cpu.cfs_period_us": "100000"}, 1),
        (V1, {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("", {"cpu.max": "100000 100000"}, None),
    ],
)  # fmt: skip
def test_cores_are_those_of_the_quota(
    tmp_path: Path, membership: str, settings: dict[str, str], expected: int | None
) -> None:
    affinity = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    there = len(affinity(0))
    assert cores(*made(tmp_path, membership, settings)) == min(there, expected or there)


@pytest.mark.parametrize(
    ("membership", "settings", "expected"),
    [
        (V2, {"system.slice/edgetl.service/memory.max": "3000000"}, 3_000_000),
        (V2, {"system.slice/edgetl.service/memory.max": "max",
              "system.slice/memory.max": "2000000"}, 2_000_000),
        (V1, {"memory/docker/abc/memory.limit_in_bytes": "1000000"}, 1_000_000),
        (V1, {"memory/memory.limit_in_bytes": "9223372036854771712"}, None),
        (V2, {}, None),
    ],
)  # fmt: skip
def test_memory_is_that_of_the_limit_or_of_the_machine(
    tmp_path: Path, membership: str, settings: dict[str, str], expected: int | None
) -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert memory(*made(tmp_path, membership, settings)) == (expected or machine)


@pytest.mark.parametrize(
    ("membership", "settings", "expected"),
    [
        (V2, {"system.slice/edgetl.service/memory.max": "3000000",
              "system.slice/edgetl.service/memory.current": "2000000",
              "system.slice/edgetl.service/memory.stat": "anon 1500000\ninactive_file 400000",
              "system.slice/memory.max": "max",
              "system.slice/memory.current": "9000000",
              "system.slice/memory.stat": "inactive_file 0",
              "memory.stat": "inactive_file 0"}, 1_400_000),
        (V1, {"memory/docker/abc/memory.limit_in_bytes": "1000000",
              "memory/docker/abc/memory.usage_in_bytes": "700000",
              "memory/docker/abc/memory.stat": "inactive_file 0\ntotal_inactive_file 100000"},
         400_000),
        (V2, {}, None),
    ],
)  # fmt: skip
def test_memory_left_is_that_of_the_limit(
    tmp_path: Path, membership: str, settings: dict[str, str], expected: int | None
) -> None:
    assert memory_left(*made(tmp_path, membership, settings)) == expected


def test_without_cgroups_there_is_the_machine(tmp_path: Path) -> None:
    assert cores(tmp_path / "none", tmp_path) >= 1
    assert memory(tmp_path / "none", tmp_path) == memory(tmp_path / "none", tmp_path / "none")
