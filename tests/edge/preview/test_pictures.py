"""The preview's pictures for other programs, and the page behind a reverse proxy."""

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from edgetl.edge.errors import SettingError
from edgetl.edge.preview.address import parse_host_name, parse_prefix
from edgetl.edge.sinks.preview import PreviewSink
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.conftest import filming, frame_number
from tests.edge.preview.client import Answer, Start, get, result


def with_key(sink: PreviewSink, path: str, **headers: str) -> Answer:
    return get(sink, f"{path}?{urlsplit(sink.url).query}", **headers)


def test_the_snapshot_is_the_newest_picture_and_needs_the_key(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetl.edge.preview.routes.WAIT_SECONDS", 0.2)
    sink = start("0.0.0.0:0")
    early = with_key(sink, "/snapshot.jpg")
    assert (early.status, early.body) == (503, b"there is no picture yet")
    for number in (1, 2, 3):
        sink.write(result(number))
    answer = with_key(sink, "/snapshot.jpg")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    picture = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert frame_number(picture) == 3
    assert get(sink, "/snapshot.jpg").status == 403
    assert get(sink, "/stream.mjpg").status == 403


def test_the_stream_can_be_read_as_a_camera(start: Start) -> None:
    """By FFmpeg, as VLC and Home Assistant do."""
    sink = start("0.0.0.0:0")
    url = urlsplit(sink.url)
    with filming(lambda number: sink.write(result(number % 1000))):
        address = f"http://127.0.0.1:{url.port}/stream.mjpg?{url.query}"
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG)
        numbers = []
        for _ in range(20):
            read, frame = capture.read()
            assert read
            numbers.append(frame_number(frame))
        capture.release()
    assert numbers == sorted(numbers)
    assert numbers[-1] > numbers[0] + 10


def test_streams_count_as_viewers_until_they_end(start: Start) -> None:
    sink = start()
    sink.write(result())
    port = urlsplit(sink.url).port or 0
    request = f"GET /stream.mjpg HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
    with ExitStack() as streams:
        for _ in range(8):
            stream = streams.enter_context(socket.create_connection(("127.0.0.1", port)))
            stream.sendall(request)
            assert stream.recv(15) == b"HTTP/1.1 200 OK"
        assert get(sink, "/stream.mjpg").status == 503
    ends = time.monotonic() + 15
    while get(sink).status == 503:
        assert time.monotonic() < ends, "viewers that have gone are still counted"
        sink.write(result())
        time.sleep(0.1)


def test_behind_a_proxy_it_has_a_prefix_and_another_name(start: Start) -> None:
    sink = start("0.0.0.0:0", names=("cam.example.org",), prefix="/pi1")
    url = urlsplit(sink.url)
    assert url.path == "/pi1/"
    sink.write(result())
    for path in ("/pi1/", "/"):
        assert with_key(sink, path, Host="cam.example.org").status == 200
    page = with_key(sink, "/pi1/")
    assert "; Path=/pi1; " in page.headers["Set-Cookie"]
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    asked = "next?viewer=12345678&after="
    for path in (f"/pi1/{asked}", f"/{asked}", "/pi1/snapshot.jpg"):
        assert get(sink, path, Cookie=cookie).status == 200
    assert get(sink, "/pi2/", Cookie=cookie).status == 404
    assert with_key(sink, "/pi1/", Host="other.example.org").status == 421
    # As for the page, so for its prefix: a link from elsewhere may open it, and nothing else.
    cross = {"Sec_Fetch_Site": "cross-site"}
    assert with_key(sink, "/pi1/", **cross).status == 200
    assert with_key(sink, "/pi1/snapshot.jpg", **cross).status == 403


@pytest.mark.parametrize("text", ["pi1", "/pi1", "/pi1/"])
def test_prefixes_are_read(text: str) -> None:
    assert parse_prefix(text) == "/pi1"


@pytest.mark.parametrize("text", ["", "/", "a b", "/../x", "a//b", "a?b", "é"])
def test_other_prefixes_are_refused(text: str) -> None:
    with pytest.raises(SettingError, match="--preview-prefix"):
        parse_prefix(text)


@pytest.mark.parametrize("text", ["", "http://a", "a:80", "a b", "-a", "*"])
def test_what_is_no_host_name_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="--preview-host"):
        parse_host_name(text)


def test_the_options_are_checked(cli: Cli) -> None:
    refused = cli.refused("classify", "--camera", "0", "--preview-host", "a")
    assert_one_clear_line(refused, "--preview-host and --preview-prefix are for --preview")
    refused = cli.refused("classify", "--camera", "0", "--preview", "--preview-prefix", "a b")
    assert_one_clear_line(refused, "--preview-prefix a b", "write /NAME")
