"""What one would write by hand to classify pictures: the peer of `edgetl classify`.

    python -m benchmarks.minimal MODEL RUNTIME THREADS PICTURE...

RUNTIME is the module of an interpreter: ai_edge_litert.interpreter, say.
"""

import importlib
import sys

import cv2
import numpy as np
from PIL import Image


def main() -> None:
    """Print the number of each picture's class and its value."""
    model, runtime, threads, *pictures = sys.argv[1:]
    interpreter = importlib.import_module(runtime).Interpreter(
        model_path=model, num_threads=int(threads)
    )
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, _ = taken["shape"]
    for picture in pictures:
        with Image.open(picture) as image:
            image.draft(None, (2 * int(width), 2 * int(height)))
            pixels = np.asarray(image.convert("RGB"))
        pixels = cv2.resize(pixels, (int(width), int(height)), interpolation=cv2.INTER_AREA)
        interpreter.set_tensor(taken["index"], pixels[np.newaxis].astype(taken["dtype"]))
        interpreter.invoke()
        output = interpreter.get_tensor(given["index"])[0]
        print(picture, output.argmax(), output.max(), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
