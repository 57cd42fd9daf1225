"""Calling a function in a subprocess.

For what must not share this one: TensorFlow's converter, which keeps 5 to 20 MB of every conversion
(https://github.com/tensorflow/tensorflow/issues/122598), tflite-runtime, which fails in a process
that has loaded TensorFlow, and whatever may take the process down with it.
"""

import pickle
import subprocess
import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.edge.system.python_subprocess import ending, run_python
from edgetl.edge.system.standard_streams import keep_stdout

Result = TypeVar("Result")


class SubprocessDiedError(EdgetlError):
    """The subprocess ended before its function did."""


def call_in_subprocess(function: Callable[..., Result], *arguments: Any) -> Result:
    """What `function(*arguments)` returns, computed in a fresh subprocess.

    Args:
        function: of a module's top level. What it prints goes to stderr.
        arguments: picklable, as is the result.

    Raises:
        SubprocessDiedError: the process was killed, or crashed.
        Exception: whatever `function` raises.
    """
    # It may be killed, and what TensorFlow has put there is ours to delete.
    with TemporaryDirectory(prefix="edgetl-") as temporary:
        finished = run_python(
            ["-m", "edgetl.trainer.exporting.subprocess_call"],
            environment={"TMPDIR": temporary},
            input=pickle.dumps((function, arguments)),
            stdout=subprocess.PIPE,
        )
    if finished.returncode:
        raise SubprocessDiedError(
            f"{function.__name__}: its process ended early ({ending(finished.returncode)})"
        )
    result, error = pickle.loads(finished.stdout)
    if error is not None:
        raise error
    returned: Result = result
    return returned


def _run() -> None:
    results = keep_stdout()
    answer: tuple[Any, BaseException | None]
    with hidden_native_log(), gc_disabled():
        function, arguments = pickle.load(sys.stdin.buffer)
    try:
        answer = function(*arguments), None
    except Exception as error:
        answer = None, error
    with results:
        pickle.dump(answer, results)


if __name__ == "__main__":
    _run()
