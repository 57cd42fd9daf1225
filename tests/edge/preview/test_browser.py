"""The preview page in a real browser."""

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.model.classifier import Prediction
from edgetl.edge.results.result import Result
from edgetl.trainer.data.demo_pictures import CLASSES, draw_picture
from tests.edge.browser import Tab
from tests.edge.conftest import filming
from tests.edge.preview.client import Start, result


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
    picture = np.asarray(draw_picture("fish", seed=8, size=(640, 480)))
    shares = np.array([0.943, 0.021, 0.036], np.float32)
    best_of_all = [Prediction("fish", 0.943, 0)]

    shown = {"predictions": best_of_all, "probabilities": shares, "picture": picture}
    with filming(lambda number: sink.write(result(118 * 14 + number, **shown)), every=1 / 14):
        tab.look(1280, 800)
        tab.open(sink.url)
        tab.wait(SHOWS)
        time.sleep(2)
        tab.screenshot(images / "preview-desktop.png")
        tab.look(390, 844, scheme="dark", ratio=2)
        time.sleep(1)
        tab.screenshot(images / "preview-phone.png")
