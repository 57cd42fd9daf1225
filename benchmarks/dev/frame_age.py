"""How old a camera's frames are when a slow model has classified them."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.benchmarks.dev.loopback_camera import read_frame
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.pipeline.inference import results
from edgetl.edge.results.result import Result
from edgetl.edge.sources.camera import Camera
from edgetl.edge.sources.files import Item
from edgetl.edge.sources.opencv_capture import opened
from edgetl.edge.sources.view import View

# A classifier as slow as a large model on a small board, milliseconds.
SLOWED = 100.0


@dataclass(frozen=True)
class Age:
    """How old frames were when they had been classified, milliseconds.

    Attributes:
        reader, seconds: how the camera was read, and for how long.
        p95: the 95th percentile; p95_first_half, p95_second_half: of halves of the time.
    """

    reader: str
    seconds: float
    frames: int
    median: float
    p95: float
    p95_first_half: float
    p95_second_half: float


def frame_ages(model: Path, *, seconds: float) -> list[Age]:
    """Ages of the frames of a 30 fps stream when a classifier of 100 ms has classified them."""
    classifier = Classifier(model)
    with loopback_camera() as url, Camera(url) as camera:
        ours = _ages("edgetl", camera, classifier, seconds)
    with loopback_camera() as url:
        plain = _ages("plain cv2 read loop", _plain(url), classifier, seconds)
    return [ours, plain]


@contextmanager
def loopback_camera() -> Iterator[str]:
    """A camera on the loopback network in a process of its own; its URL."""
    # So that it and the reader do not wait for one another's lock.
    with subprocess.Popen(
        [sys.executable, "-m", "edgetl.benchmarks.dev.loopback_camera"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _plain(url: str) -> Iterator[Item]:
    capture = opened(url)
    assert capture is not None
    try:
        for number in itertools.count(1):
            read, frame = capture.read()
            if not read:
                return
            yield Item(url, View().of(frame), number)
    finally:
        capture.release()


def _ages(reader: str, items: Iterable[Item], classifier: Classifier, seconds: float) -> Age:
    found: list[tuple[float, float]] = []
    frames = iter(items)
    began = taken = time.monotonic()
    for result in results(frames, classifier, top_k=3):
        assert isinstance(result, Result)
        # Slow as a large model: not less than SLOWED from one frame to the next.
        time.sleep(max(0.0, (SLOWED - result.milliseconds) / 1000))
        taken = time.monotonic()
        found.append((taken - began, 1000 * (taken - read_frame(np.asarray(result.picture))[1])))
        if taken - began > seconds:
            break
    # While it starts, FFmpeg looks at the first frames for longer.
    when, ages = np.array([one for one in found if one[0] > min(1.0, seconds / 4)]).T
    return Age(
        reader=reader,
        seconds=taken - began,
        frames=len(found),
        median=float(np.median(ages)),
        p95=float(np.percentile(ages, 95)),
        p95_first_half=float(np.percentile(ages[when <= seconds / 2], 95)),
        p95_second_half=float(np.percentile(ages[when > seconds / 2], 95)),
    )
