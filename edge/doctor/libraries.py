"""The libraries with native code: which are installed, and whether they load."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from edgetl.edge.doctor.check import Check, State
from edgetl.edge.errors import reason
from edgetl.edge.model.runtime import installed_runtimes
from edgetl.edge.system.out_of_memory import advice, tells_of_shortage
from edgetl.edge.system.python_subprocess import ending, run_python

# All of them together: the slowest machines load OpenCV from a slow card in seconds. Where that is
# over, as behind one that hangs, the others still have a few.
SECONDS, _LEAST_SECONDS = 60.0, 10.0

_LOAD = (
    "import importlib, json, sys\n"
    "from edgetl.edge.system.standard_streams import keep_stdout\n"
    "answer = keep_stdout()\n"
    "module = importlib.import_module(sys.argv[1])\n"
    "facts = {'version': getattr(module, '__version__', ''), **eval(sys.argv[2])}\n"
    "with answer:\n    answer.write(json.dumps(facts).encode())"
)

# The packages on PyPI that hold a cv2.
_OPENCVS = tuple(
    f"opencv-{kind}python{head}" for kind in ("", "contrib-") for head in ("", "-headless")
)

# What the loader says of a library of the system's, and what brings it on Raspberry Pi OS Lite.
_SYSTEM_LIBRARIES = {
    "libGL.so": "libgl1",
    "libgthread-2.0": "libglib2.0-0",
    "libglib-2.0": "libglib2.0-0",
    "libatlas": "libatlas-base-dev",
    "libopenblas": "libopenblas0",
}

# What a module prints that was built for another NumPy.
_OTHER_NUMPY = (
    "_ARRAY_API not found",
    "compiled using NumPy 1",
    "compiled against NumPy 1",
    "multiarray failed to import",
    "numpy.dtype size changed",
    "module compiled against",
)


@dataclass(frozen=True)
class Loaded:
    """A module that was imported in a subprocess.

    `facts` holds its version and what else was asked; `problem` is "" if it loads.
    """

    facts: dict[str, Any]
    problem: str


def load(module: str, *, ends: float, facts: str = "{}") -> Loaded:
    """Import a module in a subprocess.

    Args:
        module: its name.
        ends: when the patience with all modules ends, in monotonic seconds.
        facts: an expression over `module`, the module, that gives a dict which JSON can hold.
    """
    seconds = max(ends - time.monotonic(), _LEAST_SECONDS)
    try:
        done = run_python(
            ["-c", _LOAD, module, facts], capture_output=True, text=True, timeout=seconds,
            errors="replace", stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Loaded({}, f"does not load within {seconds:.0f} seconds")
    except OSError as error:
        return Loaded({}, f"cannot be checked ({reason(error)})")
    if done.returncode < 0:
        return Loaded({}, f"crashes when it is loaded ({ending(done.returncode)})")
    if done.returncode or not done.stdout:
        return Loaded({}, _last_words(done.stderr) or f"ends with status {done.returncode}")
    return Loaded(json.loads(done.stdout), "")


def library_checks(*, ends: float) -> Iterator[Check]:
    """NumPy, OpenCV, Pillow and the runtimes; `ends` as in `load`."""
    yield _needed("numpy", "numpy", "numpy", ends)
    yield _opencv(ends)
    yield _needed("pillow", "PIL", "pillow", ends)
    yield from _runtimes(ends)


def library_remedy(problem: str, package: str) -> str:
    """What to do about a module of `package` that does not load."""
    if tells_of_shortage(problem):
        return f"too little memory: {advice()}"
    for library, apt in _SYSTEM_LIBRARIES.items():
        if library in problem:
            return f"sudo apt install {apt}"
    if any(words in problem for words in _OTHER_NUMPY):
        if sys.version_info < (3, 12):
            return "it was built for NumPy 1: pip install 'numpy<2'"
        return f"it was built for another NumPy: pip install --upgrade {package}"
    return f"pip install --force-reinstall {package}"


def _needed(name: str, module: str, package: str, ends: float) -> Check:
    found = find_spec(module)
    # A folder without code, as pip leaves where files of others lie in it, is a module to Python.
    if found is None or found.origin is None:
        return Check(name, "fail", "not installed", f"pip install {package}")
    loaded = load(module, ends=ends)
    if loaded.problem:
        return Check(name, "fail", loaded.problem, library_remedy(loaded.problem, package))
    return Check(name, "ok", str(loaded.facts["version"]))


def _opencv(ends: float) -> Check:
    check = _needed("opencv", "cv2", "opencv-python", ends)
    several = [name for name in _OPENCVS if _installed(name)]
    if len(several) < 2:
        return check
    found = f"{check.found}; {' and '.join(several)} overwrite one another"
    remedy = f"pip uninstall {' '.join(several)}, then pip install opencv-python"
    return Check(check.name, "fail" if check.state == "fail" else "warn", found, remedy)


def _runtimes(ends: float) -> Iterator[Check]:
    installed = installed_runtimes()
    if not installed:
        yield Check("runtime", "fail", "neither litert nor tflite-runtime", "pip install edgetl")
    for runtime in installed:
        loaded = load(f"{runtime.package}.interpreter", ends=ends)
        if loaded.problem:
            # classify takes the first, and another only with --runtime.
            state: State = "fail" if runtime is installed[0] else "warn"
            remedy = library_remedy(loaded.problem, runtime.distribution)
            yield Check(runtime.name, state, loaded.problem, remedy)
        else:
            yield Check(runtime.name, "ok", runtime.version)


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _last_words(stderr: str) -> str:
    """A traceback's last line; what NumPy explains over pages has its telling line before."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if any(words in line for words in _OTHER_NUMPY)]
    chosen = (telling or lines)[-1:]
    return chosen[0].removeprefix("ImportError: ") if chosen else ""
