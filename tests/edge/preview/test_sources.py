"""A preview of several sources: each has its own pictures and history, and a button."""

import http.client
import re
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.results.capture_record import read_capture_record
from edgetl.edge.sinks.snapshot_folder import SnapshotFolder
from tests.edge.browser import Tab
from tests.edge.conftest import frame_number
from tests.edge.preview.client import Start, following, get, result

SOURCES = ("door", "yard/left", "yard/right")
TEXT = "document.getElementById('{}').innerText"
SHOWN = TEXT.format("source") + " === 'frame {} of {}'"
PRESSED = "document.querySelector('#sources [aria-pressed=true]').textContent"


def jpeg_number(body: bytes) -> int:
    pixels = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return frame_number(pixels)


def test_each_source_has_its_own_newest_picture_and_history(start: Start) -> None:
    sink = start(sources=SOURCES)
    sink.write(result(3, 0, source="door"))
    sink.write(result(4, 0, source="door"))
    sink.write(result(7, 1, source="yard/left"))
    of_each = {name: get(sink, f"/next?viewer=viewer__&source={name}") for name in SOURCES[:2]}
    assert [answer.facts["frame"] for answer in of_each.values()] == [4, 7]
    assert [list(answer.facts["names"].values()) for answer in of_each.values()] == [
        ["fish"], ["house"],
    ]  # fmt: skip
    # Without a name it is the first.
    assert following(sink, "viewer").facts["source"] == "door"
    # A number that was seen of one is not taken for one of another.
    seen = of_each["door"].facts["number"]
    assert seen < of_each["yard/left"].facts["number"]
    assert jpeg_number(get(sink, "/snapshot.jpg?source=yard/left").body) == 7
    assert jpeg_number(get(sink, "/snapshot.jpg").body) == 4
    for path in ("next?viewer=viewer__&", "snapshot.jpg?", "stream.mjpg?"):
        answer = get(sink, f"/{path}source=cellar")
        assert answer.status == 404
        assert b"there is door, yard/left, yard/right" in answer.body


def test_motion_jpeg_is_of_the_source_that_is_asked_for(start: Start) -> None:
    sink = start(sources=SOURCES)
    sink.write(result(3, 0, source="door"))
    sink.write(result(7, 1, source="yard/left"))
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(sink.url).port or 0, timeout=20)
    with closing(connection):
        connection.request("GET", "/stream.mjpg?source=yard/left")
        answer = connection.getresponse()
        head = answer.readline() + answer.readline() + answer.readline() + answer.readline()
        (size,) = re.findall(rb"Content-Length: (\d+)", head)
        assert jpeg_number(answer.read(int(size))) == 7


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_browser_shows_the_source_whose_button_is_pressed(
    start: Start, tab: Tab, tmp_path: Path, width: int, height: int
) -> None:
    sink = start(sources=SOURCES)
    sink.write(result(3, 0, source="door"))
    sink.write(result(7, 1, source="yard/left"))
    tab.look(width, height)
    tab.open(sink.url)
    tab.wait(SHOWN.format(3, "door"))
    assert tab.value(PRESSED) == "door"
    # By the keyboard alone.
    tab.value("document.querySelectorAll('#sources button')[1].focus()")
    assert tab.value("document.activeElement.matches('#sources button')")
    tab.value("document.activeElement.click()")
    tab.wait(SHOWN.format(7, "yard/left"))
    assert tab.value(PRESSED) == "yard/left"
    assert tab.value(TEXT.format("label")) == "house"
    assert tab.value(TEXT.format("legend")) == "house"
    sink.write(result(8, 2, source="yard/left"))
    sink.write(result(4, 0, source="door"))
    tab.wait(SHOWN.format(8, "yard/left"))
    assert tab.value("document.documentElement.scrollWidth") <= width
    # One that has sent nothing shows nothing of the one before.
    tab.value("document.querySelectorAll('#sources button')[2].click()")
    tab.wait("document.getElementById('picture').hidden")
    assert tab.value(TEXT.format("label")) == "\u2013"
    assert tab.value(TEXT.format("empty")) == "Waiting for the first picture"
    sink.write(result(1, 0, source="yard/right"))
    tab.wait(SHOWN.format(1, "yard/right"))
    tab.screenshot(tmp_path / f"sources-{width}.png")


def test_the_picture_of_the_source_that_is_shown_is_kept(
    start: Start, tab: Tab, tmp_path: Path, third_party_models: Path
) -> None:
    model = read_model_file(third_party_models / "described.tflite")
    kept = SnapshotFolder(tmp_path / "seen", lambda: model, limit_mb=100)
    sink = start(sources=SOURCES, correct=kept.correct)
    sink.write(result(3, 0, source="door"))
    sink.write(result(7, 1, source="yard/left"))
    tab.open(sink.url)
    tab.wait(SHOWN.format(3, "door"))
    tab.value("document.querySelectorAll('#sources button')[1].click()")
    tab.wait(SHOWN.format(7, "yard/left"))
    tab.value("document.getElementById('wrong').click()")
    tab.wait("!document.getElementById('choose').hidden")
    sink.write(result(9, 0, source="door"))
    tab.value("document.querySelector('#choices button:last-child').click()")
    tab.wait(TEXT.format("kept") + ".startsWith('Kept as')")
    (path,) = (tmp_path / "seen").iterdir()
    record = read_capture_record(path)
    assert record is not None
    assert (record.source, record.frame) == ("yard/left", 7)


def test_one_source_has_no_button(start: Start, tab: Tab) -> None:
    sink = start(sources=("door",))
    sink.write(result(3, 0, source="door"))
    tab.open(sink.url)
    tab.wait(SHOWN.format(3, "door"))
    assert tab.value("document.getElementById('sources').hidden")
