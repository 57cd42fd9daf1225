"""The preview's web server: its two routes, and the thread it runs in."""

import asyncio
import socket
import threading
import time
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from edgetl.edge.preview.access import Guard, Rules, page_response
from edgetl.edge.preview.feed import Feed
from edgetl.edge.preview.pages import live_page, message_page

# How long a request for the next result waits: shorter than the timeouts of proxies and phones.
WAIT_SECONDS = 5.0
_START_SECONDS = 10.0
_STOP_SECONDS = 0.9
LIMIT = 8
# Seconds after its last request until a viewer no longer counts: longer than a request takes.
LINGER_SECONDS = 10.0
# Of all kinds: viewers, browsers' spare ones, strangers. Further ones are closed.
_CONNECTIONS = 64


class PreviewServer:
    """Serves a feed from a separate thread, from construction until `close`."""

    def __init__(self, feed: Feed, listener: socket.socket, rules: Rules) -> None:
        self._feed = feed
        self._server = uvicorn.Server(
            uvicorn.Config(
                Guard(_app(feed), rules),
                http=_Protocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=1,
            )
        )
        # A daemon thread: a server that does not stop must not keep the process running.
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="preview", daemon=True
        )
        self._thread.start()
        began = time.monotonic()
        while not self._server.started and self.running():
            if time.monotonic() - began > _START_SECONDS:
                break
            time.sleep(0.005)

    def running(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop within a second, whatever connections are open."""
        self._feed.close()
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)

    def _run(self, listener: socket.socket) -> None:
        # Outside the main thread neither asyncio nor uvicorn handles Ctrl-C.
        with listener:
            asyncio.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        await self._server.serve(sockets=[listener])
        # A client that does not read its response would keep its socket open.
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()


class _Protocol(H11Protocol):  # type: ignore[misc]
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > _CONNECTIONS:
            transport.abort()


class Viewers:
    """The viewers of the last seconds, by the random names that their pages chose."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._seen: dict[str, float] = {}

    def admit(self, name: str, *, now: float) -> bool:
        """Note a request of `name` at `now`, in seconds; False if there are too many viewers."""
        if name not in self._seen and self.full(now=now):
            return False
        self._seen[name] = now
        return True

    def full(self, *, now: float) -> bool:
        """Whether the limit is reached at `now`, in seconds."""
        self._seen = {n: seen for n, seen in self._seen.items() if now - seen < LINGER_SECONDS}
        return len(self._seen) >= self._limit


def _app(feed: Feed) -> Starlette:
    viewers = Viewers()
    full = message_page(
        f"{LIMIT} viewers are watching already",
        "This preview takes no more viewers. Close it on another device; this page then opens "
        "within seconds.",
    )

    async def page(_: Request) -> Response:
        if viewers.full(now=time.monotonic()):
            response = page_response(full, status=503)
            response.headers["Refresh"] = "5"
            return response
        return page_response(live_page())

    async def following(request: Request) -> Response:
        """The next result after the one that the viewer has, once there is one."""
        viewer = request.query_params.get("viewer", "")
        run, _, number = request.query_params.get("after", "").partition(".")
        valid = not run or (number.isdecimal() and len(number) < 16)
        if not 8 <= len(viewer) <= 64 or not valid:
            return PlainTextResponse("viewer=NAME of 8 to 64 letters and after=RUN.NUMBER", 400)
        if not viewers.admit(viewer, now=time.monotonic()):
            return PlainTextResponse(f"{LIMIT} viewers are watching already", 503)
        # Numbers of an earlier process mean nothing here.
        seen = int(number) if run == feed.run else 0
        why = request.query_params.get("why") == "1"
        shown = await feed.after(seen, seconds=WAIT_SECONDS, why=why)
        viewers.admit(viewer, now=time.monotonic())
        age = feed.age()
        headers = {} if age is None else {"X-Age": f"{age:.2f}"}
        if shown is None:
            return Response(status_code=204, headers=headers)
        return Response(shown.body, media_type="application/octet-stream", headers=headers)

    return Starlette(
        routes=[
            Route("/", page, methods=["GET"]),
            Route("/next", following, methods=["GET"]),
        ]
    )
