"""What runs on the device: classify pictures with a .tflite model, without TensorFlow.

from edgetl.edge import Classifier

for prediction in Classifier("model.tflite").classify("photo.jpg"):
    print(prediction.label, prediction.probability)
"""

from typing import TYPE_CHECKING, Any

__all__ = ["Classifier", "EdgetlError", "Prediction"]

if TYPE_CHECKING:
    from edgetl.edge.errors import EdgetlError
    from edgetl.edge.model.classifier import Classifier, Prediction


def __getattr__(name: str) -> Any:
    # Names are looked up on first use, so that `edgetl --help`, which needs the errors, does not
    # import NumPy, Pillow, OpenCV and a runtime.
    if name in ("Classifier", "Prediction"):
        from edgetl.edge.model import classifier

        return getattr(classifier, name)
    if name == "EdgetlError":
        from edgetl.edge.errors import EdgetlError

        return EdgetlError
    raise AttributeError(f"module 'edgetl.edge' has no attribute {name!r}")
