"""The preview over real connections: waiting, several viewers, and the end."""

import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from edgetl.edge.errors import SinkError
from edgetl.edge.preview.routes import Viewers
from tests.edge.conftest import frame_number
from tests.edge.preview.client import Answer, Start, following, get, result


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


def test_a_wait_without_result_ends_with_the_age_of_the_last_picture(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetl.edge.preview.routes.WAIT_SECONDS", 0.2)
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
def test_an_invalid_request_is_bad(start: Start, query: str) -> None:
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


def test_a_viewer_who_does_not_read_delays_nobody(start: Start) -> None:
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
            seen.append((facts["number"], sink.feed._first.newest.number))

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


def test_a_ninth_viewer_is_refused(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetl.edge.preview.routes.LINGER_SECONDS", 1.0)
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


def test_viewers_come_and_go() -> None:
    viewers = Viewers(limit=2)
    assert [viewers.admit(name, now=0) for name in "aba"] == [True] * 3
    assert not viewers.admit("c", now=5)
    assert viewers.admit("a", now=6)
    assert viewers.admit("c", now=11)
    assert viewers.full(now=12)
