"""The preview page over real connections, and in a real browser."""

import http.client
import json
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest
from PIL import Image

from edgetl.edge.errors import MissingExtraError, SettingError, SinkError
from edgetl.edge.model.classifier import Prediction
from edgetl.edge.preview.address import DEFAULT, Address, is_address, is_our_name, parse_address
from edgetl.edge.preview.history import History
from edgetl.edge.preview.message import LONGEST_SIDE, jpeg
from edgetl.edge.preview.token import kept_token
from edgetl.edge.preview.viewers import Viewers
from edgetl.edge.results.rate import Rate
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.preview import PreviewSink
from edgetl.optional_value import with_value
from edgetl.trainer.data.demo_pictures import CLASSES, draw_picture
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.browser import CHROMIUM, Tab, chromium
from tests.edge.conftest import Stream, frame_number, frame_picture

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

Start = Callable[..., PreviewSink]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tokens are kept: never this user's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that starts a preview on a free port; `labels` are fish, house and tree."""
    running: list[PreviewSink] = []

    def sink(address: str = "127.0.0.1:0", *, labels: Any = CLASSES) -> PreviewSink:
        running.append(PreviewSink(address, labels=labels))
        return running[-1]

    yield sink
    for one in running:
        one.close()


def result(number: int = 1, best: int = 0, **changed: Any) -> Result:
    """Frame `number` with its number in its pixels, of class `best` at 80 %."""
    probabilities = np.full(len(CLASSES), 0.1, np.float32)
    probabilities[best] = 0.8
    order = np.argsort(-probabilities, kind="stable")
    given: dict[str, Any] = {
        "source": "camera 0",
        "frame": number,
        "time": datetime(2026, 11, 24, 12, tzinfo=UTC),
        "predictions": [Prediction(CLASSES[i], float(probabilities[i]), int(i)) for i in order],
        "milliseconds": 12.34,
        "probabilities": probabilities,
        "picture": frame_picture(number),
    }
    return Result(**(given | changed))


