"""What runs on the device: classify pictures with a .tflite model, without TensorFlow.

from edgetl.edge import Classifier

for prediction in Classifier("model.tflite").classify("photo.jpg"):
    print(prediction.label, prediction.probability)

What `edgetl classify` does, with sources and sinks, is edgetl.edge.classify(ClassifyOptions(...)).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["Classifier", "ClassifyOptions", "EdgetlError", "Outcome", "Prediction", "classify"]

if TYPE_CHECKING:
    from edgetl.edge.errors import EdgetlError
    from edgetl.edge.model.classifier import Classifier, Prediction
    from edgetl.edge.pipeline.classification import classify
    from edgetl.edge.pipeline.options import ClassifyOptions
    from edgetl.edge.pipeline.running import Outcome

_MODULES = {
    "Classifier": "edgetl.edge.model.classifier",
    "ClassifyOptions": "edgetl.edge.pipeline.options",
    "EdgetlError": "edgetl.edge.errors",
    "Outcome": "edgetl.edge.pipeline.running",
    "Prediction": "edgetl.edge.model.classifier",
    "classify": "edgetl.edge.pipeline.classification",
}


def __getattr__(name: str) -> Any:
    # Names are looked up on first use, so that `edgetl --help`, which needs the errors, does not
    # import NumPy, Pillow, OpenCV and a runtime.
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'edgetl.edge' has no attribute {name!r}")
