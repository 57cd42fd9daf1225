"""A camera's URL of a still picture, such as http://camera/snap.jpg, asked for again and again."""

import time

import numpy as np

from edgetl.edge.errors import PictureError, SettingError, SourceError, quoted
from edgetl.edge.model.decoding import decode
from edgetl.edge.sources.capture import FRAME_SECONDS, Frame, camera_name
from edgetl.edge.sources.http_source import answer

# What a camera draws and sends of full pictures without hurry.
_USUAL_FPS = 1.0
# A frame that takes much longer counts as lost.
_LOWEST_FPS = 0.2

_MOST_BYTES = 2**26
# Pixels that both sides keep of a picture of many megapixels.
_AT_LEAST = 2048


class StillPicture:
    """A picture by its URL as a camera, with a rate."""

    def __init__(self, url: str, fps: float | None = None) -> None:
        """
        Args:
            url: where it is, http or https.
            fps: how often a second it is asked for; default 1.

        Raises:
            SettingError: that is too low.
        """
        if fps is not None and fps < _LOWEST_FPS:
            raise SettingError(
                f"{quoted(camera_name(url))}: --fps {fps:g} is too low for a live camera; give "
                f"{_LOWEST_FPS:g} or more"
            )
        self._url = url
        self._seconds = 1 / (fps or _USUAL_FPS)
        self._due = time.monotonic()

    def read(self) -> Frame | None:
        """Wait until it is due, and ask for it; None where it has not come for 10 seconds."""
        given_up = max(time.monotonic(), self._due) + FRAME_SECONDS
        while True:
            now = time.monotonic()
            time.sleep(max(0.0, self._due - now))
            self._due = max(self._due, now) + self._seconds
            frame = self._asked_for()
            if frame is not None or time.monotonic() > given_up:
                return frame

    def _asked_for(self) -> Frame | None:
        # A camera may be busy for a moment, or be asked while it writes the file.
        try:
            with answer(self._url) as answered:
                content = answered.read(_MOST_BYTES)
            # Not OpenCV, which makes a half-grey picture of half a file.
            pixels = decode(content, at_least=_AT_LEAST).pixels
        except (SourceError, PictureError):
            return None
        return np.ascontiguousarray(pixels[..., ::-1])
