"""The page of `edgetl review`: its server, and the page in a real browser."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.preview.serving import Serving, serve
from edgetl.edge.review.grouping import grouped
from edgetl.edge.review.reading import GreyReader, Picture, read_pictures
from edgetl.edge.review.review_folder import ReviewFolder
from edgetl.edge.review.reviewing import Desk
from tests.edge.browser import Tab
from tests.edge.page_client import asked, changed
from tests.edge.review.kept import keep


@dataclass(frozen=True)
class Page:
    serving: Serving
    desk: Desk
    folder: Path

    @property
    def review(self) -> ReviewFolder:
        assert self.desk.review is not None
        return self.desk.review

    def photos(self, label: str) -> int:
        return len(list((self.folder / "photos" / label).glob("*.jpg")))

    def change(self, do: str, **asks: Any) -> tuple[int, Any]:
        return changed(self.serving, do=do, run=self.review.run, **asks)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Page]]:
    pytest.importorskip("uvicorn")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    running: list[Serving] = []

    def page(address: str = "127.0.0.1:0", *, prefix: str = "") -> Page:
        """Six pictures of a cat that look alike, one of a dog, and one that nobody knows."""
        from edgetl.edge.review.routes import review_app

        seen = tmp_path / "seen"
        files = [keep(seen, n, [("cat", 0.9 - n / 100), ("dog", 0.1)]).name for n in range(6)]
        files.append(keep(seen, 6, [("unknown", 0.6), ("dog", 0.4)], scene=1).name)
        files.append(keep(seen, 7, [], scene=2).name)
        found = read_pictures(seen, files, GreyReader())
        pictures = [one for one in found if isinstance(one, Picture)]
        photos = PhotoFolder(tmp_path / "photos", ["cat", "mouse"])
        review = ReviewFolder(seen, photos, pictures, grouped(pictures), fetched=False)
        desk = Desk(8, 8, review)
        app = lambda: review_app(desk)  # noqa: E731
        running.append(serve(app, address, option="review", stop=lambda: None, prefix=prefix))
        return Page(running[-1], desk, tmp_path)

    yield page
    for one in running:
        one.close()


def test_groups_come_least_sure_first_and_go_where_a_person_says(
    start: Callable[..., Page],
) -> None:
    page = start()
    status, state = asked(page.serving, "GET", "/pictures")
    assert (status, state["left"], state["undo"]) == (200, 8, None)
    assert [one["name"] for one in state["classes"]] == ["cat", "mouse", "dog"]
    groups = state["groups"]
    assert [(one["class"], [p[0] for p in one["pictures"]][:1]) for one in groups] == [
        (None, [7]), ("dog", [6]), ("cat", [5]),
    ]  # fmt: skip
    assert groups[1]["pictures"] == [[6, "20261130T120006.000Z-seen.jpg", 0.4, False]]
    status, state = page.change("sort", classes={"mouse": [7], "cat": [0, 1, 2]})
    assert (status, sorted(state["gone"]), state["left"]) == (200, [0, 1, 2, 7], 4)
    assert state["undo"] == "4 pictures to mouse, cat"
    assert (page.photos("cat"), page.photos("mouse")) == (3, 1)
    assert page.change("discard", pictures=[6])[1]["discarded"] == 1
    groups = asked(page.serving, "GET", "/pictures")[1]["groups"]
    assert [len(one["pictures"]) for one in groups] == [3]
    assert page.change("undo")[1]["undone"] == "1 picture discarded"
    assert page.change("add_class", **{"class": " fox "})[1]["class"] == "fox"
    assert page.change("sort", classes={"bird": [6]})[0] == 200
    assert page.photos("bird") == 1
    picture = asked(page.serving, "GET", "/photo?n=3")
    assert picture[1].startswith(b"\xff\xd8")
    assert len(asked(page.serving, "GET", "/photo?n=3&large=1")[1]) > len(picture[1])


def test_a_picture_whose_name_is_no_text_is_shown_and_sorted(start: Callable[..., Page]) -> None:
    page = start()
    before = page.review.path_of(7)
    before.rename(before.with_name("\udcff\n.jpg"))
    page.review.pictures = [
        replace(one, file="\udcff\n.jpg") if number == 7 else one
        for number, one in enumerate(page.review.pictures)
    ]
    status, state = asked(page.serving, "GET", "/pictures")
    assert (status, state["groups"][0]["pictures"][0][1]) == (200, r"\udcff\n.jpg")
    assert asked(page.serving, "GET", "/photo?n=7")[0] == 200
    assert page.change("sort", classes={"mouse": [7]})[0] == 200
    assert page.photos("mouse") == 1


@pytest.mark.parametrize(
    ("asks", "status"),
    [
        ({"do": "sort", "classes": {"a/b": [1]}}, 409),
        ({"do": "sort", "classes": {"cat": [99]}}, 409),
        ({"do": "sort", "classes": {"cat": ["../x"]}}, 409),
        ({"do": "sort", "classes": {"cat": [[1]]}}, 400),
        ({"do": "sort", "classes": ["cat"]}, 400),
        ({"do": "sort"}, 400),
        ({"do": "discard", "pictures": [-1]}, 409),
        ({"do": "add_class", "class": ".hidden"}, 409),
        ({"do": "left"}, 400),
        ({"do": "undo", "run": "of yesterday"}, 409),
    ],
    ids=str,
)
def test_what_cannot_be_done_changes_nothing(
    start: Callable[..., Page], asks: dict[str, Any], status: int
) -> None:
    page = start()
    found = changed(page.serving, **({"run": page.review.run} | asks))
    assert found[0] == status, found
    assert len(list((page.folder / "seen").glob("*.jpg"))) == 8
    assert page.photos("*") == 0


def test_other_sites_and_strangers_see_and_change_nothing(start: Callable[..., Page]) -> None:
    page = start()
    discard = {"do": "discard", "pictures": [1], "run": page.review.run}
    assert asked(page.serving, "POST", "/change", discard)[0] == 403
    cross = {"X_Edgetl": "1", "Sec_Fetch_Site": "cross-site"}
    assert asked(page.serving, "POST", "/change", discard, **cross)[0] == 403
    assert (
        asked(page.serving, "POST", "/change", discard, X_Edgetl="1", Host="evil.example")[0] == 421
    )
    guarded = start("0.0.0.0:0")
    for method, path in (
        ("GET", "/"), ("GET", "/pictures"), ("GET", "/photo?n=1"), ("POST", "/change"),
    ):  # fmt: skip
        assert asked(guarded.serving, method, path, discard, X_Edgetl="1")[0] == 403
    assert len(list((page.folder / "seen").glob("*.jpg"))) == 8
    behind = start(prefix="/pi1")
    assert asked(behind.serving, "GET", "/pi1/state")[1]["left"] == 8


def test_the_page_waits_until_the_pictures_are_read(start: Callable[..., Page]) -> None:
    page = start()
    review, page.desk.review, page.desk.read = page.review, None, 3
    assert asked(page.serving, "GET", "/state")[1] == {"read": 3, "total": 8}
    assert asked(page.serving, "GET", "/pictures")[0] == 503
    assert asked(page.serving, "GET", "/photo?n=1")[0] == 404
    undo = {"do": "undo", "run": review.run}
    assert asked(page.serving, "POST", "/change", undo, X_Edgetl="1")[0] == 409


SAID = "document.getElementById('said').innerText"
CURSOR = "document.activeElement.dataset.id"
PRESS = (
    "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', "
    "{{key: '{}', code: '{}', shiftKey: {}, ctrlKey: {}, bubbles: true, cancelable: true}}))"
)


def press(tab: Tab, key: str, code: str = "", *, shift: bool = False, ctrl: bool = False) -> None:
    tab.value(PRESS.format(key, code, str(shift).lower(), str(ctrl).lower()))


@pytest.mark.parametrize(
    ("width", "height"), [pytest.param(1280, 900, marks=pytest.mark.slow), (390, 844)]
)
def test_a_browser_reviews_by_key_and_touch(
    start: Callable[..., Page], tab: Tab, tmp_path: Path, width: int, height: int
) -> None:
    page = start()
    ready = threading.Timer(0.3, setattr, (page.desk, "review", page.review))
    page.desk.review = None
    ready.start()
    tab.look(width, height)
    tab.open(page.serving.url)
    tab.wait("document.querySelectorAll('.thumbs [data-id]').length === 8")
    tab.wait("document.querySelectorAll('.thumbs img')[1].naturalWidth > 0")
    tab.screenshot(tmp_path / "review.png")
    assert tab.value("document.documentElement.scrollWidth") <= width
    # One is accepted by key: the dog, behind the one of which nothing is known.
    press(tab, "ArrowRight")
    assert tab.value(CURSOR) == "7"
    press(tab, "Enter")
    tab.wait(f"{SAID}.startsWith('There is no suggestion')")
    press(tab, "ArrowRight")
    press(tab, "Enter")
    tab.wait(f"{SAID} === '1 picture to dog.'")
    assert (page.photos("dog"), tab.value(CURSOR)) == (1, "5")
    # A group is corrected by key, and taken back.
    press(tab, "@", "Digit2", shift=True)
    tab.wait(f"{SAID} === '6 pictures to mouse.'")
    assert page.photos("mouse") == 6
    press(tab, "z", ctrl=True)
    tab.wait(f"{SAID} === 'Taken back: 6 pictures to mouse.'")
    tab.wait("document.querySelectorAll('.thumbs [data-id]').length === 7")
    # Two are selected by touch, and discarded.
    for number in (3, 4):
        tab.value(f"document.querySelector('[data-id=\"{number}\"]').click()")
    tab.wait("document.querySelectorAll('[aria-pressed=true]').length === 2")
    tab.value("[...document.querySelectorAll('#actions button')]"
              ".find(one => one.textContent === 'Discard').click()")  # fmt: skip
    tab.wait(f"{SAID} === '2 pictures discarded.'")
    assert page.review.discarded == 2
    # One is looked at, and given a class that is new.
    tab.value("document.getElementById('name').value = 'fox'")
    tab.value("document.getElementById('new').requestSubmit()")
    tab.wait(f"{SAID} === 'Class fox is there.'")
    tab.value("document.querySelector('[data-id=\"7\"]').focus()")
    press(tab, "v")
    tab.wait("document.getElementById('large-picture').naturalWidth > 240")
    press(tab, "4", "Digit4")
    tab.wait(f"{SAID} === '1 picture to fox.'")
    # The next one is in its place.
    tab.wait("document.getElementById('large-name').textContent.startsWith('cat, ')")
    tab.value("document.getElementById('large').close()")
    tab.value("document.querySelector('.accept').click()")
    tab.wait(f"{SAID} === '4 pictures to cat.'")
    tab.wait("!document.getElementById('done').hidden")
    assert (dict(page.review.sorted), page.review.left) == (
        {"cat": 4, "dog": 1, "fox": 1}, frozenset(),
    )  # fmt: skip
