"""Checks: functions that say what they found, or raise; and the table of their results."""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lib.commands import CheckError, say


@dataclass(frozen=True)
class Result:
    """The result of one check; `system` where there are several."""

    check: str
    passed: bool
    found: str
    seconds: float
    system: str = ""


def check_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The command line that every check has: --cache and --json."""
    parser = argparse.ArgumentParser(
        prog=name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cache", type=cache_folder, default=f"~/.cache/edgetl/{name}", help="default: %(default)s"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def cache_folder(text: str) -> Path:
    return Path(text).expanduser().resolve()


def restore_signals() -> None:
    """End on Ctrl-C, which a process that a script starts with & ignores, and on SIGTERM."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def run_check(name: str, check: Callable[[], str], *, system: str = "") -> Result:
    say(f"{system}: {name}" if system else name)
    started = time.monotonic()
    try:
        passed, found = True, check()
    except (CheckError, OSError, subprocess.SubprocessError, LookupError, ValueError) as error:
        passed, found = False, " ".join(f"{error or type(error).__name__}".split())
    seconds = round(time.monotonic() - started, 1)
    say(f"  {'ok' if passed else 'FAIL'}  {found}")
    return Result(name, passed, found, seconds, system)


def report(results: Sequence[Result], *, as_json: bool) -> int:
    """Print the results; the exit status, which is 0 if there are any and all passed."""
    if as_json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    else:
        width = max((len(result.system) for result in results), default=0)
        for result in results:
            state = "ok  " if result.passed else "FAIL"
            print(
                f"{state} {result.system:{width}} {result.check:36} {result.seconds:6.1f} s  "
                f"{result.found}"
            )
    return 0 if results and all(result.passed for result in results) else 1


def require(what: str, is_so: object) -> None:
    """Fail the check if something is not so.

    Raises:
        CheckError: it is not.
    """
    if not is_so:
        raise CheckError(f"not so: {what}")


def wait_until(what: str, condition: Callable[[], Any], seconds: float) -> Any:
    """The first true value of `condition`.

    Raises:
        CheckError: there was none for `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise CheckError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.5)
    return found
