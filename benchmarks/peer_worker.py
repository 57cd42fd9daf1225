"""Classifies JPEGs in one of the ways that benchmarks.peers holds beside one another.

    python peer_worker.py WAY MODEL THREADS RUNTIME classify PICTURE...
    python peer_worker.py WAY MODEL THREADS RUNTIME time PICTURE...

`classify` prints the class of each picture as it comes. `time` has all of them in memory first and
prints "ready"; then for every line on stdin it classifies all and prints JSON: milliseconds, and
the classes. RUNTIME is the module of an interpreter, for the bare loop. The MediaPipe ways run in
an environment without edgetl, so nothing of ours is imported but in the other two.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Classify = Callable[[bytes], str]


def edgetl(model: str, threads: int, runtime: str) -> Classify:
    """Our classifier, all classes in order, as MediaPipe has them too."""
    from edge.classifier import Classifier

    classifier = Classifier(model, threads=threads)
    return lambda jpeg: classifier.classify(jpeg)[0].label


def bare(model: str, threads: int, runtime: str) -> Classify:
    """The least that one would write by hand around an interpreter: gives the class's number."""
    from benchmarks.minimal import classifier

    output = classifier(model, runtime, threads)
    return lambda jpeg: str(output(io.BytesIO(jpeg)).argmax())


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

    return classify


def mediapipe_file(model: str, threads: int, runtime: str) -> Callable[[str], str]:
    """MediaPipe Tasks on a file that it reads itself."""
    import mediapipe as mp

    classifier = _image_classifier(model)
    return lambda path: _best(classifier.classify(mp.Image.create_from_file(path)))


def _image_classifier(model: str) -> Any:
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model))
    return vision.ImageClassifier.create_from_options(options)


def _best(result: Any) -> str:
    return str(result.classifications[0].categories[0].category_name)


WAYS: dict[str, Callable[[str, int, str], Callable[[Any], str]]] = {
    "edgetl": edgetl,
    "bare": bare,
    "mediapipe": mediapipe,
    "mediapipe-file": mediapipe_file,
}


def main() -> None:
    """Do as the command line says."""
    way, model, threads, runtime, task, *pictures = sys.argv[1:]
    classify = WAYS[way](model, int(threads), runtime)

    def given(path: str) -> Any:
        return path if way == "mediapipe-file" else Path(path).read_bytes()

    if task == "classify":
        for path in pictures:
            print(classify(given(path)), flush=True)  # noqa: T201
        return
    held = [given(path) for path in pictures]
    print("ready", flush=True)  # noqa: T201
    for _ in sys.stdin:
        took, classes = [], []
        for picture in held:
            began = time.perf_counter()
            classes.append(classify(picture))
            took.append(1000 * (time.perf_counter() - began))
        print(json.dumps({"milliseconds": took, "classes": classes}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
