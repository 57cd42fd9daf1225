"""Classifies JPEGs with one of the variants that benchmarks.dev.baselines compares.

    python baseline_worker.py VARIANT MODEL THREADS RUNTIME classify PICTURE...
    python baseline_worker.py VARIANT MODEL THREADS RUNTIME time PICTURE...

`classify` prints the class of each picture as it comes. `time` prints "ready" when it has what the
variant takes: every picture's bytes in memory, or its path. Then for every line on stdin it
classifies all and prints JSON: milliseconds a picture, and the classes. RUNTIME is the module of an
interpreter, for the bare loop. The MediaPipe variants run in an environment without edgetl; only
the other three import anything of ours.
"""

import importlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

# From JPEGs, as bytes or as paths, to the class of each in order.
Classify = Callable[[Iterable[Any]], Iterator[str]]


def edgetl(model: str, threads: int, runtime: str) -> Classify:
    """Our classifier, all classes in order, as MediaPipe has them too."""
    from edgetl.edge.model.classifier import Classifier

    classifier = Classifier(model, threads=threads)
    return lambda jpegs: (classifier.classify(jpeg)[0].label for jpeg in jpegs)


def edgetl_folder(model: str, threads: int, runtime: str) -> Classify:
    """As `edgetl classify FOLDER` does it: a picture on each thread."""
    from edgetl.edge.model.classifier import Classifier
    from edgetl.edge.pipeline.inference import results
    from edgetl.edge.pipeline.prefetch import Prefetcher, threads_each
    from edgetl.edge.results.result import Result
    from edgetl.edge.sources.files import files

    each = threads_each(Path(model).stat().st_size, threads)
    classifier = Classifier(model, threads=each)

    def classify(paths: Iterable[str]) -> Iterator[str]:
        ahead = Prefetcher(files(paths), classifier.model.input_size, threads=threads)
        for result in results(ahead, classifier):
            assert isinstance(result, Result), result
            yield result.label

    return classify


def bare(model: str, threads: int, runtime: str) -> Classify:
    """What one would write by hand around an interpreter: gives the class's number."""
    import cv2
    import numpy as np
    from PIL import Image

    interpreter = importlib.import_module(runtime).Interpreter(
        model_path=model, num_threads=threads
    )
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, _ = map(int, taken["shape"])

    def classify(jpeg: bytes) -> str:
        with Image.open(io.BytesIO(jpeg)) as image:
            image.draft(None, (width, height))
            pixels = np.asarray(image.convert("RGB"))
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        interpreter.set_tensor(taken["index"], pixels[np.newaxis].astype(taken["dtype"]))
        interpreter.invoke()
        return str(interpreter.get_tensor(given["index"])[0].argmax())

    return lambda jpegs: map(classify, jpegs)


def mediapipe(model: str, threads: int, runtime: str) -> Classify:
    """MediaPipe Tasks on pixels that OpenCV decodes: it has no function of its own for bytes."""
    import cv2
    import mediapipe as mp
    import numpy as np

    classifier = _image_classifier(model)

    def classify(jpeg: bytes) -> str:
        bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        pixels = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=pixels)
        return _best(classifier.classify(image))

    return lambda jpegs: map(classify, jpegs)


def mediapipe_file(model: str, threads: int, runtime: str) -> Classify:
    """MediaPipe Tasks on a file that it reads itself."""
    import mediapipe as mp

    classifier = _image_classifier(model)
    return lambda paths: (
        _best(classifier.classify(mp.Image.create_from_file(path))) for path in paths
    )


def _image_classifier(model: str) -> Any:
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model))
    return vision.ImageClassifier.create_from_options(options)


def _best(result: Any) -> str:
    return str(result.classifications[0].categories[0].category_name)


VARIANTS: dict[str, Callable[[str, int, str], Classify]] = {
    "edgetl": edgetl,
    "edgetl-folder": edgetl_folder,
    "bare": bare,
    "mediapipe": mediapipe,
    "mediapipe-file": mediapipe_file,
}
_TAKES_PATHS = {"edgetl-folder", "mediapipe-file"}


def main() -> None:
    """Do as the command line says."""
    variant, model, threads, runtime, task, *pictures = sys.argv[1:]
    classify = VARIANTS[variant](model, int(threads), runtime)
    given = pictures if variant in _TAKES_PATHS else (Path(path).read_bytes() for path in pictures)
    if task == "classify":
        for label in classify(given):
            print(label, flush=True)  # noqa: T201
        return
    held = list(given)
    print("ready", flush=True)  # noqa: T201
    for _ in sys.stdin:
        began = time.perf_counter()
        classes = list(classify(held))
        took = 1000 * (time.perf_counter() - began) / len(held)
        print(json.dumps({"milliseconds": took, "classes": classes}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
