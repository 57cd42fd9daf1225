"""The preview's web server, and the thread it runs in."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from edgetl.edge.preview.access import Guard, Rules
from edgetl.edge.preview.connections import REQUEST_SECONDS, Connections

_START_SECONDS = 10.0
_STOP_SECONDS = 0.9
_RESPONSE_SECONDS = 1.0
_LARGEST_REQUEST = 16 * 1024  # bytes


class PreviewServer:
    """Serves an application from a separate thread, from construction until `close`."""

    def __init__(
        self, app: ASGIApp, listener: socket.socket, rules: Rules, *, stop: Callable[[], None]
    ) -> None:
        """`stop` lets the application's waiting requests end, from any thread."""
        self._stop = stop
        self._rules = rules
        self._connections: Connections | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                Guard(app, rules),
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                h11_max_incomplete_event_size=_LARGEST_REQUEST,
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

    def responds(self) -> bool:
        """Whether it comes to something new within a second."""
        reached = threading.Event()
        try:
            assert self._loop is not None
            self._loop.call_soon_threadsafe(reached.set)
        except RuntimeError:  # its loop is closed
            return False
        return reached.wait(_RESPONSE_SECONDS)

    def close(self) -> None:
        """Stop within a second, whatever connections are open."""
        self._stop()
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)

    def _run(self, listener: socket.socket) -> None:
        # Outside the main thread neither asyncio nor uvicorn handles Ctrl-C. Windows' default loop
        # cannot wait for a socket of our own.
        with listener, asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._server.config.load()
        self._connections = Connections(listener, self._protocol, has_key=self._rules.may_have_key)
        # It listens to no socket itself, since it would accept whatever comes.
        await self._server.serve(sockets=[])
        self._connections.close()
        # A client that does not read its response would keep its socket open.
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    def _protocol(self) -> asyncio.Protocol:
        assert self._connections is not None
        return _Protocol(self._server, self._connections)


class _Protocol(H11Protocol):  # type: ignore[misc]
    """HTTP, with a limit on how long a request may take to come, and whether one had access."""

    def __init__(self, server: uvicorn.Server, connections: Connections) -> None:
        # Each request has it in its state, where the check of access finds it.
        state = {"connection": self}
        super().__init__(config=server.config, server_state=server.server_state, app_state=state)
        self.admitted = False
        self._open = connections
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether no request of it is being answered."""
        return self.cycle is None or bool(self.cycle.response_complete)

    def abort(self) -> None:
        """Close it at once."""
        self.transport.abort()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._open.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.idle:
            self._stop_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(REQUEST_SECONDS, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
