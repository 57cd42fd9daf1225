"""A picture that a viewer says is wrong is kept, that very one, with the right class."""

import io
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.preview import corrections
from edgetl.edge.results.capture_record import read_capture_record
from edgetl.edge.review.reading import Suggestion, suggestion_for
from edgetl.edge.sinks.preview import PreviewSink
from edgetl.edge.sinks.snapshot_folder import SnapshotFolder
from tests.edge.browser import Tab
from tests.edge.conftest import Stream, filming, frame_number
from tests.edge.page_client import asked
from tests.edge.preview.client import Start, following, result

Wrong = Callable[..., tuple[int, Any]]


@pytest.fixture
def kept(tmp_path: Path, third_party_models: Path) -> SnapshotFolder:
    # The model has as many classes as the preview's.
    model = read_model_file(third_party_models / "described.tflite")
    return SnapshotFolder(tmp_path / "seen", lambda: model, limit_mb=100)


def wrong(sink: PreviewSink, do: str, number: int, **asks: Any) -> tuple[int, Any]:
    body = {"do": do, "viewer": "viewer__", "run": sink.feed.run, "number": number} | asks
    return asked(sink._serving, "POST", "/wrong", body, X_Edgetl="1")


def wide(number: int) -> Any:
    """Wider than what is sent to viewers."""
    picture = np.zeros((900, 1600, 3), np.uint8)
    picture[:, : 100 * number] = 255
    return result(number, picture=picture)


def test_the_picture_that_is_shown_is_kept_whole_with_its_class(
    start: Start, kept: SnapshotFolder, tmp_path: Path
) -> None:
    sink = start(labels=("fish", "house", "unknown"), correct=kept.correct)
    sink.write(wide(1))
    assert following(sink, "viewer").facts["corrects"] is True
    # Another one is on its way to the viewer; what it shows is still the first.
    sink.write(wide(2))
    following(sink, "viewer", f"{sink.feed.run}.1")
    assert wrong(sink, "hold", 1) == (200, {"classes": ["fish", "house"]})
    for number in (3, 4, 5):
        sink.write(wide(number))
        following(sink, "viewer", f"{sink.feed.run}.{number - 1}")
    assert wrong(sink, "keep", 1, **{"class": " garden gnome "}) == (200, {"kept": "garden gnome"})
    (path,) = (tmp_path / "seen").iterdir()
    assert path.name.endswith("Z-garden_gnome.jpg")
    with Image.open(path) as saved:
        assert saved.size == (1600, 900)
        row = np.asarray(saved.convert("L"))[450]
    assert (row[50] > 200, row[150] < 50) == (True, True)
    record = read_capture_record(path)
    assert record is not None
    assert (record.frame, record.kept, record.correct) == (1, "wrong", "garden gnome")
    assert suggestion_for(path, ()) == Suggestion("garden gnome", 1.0, corrected=True)
    # It is kept once.
    assert wrong(sink, "keep", 1, **{"class": "fish"})[0] == 409


