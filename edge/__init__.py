"""What runs on the device: classify pictures with a .tflite model, without TensorFlow.

from edge import Classifier

for prediction in Classifier("model.tflite").classify("photo.jpg"):
    print(prediction.label, prediction.probability)
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Classifier", "EdgetlError", "Prediction", "__version__"]

if TYPE_CHECKING:
    from edge.classifier import Classifier, Prediction
    from edge.errors import EdgetlError


def __getattr__(name: str) -> Any:
    # Names are looked up on first use so that `import edge.errors`, and with it `edgetl --help`,
    # does not import NumPy, Pillow, OpenCV and a runtime.
    if name in ("Classifier", "Prediction"):
        from edge import classifier

        return getattr(classifier, name)
    if name == "EdgetlError":
        from edge.errors import EdgetlError

        return EdgetlError
    raise AttributeError(f"module 'edge' has no attribute {name!r}")