class Answer:
    """An HTTP answer that has been read to its end."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()

    @property
    def facts(self) -> dict[str, Any]:
        size = int.from_bytes(self.body[:4], "big")
        facts: dict[str, Any] = json.loads(self.body[4 : 4 + size])
        return facts

    @property
    def picture(self) -> np.ndarray:
        size = int.from_bytes(self.body[:4], "big")
        pixels = cv2.imdecode(np.frombuffer(self.body[4 + size :], np.uint8), cv2.IMREAD_COLOR)
        assert pixels is not None
        return pixels


def get(sink: PreviewSink, path: str = "/", *, port: int | None = None, **headers: str) -> Answer:
    port = port or urlsplit(sink.url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(
            "GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()}
        )
        return Answer(connection.getresponse())
    finally:
        connection.close()


def following(sink: PreviewSink, viewer: str, after: str = "", **headers: str) -> Answer:
    return get(sink, f"/next?viewer={viewer:_<8}&after={after}", **headers)


def test_a_viewer_gets_the_picture_with_what_it_is(start: Start) -> None:
    sink = start()
    sink.write(result(7, best=2))
    answer = following(sink, "one")
    assert answer.status == 200
    assert frame_number(answer.picture) == 7
    assert (
        answer.facts
        | {
            "label": "tree",
            "index": 2,
            "probability": 0.8,
            "milliseconds": 12.3,
            "source": "camera 0",
            "frame": 7,
            "time": "2026-11-24T12:00:00.000+00:00",
            "marks": [[0, 2, 0.8]],
            "names": {"2": "tree"},
        }
        == answer.facts
    )
    assert [(bar["label"], bar["probability"]) for bar in answer.facts["bars"]] == [
        ("fish", 0.1), ("house", 0.1), ("tree", 0.8),
    ]  # fmt: skip
    assert 0 <= float(answer.headers["X-Age"]) < 5


def test_what_is_new_is_waited_for(start: Start) -> None:
    sink = start()
    sink.write(result(1))
    first = following(sink, "one").facts
    threading.Timer(0.3, sink.write, [result(2)]).start()
    began = time.monotonic()
    second = following(sink, "one", f"{first['run']}.{first['number']}")
    assert 0.25 < time.monotonic() - began < 2
    assert second.facts["number"] == 2
    assert frame_number(second.picture) == 2


def test_a_wait_for_nothing_ends_and_says_how_old_the_last_picture_is(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetl.edge.preview.server.WAIT_SECONDS", 0.2)
    sink = start()
    nothing = following(sink, "one")
    assert (nothing.status, nothing.headers["X-Age"]) == (204, None)
    sink.write(result())
    time.sleep(0.1)
    nothing = following(sink, "one", f"{sink.feed.run}.1")
    assert nothing.status == 204
    assert 0.25 < float(nothing.headers["X-Age"]) < 3


def test_numbers_of_an_earlier_process_are_not_waited_for(start: Start) -> None:
    sink = start()
    sink.write(result())
    assert following(sink, "one", "0a1b2c3d.5000").facts["number"] == 1


@pytest.mark.parametrize("query", ["", "viewer=short", "viewer=long-enough&after=abc.x"])
def test_a_question_that_makes_no_sense_is_bad(start: Start, query: str) -> None:
    assert get(start(), f"/next?{query}").status == 400


def test_several_viewers_cost_one_encoding_and_nobody_none(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    imencode = cv2.imencode

    def counting(*arguments: Any) -> Any:
        encoded.append(threading.current_thread().name)
        return imencode(*arguments)

    monkeypatch.setattr("edgetl.edge.preview.message.cv2.imencode", counting)
    sink = start()
    for number in range(1, 51):
        sink.write(result(number, picture=np.zeros((48, 160, 3), np.uint8)))
    assert encoded == []
    answers: list[Answer] = []

    def watch(name: str) -> None:
        after = f"{sink.feed.run}.50"
        for _ in range(5):
            answers.append(following(sink, name, after))
            after = f"{sink.feed.run}.{answers[-1].facts['number']}"

    viewers = [threading.Thread(target=watch, args=[f"viewer-{name}"]) for name in range(6)]
    for viewer in viewers:
        viewer.start()
    number = 50
    while any(viewer.is_alive() for viewer in viewers):
        time.sleep(0.15)
        number += 1
        sink.write(result(number))
    assert [answer.status for answer in answers] == [200] * 30
    different = {answer.facts["number"] for answer in answers}
    assert len(encoded) == sink.feed.encoded == len(different)
    assert len(different) <= 10
    assert set(encoded) == {"preview"}


def test_a_viewer_who_does_not_read_holds_up_nobody(start: Start) -> None:
    sink = start()
    noise = np.random.default_rng(0).integers(0, 256, (960, 960, 3), np.uint8)
    sink.write(result(1, picture=noise))
    port = urlsplit(sink.url).port
    stuck = []
    for name in range(3):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        question = f"GET /next?viewer=stuck-{name}-&after= HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection.sendall(question.encode() * 50)
        stuck.append(connection)
    seen, took = [], []
    over = threading.Event()

    def watch() -> None:
        after = ""
        while not over.is_set():
            facts = following(sink, "the-other", after).facts
            after = f"{facts['run']}.{facts['number']}"
            seen.append((facts["number"], sink.feed._number))

    viewer = threading.Thread(target=watch)
    viewer.start()
    for number in range(2, 62):
        began = time.perf_counter()
        sink.write(result(number, picture=noise))
        took.append(time.perf_counter() - began)
        time.sleep(0.05)
    over.set()
    sink.write(result(62))
    viewer.join(10)
    # A write that waited for one of the stuck would wait until they are hung up on.
    assert sorted(took)[len(took) // 2] < 0.003, took
    assert max(took) < 0.5, took
    assert len(seen) > 20
    # What the other viewer got was new: at most a few results had come meanwhile.
    assert sorted(now - number for number, now in seen)[len(seen) // 2] <= 3
    began = time.monotonic()
    sink.close()
    assert time.monotonic() - began < 1
    for connection in stuck:
        connection.close()


def test_closing_takes_less_than_a_second_and_frees_the_port(start: Start) -> None:
    sink = start()
    port = urlsplit(sink.url).port
    idle = socket.create_connection(("127.0.0.1", port))
    answers: list[Answer] = []
    sink.write(result())
    waiting = threading.Thread(
        target=lambda: answers.append(following(sink, "one", f"{sink.feed.run}.1"))
    )
    waiting.start()
    time.sleep(0.3)
    began = time.monotonic()
    sink.close()
    assert time.monotonic() - began < 1
    waiting.join(5)
    assert [answer.status for answer in answers] == [204]
    assert "preview" not in {thread.name for thread in threading.enumerate()}
    idle.close()
    start(f"127.0.0.1:{port}")
    with pytest.raises(SinkError, match="has stopped"):
        sink.write(result())


def test_a_ninth_viewer_is_told_so(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetl.edge.preview.viewers.LINGER_SECONDS", 1.0)
    sink = start()
    sink.write(result())
    for number in range(8):
        assert get(sink).status == 200
        assert following(sink, f"viewer-{number}").status == 200
    assert following(sink, "viewer-8").status == 503
    assert following(sink, "viewer-3").status == 200
    full = get(sink)
    assert full.status == 503
    assert b"8 viewers are watching already" in full.body
    assert full.headers["Refresh"] == "5"
    time.sleep(1.1)
    assert following(sink, "viewer-8").status == 200


def test_beyond_this_machine_a_token_is_needed(start: Start) -> None:
    sink = start("0.0.0.0:0")
    link = urlsplit(sink.url)
    (token,) = parse_qs(link.query)["token"]
    assert len(token) == 43
    assert link.hostname != "0.0.0.0"
    sink.write(result())
    refused = get(sink)
    assert refused.status == 403
    assert b"Open the link that edgetl printed" in refused.body
    assert following(sink, "one").status == 403
    for wrong in (token[:-1], token + "x", "", "é", "%FF"):
        answer = get(sink, f"/?token={wrong if wrong.isascii() else '%C3%A9'}")
        assert (answer.status, answer.headers["Set-Cookie"]) == (403, None)
    page = get(sink, f"/?token={token}")
    assert page.status == 200
    cookie, *properties = page.headers["Set-Cookie"].split("; ")
    assert cookie == f"edgetl-preview-{link.port}={token}"
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(properties)
    assert get(sink, Cookie=cookie).status == 200
    assert following(sink, "one", Cookie=f"other=1; {cookie}").status == 200
    assert following(sink, "one", Cookie=cookie + "x").status == 403


def test_on_this_machine_no_token_is_needed(start: Start) -> None:
    sink = start()
    assert sink.url == f"http://127.0.0.1:{urlsplit(sink.url).port}/"
    assert get(sink).headers["Set-Cookie"] is None


def test_the_token_outlives_a_restart_in_a_private_file(start: Start, state: Path) -> None:
    first = start("0.0.0.0:0")
    file = state / "edgetl" / "preview-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text().strip()
    assert first.url.endswith(f"?token={token}")
    assert start("0.0.0.0:0").url.endswith(f"?token={token}")
    assert list(file.parent.iterdir()) == [file]


def test_a_token_file_that_is_no_good_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = kept_token(file)
    file.chmod(0o644)
    assert kept_token(file) != token
    file.write_bytes(b"\xff short")
    assert len(kept_token(file)) == 43
    # Where it cannot be written there is one all the same, of this run.
    assert len(kept_token(tmp_path / "token" / "below a file")) == 43
    assert len(kept_token(None)) == 43


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST", "[::1]:{}"])
def test_its_own_names_are_answered_to(start: Start, host: str) -> None:
    sink = start()
    assert get(sink, Host=host.format(urlsplit(sink.url).port)).status == 200
    assert get(sink, Host=socket.gethostname()).status == 200
    assert get(sink, Host=f"{socket.gethostname()}.local:80").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "8.8.8.8", "", "a:b:c"]
)
def test_other_names_are_not_answered_to(start: Start, host: str) -> None:
    sink = start("0.0.0.0:0")
    query = urlsplit(sink.url).query
    for path in ("/", "/next?viewer=12345678&after=", f"/?{query}"):
        answer = get(sink, path, Host=host)
        # An empty one breaks the rules of HTTP already for some versions of h11.
        assert answer.status in ({421} if host else {400, 421})


def test_a_name_of_the_machine_is_told_from_others() -> None:
    here = {"bound": "0.0.0.0", "reached": "::ffff:192.168.1.7"}
    name = socket.gethostname()
    for host in ("192.168.1.7:8000", "[::1]", f"{name}.lan", f"{name}.local.", "localhost:1"):
        assert is_our_name(host, **here), host
    for host in ("192.168.1.8", f"{name}.evil.example", "[::2]", "[", "::1", "x@localhost"):
        assert not is_our_name(host, **here), host
    assert is_our_name("pi.example:80", bound="Pi.example", reached="10.0.0.1")


def test_answers_are_kept_from_other_sites(start: Start) -> None:
    sink = start()
    sink.write(result())
    page = get(sink)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; script-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for answer in (page, following(sink, "one"), get(sink, "/nothing"), get(sink, Host="evil")):
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Content-Security-Policy"].startswith("default-src")
        assert answer.headers["Server"] is None
        assert not any(name.lower().startswith("access-control") for name in answer.headers)
    assert following(sink, "one", Sec_Fetch_Site="cross-site").status == 403
    assert following(sink, "one", Sec_Fetch_Site="same-origin").status == 200
    assert get(sink, Sec_Fetch_Site="cross-site").status == 200


def test_the_page_needs_nothing_from_elsewhere(start: Start) -> None:
    markup = get(start()).body.decode()
    assert not re.search(r"https?://|@import|url\(|\bon\w+=", markup)
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", markup) == ["data:,"]


def test_a_taken_port_is_one_clear_line(start: Start) -> None:
    port = urlsplit(start().url).port
    with pytest.raises(SinkError, match=rf"port {port} is taken.*--preview 127\.0\.0\.1:\d+$"):
        start(f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["192.0.2.1:0", "no.such.invalid:0", "a b:1", "x:99999", "::1"])
def test_no_address_of_this_machine_is_one_clear_line(start: Start, address: str) -> None:
    with pytest.raises(SettingError, match="write --preview HOST:PORT") as raised:
        start(address)
    assert "\n" not in str(raised.value)


def test_addresses_are_read_as_they_are_typed() -> None:
    assert parse_address("0.0.0.0:80") == Address("0.0.0.0", 80)
    assert parse_address("9000") == Address("127.0.0.1", 9000)
    assert parse_address("pi.local") == Address("pi.local", 8000)
    assert parse_address("[::]:80") == Address("::", 80)
    assert str(Address("::", 80)) == "[::]:80"


def test_preview_takes_an_address_or_none() -> None:
    def with_address(arguments: list[str]) -> list[str]:
        return with_value(arguments, "--preview", DEFAULT, is_value=is_address)

    alone = ["--preview", "127.0.0.1:8000"]
    assert with_address(["--camera", "0", "--preview"]) == ["--camera", "0", *alone]
    assert with_address(["--preview", "--camera", "0"]) == [*alone, "--camera", "0"]
    assert with_address(["--preview", "photos"]) == [*alone, "photos"]
    assert with_address(["--preview", "a/b:1"]) == [*alone, "a/b:1"]
    assert with_address(["--", "--preview"]) == ["--", "--preview"]
    for given in (["--preview", "0.0.0.0:80"], ["--preview", "[::]:80"], ["--preview=x"]):
        assert with_address(given) == given
    assert with_address(["--preview", "8001", "x"]) == ["--preview", "8001", "x"]


def test_without_the_extra_the_line_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(MissingExtraError, match=r"starlette.*pip install 'edgetl\[preview\]'"):
        PreviewSink("127.0.0.1:0", labels=CLASSES)


def test_files_are_shown_upright_and_no_larger_than_needed(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    draw_picture("fish", seed=1, size=(2000, 1000)).save(photo, exif=exif)
    pixels = cv2.imdecode(np.frombuffer(jpeg(photo), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (LONGEST_SIDE, LONGEST_SIDE // 2, 3)


def test_colours_are_right_and_small_pictures_stay_small() -> None:
    red = np.zeros((40, 60, 3), np.uint8)
    red[..., 0] = 250
    pixels = cv2.imdecode(np.frombuffer(jpeg(red), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (40, 60, 3)
    assert pixels[20, 30, 2] > 240
    assert pixels[20, 30, :2].max() < 10


def test_a_file_that_is_gone_is_shown_without_its_picture(start: Start, tmp_path: Path) -> None:
    sink = start()
    sink.write(result(picture=tmp_path / "gone.jpg"))
    answer = following(sink, "one")
    assert answer.facts["label"] == "fish"
    assert len(answer.body) == 4 + int.from_bytes(answer.body[:4], "big")


def test_a_result_below_the_threshold_is_unsure_on_the_page_too(start: Start) -> None:
    sink = start()
    sink.write(result(best=2, sure=False))
    facts = following(sink, "one").facts
    assert (facts["label"], facts["index"]) == ("unsure", -1)
    assert (facts["marks"], facts["names"]) == ([[0, -1, 0.8]], {"-1": "unsure"})
    assert [bar["probability"] for bar in facts["bars"]] == [0.1, 0.1, 0.8]


def test_of_many_classes_the_most_probable_have_bars(start: Start) -> None:
    labels = [f"class {number}" for number in range(1000)]
    probabilities = np.linspace(0, 0.002, 1000, dtype=np.float32)
    sink = start(labels=labels)
    best = [Prediction(labels[999], 0.002, 999)]
    sink.write(result(probabilities=probabilities, predictions=best))
    bars = following(sink, "one").facts["bars"]
    assert [bar["index"] for bar in bars] == [999, 998, 997, 996, 995]


def test_the_history_holds_two_minutes_and_the_commonest_labels() -> None:
    history = History()
    for number in range(10_000):
        history.add(number // 25 % 2, 0.5, now=1000 + number / 50)
    history.add(2, 1.0, now=1200.0)
    marks = history.marks()
    assert len(marks) == 240
    assert (marks[-1].step, marks[-1].index, marks[-1].probability) == (2400, 2, 1.0)
    assert [mark.index for mark in marks[-5:-1]] == [0, 1, 0, 1]
    history.add(1, 1.0, now=5000.0)
    assert len(history.marks()) == 1


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate(seconds=5)
    assert rate.per_second() is None
    for number in range(100):
        rate.add(now=number / 10)
    assert rate.per_second() == pytest.approx(10)
    rate.add(now=100.0)
    assert rate.per_second() is None


def test_viewers_come_and_go() -> None:
    viewers = Viewers(limit=2)
    assert [viewers.admit(name, now=0) for name in "aba"] == [True] * 3
    assert not viewers.admit("c", now=5)
    assert viewers.admit("a", now=6)
    assert viewers.admit("c", now=11)
    assert viewers.full(now=12)


def command(*arguments: str | Path, folder: Path, model: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", *arguments, "--model", str(model)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def test_the_command_shows_a_stream_until_ctrl_c(
    tmp_path: Path, foreign_models: Path, serve: Callable[[Stream], str]
) -> None:
    port = free_port()
    process = command(
        *("--camera", serve(Stream()), "--preview", f"0.0.0.0:{port}"),
        folder=tmp_path,
        model=foreign_models / "described.tflite",
    )
    try:
        assert process.stderr
        line = process.stderr.readline()
        found = re.fullmatch(rf"preview: http://[\w.-]+:{port}/\?token=([\w-]{{43}})\n", line)
        assert found, line
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        cookie = {"Cookie": f"edgetl-preview-{port}={found[1]}"}
        after, numbers = "", []
        while len(numbers) < 3:
            connection.request("GET", f"/next?viewer=12345678&after={after}", headers=cookie)
            answer = Answer(connection.getresponse())
            if answer.status == 200:
                after = f"{answer.facts['run']}.{answer.facts['number']}"
                numbers.append(frame_number(answer.picture))
        assert numbers == sorted(set(numbers))
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        process.wait(10)
        assert time.monotonic() - began < 2
        assert process.returncode == 130
    finally:
        process.kill()
        process.communicate()


def test_the_command_says_that_the_port_is_taken(
    cli: Cli, foreign_models: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = f"127.0.0.1:{other.getsockname()[1]}"
        model = foreign_models / "described.tflite"
        answer = cli("classify", "a.png", "--model", model, "--preview", where, check=2)
    assert_one_clear_line(answer, "is taken", "--preview HOST:PORT")


def test_preview_alone_is_the_default_address(
    cli: Cli, foreign_models: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    model = foreign_models / "described.tflite"
    answer = cli("classify", "--preview", "a.png", "--model", model, check=None)
    # Port 8000 may be another program's just now.
    assert re.match(r"(preview: http://127\.0\.0\.1:8000/$|port 8000 is taken)",
                    answer.stderr, re.MULTILINE)  # fmt: skip


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    with chromium(tmp_path / "profile") as one:
        yield one


def drawn(number: int, best: int, seed: int) -> Result:
    picture = np.asarray(draw_picture(CLASSES[best], seed=seed, size=(640, 480)))
    return result(number, best, picture=picture)


SHOWS = (
    "!document.getElementById('picture').hidden && document.getElementById('picture').naturalWidth"
)
TEXT = "document.getElementById('{}').innerText"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_browser_shows_it_whole_on_a_desktop_and_on_a_phone(
    start: Start, tab: Tab, tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    sink = start()
    sink.write(drawn(41, 0, 8))
    tab.look(width, height, scheme=scheme)
    tab.open(sink.url)
    assert tab.wait(SHOWS) == 640
    sink.write(drawn(42, 1, 3))
    tab.wait(TEXT.format("source") + " === 'frame 42 of camera 0'")
    assert tab.value(TEXT.format("label")) == "house"
    assert tab.value(TEXT.format("sure")) == "80 %"
    assert tab.value(TEXT.format("latency")) == "12.3 ms"
    assert tab.value(TEXT.format("bars")).split("\n") == [
        "fish", "10 %", "house", "80 %", "tree", "10 %",
    ]  # fmt: skip
    assert tab.value("document.title") == "house - edgetl"
    # One mark or two: the pictures may have come in the same half second.
    spoken = tab.value("document.getElementById('strip').ariaLabel")
    assert re.fullmatch(r"Labels of the last two minutes: (fish|house) \d+ %.*", spoken)
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.value("document.documentElement.scrollHeight") <= height
    assert (
        tab.value("parseFloat(getComputedStyle(document.getElementById('label')).fontSize)") >= 40
    )
    with Image.open(tab.screenshot(tmp_path / "shown.png")) as shown:
        assert shown.size == (width, height)
        corner = shown.convert("L").getpixel((2, 2))
        assert isinstance(corner, int)
        assert (corner > 128) == (scheme == "light")


def test_a_browser_keeps_the_key_out_of_the_address(start: Start, tab: Tab) -> None:
    sink = start("0.0.0.0:0")
    sink.write(result())
    link = urlsplit(sink.url)
    tab.open(f"http://127.0.0.1:{link.port}/?{link.query}")
    tab.wait(SHOWS)
    assert tab.value("location.href") == f"http://127.0.0.1:{link.port}/"
    assert tab.value("document.cookie") == ""
    tab.open(f"http://127.0.0.1:{link.port}/")
    tab.wait(SHOWS)


def test_a_browser_says_when_nothing_comes_and_recovers(start: Start, tab: Tab) -> None:
    sink = start()
    address = f"127.0.0.1:{urlsplit(sink.url).port}"
    tab.open(sink.url)
    tab.wait(TEXT.format("notice") + ".includes('has sent nothing yet')")
    sink.write(result(1))
    tab.wait(SHOWS)
    tab.wait("document.getElementById('notice').hidden")
    tab.wait(TEXT.format("notice") + ".includes('sends nothing new')")
    sink.close()
    tab.wait(TEXT.format("notice") + ".includes('has stopped')")
    assert re.match(r"No picture for \d+ s\n", tab.value(TEXT.format("notice")))
    # Another process, whose numbers begin at 1 again.
    again = start(address)
    again.write(result(2, best=2))
    tab.wait(TEXT.format("label") + " === 'tree'")
    tab.wait("document.getElementById('notice').hidden")


def test_a_browser_shows_labels_as_text(start: Start, tab: Tab) -> None:
    labels = ["<img src=x onerror=alert(1)>" + "W" * 80, "b", "c"]
    predictions = [Prediction(labels[0], 0.8, 0)]
    sink = start(labels=labels)
    sink.write(result(predictions=predictions, source="x" * 300))
    tab.look(390, 844)
    tab.open(sink.url)
    tab.wait(SHOWS)
    assert tab.wait(TEXT.format("label")).startswith("<img src=x onerror")
    assert tab.value("document.images.length") == 1
    wide = "[...document.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > 390)"
    assert tab.value(f"{wide}.map(e => e.tagName + e.id + e.className)") == []
    assert tab.value("document.documentElement.scrollWidth") <= 390


@pytest.mark.by_hand
def test_the_documentation_has_pictures_of_it(
    start: Start, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Takes docs/images/preview-desktop.png and preview-phone.png; look at them."""
    images = Path(__file__).parents[3] / "docs" / "images"
    sink = start()
    now = time.monotonic
    begin, random, best = now() - 117, np.random.default_rng(7), 2
    with monkeypatch.context() as earlier:
        for frame in range(118 * 14):
            if random.random() < 0.005:
                best = int(random.integers(3))
            seconds = begin + frame / 14
            earlier.setattr("edgetl.edge.preview.feed.time.monotonic", lambda at=seconds: at)
            sure = np.clip(random.normal(0.9, 0.05) - 0.3 * (random.random() < 0.03), 0.4, 0.99)
            sink.write(
                result(frame, best, predictions=[Prediction(CLASSES[best], float(sure), best)])
            )
    over = threading.Event()
    picture = np.asarray(draw_picture("fish", seed=8, size=(640, 480)))
    shares = np.array([0.943, 0.021, 0.036], np.float32)
    best_of_all = [Prediction("fish", 0.943, 0)]

    def go_on() -> None:
        frame = 118 * 14
        while not over.wait(1 / 14):
            frame += 1
            shown = {"predictions": best_of_all, "probabilities": shares, "picture": picture}
            sink.write(result(frame, **shown))

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        tab.look(1280, 800)
        tab.open(sink.url)
        tab.wait(SHOWS)
        time.sleep(2)
        tab.screenshot(images / "preview-desktop.png")
        tab.look(390, 844, scheme="dark", ratio=2)
        time.sleep(1)
        tab.screenshot(images / "preview-phone.png")
    finally:
        over.set()
        writer.join()
