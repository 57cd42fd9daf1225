"""The process of one case, as the benchmark sees it: it is asked, it answers, it may fail."""

import contextlib
import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from edgetl.benchmarks.process.engine import Job
from edgetl.edge.errors import EdgetlError, quoted, reason
from edgetl.edge.system.native_log import DEBUG_VARIABLE
from edgetl.edge.system.python_subprocess import ending, start_python

# Without a sign of life for so long, a process is taken for hung. The first sign comes when it has
# imported its libraries: TensorFlow takes a minute from a slow card.
PATIENCE_SECONDS = 180.0

_END_SECONDS = 2.0

_KILL = 9  # Windows has no name for it.


class CaseFailedError(EdgetlError):
    """A case's process crashed, hung, or could not run its model; the message says which."""


class CaseProcess:
    """A fresh Python process that runs one model and waits, idle, between its turns."""

    def __init__(self, job: Job, log: Path, *, patience: float = PATIENCE_SECONDS) -> None:
        """Start it and wait until it has imported what it needs.

        Args:
            log: a file for its stderr.
            patience: seconds without a sign of life after which it has failed.

        Raises:
            CaseFailedError: it cannot be started, or fails at once.
        """
        self._patience = patience
        self._log = log
        self._answers: queue.Queue[str | None] = queue.Queue()
        try:
            with log.open("wb") as stderr:
                process = start_python(
                    ["-m", "edgetl.benchmarks.process.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=None if os.environ.get(DEBUG_VARIABLE) else stderr,
                    text=True,
                    encoding="utf-8",
                )
        except OSError as error:
            raise CaseFailedError(f"its process cannot be started: {reason(error)}") from error
        assert process.stdin
        assert process.stdout
        self._process, self._stdin = process, process.stdin
        threading.Thread(target=self._listen, args=(process.stdout,), daemon=True).start()
        try:
            self._send(asdict(job))
            self._next()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Its process's number."""
        return int(self._process.pid)

    def ask(
        self, do: str, *, heard: Callable[[int], None] = lambda _: None, **values: Any
    ) -> dict[str, Any]:
        """Its answer to one command of edgetl.benchmarks.process.worker.

        Args:
            do, values: the command, and its values.
            heard: called with what is done so far, where an answer takes long.

        Raises:
            CaseFailedError: it crashed, hung, or the model failed.
        """
        self._send({"do": do, **values})
        while True:
            answer = self._next()
            if set(answer) != {"done"}:
                return answer
            heard(answer["done"])

    def close(self) -> None:
        """End the process, whatever it is doing."""
        # It may be busy for good; nothing it has yet to say is wanted. First of all: where its
        # stdin ends it would begin to end by itself, and what writes a file then is cut off.
        self._process.kill()
        with contextlib.suppress(OSError):
            self._stdin.close()
        self._wait()

    def _wait(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_END_SECONDS)

    def _send(self, values: dict[str, Any]) -> None:
        # A process that is gone says why in what it has written, or by its status.
        with contextlib.suppress(OSError):
            self._stdin.write(json.dumps(values) + "\n")
            self._stdin.flush()

    def _next(self) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=self._patience)
        except queue.Empty:
            self.close()
            raise CaseFailedError(
                f"its process hung: no answer for {self._patience:.0f} seconds"
            ) from None
        # A process that is killed may leave half a line.
        if line is None or not line.endswith("\n"):
            raise CaseFailedError(f"its process ended early ({self._ending()})")
        answer: dict[str, Any] = json.loads(line)
        if "problem" in answer:
            # Its last words: it ends by itself.
            self._wait()
            self.close()
            raise CaseFailedError(answer["problem"])
        return answer

    def _listen(self, stdout: IO[str]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in stdout:
                self._answers.put(line)
        self._answers.put(None)

    def _ending(self) -> str:
        try:
            status = self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.close()
            return "closed its pipe"
        if -status == _KILL:
            # What it said last has nothing to do with it.
            return "killed by SIGKILL, probably because memory ran out"
        words = ending(status)
        said = ""
        with contextlib.suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
            said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{words}: {quoted(said[:200])}" if said else words
