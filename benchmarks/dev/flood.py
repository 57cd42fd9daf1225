"""Connections without a key, to see whether a preview stands them: many at once, and slow ones.

    python -m edgetl.benchmarks.dev.flood HOST PORT SECONDS RATE SLOW

It opens RATE connections a second, of which a third stays silent, a third sends a request without
a key and a third is closed at once, and keeps SLOW connections that send a byte a second. It
prints how many connections it has opened.
"""

import contextlib
import itertools
import selectors
import socket
import sys
import time
from collections import deque

_KEPT = 400
_STEP_SECONDS = 0.01


def main() -> None:
    """Flood as the arguments say."""
    host, port, seconds, rate, slow = sys.argv[1], *map(float, sys.argv[2:])
    print(flood(host, int(port), seconds=seconds, rate=rate, slow=int(slow)))  # noqa: T201


def flood(host: str, port: int, *, seconds: float, rate: float, slow: int) -> int:
    """Flood a server, and return how many connections were opened.

    Args:
        rate: connections a second.
        slow: connections that send a byte a second; those that are closed are opened again.
    """
    kept: deque[socket.socket] = deque()
    slow_ones: list[socket.socket] = []
    began = time.monotonic()
    opened = 0
    next_byte = began
    kinds = itertools.cycle(("silent", "request", "closed"))
    while (now := time.monotonic()) < began + seconds:
        while opened < (now - began) * rate:
            opened += 1
            _open(host, port, next(kinds), kept)
        if now >= next_byte:
            next_byte = now + 1
            slow_ones = [one for one in slow_ones if _send(one, b"G")]
            slow_ones += [_connected(host, port) for _ in range(slow - len(slow_ones))]
        while len(kept) > _KEPT:
            kept.popleft().close()
        time.sleep(_STEP_SECONDS)
    for one in (*kept, *slow_ones):
        one.close()
    return opened


def _open(host: str, port: int, kind: str, kept: deque[socket.socket]) -> None:
    connection = _connected(host, port)
    if kind == "closed":
        connection.close()
        return
    kept.append(connection)
    if kind == "request":
        with contextlib.suppress(OSError), selectors.DefaultSelector() as ready:
            ready.register(connection, selectors.EVENT_WRITE)
            ready.select(_STEP_SECONDS)
            connection.send(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())


def _connected(host: str, port: int) -> socket.socket:
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex((host, port))
    return connection


def _send(connection: socket.socket, content: bytes) -> bool:
    try:
        connection.send(content)
    except BlockingIOError:
        return True
    except OSError:
        connection.close()
        return False
    return True


if __name__ == "__main__":
    main()
