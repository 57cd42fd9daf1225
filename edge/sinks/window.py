"""Results in a window on the desktop."""

import contextlib
import os
import subprocess
import threading
import time

import cv2

from edgetl.edge.errors import PictureError, SinkError
from edgetl.edge.results.annotate import annotated
from edgetl.edge.results.result import Result
from edgetl.edge.sinks import RunEnded
from edgetl.edge.sinks.window_process import SIZE
from edgetl.edge.system.python_subprocess import start_python

_SECONDS = 30
_SECONDS_TO_CLOSE = 5


class WindowSink:
    """Shows each picture with its label. `q`, Esc or closing the window ends the run."""

    def __init__(self) -> None:
        """Open a window.

        Raises:
            SinkError: there is no display, it doesn't answer, or OpenCV was built without windows.
        """
        # Qt ends the whole process where it finds no display, or loses it. Ctrl-C does not reach a
        # process in another session, so the window stays until the run has ended.
        self._process = start_python(
            ["-m", "edgetl.edge.sinks.window_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._pictures = self._process.stdin
        self._answers = self._process.stdout
        began = time.monotonic()
        timer = threading.Timer(_SECONDS, self._process.kill)
        timer.start()
        try:
            answer = self._answers.readline().strip()
        except BaseException:
            # A signal while the display is waited for.
            self._process.kill()
            raise
        finally:
            timer.cancel()
        if answer == b"open":
            return
        self.close()
        if answer:
            raise SinkError(
                "--window: this OpenCV was built without windows; install opencv-python in place "
                "of opencv-python-headless"
            )
        if time.monotonic() - began >= _SECONDS:
            raise SinkError(
                f"--window: the display {os.environ.get('DISPLAY', '')} did not open a window "
                f"within {_SECONDS:g} seconds; run it on the desktop, or use --save-video"
            )
        raise SinkError(
            "--window: there is no display here that a window can open on; run it on the "
            "desktop, or use --save-video"
        )

    def write(self, result: Result) -> None:
        try:
            bgr = cv2.cvtColor(annotated(result), cv2.COLOR_RGB2BGR)
        except PictureError:
            # A file that was deleted since it was classified.
            return
        try:
            self._pictures.write(SIZE.pack(*bgr.shape[:2]))
            self._pictures.write(bgr.data)
            self._pictures.flush()
        except OSError:
            if self._process.wait() == 0:
                raise RunEnded from None
            raise SinkError("--window: its display is gone") from None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._pictures.close()
        self._answers.close()
        try:
            self._process.wait(_SECONDS_TO_CLOSE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
