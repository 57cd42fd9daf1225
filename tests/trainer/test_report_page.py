"""report.html as a page: in order, self-contained, and readable whatever the names are."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.errors import quoted
from edgetl.trainer.doubtful.confident_learning import DoubtfulLabel, LabelCheck
from edgetl.trainer.report.exports import ShownExport, with_exports
from edgetl.trainer.report.labels import doubtful_photos
from tests.edge.browser import Tab
from tests.trainer.made_report import (
    embedded,
    explained_mistake,
    made_dataset,
    made_mistake,
    written_report,
)


def test_the_page_is_in_order(tmp_path: Path) -> None:
    page = written_report(tmp_path, wrong=2, mistakes=[made_mistake(0), made_mistake(1)])
    assert page.markup.startswith("<!DOCTYPE html>")
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    names = [attributes["id"] for attributes in page.all("section")]
    assert names == [
        *("next-steps", "mistakes", "confusions", "classes", "doubtful-labels", "probabilities"),
        *("exported-files", "learning", "data", "samples", "model", "time", "settings"),
    ]
    links = [str(attributes["href"]) for attributes in page.all("a")]
    assert links == [f"#{name}" for name in names]


def test_doubtful_labels_are_shown_with_what_to_type(tmp_path: Path) -> None:
    pixels = np.zeros((90, 160, 3), np.uint8)
    doubted = tuple(DoubtfulLabel(f"{'<b>'[n % 3]}/{n}.jpg", "<b>", "dogs", 0.9) for n in range(30))
    check = LabelCheck(tuple(str(n) for n in range(2000)), doubted)
    found = doubtful_photos(check, lambda file: pixels, most=24, command="edgetl 'x & y'")
    page = written_report(tmp_path / "some", doubtful=found)
    text = page.sections["doubtful-labels"]
    assert "30 of 2,000 photos look like another class" in text
    assert "These are the 24 most doubtful; the file of moves has all 30." in text
    assert "dogs? 90.0%" in text
    assert "label: <b>" in text
    assert "edgetl 'x & y'" in text
    assert len([i for i in page.all("img") if "looks like dogs" in str(i["alt"])]) == 24
    none = doubtful_photos(LabelCheck(("a",), ()), lambda file: pixels, most=24, command="")
    text = written_report(tmp_path / "none", doubtful=none).sections["doubtful-labels"]
    assert "No label is doubtful: none of 1 photos" in text
    text = written_report(tmp_path / "adam").sections["doubtful-labels"]
    assert "edgetl inspect --labels checks them" in text


def test_tables_and_pictures_can_be_read_aloud(tmp_path: Path) -> None:
    page = written_report(tmp_path, wrong=2, mistakes=[made_mistake(0)])
    assert all(attributes["alt"] for attributes in page.all("img"))
    assert {attributes.get("scope") for attributes in page.all("th")} == {"row", "col"}
    assert len(page.all("caption")) == len(page.all("table"))


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = written_report(tmp_path, wrong=1, mistakes=[made_mistake(0)])
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "base", "form", "video", "audio"}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset", "action"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), value
    assert not re.search(r"https?://|@import|url\(", page.markup)
    policy = next(a["content"] for a in page.all("meta") if "http-equiv" in a)
    assert str(policy).startswith("default-src 'none';")


def test_the_figures_are_in_the_page_as_they_are(tmp_path: Path) -> None:
    page = written_report(tmp_path)
    figures = tmp_path / "a run" / "figures"
    assert embedded(page, "png") == [
        (figures / f"{name}.png").read_bytes()
        for name in ("confusion", "curves", "samples", "model")
    ]
    (narrow,) = page.all("source")
    assert (narrow["width"], narrow["height"]) == ("528", "888")
    assert str(narrow["srcset"]).startswith("data:image/png;base64,")
    sizes = [(a["width"], a["height"]) for a in page.all("img")]
    assert sizes[1] == ("1200", "504")


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "it's & <b>bold</b>",
        "</section></main>",
        "$x {y} %s \\",
        "größe 猫 🐈",
        "\u202eright to left",
        "W" * 200,
    ],
)
def test_any_name_is_only_words(tmp_path: Path, name: str) -> None:
    plain = written_report(tmp_path / "plain", wrong=1, mistakes=[made_mistake(0)])
    dataset = made_dataset(["a", name])
    mistake = made_mistake(0, file=f"test/{name}.jpg", true="a", predicted=name)
    page = written_report(tmp_path / "hostile", dataset=dataset, wrong=1, mistakes=[mistake])
    # Each part of a file's path is in a bdi of its own, with a wbr between them.
    assert [tag for tag, _ in page.tags if tag not in ("bdi", "wbr")] == [
        tag for tag, _ in plain.tags if tag not in ("bdi", "wbr")
    ]
    for section in ("data", "confusions", "mistakes", "classes"):
        # What turns the direction of the text around it is shown as an escape.
        assert quoted(name) in page.sections[section]
    assert f"test/{quoted(name)}.jpg, of the class a, taken for {quoted(name)}" in [
        attributes["alt"] for attributes in page.all("img")
    ]


def test_names_that_are_no_utf_8_are_shown_as_escapes(tmp_path: Path) -> None:
    mistake = made_mistake(0, file="test/cats/caf\udce9\n.jpg")
    page = written_report(tmp_path, wrong=1, mistakes=[mistake])
    assert r"test/cats/caf\udce9\n.jpg" in page.sections["mistakes"]


def test_many_classes_stay_usable(tmp_path: Path) -> None:
    labels = [f"class number {number:03}" for number in range(120)]
    page = written_report(tmp_path, labels=labels, wrong=30)
    assert (
        "class number 000, class number 001, class number 002, class number 003 and 116 more"
        in (page.text)
    )
    for section in ("data", "classes"):
        assert all(label in page.sections[section] for label in labels)
    assert page.sections["confusions"].count("taken for") == 3
    assert len(re.sub(r"base64,[^\"]*", "", page.markup)) < 150_000
    scrolled = [attributes for attributes in page.all("div") if attributes.get("class") == "scroll"]
    assert all(attributes["tabindex"] == "0" for attributes in scrolled)


OFF_SCREEN = """
[...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5)
    .map(one => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 40)}`)
"""


@pytest.mark.parametrize("classes", [2, 120])
def test_a_browser_shows_it_whole_on_a_desktop_and_on_a_phone(
    tmp_path: Path, tab: Tab, classes: int
) -> None:
    labels = ["cats", "dogs", *("W" * 60 + str(number) for number in range(classes - 2))]
    mistakes = [
        explained_mistake(number, file=f"test/{'x' * 90}/{number}.jpg") for number in range(5)
    ]
    warnings = ["y" * 300]
    folder = tmp_path / ("z" * 120)
    written_report(folder, labels=labels, wrong=5, mistakes=mistakes, warnings=warnings)
    page = folder / "a run" / "report.html"
    file = ShownExport(
        "int8-float32-input", "tflite-runtime 2.14.0", "too few to tell", "z" * 200, 12.34,
        keras=0.987, accuracy=1.0, pictures=1000, words="validation",
        difference=(-10.1, -12.3, 10.2), agreement=0.999, compared=1000,
    )  # fmt: skip
    page.write_text(with_exports(page.read_text(encoding="utf-8"), [file] * 3, ""), "utf-8")
    for width in (1280, 390):
        tab.look(width, 900)
        tab.open(page.as_uri())
        tab.wait("document.readyState === 'complete' && document.images.length")
        sizes = tab.value("[...document.images].map(i => i.complete && i.naturalWidth)")
        assert len(sizes) == 4 + 5 * 5
        assert all(sizes)
        root = "document.documentElement"
        needed, shown = tab.value(f"[{root}.scrollWidth, {root}.clientWidth]")
        assert needed <= shown <= width
        tab.value("document.querySelectorAll('details').forEach(one => { one.open = true })")
        # A phone shows all of it, without a part that has to be scrolled to the side.
        assert width > 390 or tab.value(OFF_SCREEN) == []
        with Image.open(tab.screenshot(tmp_path / f"{width}.png")) as screen:
            assert screen.width >= width
            assert len(screen.convert("RGB").getcolors(maxcolors=1 << 20) or []) > 20


# Where on the screen each part of the first mistake's file begins, in the order that is meant.
PARTS = """
(() => {
    const file = document.querySelector('.mistakes figcaption .faint');
    const walker = document.createTreeWalker(file, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const range = document.createRange();
        range.selectNodeContents(node);
        found.push([node.data, range.getBoundingClientRect().left]);
    }
    return found;
})()
"""


def test_a_file_in_a_folder_of_a_script_from_right_to_left_is_shown_in_order(
    tmp_path: Path, tab: Tab
) -> None:
    folder = "\u0645\u0644\u0643"
    written_report(tmp_path, mistakes=[explained_mistake(0, file=f"test/{folder}/0021_5b1.jpg")])
    tab.look(1280, 900)
    tab.open((tmp_path / "a run" / "report.html").as_uri())
    tab.wait("document.readyState === 'complete' && document.images.length")
    parts = tab.value(PARTS)
    assert [text for text, _ in parts if text != "/"] == ["test", folder, "0021_5b1.jpg"]
    lefts = [left for _, left in parts]
    assert lefts == sorted(lefts)
