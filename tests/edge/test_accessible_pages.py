"""The pages for a device, by axe-core's rules: WCAG 2 A and AA, which Lighthouse checks too."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.pipeline.loaded import Loaded
from edgetl.edge.preview.newest import Newest
from edgetl.edge.preview.serving import serve
from edgetl.edge.review.grouping import grouped
from edgetl.edge.review.reading import GreyReader, Picture, read_pictures
from edgetl.edge.review.review_folder import ReviewFolder
from edgetl.edge.review.reviewing import Desk
from edgetl.edge.serve.answering import Answering
from edgetl.edge.sinks.preview import PreviewSink
from edgetl.trainer.data.demo_pictures import CLASSES, draw_picture
from tests.edge.browser import Tab
from tests.edge.preview.client import result
from tests.edge.review.kept import keep

axe = pytest.importorskip("axe_core_python")
AXE = (Path(axe.__file__).with_name("axe.min.js")).read_text(encoding="utf-8")

# With what the page shows once it has something to show.
Opened = tuple[str, str]


@pytest.fixture
def closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], Any]]]:
    pytest.importorskip("uvicorn")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    opened: list[Callable[[], Any]] = []
    yield opened
    for close in opened:
        close()


def collect_page(folder: Path, closing: list[Callable[[], Any]], _: Path) -> Opened:
    from edgetl.edge.collect.routes import collect_app

    photos = PhotoFolder(folder / "photos", ["open", "closed"])
    frames: Newest[Pixels] = Newest()
    frames.write(np.asarray(draw_picture("fish", seed=1)))
    photos.add(np.asarray(draw_picture("fish", seed=2)), "open")
    app = lambda: collect_app(photos, frames)  # noqa: E731
    serving = serve(app, "127.0.0.1:0", option="collect", stop=frames.close)
    closing.append(serving.close)
    return serving.url, "document.querySelectorAll('.thumbs img').length > 0"


def review_page(folder: Path, closing: list[Callable[[], Any]], _: Path) -> Opened:
    from edgetl.edge.review.routes import review_app

    seen = folder / "seen"
    files = [keep(seen, n, [("cat", 0.9 - n / 100), ("dog", 0.1)]).name for n in range(3)]
    files.append(keep(seen, 3, []).name)
    found = [one for one in read_pictures(seen, files, GreyReader()) if isinstance(one, Picture)]
    photos = PhotoFolder(folder / "photos", ["cat", "mouse"])
    desk = Desk(4, 4, ReviewFolder(seen, photos, found, grouped(found), fetched=False))
    serving = serve(lambda: review_app(desk), "127.0.0.1:0", option="review", stop=lambda: None)
    closing.append(serving.close)
    return serving.url, "document.querySelectorAll('.thumbs [data-id]').length === 4"


def preview_page(folder: Path, closing: list[Callable[[], Any]], _: Path) -> Opened:
    sink = PreviewSink("127.0.0.1:0", labels=CLASSES)
    closing.append(sink.close)
    sink.write(result())
    return sink.url, "document.querySelectorAll('#bars li').length === 3"


def serve_page(folder: Path, closing: list[Callable[[], Any]], models: Path) -> Opened:
    from edgetl.edge.serve.routes import serve_app

    classifier = Classifier(models / "described.tflite", threads=1)
    answering = Answering(Loaded(classifier, (0.0,) * 3), top_k=2)
    app = lambda: serve_app(answering)  # noqa: E731
    serving = serve(app, "127.0.0.1:0", option="serve", stop=answering.close)
    closing.append(serving.close)
    return serving.url, "document.querySelectorAll('button, input').length > 0"


@pytest.mark.parametrize("open_page", [collect_page, review_page, preview_page, serve_page])
def test_contrast_names_and_roles_are_right(
    tab: Tab,
    tmp_path: Path,
    third_party_models: Path,
    closing: list[Callable[[], Any]],
    open_page: Callable[[Path, list[Callable[[], Any]], Path], Opened],
) -> None:
    url, shown = open_page(tmp_path, closing, third_party_models)
    for width, scheme in ((1280, "light"), (390, "dark"), (390, "light")):
        tab.look(width, 900, scheme=scheme)
        tab.open(url)
        tab.wait(shown)
        tab.value(AXE + "; 0")
        found = json.loads(
            tab.value(
                "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'best-practice']}).then(found => "
                "JSON.stringify({bad: found.violations.map(one => [one.id, "
                "one.nodes.map(node => node.html)]), good: found.passes.length}))"
            )
        )
        assert found["good"] > 10
        assert found["bad"] == [], (width, scheme)
        assert tab.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("open_page", [collect_page, review_page, preview_page, serve_page])
def test_all_that_can_be_pressed_can_be_reached_and_seen_by_keyboard(
    tab: Tab,
    tmp_path: Path,
    third_party_models: Path,
    closing: list[Callable[[], Any]],
    open_page: Callable[[Path, list[Callable[[], Any]], Path], Opened],
) -> None:
    url, shown = open_page(tmp_path, closing, third_party_models)
    tab.look(390, 900)
    tab.open(url)
    tab.wait(shown)
    unreached = tab.value(
        """(() => {
        const visible = one => one.offsetParent !== null && !one.disabled;
        const all = [...document.querySelectorAll('button, input, select, a[href], summary')];
        const bad = [];
        for (const one of all.filter(visible)) {
            one.focus({ focusVisible: true });
            const style = getComputedStyle(one);
            const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
            // A group that arrow keys move in has one stop for the Tab key.
            if (document.activeElement !== one || !(ring || style.boxShadow !== 'none'))
                bad.push(one.outerHTML.slice(0, 120));
        }
        return bad;
    })()"""
    )
    assert unreached == []
