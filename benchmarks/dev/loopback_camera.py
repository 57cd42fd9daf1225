"""A camera on the loopback network, for measuring how old a frame is when it has been classified.

    python -m edgetl.benchmarks.dev.loopback_camera

It sends motion JPEG over HTTP, 640x480 at 30 frames a second, and prints its URL. Each frame
carries its number and the time it was sent at in its pixels.
"""

import contextlib
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgetl.benchmarks.dev.command_line import run_command

FPS = 30.0
WIDTH, HEIGHT = 640, 480

# A bit is a stripe: the number in the upper half of a frame, milliseconds in the lower one.
_NUMBER_BITS, _TIME_BITS = 20, 40


def frame_picture(number: int, sent: float) -> npt.NDArray[np.uint8]:
    """A frame, uint8 [480, 640, 3], with its number and `sent`, seconds of time.monotonic()."""
    halves = [
        np.repeat([255 * (value >> bit & 1) for bit in range(bits)], WIDTH // bits)
        for value, bits in ((number, _NUMBER_BITS), (round(sent * 1000), _TIME_BITS))
    ]
    rows = np.repeat(np.array(halves, np.uint8), HEIGHT // 2, axis=0)
    return np.ascontiguousarray(np.broadcast_to(rows[..., np.newaxis], (HEIGHT, WIDTH, 3)))


def read_frame(pixels: npt.NDArray[Any]) -> tuple[int, float]:
    """The number and time that `frame_picture` wrote, from uint8 [480, 640, 3]."""
    number, milliseconds = (
        sum(
            int(pixels[row, bit * (WIDTH // bits) + WIDTH // bits // 2, 1] > 128) << bit
            for bit in range(bits)
        )
        for row, bits in ((HEIGHT // 4, _NUMBER_BITS), (3 * HEIGHT // 4, _TIME_BITS))
    )
    return number, milliseconds / 1000


def mjpeg_part(content: bytes) -> bytes:
    """What one JPEG, `content`, is in the stream that `mjpeg_server` sends."""
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content + b"\r\n"


def mjpeg_server(send: Callable[[Any], None], *, port: int = 0) -> ThreadingHTTPServer:
    """A camera's HTTP server on the loopback network, bound and not yet serving.

    `send` writes one stream to the file object that it gets, until it is over; it may raise an
    OSError when the reader has gone. Port 0 is any free one.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with contextlib.suppress(OSError):
                send(self.wfile)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server


def main() -> None:
    """Serve until the process is ended."""
    server = mjpeg_server(_send)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)  # noqa: T201
    server.serve_forever()


def _send(output: Any) -> None:
    due = time.monotonic()
    for number in range(2**_NUMBER_BITS):
        # A reader that falls behind makes writing wait; as from a camera, what it missed is gone.
        due = max(due + 1 / FPS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        data = cv2.imencode(".jpg", frame_picture(number, time.monotonic()))[1].tobytes()
        output.write(mjpeg_part(data))


if __name__ == "__main__":
    run_command(main)
