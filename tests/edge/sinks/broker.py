"""Brokers and clients of MQTT for tests: a real mosquitto, killed and started again."""

import base64
import hashlib
import json
import queue
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.edge.conftest import until

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
with_broker = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
TOPIC = "home/front door"


class Mosquitto:
    """A broker that keeps what it has acknowledged, however it is ended."""

    def __init__(self, folder: Path, *more: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1", *(more or ["allow_anonymous true"]),
            "user root", "persistence true", f"persistence_location {folder}/",
            "autosave_interval 1", "autosave_on_changes true", "max_queued_messages 0",
        ]  # fmt: skip
        self._config.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert until(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self, number: int = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None


class DistantPort:
    """A port of this machine that leads to another one; each byte takes `seconds` on its way."""

    def __init__(self, port: int, *, seconds: float) -> None:
        self._to = port
        self._seconds = seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listener]
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                for step in (self._take, self._give):
                    threading.Thread(target=step, args=(source, target, under_way)).start()

    def _take(self, source: socket.socket, _target: socket.socket, under_way: Any) -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            under_way.put((time.monotonic() + self._seconds, data))

    def _give(self, _source: socket.socket, target: socket.socket, under_way: Any) -> None:
        while True:
            due, data = under_way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        for one in self._open:
            one.close()


class WebSocketPort:
    """A port at which WebSockets, as binary frames, lead to another port. (RFC 6455)

    In place of mosquitto's own, which not every build of it can open.
    """

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self._to = port
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.protocols: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            near, _ = self._listener.accept()
            if self._tls:
                near = self._tls.wrap_socket(near, server_side=True)
            self._shake_hands(near)
            far = socket.create_connection(("127.0.0.1", self._to))
            threading.Thread(target=self._give, args=(far, near), daemon=True).start()
            self._take(near, far)

    def _shake_hands(self, near: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += near.recv(1)
        pairs = (line.split(": ", 1) for line in request.decode().splitlines()[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        self.protocols.append(f"{request.split()[1].decode()} {headers['sec-websocket-protocol']}")
        key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        near.sendall(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n".encode()
        )

    def _take(self, near: socket.socket, far: socket.socket) -> None:
        stream = near.makefile("rb")
        while head := stream.read(2):
            size = head[1] & 127
            if size > 125:
                size = int.from_bytes(stream.read(2 if size == 126 else 8))
            mask = stream.read(4)
            far.sendall(bytes(b ^ mask[i % 4] for i, b in enumerate(stream.read(size))))
        far.close()

    def _give(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            # Less than 126 bytes have a size of one byte.
            while data := far.recv(125):
                near.sendall(bytes([0x82, len(data)]) + data)

    def close(self) -> None:
        self._listener.close()


class Witness:
    """Another client, with a session that outlives connections, and what it has heard."""

    def __init__(self, port: int) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.heard: list[tuple[str, str]] = []
        self.subscribed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, "witness", clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._hear
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.subscribed.wait(10)

    def _hear(self, _client: Any, _data: Any, message: Any) -> None:
        self.heard.append((message.topic, message.payload.decode()))

    def frames(self) -> list[int]:
        return [json.loads(text)["frame"] for topic, text in self.heard if topic == TOPIC]

    def availability(self) -> list[str]:
        return [text for topic, text in self.heard if topic == f"{TOPIC}/availability"]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def retained(port: int) -> dict[str, str]:
    """What a client that comes now is told at once."""
    command = ["mosquitto_sub", "-p", str(port), "-t", "#", "-v", "-W", "1", "-F", "%t\t%p"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    return dict(line.split("\t", 1) for line in text.splitlines())


def name(port: int) -> str:
    return f"mqtt://127.0.0.1:{port}/{TOPIC}"
