"""A program that is run when the label changes."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePath

from edgetl.edge.actions.backlog import Backlog
from edgetl.edge.errors import SettingError, SinkError, quoted, reason
from edgetl.edge.results.probability import shortest
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.mqtt_url import PASSWORD_VARIABLE
from edgetl.edge.sinks.records import json_record
from edgetl.edge.system.flapping import FlappingLog
from edgetl.edge.system.messages import logger
from edgetl.edge.system.python_subprocess import ending

LONGEST_SECONDS = 60.0

# Between the request to end, SIGTERM, and SIGKILL: of one that takes too long, and at Ctrl-C, which
# must stop within a second.
_GRACE = 2.0
_HURRIED_GRACE = 0.3

Environment = dict[str, str]


class ProgramSink:
    """Runs a program for each result that it is given, one at a time, in a thread.

    It finds the result in its environment: EDGETL_LABEL, EDGETL_PROBABILITY (of the best class),
    EDGETL_SOURCE, EDGETL_TIME and EDGETL_RECORD, the JSON record. There is no shell and nothing on
    its stdin; what it prints goes to our stderr. While it runs, the newest result of each camera
    waits for it, and results of files wait in a queue. What it has started is ended with it, and it
    is ended with the run.
    """

    def __init__(
        self, command: Sequence[str], *, live: bool, longest: float = LONGEST_SECONDS
    ) -> None:
        """
        Args:
            command: the program and its arguments.
            live: whether the results are those of a live camera, and not of files.
            longest: seconds after which it is ended.

        Raises:
            SettingError: there is no such program.
        """
        self._command = [find_program(command[0]), *command[1:]]
        self._name = f"--exec {quoted(PurePath(command[0]).name)}"
        self._live = live
        self._longest = longest
        self._said_left_out = False
        self._runs = self._failures = 0
        self._failing = False
        self._log = FlappingLog()
        self._starting = threading.Lock()
        # What follows is guarded by _starting.
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._backlog = Backlog(self._run, name="exec", bound=1, live=live)

    def write(self, result: Result) -> None:
        if self._backlog.add(_variables(result), source=result.source) and not self._said_left_out:
            self._said_left_out = True
            logger.warning(
                f"{self._name}: still runs while the label changes; the newest change waits, and "
                f"those in between are left out"
            )

    def close(self) -> None:
        try:
            self._backlog.close(hurry=0.0)
        finally:
            self._end()
        if self._failures and not self._live:
            raise SinkError(f"{self._name}: failed {self._failures} of {self._runs} times")

    def _end(self) -> None:
        with self._starting:
            self._ending = True
            process = self._process
        if process is not None:
            _end_group(process, grace=_HURRIED_GRACE)

    # Called by the thread

    def _run(self, variables: Environment) -> None:
        why = self._outcome(variables)
        was_failing, self._failing = self._failing, why is not None
        if why is None:
            if was_failing and self._log.back():
                logger.info(f"{self._name}: works again")
            return
        self._failures += 1
        if was_failing:
            self._log.still_lost()
        else:
            self._log.lost(f"{self._name}: {why}")

    def _outcome(self, variables: Environment) -> str | None:
        """Run it to its end; what is wrong with how it went, or None."""
        try:
            with self._starting:
                if self._ending:
                    return None
                self._runs += 1
                process = self._process = _started(self._command, variables)
        except (OSError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            return f"cannot be started: {why}"
        try:
            status = process.wait(self._longest)
        except subprocess.TimeoutExpired:
            _end_group(process, grace=_GRACE)
            return f"had not ended after {self._longest:g} s; ended"
        finally:
            # What it has left running.
            _signal_group(process, kill=True)
            with self._starting:
                self._process = None
        # Where the run ends, it did not end by itself.
        return f"ended with {ending(status)}" if status and not self._ending else None


def find_program(name: str) -> str:
    """The program's path.

    Raises:
        SettingError: there is none.
    """
    found = shutil.which(name)
    if found is None:
        where = "" if os.path.dirname(name) else " on the PATH"  # noqa: PTH120
        raise SettingError(
            f"--exec: no program {quoted(name)}{where} that may be run; give its path, and make it "
            f"executable"
        )
    return found


def _variables(result: Result) -> Environment:
    found = {
        "EDGETL_LABEL": result.label,
        "EDGETL_PROBABILITY": str(shortest(result.predictions[0].probability)),
        "EDGETL_SOURCE": result.source,
        "EDGETL_TIME": result.time.isoformat(timespec="milliseconds"),
        # A file name may have bytes that are not UTF-8; JSON has "\\udce9" for one.
        "EDGETL_RECORD": json_record(result).encode(errors="backslashreplace").decode(),
    }
    # The one character that no variable can hold.
    return {name: value.replace("\0", "") for name, value in found.items()}


def _started(command: Sequence[str], variables: Environment) -> "subprocess.Popen[bytes]":
    inherited = {name: text for name, text in os.environ.items() if name != PASSWORD_VARIABLE}
    return subprocess.Popen(
        command,
        env=inherited | variables,
        stdin=subprocess.DEVNULL,
        # Results may be on our stdout.
        stdout=2,
        # A group of its own: Ctrl-C in a terminal is not for it, and it can be ended as a whole.
        start_new_session=True,
    )


def _end_group(process: "subprocess.Popen[bytes]", *, grace: float) -> None:
    """Ask a program and what it has started to end, and kill them where they do not."""
    _signal_group(process, kill=False)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    _signal_group(process, kill=True)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace)


def _signal_group(process: "subprocess.Popen[bytes]", *, kill: bool) -> None:
    if os.name != "posix":
        process.kill() if kill else process.terminate()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
