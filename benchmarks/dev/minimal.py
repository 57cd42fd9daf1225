"""What one would write by hand to classify pictures: the lower bound of `edgetl classify`.

    python -m edgetl.benchmarks.dev.minimal MODEL RUNTIME THREADS PICTURE...

RUNTIME is the module of an interpreter: ai_edge_litert.interpreter, say.
"""

import importlib
import sys
from collections.abc import Callable
from typing import IO, Any

import cv2
import numpy as np
from PIL import Image


def classifier(model: str, runtime: str, threads: int) -> Callable[[str | IO[bytes]], Any]:
    """A model's output, an array [classes], for a picture's file."""
    interpreter = importlib.import_module(runtime).Interpreter(
        model_path=model, num_threads=threads
    )
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, _ = taken["shape"]

    def output(picture: str | IO[bytes]) -> Any:
        with Image.open(picture) as image:
            image.draft(None, (int(width), int(height)))
            pixels = np.asarray(image.convert("RGB"))
        pixels = cv2.resize(pixels, (int(width), int(height)), interpolation=cv2.INTER_AREA)
        interpreter.set_tensor(taken["index"], pixels[np.newaxis].astype(taken["dtype"]))
        interpreter.invoke()
        return interpreter.get_tensor(given["index"])[0]

    return output


def main() -> None:
    """Print the number of each picture's class and its value."""
    model, runtime, threads, *pictures = sys.argv[1:]
    classify = classifier(model, runtime, int(threads))
    for picture in pictures:
        output = classify(picture)
        print(picture, output.argmax(), output.max(), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
