"""What a flatbuffer gives, before it is a file."""

from collections.abc import Iterable

import numpy as np

from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.model.runtime import choose_runtime, default_threads
from edgetl.trainer import metrics
from edgetl.trainer.data.memory_mapped import MemoryMappedArray


def probabilities_of(
    flatbuffer: bytes, pixels: MemoryMappedArray | Pixels, rows: Iterable[int]
) -> metrics.Probabilities:
    """What LiteRT gives for some rows of pixels, uint8 [pictures, height, width, 3].

    Returns:
        float32 [rows, labels].

    Raises:
        ValueError, RuntimeError: it cannot run the model.
    """
    interpreter = choose_runtime("litert").interpreter(flatbuffer, threads=default_threads())
    (model_input,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for row in rows:
        interpreter.set_tensor(model_input["index"], pixels[[row]].astype(model_input["dtype"]))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(output["index"])[0])
    return np.array(answers, np.float32)
