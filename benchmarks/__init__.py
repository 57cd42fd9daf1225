"""Measures what trainer and edge made: accuracy and latency beside the Keras model.

from edgetl.benchmarks import BenchmarkOptions, benchmark

outcome = benchmark(BenchmarkOptions(rounds=5))
"""

from typing import TYPE_CHECKING, Any

from edgetl.benchmarks.options import BenchmarkOptions

if TYPE_CHECKING:
    from edgetl.benchmarks.benchmarking import Outcome, benchmark

__all__ = ["BenchmarkOptions", "Outcome", "benchmark"]


def __getattr__(name: str) -> Any:
    """What takes long to import, when it is asked for."""
    if name in ("Outcome", "benchmark"):
        from edgetl.benchmarks import benchmarking

        return getattr(benchmarking, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
