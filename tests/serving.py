"""Servers on this machine that answer while a test runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer


@contextmanager
def answering(server: BaseServer) -> Iterator[str]:
    """Let a server answer, from a thread of its own; where it is: HOST:PORT."""
    # What a test has done is not to wait for half a second.
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        host, port = server.server_address[:2]
        yield f"{host}:{port}"
    finally:
        server.shutdown()
        server.server_close()
