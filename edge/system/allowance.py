"""The cores and the memory that this process may use: the machine's, less what a cgroup withholds.

Containers and services have limits that os.cpu_count does not know of.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")


def cores(membership: Path = MEMBERSHIP, cgroups: Path = CGROUPS) -> int:
    """The cores that this process may use, 1 or more: its affinity, and its cgroup's quota.

    Args:
        membership: the file that names this process's cgroups.
        cgroups: where they are mounted.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    there = len(affinity(0)) if affinity else os.cpu_count() or 1
    quotas = [math.ceil(quota) for quota in _quotas(membership, cgroups)]
    return max(1, min([there, *quotas]))


def memory(membership: Path = MEMBERSHIP, cgroups: Path = CGROUPS) -> int | None:
    """The bytes of memory that this process may use; None where the system does not say.

    Args:
        membership, cgroups: see `cores`.
    """
    limits = [
        int(words[0])
        for controller, name in (("", "memory.max"), ("memory", "memory.limit_in_bytes"))
        for words in _settings(controller, name, membership, cgroups)
        if words[0].isdigit()
    ]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits, default=None)


def memory_left(membership: Path = MEMBERSHIP, cgroups: Path = CGROUPS) -> int | None:
    """The bytes of memory that its cgroups still allow this process; None where none has a limit.

    What holds files' content counts as left: it is given up when memory is needed.

    Args:
        membership, cgroups: see `cores`.
    """
    left = []
    for controller, names, cache in (
        ("", ("memory.max", "memory.current"), "inactive_file"),
        ("memory", ("memory.limit_in_bytes", "memory.usage_in_bytes"), "total_inactive_file"),
    ):
        found = (
            _settings(controller, name, membership, cgroups) for name in (*names, "memory.stat")
        )
        # The root of v2 has the last alone.
        for (limit, *_), (used, *_), stat in zip(*found, strict=False):
            if limit.isdigit():
                left.append(int(limit) - int(used) + int(stat[stat.index(cache) + 1]))
    return min(left, default=None)


def _quotas(membership: Path, cgroups: Path) -> Iterator[float]:
    """The quotas of processor time of the cgroups that we are in, in cores."""
    for words in _settings("", "cpu.max", membership, cgroups):
        if words[0] != "max":
            yield int(words[0]) / int(words[1])
    quotas = _settings("cpu", "cpu.cfs_quota_us", membership, cgroups)
    periods = _settings("cpu", "cpu.cfs_period_us", membership, cgroups)
    for (quota, *_), (period, *_) in zip(quotas, periods, strict=True):
        if int(quota) > 0:
            yield int(quota) / int(period)


def _settings(controller: str, name: str, membership: Path, cgroups: Path) -> Iterator[list[str]]:
    """The words of a setting in each cgroup that has it, ours and those around it.

    Args:
        controller: "" for cgroup v2, which has one tree; of v1 the tree's name.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller not in controllers.split(","):
            continue
        root = cgroups / controller
        # In a container the path may be the host's, which is not there: the root is ours then.
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder == cgroups.parent:
                break
            try:
                words = (folder / name).read_text().split()
            except OSError:
                continue
            if words:
                yield words
