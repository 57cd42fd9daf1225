"""A web server that takes results, or not."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest


class Hook:
    """A web server on this machine. `statuses` are its next answers; then it takes everything.

    A status of 0 closes the connection without an answer; while `over` is not set, -1 waits for it.
    """

    def __init__(self, *statuses: int, port: int = 0, **headers: str) -> None:
        self.statuses = list(statuses)
        self.headers = headers
        self.heard: list[tuple[str, dict[str, str], Any]] = []
        self.asked: list[float] = []
        self.connections = 0
        self.over = threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                hook.connections += 1

            def do_POST(self) -> None:
                hook.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def name(self) -> str:
        return f"--webhook http://127.0.0.1:{self.port}"

    @property
    def frames(self) -> list[int]:
        return [record["frame"] for _, _, record in self.heard]

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.asked.append(time.monotonic())
        status = self.statuses.pop(0) if self.statuses else 204
        if status == -1:
            self.over.wait(20)
        if status <= 0:
            request.close_connection = True
            return
        if status < 300:
            self.heard.append((request.path, dict(request.headers), json.loads(body)))
        request.send_response(status)
        for name, value in self.headers.items():
            request.send_header(name.replace("_", "-"), value)
        if status != 204:
            request.send_header("Content-Length", "0")
        request.end_headers()

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hook() -> Iterator[Callable[..., Hook]]:
    started: list[Hook] = []

    def start(*statuses: int, **more: Any) -> Hook:
        started.append(Hook(*statuses, **more))
        return started[-1]

    yield start
    for one in started:
        one.stop()
