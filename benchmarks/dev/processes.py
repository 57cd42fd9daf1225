"""What a whole process costs: its time to its first line or its end, and its peak memory.

It keeps the bytecode of what it imports, as an installation by pip does: start it once before.

Needs Linux or macOS: a process's memory comes from os.wait4.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """A process that has ended: its exit status, wall-clock seconds, peak memory in bytes, and
    seconds of processor time.
    """

    status: int
    seconds: float
    peak_bytes: int
    cpu_seconds: float = 0.0


def run_to_end(arguments: Sequence[str], log: Path) -> Ended:
    """Run a command, its stderr going to `log`; on an interruption it is killed.

    Its peak memory is right where this process is a small one: what the kernel gives for a child
    begins with that of the process which started it.
    """
    began = time.perf_counter()
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
            env=_environment(),
        ) as process,
    ):  # fmt: skip
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    # Kilobytes, on macOS bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Ended(process.returncode, seconds, peak, usage.ru_utime + usage.ru_stime)


def last_line(text: str) -> str:
    """The last line that is not blank."""
    return (text.strip().splitlines() or ["nothing on stderr"])[-1].strip()


def seconds_to_first_line(arguments: Sequence[str]) -> float:
    """From starting a process to the first line on its stdout.

    Raises:
        subprocess.CalledProcessError: it ended without one.
    """
    began = time.perf_counter()
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_environment()
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        took = time.perf_counter() - began
        process.stdout.read()
    if not line:
        raise subprocess.CalledProcessError(process.returncode, list(arguments))
    return took


def seconds_to_end(arguments: Sequence[str]) -> float:
    """From starting a process to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    return _succeeded(arguments).seconds


def peak_bytes(arguments: Sequence[str]) -> int:
    """The most memory that a process had while it ran to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
        subprocess.TimeoutExpired: it took more than ten minutes.
    """
    small_process = [sys.executable, "-m", "edgetl.benchmarks.dev.processes", *arguments]
    printed = subprocess.run(small_process, check=True, capture_output=True, text=True, timeout=600)
    return int(printed.stdout)


def _succeeded(arguments: Sequence[str]) -> Ended:
    ended = run_to_end(arguments, Path(os.devnull))
    if ended.status:
        raise subprocess.CalledProcessError(ended.status, list(arguments))
    return ended


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


if __name__ == "__main__":
    print(_succeeded(sys.argv[1:]).peak_bytes)  # noqa: T201
