"""Calling a function in a subprocess.

For what must not share this one: TensorFlow's converter, which keeps 5 to 20 MB of every conversion
(https://github.com/tensorflow/tensorflow/issues/122598), tflite-runtime, which fails in a process
that has loaded TensorFlow, and whatever may take the process down with it.
"""

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.edge.system.python_subprocess import ending, start_python
from edgetl.edge.system.standard_streams import keep_stdout

Result = TypeVar("Result")


class SubprocessDiedError(EdgetlError):
    """The subprocess ended before its function did."""


class Subprocess:
    """A fresh subprocess for several calls, one after another: TensorFlow takes seconds to load.

    A context manager. The first call starts the process, and so does the first one after `close`.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        # It may be killed, and what TensorFlow has put there is ours to delete.
        self._temporary: TemporaryDirectory[str] | None = None

    def __enter__(self) -> "Subprocess":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._process and kind and not issubclass(kind, Exception):
            self._process.kill()
        self.close()

    def close(self) -> None:
        """End the process, and free its memory."""
        process, self._process = self._process, None
        if process:
            for pipe in (process.stdin, process.stdout):
                # One that has died leaves what it did not read.
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
            process.wait()
        if self._temporary:
            self._temporary.cleanup()

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What `function(*arguments)` returns, computed there.

        Args:
            function: of a module's top level. What it prints goes to stderr.
            arguments: picklable, as is the result.

        Raises:
            SubprocessDiedError: the process was killed, or crashed.
            Exception: whatever `function` raises.
        """
        asked = pickle.dumps((function, arguments))
        process = self._process = self._process or self._started()
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(asked)
            process.stdin.flush()
            answer = pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as died:
            raise SubprocessDiedError(
                f"{function.__name__}: its process ended early ({ending(process.wait())})"
            ) from died
        result, error = answer
        if error is not None:
            raise error
        returned: Result = result
        return returned

    def _started(self) -> "subprocess.Popen[bytes]":
        self._temporary = TemporaryDirectory(prefix="edgetl-")
        return start_python(
            ["-m", "edgetl.trainer.exporting.subprocess_call"],
            environment={"TMPDIR": self._temporary.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )


def call_in_subprocess(function: Callable[..., Result], *arguments: Any) -> Result:
    """What `function(*arguments)` returns, computed in a fresh subprocess of its own.

    The arguments and what is raised are as in `Subprocess.call`.
    """
    with Subprocess() as other:
        return other.call(function, *arguments)


def _run() -> None:
    results = keep_stdout()
    while True:
        answer: tuple[Any, BaseException | None]
        try:
            with hidden_native_log(), gc_disabled():
                function, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = function(*arguments), None
        except Exception as error:
            answer = None, error
        pickle.dump(answer, results)
        results.flush()


if __name__ == "__main__":
    _run()
