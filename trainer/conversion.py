"""From Keras to a TFLite flatbuffer, in silence."""

import contextlib
import io
import warnings
from typing import Any

from edge.errors import EdgetlError
from edge.native_log import hidden_native_log


def converted(converter: Any) -> bytes:
    """What a `tf.lite.TFLiteConverter` makes of its model.

    Raises:
        EdgetlError: the converter failed.
    """
    try:
        # The converter prints to stdout, which is for results, and logs from C++.
        with (
            hidden_native_log(),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            flatbuffer: bytes = converter.convert()
    except Exception as error:
        raise EdgetlError(
            f"TensorFlow cannot convert the model ({' '.join(str(error).split())[:300]})"
        ) from error
    return flatbuffer