def test_a_picture_that_is_gone_is_said_to_be(
    start: Start, kept: SnapshotFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = start(correct=kept.correct)
    for number in (1, 2, 3):
        sink.write(wide(number))
        following(sink, "viewer", f"{sink.feed.run}.{number - 1}")
    status, words = wrong(sink, "hold", 1)
    assert (status, b"gone" in words) == (409, True)
    assert wrong(sink, "hold", 2)[0] == 200
    assert wrong(sink, "keep", 3, **{"class": "fish"})[0] == 409
    assert wrong(sink, "release", 2) == (200, {})
    assert wrong(sink, "keep", 2, **{"class": "fish"})[0] == 409
    # Held for two minutes, and of a few viewers only.
    monkeypatch.setattr(corrections, "_HELD_SECONDS", -1.0)
    assert wrong(sink, "hold", 2)[0] == 200
    assert wrong(sink, "keep", 2, **{"class": "fish"})[0] == 409
    monkeypatch.setattr(corrections, "_HELD_SECONDS", 60.0)
    assert wrong(sink, "hold", 2)[0] == 200
    for name in "abcd":
        following(sink, name, "")
        assert wrong(sink, "hold", 3, viewer=f"{name:_<8}")[0] == 200
    assert wrong(sink, "keep", 2, **{"class": "fish"})[0] == 409
    assert list((tmp_path / "seen").iterdir()) == []


def test_what_is_not_the_page_s_own_is_refused(
    start: Start, kept: SnapshotFolder, tmp_path: Path
) -> None:
    sink = start(correct=kept.correct)
    sink.write(wide(1))
    following(sink, "viewer", "")
    assert wrong(sink, "hold", 1)[0] == 200
    for name in ("a/b", "", ".x", "x" * 101):
        assert wrong(sink, "keep", 1, **{"class": name})[0] == 409
    assert wrong(sink, "keep", 1)[0] == 400
    assert wrong(sink, "keep", 1, run="other", **{"class": "fish"})[0] == 409
    assert wrong(sink, "burn", 1)[0] == 400
    body = {"do": "keep", "viewer": "viewer__", "run": sink.feed.run, "number": 1, "class": "fish"}
    assert asked(sink._serving, "POST", "/wrong", body)[0] == 403
    cross = {"X_Edgetl": "1", "Sec_Fetch_Site": "cross-site"}
    assert asked(sink._serving, "POST", "/wrong", body, **cross)[0] == 403
    assert list((tmp_path / "seen").iterdir()) == []
    plain = start()
    plain.write(wide(1))
    assert following(plain, "viewer").facts["corrects"] is False
    assert asked(plain._serving, "POST", "/wrong", body, X_Edgetl="1")[0] == 404
    guarded = start("0.0.0.0:0", correct=kept.correct)
    assert asked(guarded._serving, "POST", "/wrong", body, X_Edgetl="1")[0] == 403


TEXT = "document.getElementById('{}').textContent"


@pytest.mark.parametrize(
    ("width", "height"), [pytest.param(1280, 800, marks=pytest.mark.slow), (390, 844)]
)
def test_a_browser_freezes_the_picture_and_keeps_it(
    start: Start, kept: SnapshotFolder, tab: Tab, tmp_path: Path, width: int, height: int
) -> None:
    sink = start(labels=("fish", "house", "unknown"), correct=kept.correct)
    with filming(lambda number: sink.write(result(number))):
        tab.look(width, height)
        tab.open(sink.url)
        tab.wait("!document.getElementById('wrong').hidden")
        tab.value("document.getElementById('wrong').click()")
        tab.wait("!document.getElementById('choose').hidden")
        frozen = tab.value(TEXT.format("source"))
        assert tab.value(
            "[...document.querySelectorAll('#choices button')].map(one => one.textContent)"
        ) == ["1fish", "2house", "0None of these"]
        tab.screenshot(tmp_path / "wrong.png")
        assert tab.value("document.documentElement.scrollWidth") <= width
        tab.wait("performance.now() - since > 700")
        assert tab.value(TEXT.format("source")) == frozen
        tab.value("document.dispatchEvent(new KeyboardEvent('keydown', {key: '2'}))")
        tab.wait(f"{TEXT.format('kept')} === 'Kept as house.'")
        # It goes on, and another name can be typed.
        tab.wait(f"{TEXT.format('source')} !== '{frozen}'")
        tab.value("document.getElementById('wrong').click()")
        tab.wait("!document.getElementById('choose').hidden")
        tab.value("document.getElementById('other-name').value = 'a/b'")
        tab.value("document.getElementById('other').requestSubmit()")
        tab.wait(f"{TEXT.format('refused')}.includes('no name for a folder')")
        tab.value("document.getElementById('other-name').value = 'shed'")
        tab.value("document.getElementById('other').requestSubmit()")
        tab.wait(f"{TEXT.format('kept')} === 'Kept as shed.'")
    records = [read_capture_record(path) for path in (tmp_path / "seen").iterdir()]
    assert sorted(one.correct or "" for one in records if one) == ["house", "shed"]
    (first,) = [one for one in records if one and one.correct == "house"]
    assert frozen == f"frame {first.frame} of camera 0"


def test_classify_with_a_preview_and_a_folder_has_the_button(
    tmp_path: Path, model: Path, serve: Callable[[Stream], str]
) -> None:
    camera = serve(Stream(fps=20))
    command = [sys.executable, "-m", "edgetl", "classify", "--camera", camera, "--model",
               str(model), "--preview", "127.0.0.1:0", "--snapshots", "seen"]  # fmt: skip

    def ask(path: str, body: Any = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, data, {"X-Edgetl": "1"})
        with urllib.request.urlopen(request, timeout=10) as found:
            content: bytes = found.read()
            return content

    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr
            found = re.fullmatch(r"preview: (\S+)\n", process.stderr.readline())
            assert found
            url = found[1]
            sent = ask("next?viewer=viewer__&after=")
            facts = json.loads(sent[4 : 4 + int.from_bytes(sent[:4], "big")])
            body = {"viewer": "viewer__", "run": facts["run"], "number": facts["number"]}
            assert json.loads(ask("wrong", body | {"do": "hold"}))["classes"] == [
                "blue", "green", "red",
            ]  # fmt: skip
            ask("wrong", body | {"do": "keep", "class": "green"})
        finally:
            process.kill()
    (path,) = (tmp_path / "seen").iterdir()
    record = read_capture_record(path)
    assert record is not None
    assert (record.frame, record.correct, record.model) == (
        facts["frame"], "green", "described.tflite",
    )  # fmt: skip
    size = 4 + int.from_bytes(sent[:4], "big")
    shown = np.asarray(Image.open(io.BytesIO(sent[size:])))
    assert frame_number(np.asarray(Image.open(path))) == frame_number(shown)
