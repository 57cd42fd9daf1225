"""Why a stream, a pipeline or a device cannot be opened is told apart."""

import hashlib
import re
import socketserver
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import pytest

from edgetl.edge.errors import SourceError
from edgetl.edge.sources import camera_backends, streams
from edgetl.edge.sources.camera import Camera
from tests.conftest import Cli, assert_one_clear_line
from tests.serving import answering


class _Http(BaseHTTPRequestHandler):
    """/404, /401 and so on answer so; any other path is a page, or what it ends in."""

    def do_GET(self) -> None:
        code = re.fullmatch(r"/(\d{3})", self.path)
        self.send_response(int(code[1]) if code else 200)
        kind = {"bin": "video/mp4"}.get(self.path.rpartition(".")[2], "text/html")
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(b"nothing to see\n" * 100)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def http() -> Iterator[str]:
    with answering(ThreadingHTTPServer(("127.0.0.1", 0), _Http)) as where:
        yield f"http://{where}"


SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H266/90000\r\n"
)


class _Rtsp(socketserver.StreamRequestHandler):
    """/404 is not there, /door wants boss and geheim8x, in digest; all of it is H.266."""

    def handle(self) -> None:
        while request := self._request():
            method, url, headers = request
            if method == "OPTIONS":
                self._answer(200, headers, "Public: DESCRIBE")
            elif url.endswith("/404"):
                self._answer(404, headers)
            elif url.endswith("/door") and not self._is_allowed(headers):
                self._answer(401, headers, 'WWW-Authenticate: Digest realm="cam", nonce="n1"')
            elif method == "DESCRIBE":
                self._answer(200, headers, "Content-Type: application/sdp", body=SDP)
            else:
                self._answer(461, headers)

    def _request(self) -> tuple[str, str, str] | None:
        lines = []
        while line := self.rfile.readline().strip():
            lines.append(line.decode())
        return (*lines[0].split()[:2], "\n".join(lines)) if lines else None  # type: ignore[return-value]

    def _is_allowed(self, headers: str) -> bool:
        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        uri = re.search(r'uri="([^"]+)"', headers)
        ours = md5("boss", "cam", "geheim8x")
        return bool(uri) and md5(ours, "n1", md5("DESCRIBE", uri[1])) in headers

    def _answer(self, code: int, headers: str, *more: str, body: str = "") -> None:
        number = re.search(r"CSeq: *(\d+)", headers)
        lines = [f"RTSP/1.0 {code} Words", f"CSeq: {number[1] if number else 1}", *more]
        lines += [f"Content-Length: {len(body)}", "", body]
        self.wfile.write("\r\n".join(lines).encode())


@pytest.fixture
def rtsp() -> Iterator[str]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Rtsp)
    server.daemon_threads = True
    with answering(server) as where:
        yield f"rtsp://{where}"


def refusal(url: str) -> str:
    with pytest.raises(SourceError) as caught:
        Camera(url)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/401", "it wants a user and a password (401)"),
        ("/403", "it refuses access (403)"),
        ("/404", "there is nothing at this path (404)"),
        ("/503", "it answers 503 Service Unavailable"),
        ("/", "it answers with a web page"),
        ("/a.bin", "it answers with video/mp4; this OpenCV may lack the codec"),
    ],
)
def test_what_a_camera_answers_over_http_is_said(http: str, path: str, words: str) -> None:
    assert refusal(http + path).startswith(f"{http}{path}: cannot be opened: {words}")


