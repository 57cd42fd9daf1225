"""The preview's open connections: how many there may be, and which are closed for a new one."""

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from edgetl.edge.system.files import open_file_limit

# File handles that stay free for cameras, results and pictures.
_KEPT_FREE = 128
_MOST = 128
_FEWEST = 8
# Accepted in one go; then the requests of others have their turn.
_AT_ONCE = 32
# Until a connection has sent a whole request.
REQUEST_SECONDS = 10.0
_SWEEP_SECONDS = 1.0
# Without file handles to accept with, for so long nothing is accepted.
_PAUSE_SECONDS = 0.1
_LARGEST_HEAD = 16 * 1024  # bytes
# To requests without a key; further ones get a bare refusal.
_PAGES_A_SECOND = 20
_REFUSAL = (
    b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 11\r\n\r\nneeds a key"
)


class Connection(Protocol):
    """A connection that has begun to send a request."""

    # Whether it has made a request with access.
    admitted: bool

    @property
    def idle(self) -> bool:
        """Whether it has no request that is being answered."""

    def abort(self) -> None:
        """Close it at once."""


def most_connections() -> int:
    """How many connections may be open: 128, or fewer where this process may open few files."""
    return max(_FEWEST, min(_MOST, (open_file_limit() - _KEPT_FREE) // 2))


class Connections:
    """Accepts connections, and hands those on that have begun to send a request.

    There are never more than `most_connections`. A new one takes the place of the oldest that has
    sent nothing, else of the oldest that has shown no key, else of the oldest that is idle. So
    neither a flood of connections nor slow ones keep out who has the key, and files can still be
    opened. For the thread of one event loop.
    """

    def __init__(
        self,
        listener: socket.socket,
        serve: Callable[[], Any],
        *,
        has_key: Callable[[bytes], bool],
    ) -> None:
        """
        Args:
            listener: bound; it is set to listen here.
            serve: makes the asyncio protocol of a connection, which calls `add` and `remove`.
            has_key: whether a request's head, or its beginning, may have access.
        """
        self._listener = listener
        self._serve = serve
        self._has_key = has_key
        self._limit = most_connections()
        self._loop = asyncio.get_running_loop()
        # In order of age.
        self._silent: dict[socket.socket, float] = {}
        self._speaking: dict[Connection, None] = {}
        self._handing_on: set[asyncio.Task[Any]] = set()
        self._refused: deque[float] = deque(maxlen=_PAGES_A_SECOND)
        listener.setblocking(False)
        listener.listen(1024)
        self._loop.add_reader(listener, self._accept)
        self._sweeping = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def add(self, connection: Connection) -> None:
        """A connection has begun to send."""
        self._speaking[connection] = None

    def remove(self, connection: Connection) -> None:
        """It is closed."""
        self._speaking.pop(connection, None)

    def close(self) -> None:
        """Accept no more, and close those that have sent nothing."""
        self._sweeping.cancel()
        self._loop.remove_reader(self._listener)
        for silent in list(self._silent):
            self._drop(silent)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # No file handle is free; the listener would wake the loop again at once.
                self._loop.remove_reader(self._listener)
                self._loop.call_later(_PAUSE_SECONDS, self._resume)
                return
            if not self._has_room():
                accepted.close()
                continue
            accepted.setblocking(False)
            self._silent[accepted] = time.monotonic()
            if not self._hand_on(accepted):
                self._loop.add_reader(accepted, self._hand_on, accepted)

    def _resume(self) -> None:
        if not self._sweeping.cancelled():
            self._loop.add_reader(self._listener, self._accept)

    def _has_room(self) -> bool:
        if len(self._silent) + len(self._handing_on) + len(self._speaking) < self._limit:
            return True
        if self._silent:
            self._drop(next(iter(self._silent)))
            return True
        kinds = [c for c in self._speaking if not c.admitted] or [
            c for c in self._speaking if c.idle
        ]
        if not kinds:
            return False
        kinds[0].abort()
        self.remove(kinds[0])
        return True

    def _hand_on(self, silent: socket.socket) -> bool:
        """Hand a connection on that has sent something, close one that has ended; else False."""
        try:
            begun = silent.recv(_LARGEST_HEAD, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            begun = b""
        if not begun:
            self._drop(silent)
        elif self._is_crowding(begun):
            with contextlib.suppress(OSError):
                # Closing with bytes unread would take the answer back.
                silent.recv(_LARGEST_HEAD)
                silent.send(_REFUSAL)
            self._drop(silent)
        else:
            self._loop.remove_reader(silent)
            del self._silent[silent]
            task = self._loop.create_task(self._served(silent))
            self._handing_on.add(task)
            task.add_done_callback(self._handing_on.discard)
        return True

    def _is_crowding(self, begun: bytes) -> bool:
        """Whether it is one of many requests without a key, which a page would be too much for."""
        if self._has_key(begun) or b"\r\n\r\n" not in begun:
            return False
        now, refused = time.monotonic(), self._refused
        crowding = len(refused) == _PAGES_A_SECOND and now - refused[0] < 1
        refused.append(now)
        return crowding

    async def _served(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._serve, connection)
        except OSError:
            connection.close()

    def _drop(self, silent: socket.socket) -> None:
        self._loop.remove_reader(silent)
        self._silent.pop(silent, None)
        silent.close()

    def _sweep(self) -> None:
        longest = time.monotonic() - REQUEST_SECONDS
        for silent in [one for one, since in self._silent.items() if since < longest]:
            self._drop(silent)
        self._sweeping = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
