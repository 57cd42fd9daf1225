"""Results, videos, and a camera that is a stream on this machine."""

import logging
import os
import random
import shutil
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgetl.benchmarks.dev.loopback_camera import mjpeg_part, mjpeg_server
from edgetl.edge.system.messages import logger
from tests.conftest import COLOURS, colour_picture
from tests.third_party import LABELS


def frame_picture(number: int) -> np.ndarray:
    """A BGR frame with `number` in it: ten stripes, black for 0 and white for 1."""
    bits = [255 * (number >> bit & 1) for bit in range(10)]
    row = np.repeat(np.array(bits, np.uint8), 16)
    return np.ascontiguousarray(np.broadcast_to(row[np.newaxis, :, np.newaxis], (48, 160, 3)))


def frame_number(pixels: np.ndarray) -> int:
    """The number that `frame_picture` wrote."""
    return sum(int(pixels[24, bit * 16 + 8].mean() > 128) << bit for bit in range(10))


def until(condition: Callable[[], object], *, seconds: float = 60) -> bool:
    """Whether it becomes true within so many seconds."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def filming(write: Callable[[int], object], *, every: float = 0.05) -> Iterator[None]:
    """Call `write` with 1, 2, 3 and so on, from a thread, every so many seconds."""
    over = threading.Event()

    def film() -> None:
        number = 0
        while not over.wait(every):
            number += 1
            write(number)

    thread = threading.Thread(target=film)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass
class Stream:
    """A camera on the network: motion JPEG over HTTP from a thread on this machine.

    `sent` is when each frame was sent. After `frames` frames it ends, or stalls if `stalls`.
    In place of frames from `random_from` to `random_to` it sends random bytes.
    """

    frames: int = 10**6
    fps: float = 30.0
    stalls: bool = False
    random_from: int = 10**6
    random_to: int = 10**6
    picture: Callable[[int], np.ndarray] = frame_picture
    sent: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, output: Any) -> None:
        began = time.monotonic()
        for number in range(self.frames):
            data = cv2.imencode(".jpg", self.picture(number))[1].tobytes()
            part = mjpeg_part(data)
            if self.random_from <= number < self.random_to:
                part = random.Random(number).randbytes(5000) + b"\r\n"
            self.sent.append(time.monotonic())
            output.write(part)
            if self.over.wait(max(0.0, began + (number + 1) / self.fps - time.monotonic())):
                return
        if self.stalls:
            self.over.wait()


class StreamServer:
    """A Stream on the loopback network, as a camera that can be switched off."""

    def __init__(self, stream: Stream, port: int = 0) -> None:
        self._stream = stream
        self._server = mjpeg_server(stream.serve, port=port)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/video"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._stream.over.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def model(third_party_models: Path) -> Path:
    """A model that takes no time to load, with labels of its own."""
    return third_party_models / "described.tflite"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A blue, a green and a red picture, by name in this order."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for label in LABELS:
        colour_picture(COLOURS[label], 3, (60, 40)).save(folder / f"{label}.jpg")
    return folder


@pytest.fixture
def logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    """What edgetl logs, from info on."""
    # Whoever showed messages on stderr in this process has set it.
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger.name)
    return caplog


@pytest.fixture
def stream_server() -> Iterator[Callable[..., StreamServer]]:
    """A function that serves a Stream, on a port of its own or a given one."""
    running: list[StreamServer] = []

    def start(stream: Stream, port: int = 0) -> StreamServer:
        running.append(StreamServer(stream, port))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def serve(stream_server: Callable[..., StreamServer]) -> Callable[[Stream], str]:
    """A function that puts a Stream on the loopback network and gives its URL."""
    return lambda stream: stream_server(stream).url


def made_result(
    probabilities: Sequence[float],
    *,
    seconds: float = 0.0,
    source: str = "camera 0",
    frame: int | None = None,
    labels: Sequence[str] = LABELS,
    picture: Path | np.ndarray | None = None,
) -> Any:
    """A Result of `probabilities`, made `seconds` after noon, with all classes as predictions."""
    from edgetl.edge.results.result import Result

    values = np.array(probabilities, np.float32)
    return Result(
        source=source,
        frame=frame,
        time=datetime(2025, 3, 9, 12, tzinfo=UTC) + timedelta(seconds=seconds),
        predictions=made_predictions(values, labels),
        milliseconds=12.34567,
        probabilities=values,
        picture=np.zeros((48, 64, 3), np.uint8) if picture is None else picture,
    )


def made_predictions(probabilities: np.ndarray, labels: Sequence[str] = LABELS) -> Any:
    """All classes as predictions, most probable first."""
    from edgetl.edge import Prediction

    order = np.argsort(-probabilities, kind="stable")
    return [Prediction(labels[i], float(probabilities[i]), int(i)) for i in order]


def write_video(path: Path, pictures: Iterable[np.ndarray], *, fps: float = 10) -> Path:
    """An MJPG video of BGR frames."""
    writer = None
    for picture in pictures:
        size = (picture.shape[1], picture.shape[0])
        writer = writer or cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
        assert writer.isOpened()
        writer.write(picture)
    assert writer is not None
    writer.release()
    return path


def write_rotated_video(path: Path, pictures: Iterable[np.ndarray], degrees: int) -> Path:
    """An .mp4 of BGR frames that are to be turned clockwise, as a phone on its side writes it."""
    writer = None
    for picture in pictures:
        size = (picture.shape[1], picture.shape[0])
        writer = writer or cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, size)
        writer.write(picture)
    assert writer is not None
    writer.release()
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    content = bytearray(path.read_bytes())
    # The matrix of version 0 of tkhd, in 16.16 and 2.30 numbers (ISO/IEC 14496-12, 8.3.2).
    one = 2**16
    matrix = (cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 2**30)
    struct.pack_into(">9i", content, content.index(b"tkhd") + 44, *matrix)
    path.write_bytes(content)
    return path


@dataclass(frozen=True)
class Ear:
    """A manager's end: its socket, and the name a service knows it by."""

    socket: socket.socket
    name: str

    def heard(self, *, within: float) -> dict[str, str] | None:
        """The next states; None if there are none in time, in seconds."""
        self.socket.settimeout(within)
        try:
            message = self.socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in message.splitlines())

    def all_heard(self) -> list[dict[str, str]]:
        return list(iter(lambda: self.heard(within=0.05), None))


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ear]:
    name = f"@edgetl-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        yield Ear(bound, name)


@pytest.fixture
def card(tmp_path: Path, third_party_models: Path) -> Path:
    """Another system's file tree, with a model in it."""
    home = tmp_path / "card" / "home" / "pi"
    (home / "out put").mkdir(parents=True)
    (tmp_path / "card" / "etc/systemd/system").mkdir(parents=True)
    shutil.copy(third_party_models / "described.tflite", home / "m.tflite")
    (home / "folder.csv").mkdir()
    (home / "notes.csv").write_text("what I saw\n")
    users = "root:x:0:0::/root:\nboss:x:0:0::/root:\npi:x:1000:1000::/home/pi:\n"
    (tmp_path / "card" / "etc/passwd").write_text(users)
    return tmp_path / "card"
