"""A camera on this machine, whose stream can stall and end."""

import contextlib
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lib.service_check.container import Container

FPS = 10.0

PICTURES = 2

MAKE_PICTURES = """
import sys
from PIL import Image
for number in range(int(sys.argv[1])):
    picture = Image.linear_gradient("L").resize((640, 480)).rotate(180 * number)
    picture.convert("RGB").save(f"/root/frame{number}.jpg")
"""


def pictures(container: Container) -> list[bytes]:
    """Frames of the camera. They are made in there, where Pillow is."""
    container.in_tree("/opt/edgetl/bin/python", "-c", MAKE_PICTURES, str(PICTURES))
    return [(container.tree / f"root/frame{n}.jpg").read_bytes() for n in range(PICTURES)]


class Camera:
    """A camera of the network: motion JPEG over HTTP, which can stall and can be gone."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._frames = frames
        self._flowing = threading.Event()
        self._flowing.set()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def __enter__(self) -> "Camera":
        self.come()
        return self

    def __exit__(self, *_: object) -> None:
        self.go()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def stall(self) -> None:
        """Keep every connection, take new ones, and send nothing."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def go(self) -> None:
        """Close every connection and take no new one."""
        server, self._server = self._server, None
        self._flowing.set()
        if server:
            server.shutdown()
            server.server_close()

    def come(self) -> None:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                with contextlib.suppress(OSError):
                    camera._send(self.wfile, self.server)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _send(self, output: Any, server: Any) -> None:
        number = 0
        while self._server is server:
            self._flowing.wait()
            content = self._frames[number // 20 % len(self._frames)]
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
            output.write(head.encode() + content + b"\r\n")
            number += 1
            time.sleep(1 / FPS)
