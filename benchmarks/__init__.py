"""Measures what trainer and edge made: accuracy and latency beside the Keras model.

from edgetl.benchmarks import BenchmarkOptions, benchmark

outcome = benchmark(BenchmarkOptions(rounds=5))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgetl.benchmarks.benchmarking import Outcome, benchmark
    from edgetl.benchmarks.options import BenchmarkOptions

__all__ = ["BenchmarkOptions", "Outcome", "benchmark"]


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: each case's process imports this package too."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "options" if name == "BenchmarkOptions" else "benchmarking"
    return getattr(import_module(f"edgetl.benchmarks.{module}"), name)
