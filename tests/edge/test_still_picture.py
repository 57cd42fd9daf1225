"""A camera's URL of a still picture is one camera, asked for its picture at a rate."""

import base64
import hashlib
import itertools
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgetl.edge.errors import SettingError, SourceError
from edgetl.edge.sources import still_picture
from edgetl.edge.sources.camera import Camera
from edgetl.edge.sources.capture import CameraSettings
from edgetl.edge.sources.view import View
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.conftest import frame_number, frame_picture


class SnapServer(ThreadingHTTPServer):
    """A camera that serves a new picture each time, and counts the times it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[float] = []
        self.authorization = ""
        self.broken = range(0)
        self.same = False
        self.suffix = "jpg"
        self.picture = frame_picture
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    server: SnapServer

    def do_GET(self) -> None:
        if self.server.authorization and not self._is_allowed():
            self.send_response(401)
            kind = self.server.authorization
            more = ', nonce="n1", qop="auth"' if kind == "Digest" else ""
            self.send_header("WWW-Authenticate", f'{kind} realm="cam"{more}')
            self.end_headers()
            return
        number = 0 if self.server.same else len(self.server.asked)
        self.server.asked.append(time.monotonic())
        content = cv2.imencode(f".{self.server.suffix}", self.server.picture(number))[1].tobytes()
        if len(self.server.asked) in self.server.broken:
            content = content[: len(content) * 2 // 3]
        self.send_response(200)
        self.send_header("Content-Type", f"image/{self.server.suffix}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _is_allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        if self.server.authorization == "Basic":
            return given == "Basic " + base64.b64encode(b"boss:p@ss/w").decode()
        fields = dict(part.strip().split("=", 1) for part in given[7:].split(",") if "=" in part)
        fields = {name: value.strip('"') for name, value in fields.items()}
        if not fields:
            return False

        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        ours, theirs = md5("boss", "cam", "p@ss/w"), md5("GET", self.path)
        middle = (fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"])
        return fields["response"] == md5(ours, *middle, theirs)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[SnapServer]:
    made = SnapServer()
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize(
    "path",
    [
        "cgi-bin/snapshot",
        pytest.param("snap.jpg", marks=pytest.mark.slow),
        pytest.param("snap.JPEG?user=a", marks=pytest.mark.slow),
    ],
)
def test_it_is_one_camera_without_a_word(
    server: SnapServer, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Camera(server.url(path), reconnect=False) as camera:
        items = list(itertools.islice(camera, 4))
    assert [item.frame for item in items] == [1, 2, 3, 4]
    numbers = [frame_number(np.asarray(item.picture)) for item in items]
    assert numbers == sorted(set(numbers))
    assert caplog.messages == []
    # Once a second.
    assert server.asked[-1] - server.asked[-3] > 1.8


@pytest.mark.parametrize("suffix", ["png", "webp", "jp2"])
def test_it_may_be_of_any_format_that_photos_have(server: SnapServer, suffix: str) -> None:
    server.suffix = suffix
    with Camera(server.url("cgi-bin/snapshot"), reconnect=False) as camera:
        numbers = [frame_number(np.asarray(item.picture)) for item in itertools.islice(camera, 2)]
    assert numbers == sorted(set(numbers))


def test_its_colours_are_right_and_it_may_be_turned(server: SnapServer) -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:24] = (0, 0, 255)  # BGR: the upper half is red
    server.picture = lambda number: frame
    with Camera(server.url("snap.jpg"), view=View(90)) as camera:
        pixels = np.asarray(next(iter(camera)).picture)
    assert pixels.shape == (64, 48, 3)
    assert abs(pixels[:, 26:].astype(int) - (255, 0, 0)).max() < 12
    assert pixels[:, :22].max() < 12


@pytest.mark.parametrize("path", ["snap.jpg", "cgi-bin/snapshot"])
def test_it_is_asked_at_the_rate_that_is_wanted(server: SnapServer, path: str) -> None:
    with Camera(server.url(path), settings=CameraSettings(fps=20)) as camera:
        shown = list(itertools.islice(camera, 30))
    assert len({frame_number(np.asarray(item.picture)) for item in shown}) == 30
    gaps = np.diff(server.asked[2:])
    assert gaps.mean() > 0.045


@pytest.mark.slow
def test_a_picture_that_stays_the_same_is_none_of_a_frozen_camera(
    server: SnapServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.same = True
    with Camera(
        server.url("snap.jpg"), settings=CameraSettings(fps=20), frozen_after=0.2
    ) as camera:
        assert len(list(itertools.islice(camera, 30))) == 30
    assert caplog.messages == []


def test_one_that_is_half_written_is_skipped(
    server: SnapServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.broken = range(5, 10)
    with Camera(server.url("snap.jpg"), settings=CameraSettings(fps=20)) as camera:
        numbers = [frame_number(np.asarray(item.picture)) for item in itertools.islice(camera, 10)]
    assert numbers[0] < 4
    assert numbers[-1] >= 9
    assert not set(range(4, 9)) & set(numbers)
    assert caplog.messages == []


def test_one_that_is_gone_is_lost(
    server: SnapServer, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setattr(still_picture, "FRAME_SECONDS", 0.3)
    server.broken = range(5, 10**6)
    url = server.url("snap.jpg")
    with (
        Camera(url, settings=CameraSettings(fps=20), reconnect=False) as camera,
        pytest.raises(SourceError, match="stopped sending pictures after frame "),
    ):
        list(camera)


@pytest.mark.parametrize("kind", ["Basic", "Digest"])
@pytest.mark.parametrize("path", ["snap.jpg", "cgi-bin/snapshot"])
def test_user_and_password_are_sent(server: SnapServer, kind: str, path: str) -> None:
    server.authorization = kind
    login = server.url(path).replace("//", "//boss:p%40ss%2Fw@")
    with Camera(login, settings=CameraSettings(fps=10)) as camera:
        assert [item.source for item in itertools.islice(camera, 2)] == [server.url(path)] * 2
    for url, words in (
        (server.url(path), "wants a user and a password (401)"),
        (login.replace("ss%2Fw", "no"), "refuses this user and password (401)"),
    ):
        with pytest.raises(SourceError) as caught:
            Camera(url)
        assert words in str(caught.value)
        assert "p%40" not in str(caught.value)


def test_a_rate_that_is_too_low_is_refused_and_a_stream_s_too(server: SnapServer) -> None:
    with pytest.raises(SettingError, match=r"--fps 0.1 is too low.*0.2 or more"):
        Camera(server.url("snap.jpg"), settings=CameraSettings(fps=0.1))


@pytest.mark.slow
def test_the_command_line_takes_it(cli: Cli, third_party_models: Path, server: SnapServer) -> None:
    url = server.url("snap.jpg")
    threading.Timer(4.0, server.shutdown).start()
    server.broken = range(20, 10**6)
    model = ["--model", third_party_models / "described.tflite", "--format", "jsonl"]
    result = cli("classify", "--camera", url, "--fps", "10", "--no-reconnect", *model, check=2)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["source"] for row in rows} == {url}
    assert len(rows) >= 10
    assert_one_clear_line(
        type(result)(result.args, 2, "", result.stderr), "stopped sending pictures after frame"
    )
