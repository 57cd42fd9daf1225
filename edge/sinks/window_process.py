"""The process whose window `edgetl.edge.sinks.window` shows pictures in.

It prints "open", or "without windows" where OpenCV was built so. Then it takes pictures on stdin,
each as its height and width, which are unsigned 32-bit integers in the machine's order, and its BGR
pixels. Its exit status is 0 when there are no more, or a person closed the window.
"""

import os
import struct
import sys

import cv2
import numpy as np

SIZE = struct.Struct("=II")

_TITLE = "edgetl"
_QUIT = {ord("q"), ord("Q"), 27}  # 27 is Esc


def main() -> None:
    """Show pictures; where there is no display, Qt ends the process."""
    try:
        cv2.namedWindow(_TITLE, cv2.WINDOW_AUTOSIZE)
        cv2.waitKey(1)
    except cv2.error as error:
        if "not implemented" in str(error):
            os.write(1, b"without windows\n")
        return
    os.write(1, b"open\n")
    while size := sys.stdin.buffer.read(SIZE.size):
        height, width = SIZE.unpack(size)
        pixels = sys.stdin.buffer.read(height * width * 3)
        cv2.imshow(_TITLE, np.frombuffer(pixels, np.uint8).reshape(height, width, 3))
        key = cv2.waitKey(1) & 0xFF
        if key in _QUIT or cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return


if __name__ == "__main__":
    main()
