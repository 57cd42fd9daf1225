"""The two interpreters a .tflite file can run on, and which one to take."""

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from typing import Any, Literal, get_args

from edgetl.edge.errors import EdgetlError, SettingError
from edgetl.edge.system.allowance import cores
from edgetl.edge.system.native_log import without_info_lines

RuntimeName = Literal["litert", "tflite-runtime"]
RuntimeChoice = Literal["auto", "litert", "tflite-runtime"]

# Distributors' packages may not say theirs.
UNKNOWN_VERSION = "(unknown version)"


@dataclass(frozen=True)
class Runtime:
    """An interpreter library, and its names in Python and on PyPI."""

    name: RuntimeName
    package: str
    distribution: str

    @property
    def version(self) -> str:
        """Its version, or "(unknown version)" where the package does not say."""
        # Not from importlib.metadata, whose import takes a twentieth of the time from start to
        # first result; the package is loaded anyway.
        try:
            package = importlib.import_module(self.package)
        except ImportError:
            return UNKNOWN_VERSION
        return str(getattr(package, "__version__", UNKNOWN_VERSION))

    def load(self) -> Any:
        """Import the library; the module that has its Interpreter.

        Raises:
            ImportError: the library does not load on this system.
            EdgetlError: tflite-runtime in a process that has loaded TensorFlow.
        """
        if self.name == "tflite-runtime" and "tensorflow" in sys.modules:
            # Measured with TensorFlow 2.21: the two export the same symbols, and models are
            # misread ("vector::reserve", "bad_alloc", a crash). The other order works.
            raise EdgetlError(
                "tflite-runtime cannot run in a process that has loaded TensorFlow; "
                "use runtime litert here, or tflite-runtime in a subprocess"
            )
        return importlib.import_module(f"{self.package}.interpreter")

    def interpreter(self, content: bytes, *, threads: int) -> Any:
        """An interpreter of the model `content`, tensors allocated.

        Raises:
            ValueError, RuntimeError: the library cannot run this model.
            ImportError, EdgetlError: as `load`.
        """
        library = self.load()
        with without_info_lines():
            interpreter = library.Interpreter(model_content=content, num_threads=threads)
            interpreter.allocate_tensors()
        return interpreter


# In order of preference: LiteRT is maintained and much the faster on int8 models.
_RUNTIMES = (
    Runtime("litert", "ai_edge_litert", "ai-edge-litert"),
    Runtime("tflite-runtime", "tflite_runtime", "tflite-runtime"),
)


def installed_runtimes() -> list[Runtime]:
    """The interpreter libraries that are installed here, the preferred one first."""
    return [one for one in _RUNTIMES if importlib.util.find_spec(one.package) is not None]


def choose_runtime(choice: str = "auto") -> Runtime:
    """The runtime named by `choice`, or with "auto" the best one installed.

    Raises:
        SettingError: no such name.
        EdgetlError: it is not installed; the message says how to install it.
    """
    if choice not in get_args(RuntimeChoice):
        names = ", ".join(get_args(RuntimeChoice))
        raise SettingError(f"runtime {choice!r} is not one of {names}")
    for runtime in installed_runtimes():
        if choice in ("auto", runtime.name):
            return runtime
    if choice == "auto":
        raise EdgetlError("no TFLite runtime is installed; install one with: pip install edgetl")
    hint = " (CPython up to 3.11 on Linux only)" if choice == "tflite-runtime" else ""
    (wanted,) = (runtime for runtime in _RUNTIMES if runtime.name == choice)
    raise EdgetlError(
        f"runtime {choice} is not installed; install it with: "
        f"pip install {wanted.distribution}{hint}, or leave --runtime out"
    )


def default_threads() -> int:
    """How many threads to infer with: the cores this process may use, 4 at most."""
    return min(4, cores())
