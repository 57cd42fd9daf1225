"""Measures what trainer and edge made: accuracy and latency beside the Keras model.

from edgetl.benchmarks import BenchmarkOptions, benchmark

outcome = benchmark(BenchmarkOptions(rounds=5))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgetl.benchmarks.benchmarking import Outcome, benchmark
    from edgetl.benchmarks.options import BenchmarkOptions

__all__ = ["BenchmarkOptions", "Outcome", "benchmark"]


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: each case's process imports this package too."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "BenchmarkOptions":
        from edgetl.benchmarks import options

        return options.BenchmarkOptions
    from edgetl.benchmarks import benchmarking

    return getattr(benchmarking, name)
