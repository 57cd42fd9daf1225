"""Connections that would keep the owner out: silent, slow, without a key, and too many."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from edgetl.edge.preview.connections import most_connections
from edgetl.edge.sinks.preview import PreviewSink
from tests.edge.conftest import Stream
from tests.edge.preview.client import Start, following, get, result


@pytest.fixture
def opened() -> Iterator[list[socket.socket]]:
    """Connections that are closed at the end."""
    connections: list[socket.socket] = []
    yield connections
    for connection in connections:
        connection.close()


def connect(sink: PreviewSink, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", urlsplit(sink.url).port or 0), timeout=5)
    connection.sendall(sent)
    return connection


def is_closed(connection: socket.socket, *, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return connection.recv(65536) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def open_files() -> int:
    """How many this process has open; 0 where there is no /proc."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def page_of(sink: PreviewSink) -> int:
    url = urlsplit(sink.url)
    return get(sink, f"/?{url.query}").status


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x"], ids=["silent", "slow"])
def test_neither_silent_nor_slow_connections_keep_the_owner_out(
    start: Start, opened: list[socket.socket], sent: bytes
) -> None:
    sink = start("0.0.0.0:0")
    before = open_files()
    opened += [connect(sink, sent) for _ in range(3 * most_connections())]
    assert page_of(sink) == 200
    # The other ends are in this process too, one each.
    assert open_files() - before - len(opened) <= most_connections() + 40


def test_a_whole_request_has_to_come_in_time(
    start: Start, opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetl.edge.preview.connections.REQUEST_SECONDS", 0.3)
    monkeypatch.setattr("edgetl.edge.preview.server.REQUEST_SECONDS", 0.3)
    sink = start()
    silent, slow = connect(sink), connect(sink, b"GET / HTTP/1.1\r\nHost: loc")
    opened += [silent, slow]
    for _ in range(8):
        time.sleep(0.1)
        try:
            slow.send(b"a")
        except ConnectionError:
            break
    else:
        pytest.fail("a request that never ends was waited for")
    assert is_closed(silent, seconds=3)
    # After its first request a connection may be silent for longer, as browsers keep it.
    kept = connect(sink, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    opened.append(kept)
    time.sleep(0.6)
    kept.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert kept.recv(65536).count(b"200 OK") >= 1


def test_idle_connections_with_access_make_room_when_there_are_only_such(
    start: Start, opened: list[socket.socket]
) -> None:
    sink = start()
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(most_connections() + 5):
        opened.append(connect(sink, request))
        assert opened[-1].recv(15) == b"HTTP/1.1 200 OK"
    assert page_of(sink) == 200


def test_a_viewer_who_waits_for_a_result_is_not_closed_for_others(
    start: Start, opened: list[socket.socket]
) -> None:
    sink = start()
    url = urlsplit(sink.url)
    waiting = b"GET /next?viewer=12345678&after= HTTP/1.1\r\nHost: localhost:%d\r\n\r\n"
    viewer = connect(sink, waiting % (url.port or 0))
    opened.append(viewer)
    time.sleep(0.2)
    opened += [connect(sink, b"GET") for _ in range(2 * most_connections())]
    sink.write(result())
    viewer.settimeout(5)
    assert viewer.recv(15) == b"HTTP/1.1 200 OK"


def test_of_many_requests_without_a_key_the_further_ones_get_a_bare_refusal(start: Start) -> None:
    sink = start("0.0.0.0:0")
    answers = [get(sink) for _ in range(60)]
    assert {answer.status for answer in answers} == {403}
    assert b"Open the link" in answers[0].body
    assert answers[-1].body == b"needs a key"
    assert page_of(sink) == 200
    sink.write(result())
    url = urlsplit(sink.url)
    cookie = f"edgetl-preview-{url.port}={url.query.partition('=')[2]}"
    assert following(sink, "one", Cookie=cookie).status == 200
    wrong = get(sink, "/?token=" + "x" * 43)
    assert (wrong.status, wrong.body) == (403, b"needs a key")


def test_the_number_follows_the_files_that_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "edgetl.edge.preview.connections.open_file_limit"
    found = []
    for files in (1 << 20, 1024, 256, 64):
        monkeypatch.setattr(name, lambda files=files: files)
        found.append(most_connections())
    assert found == [128, 128, 64, 8]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of open files")
def test_a_burst_takes_no_file_from_classification(
    tmp_path: Path, model: Path, serve: Callable[[Stream], str]
) -> None:
    """The classifier may open 200 files, and 600 connections come."""
    results = tmp_path / "results.jsonl"
    # By the shell: the limit of this process would hold for the connections as well.
    words = ("-m", "edgetl", "classify", "--camera", serve(Stream(fps=20)), "--model")
    arguments = [*words, str(model), "--output", str(results), "--preview", "127.0.0.1:0"]
    limited = ["sh", "-c", 'ulimit -n 200; exec "$0" "$@"', sys.executable, *arguments]
    with ExitStack() as ends:
        process = ends.enter_context(subprocess.Popen(limited, stderr=subprocess.PIPE, text=True))
        ends.callback(process.kill)
        assert process.stderr
        shown = re.fullmatch(r"preview: http://127.0.0.1:(\d+)/\n", process.stderr.readline())
        assert shown
        for _ in range(600):
            ends.enter_context(socket.create_connection(("127.0.0.1", int(shown[1])), timeout=5))
        lines = results.read_bytes().count(b"\n")
        time.sleep(1.5)
        assert results.read_bytes().count(b"\n") > lines + 10
        process.terminate()
        assert process.communicate(timeout=10)[1] == ""
