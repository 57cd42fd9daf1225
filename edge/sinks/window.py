"""Results in a window on the desktop."""

import os
import subprocess

import cv2

from edge.annotate import annotated
from edge.errors import PictureError, SinkError
from edge.own_python import run_python
from edge.results import Result
from edge.sinks import RunEnded

_TITLE = "edgetl"
_QUIT = {ord("q"), ord("Q"), 27}  # 27 is Esc
_TRIAL = "import cv2; cv2.namedWindow('edgetl'); cv2.waitKey(1)"
_SECONDS = 30


class WindowSink:
    """Shows each picture with its label. `q`, Esc or closing the window ends the run."""

    def __init__(self) -> None:
        """Open a window.

        Raises:
            SinkError: there is no display, it doesn't answer, or OpenCV was built without windows.
        """
        # Qt ends the whole process where it finds no display, so another one tries first.
        try:
            trial = run_python(
                ["-c", _TRIAL],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise SinkError(
                f"--window: the display {os.environ.get('DISPLAY', '')} did not open a window "
                f"within {_SECONDS:g} seconds; run it on the desktop, or use --save-video"
            ) from error
        if "not implemented" in trial.stderr:
            raise SinkError(
                "--window: this OpenCV was built without windows; install opencv-python in place "
                "of opencv-python-headless"
            )
        if trial.returncode:
            raise SinkError(
                "--window: there is no display here that a window can open on; run it on the "
                "desktop, or use --save-video"
            )
        # Qt's fonts are not in OpenCV's wheels, and it says so at length.
        os.environ.setdefault("QT_LOGGING_RULES", "*=false")
        cv2.namedWindow(_TITLE, cv2.WINDOW_AUTOSIZE)

    def write(self, result: Result) -> None:
        try:
            cv2.imshow(_TITLE, cv2.cvtColor(annotated(result), cv2.COLOR_RGB2BGR))
        except PictureError:
            # A file that was deleted since it was classified.
            return
        key = cv2.waitKey(1) & 0xFF
        if key in _QUIT or cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            raise RunEnded

    def close(self) -> None:
        cv2.destroyAllWindows()
        cv2.waitKey(1)