@pytest.mark.parametrize(
    ("login", "path", "words"),
    [
        ("", "/404", "there is nothing at this path (404)"),
        ("", "/door", "it wants a user and a password (401)"),
        ("boss:wrong@", "/door", "it refuses this user and password (401)"),
        ("boss:geheim8x@", "/door", "it answers and offers H266; this OpenCV may lack the codec"),
        ("", "/live", "it answers and offers H266; this OpenCV may lack the codec"),
    ],
)
def test_what_a_camera_answers_over_rtsp_is_said(
    rtsp: str, login: str, path: str, words: str
) -> None:
    url = rtsp.replace("//", f"//{login}") + path
    assert refusal(url).startswith(f"{rtsp}{path}: cannot be opened: {words}")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9/a", "connection refused"),
        ("rtsp://127.0.0.1:9/a", "connection refused"),
        ("rtsp://no-such-host.invalid/a", "no such host"),
        ("rstp://127.0.0.1/a", "rstp:// is no protocol that OpenCV reads; did you mean rtsp://?"),
        ("rtsp://127.0.0.1:x/a", "its host or port is not valid"),
    ],
)
def test_a_camera_that_does_not_answer_says_why(url: str, words: str) -> None:
    assert f"{url}: cannot be opened: {words}" in refusal(url)


def test_a_pipeline_needs_gstreamer(cli: Cli, third_party_models: Path) -> None:
    pipeline = "videotestsrc num-buffers=5 ! videoconvert ! appsink"
    model = ["--model", third_party_models / "described.tflite"]
    if cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        pytest.skip("this OpenCV has GStreamer")
    result = cli.refused("classify", "--camera", pipeline, *model)
    assert_one_clear_line(result, f"{pipeline}: cannot be opened: this OpenCV has no GStreamer")


def test_a_pipeline_is_given_to_gstreamer_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def opened(name: str, *, api: int) -> None:
        asked.append((name, api))

    monkeypatch.setattr(streams.cv2.videoio_registry, "hasBackend", lambda api: True)
    monkeypatch.setattr(streams, "opened", opened)
    pipeline = "rtspsrc location=rtsp://a:geheim8x@cam/ ! decodebin ! appsink"
    line = refusal(pipeline)
    assert asked == [(pipeline, cv2.CAP_GSTREAMER)]
    assert "GStreamer does not run it; try it with gst-launch-1.0" in line
    assert "geheim8x" not in line


@pytest.mark.parametrize("name", ["unicam-image", "rp1-cfe-csi2_ch0"])
@pytest.mark.parametrize("source", [96, "/dev/video96"])
def test_a_csi_camera_without_picamera2_is_told_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: int | str
) -> None:
    (tmp_path / "video96").mkdir()
    (tmp_path / "video96" / "name").write_text(f"{name}\n")
    monkeypatch.setattr(camera_backends, "_DEVICES", tmp_path)
    with pytest.raises(SourceError, match=r"needs picamera2: sudo apt install python3-picamera2"):
        Camera(source)
    with pytest.raises(SourceError, match="there is no such camera"):
        Camera(97)


@pytest.mark.parametrize(
    ("source", "words"),
    [(96, "it is a Raspberry Pi's CSI camera"), (97, "open in one program at a time")],
)
def test_a_device_that_opens_and_sends_nothing_says_what_may_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: int, words: str
) -> None:
    class Silent:
        def set(self, *_: Any) -> bool:
            return True

        def read(self) -> tuple[bool, None]:
            return False, None

        def release(self) -> None:
            pass

    (tmp_path / "video96").mkdir()
    (tmp_path / "video96" / "name").write_text("unicam-image\n")
    monkeypatch.setattr(camera_backends, "_DEVICES", tmp_path)
    monkeypatch.setattr(camera_backends, "opened", lambda *_, **__: Silent())
    with Camera(source) as camera, pytest.raises(SourceError, match=words):
        next(iter(camera))


def test_a_stream_that_opens_and_cannot_be_decoded_is_no_csi_camera(
    stream_server: Callable[..., Any],
) -> None:
    from tests.edge.conftest import Stream

    server = stream_server(Stream(random_from=0))
    with pytest.raises(SourceError) as caught, Camera(server.url) as camera:
        next(iter(camera))
    assert "picamera2" not in str(caught.value)
