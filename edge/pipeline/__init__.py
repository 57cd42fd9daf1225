"""From a source through the classifier to the sinks.

from edgetl.edge.pipeline import ClassifyOptions, classify

classify(ClassifyOptions(files=("photos",), output=Path("results.jsonl")))
"""

from typing import TYPE_CHECKING, Any

__all__ = ["ClassifyOptions", "Outcome", "classify"]

if TYPE_CHECKING:
    from edgetl.edge.pipeline.classification import classify
    from edgetl.edge.pipeline.options import ClassifyOptions
    from edgetl.edge.pipeline.running import Outcome


def __getattr__(name: str) -> Any:
    # On first use: the options alone load neither NumPy nor OpenCV.
    if name == "ClassifyOptions":
        from edgetl.edge.pipeline.options import ClassifyOptions

        return ClassifyOptions
    if name in __all__:
        from edgetl.edge.system.gc_disabled import gc_disabled

        # Looking for garbage among what is imported took a fifteenth of the time to a result.
        with gc_disabled():
            from edgetl.edge.pipeline import classification

        return getattr(classification, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
