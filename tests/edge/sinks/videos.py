"""Reading videos that sinks wrote."""

from pathlib import Path

import cv2
import numpy as np


def frames_of(path: Path) -> tuple[list[np.ndarray], float]:
    capture = cv2.VideoCapture(str(path))
    rate, frames = capture.get(cv2.CAP_PROP_FPS), []
    while True:
        read, frame = capture.read()
        if not read:
            return frames, rate
        frames.append(frame)
