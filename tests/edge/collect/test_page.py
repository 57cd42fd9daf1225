"""The page of `edgetl collect`: its server, and the page in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.collect.wanted import Wanted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.preview.newest import Newest
from edgetl.edge.preview.serving import Serving, serve
from edgetl.trainer.data.demo_pictures import draw_picture
from tests.edge.browser import Tab
from tests.edge.conftest import filming
from tests.edge.page_client import asked, changed

Page = tuple[Serving, PhotoFolder, Newest[Pixels]]


def picture(number: int) -> Pixels:
    return np.asarray(
        draw_picture(("fish", "house", "tree")[number % 3], seed=number, size=(640, 480))
    )


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Page]]:
    pytest.importorskip("uvicorn")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    running: list[Serving] = []

    def page(address: str = "127.0.0.1:0", wanted: Wanted | None = None) -> Page:
        from edgetl.edge.collect.routes import collect_app

        photos = PhotoFolder(tmp_path / "photos", ["open", "closed", "none"])
        frames: Newest[Pixels] = Newest()
        app = lambda: collect_app(photos, frames, wanted)  # noqa: E731
        running.append(serve(app, address, option="collect", stop=frames.close))
        return running[-1], photos, frames

    yield page
    for one in running:
        one.close()


def test_a_photo_whose_name_is_no_text_is_counted_and_not_shown(
    start: Callable[..., Page], tmp_path: Path
) -> None:
    serving, _, _ = start()
    for name in ("\udcff.jpg", "a b.jpg"):
        (tmp_path / "photos" / "open" / name).write_bytes(b"x")
    status, state = asked(serving, "GET", "/state")
    assert status == 200
    assert (state["classes"][0]["count"], state["classes"][0]["newest"]) == (2, ["a b.jpg"])


def test_pictures_are_saved_deleted_moved_and_taken_back(start: Callable[..., Page]) -> None:
    serving, photos, frames = start()
    assert changed(serving, do="add", **{"class": "open"})[1]["refused"]
    frames.write(picture(0))
    status, state = changed(serving, do="add", **{"class": "open"})
    assert (status, state["doubts"]) == (200, [])
    file = state["saved"]
    assert state["classes"][0] == {
        "name": "open",
        "count": 1,
        "more": None,
        "newest": [file[5:]],
    }
    assert changed(serving, do="add", **{"class": "open"})[1]["doubts"] == ["like one before"]
    status, state = changed(serving, do="move", file=file, **{"class": "closed"})
    assert [one["count"] for one in state["classes"]] == [1, 1, 0]
    moved = f"closed/{file[5:]}"
    assert asked(serving, "GET", f"/photo?file={moved}")[0] == 200
    assert changed(serving, do="delete", file=moved)[1]["classes"][1]["count"] == 0
    status, state = changed(serving, do="undo")
    assert state["undone"] == f"deleted {moved}"
    assert photos.photos("closed") == [file[5:]]
    status, state = changed(serving, do="add_class", **{"class": " half open "})
    assert state["class"] == "half open"
    assert asked(serving, "GET", "/state")[1]["classes"][3]["name"] == "half open"


def test_the_page_knows_how_many_more_photos_a_run_wants(start: Callable[..., Page]) -> None:
    serving, photos, _ = start(wanted=Wanted("a", 0.95, {"open": 2, "closed": 0}))
    state = asked(serving, "GET", "/state")[1]
    assert [one["more"] for one in state["classes"]] == [2, 0, None]
    assert state["wanted"] == {"run": "a", "percent": 95}
    photos.add(picture(0), "open")
    assert asked(serving, "GET", "/state")[1]["classes"][0]["more"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"do": "add", "class": "other"}, 409),
        ({"do": "delete", "file": "../../x"}, 409),
        ({"do": "add_class", "class": "a/b"}, 409),
        ({"do": "_state"}, 400),
        ({"do": "add"}, 400),
        ([], 400),
        ("x", 400),
        ({"do": "x" * 5000}, 413),
    ],
)
def test_what_cannot_be_done_is_refused(start: Callable[..., Page], body: Any, status: int) -> None:
    serving, photos, frames = start()
    frames.write(picture(0))
    assert asked(serving, "POST", "/change", body, X_Edgetl="1")[0] == status
    assert [photos.photos(label) for label in photos.classes] == [[], [], []]


def test_other_sites_and_strangers_change_nothing(start: Callable[..., Page]) -> None:
    serving, photos, frames = start()
    frames.write(picture(0))
    add = {"do": "add", "class": "open"}
    assert asked(serving, "POST", "/change", add)[0] == 403
    cross = {"X_Edgetl": "1", "Sec_Fetch_Site": "cross-site"}
    assert asked(serving, "POST", "/change", add, **cross)[0] == 403
    assert asked(serving, "POST", "/change", add, X_Edgetl="1", Host="evil.example")[0] == 421
    guarded, photos, frames = start("0.0.0.0:0")
    frames.write(picture(0))
    for method, path in (("GET", "/"), ("GET", "/frame"), ("GET", "/state"), ("POST", "/change")):
        assert asked(guarded, method, path, add, X_Edgetl="1")[0] == 403
    assert photos.photos("open") == []


TEXT = "document.getElementById('{}').innerText"


@pytest.mark.parametrize(
    ("width", "height"), [pytest.param(1280, 900, marks=pytest.mark.slow), (390, 844)]
)
def test_a_browser_collects_by_button_and_key(
    start: Callable[..., Page], tab: Tab, tmp_path: Path, width: int, height: int
) -> None:
    serving, photos, frames = start(wanted=Wanted("runs-one", 0.95, {"open": 80, "closed": 0}))
    with filming(lambda number: frames.write(picture(number)), every=0.1):
        tab.look(width, height)
        tab.open(serving.url)
        tab.wait("!document.getElementById('picture').hidden")
        tab.wait("document.querySelectorAll('.take').length === 3")
        tab.wait("document.querySelector('.take').textContent.includes('0about 80 more')")
        assert "95 % of a class" in str(tab.value("document.getElementById('wanted').textContent"))
        press = (
            "document.querySelectorAll('.take')[{}].dispatchEvent("
            "new PointerEvent('{}', {{button: 0, bubbles: true}}))"
        )
        tab.value(press.format(0, "pointerdown"))
        # While it is held, more follow.
        tab.wait("+document.querySelectorAll('.take b')[0].textContent >= 3")
        tab.value(press.format(0, "pointerup"))
        key = "document.body.dispatchEvent(new KeyboardEvent('{}', {{key: '2', bubbles: true}}))"
        tab.value(key.format("keydown"))
        tab.wait("+document.querySelectorAll('.take b')[1].textContent >= 1")
        tab.value(key.format("keyup"))
        tab.wait(f"{TEXT.format('said')}.startsWith('Saved to closed')")
        tab.wait("document.querySelectorAll('.thumbs img')[0].naturalWidth > 0")
        tab.screenshot(tmp_path / "collect.png")
        assert tab.value("document.documentElement.scrollWidth") <= width
        before = len(photos.photos("open"))
        tab.value("document.querySelector('.thumbs button').click()")
        tab.value("document.getElementById('delete').click()")
        tab.wait(f"{TEXT.format('said')}.startsWith('Deleted')")
        assert len(photos.photos("open")) == before - 1
        tab.value("document.getElementById('undo').click()")
        tab.wait(f"{TEXT.format('said')}.startsWith('Undone: deleted')")
        assert len(photos.photos("open")) == before
        tab.value("document.querySelector('.thumbs button').click()")
        tab.value("document.getElementById('target').selectedIndex = 3")
        tab.value("document.getElementById('target').dispatchEvent(new Event('change'))")
        tab.wait(f"{TEXT.format('said')} === 'Moved to none.'")
        assert len(photos.photos("none")) == 1
        tab.value("document.getElementById('name').value = '<b>ajar'")
        tab.value("document.getElementById('new').requestSubmit()")
        tab.wait(f"{TEXT.format('said')}.includes('no name for a folder')")
    tab.wait(f"{TEXT.format('notice')} === 'The camera sends no new picture.'")
    tab.value(key.format("keydown"))
    tab.wait(f"{TEXT.format('said')} === 'There is no live picture.'")
