import base64
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from edgetl.benchmarks.measured import Failure, Measured, Ratio
from edgetl.benchmarks.report.accuracy_latency import accuracy_latency_figure
from edgetl.benchmarks.report.figures import (
    case_names,
    confusion_difference,
    confusion_difference_figure,
    latency_figure,
)
from edgetl.benchmarks.report.report import write_benchmark_report
from edgetl.benchmarks.report.tables import markdown, method, tables
from edgetl.edge.errors import EdgetlError
from tests.benchmarks.made import (
    TARGETS,
    case,
    keras,
    latency,
    machine,
    measured,
    quality,
    whole_run,
    wrong_at,
)
from tests.edge.browser import Tab
from tests.html_page import Page

NAMES = ("accuracy-latency.png", "latency.png", "confusion-difference.png")
TIMES = "\N{MULTIPLICATION SIGN}"


def _page(benchmark: Measured, folder: Path) -> Page:
    index = write_benchmark_report(benchmark, folder)
    assert index == folder / "index.html"
    return Page(index.read_text(encoding="utf-8"))


def _embedded(page: Page) -> list[bytes]:
    start = "data:image/png;base64,"
    return [base64.b64decode(str(a["src"]).removeprefix(start)) for a in page.all("img")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Path]:
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    return _page(whole_run(), folder), folder


def test_the_page_holds_the_figures_that_lie_beside_it(whole: tuple[Page, Path]) -> None:
    page, folder = whole
    assert {path.name for path in folder.iterdir()} == {*NAMES, "index.html"}
    assert _embedded(page) == [(folder / name).read_bytes() for name in NAMES]
    for name in NAMES:
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 300


def test_the_page_needs_nothing_from_elsewhere(whole: tuple[Page, Path]) -> None:
    page, _ = whole
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "base", "form", "video", "audio"}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert not re.search(r"https?://|@import|url\(", page.markup)
    assert all(attributes["alt"] for attributes in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table"))
    sections = [attributes["id"] for attributes in page.all("section")]
    assert sections == [
        *("results", "accuracy-and-latency", "latency", "confusions", "machine", "method")
    ]
    links = [str(attributes["href"]) for attributes in page.all("a")]
    assert links[-len(sections) :] == [f"#{name}" for name in sections]


def test_every_case_is_in_the_tables_with_its_figures(whole: tuple[Page, Path]) -> None:
    said = whole[0].sections["results"]
    for words in (
        "float32litert 2.3.0, 2 threads3.60",
        f"5.8{TIMES}5.7{TIMES} to 5.9{TIMES}",
        "KerasTensorFlow 2.21.0, tf.function, 2 threads21.0",
        "int8, on Raspberry Pi 4 Model Blitert 2.3.0, 4 threads",
        "Quality on 100 pictures of the test split",
        "97.0%91.5% to 99.0%50.0%98.0%0.620.125",
        "2.7312.04.50210",
        "dynamic on tflite-runtime 2.14.0, 2 threads: cannot run it (op version 12)",
    ):
        assert words in said


def test_noisy_cases_are_marked_and_never_the_headline(tmp_path: Path) -> None:
    restless = case("int8", 1.0, invoke=latency(1.0, rounds=(0.5, 1.0, 2.0, 1.5, 0.7)))
    page = _page(measured(restless, case("float32", 3.0)), tmp_path)
    assert "int8 noisy" in page.sections["results"]
    assert "float32 noisy" not in page.sections["results"]
    assert "1 case with times too noisy to be quoted" in page.text
    assert "Fastest, end to end5.00 msfloat32" in page.text


def test_noise_is_of_times_alone(tmp_path: Path) -> None:
    restless = case(
        "int8", 1.0, invoke=latency(1.0, rounds=RESTLESS), bytes=2_000_000, peak_bytes=10_000_000,
        quality=quality(TARGETS, TARGETS),
    )  # fmt: skip
    page = _page(measured(keras(), restless, case("float32", 3.0)), tmp_path)
    latencies, _, others = page.sections["results"].partition("Quality on")
    assert "int8 noisy" in latencies
    assert others
    assert "int8 noisy" not in others
    # A noisy time makes a file neither less accurate nor larger.
    assert f"Most accurate file{100:.1f}%int8" in page.text
    assert "Smallest file2.00 MBint8" in page.text
    assert "Least memory10 MBint8" in page.text


def test_the_title_names_the_model_and_the_device(tmp_path: Path) -> None:
    labels = tuple(f"class {number}" for number in range(6))
    page = _page(measured(case(), labels=labels, machine=machine(name="Pi 4")), tmp_path)
    assert "<title>class 0, class 1, class 2, class 3 and 2 more on Pi 4 - edgetl" in page.markup
    assert "class 0, class 1, class 2, class 3 and 2 more on Pi 4\n" in page.text


def test_one_picture_never_has_the_strongest_colour() -> None:
    def strongest(difference: list[list[int]]) -> float:
        figure = confusion_difference_figure(np.array(difference), ["a", "b"], title="t")
        image = figure.axes[0].images[0]
        return float(np.abs(image.norm(image.get_array())).max())

    assert strongest([[-1, 1], [0, 0]]) <= 0.6  # of 0.5, the middle, to 1
    assert strongest([[0, 0], [0, 0]]) == pytest.approx(0.5)
    assert strongest([[0, 0], [-9, 9]]) >= strongest([[0, 0], [-1, 1]])


RESTLESS = (0.5, 1.0, 2.0, 1.5, 0.7)


@pytest.mark.parametrize("kind", ["invoke", "end_to_end"])
def test_a_noisy_case_is_marked_and_its_ratio_is_quoted_where_the_rounds_agree_on_it(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # As on a machine that slows down for some rounds: Keras' are as slow.
    restless: dict[str, Any] = {kind: latency(3.0, rounds=RESTLESS)}
    benchmark = measured(keras(), case(ratio=Ratio(7.25, 7.0, 7.5), **restless))
    assert f"7.2{TIMES}" in _page(benchmark, tmp_path).sections["results"]
    assert re.search(
        r"^\| int8 litert \|.*\| ~\d.*\| 7\.2x \| 7\.00-7\.50 \|", markdown(benchmark), re.MULTILINE
    )
    assert re.search(r"^\| Keras tf\.function \|.*\| - \| - \|", markdown(benchmark), re.MULTILINE)
    for table in tables(benchmark):
        Console(width=100).print(table)
    assert re.search(r"int8 litert .* ~\d.* 7\.2x *$", capsys.readouterr().out, re.MULTILINE)


def test_a_ratio_on_which_the_rounds_differ_is_noisy_and_quoted_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark = measured(keras(), case(ratio=Ratio(7.25, 6.0, 9.0)))
    assert not re.search(r"7\.2|6\.0\d?x", _page(benchmark, tmp_path).text)
    assert re.search(
        r"^\| int8 litert \|.*\| noisy \| 6\.00-9\.00 \|", markdown(benchmark), re.MULTILINE
    )
    for table in tables(benchmark):
        Console(width=100).print(table)
    assert re.search(r"int8 litert .* noisy *$", capsys.readouterr().out, re.MULTILINE)


def test_method_and_machine_are_stated(whole: tuple[Page, Path]) -> None:
    page, _ = whole
    for line in method(whole_run()):
        assert line in page.sections["method"]
    assert (
        "100 of the test split, of 2 classes; fingerprint abababababababab"
        in (page.sections["method"])
    )
    for words in ("Cortex-A76", "8.0 GB", "Linux 6.12 aarch64", "litert2.3.0",
                  "temperature41.5 \N{DEGREE SIGN}C", "governorperformanceperformance",
                  "throttling\N{EN DASH}", "Raspberry Pi 4 Model B"):  # fmt: skip
        assert words in page.sections["machine"]


def test_what_cut_a_benchmark_short_is_said(tmp_path: Path) -> None:
    in_part = case(invoke=latency(3.0, rounds=(3.0, None, 3.01)))
    page = _page(
        measured(in_part, stopped="interrupted", rounds=3, failures=whole_run().failures),
        tmp_path,
    )
    assert "ended early: interrupted (3 of 9 rounds)" in page.text
    assert "1 case could not be measured" in page.text
    assert "in these rounds, which do not count: 2." in page.sections["method"]
    throttled = (None, None)
    hot = case(invoke=latency(3.0, rounds=throttled), end_to_end=latency(5.0, rounds=throttled))
    page = _page(measured(hot, rounds=2), tmp_path)
    assert "throttled in every round, so all of them count" in page.sections["method"]


def test_what_a_reader_must_know_is_on_the_page(tmp_path: Path) -> None:
    notes = ("left out x.jpg: damaged", "on 9 of 24 pictures, the classes balanced")
    page = _page(measured(keras(), case(), notes=notes), tmp_path)
    for note in notes:
        assert note in page.sections["results"]
    assert "Each round begins with another case" in page.sections["method"]


def test_keras_answers_from_elsewhere_are_compared_with_too(tmp_path: Path) -> None:
    there = keras(elsewhere="desk", quality=quality(wrong_at(1), TARGETS))
    page = _page(measured(there, case("int8", quality=quality(wrong_at(2), TARGETS))), tmp_path)
    assert (tmp_path / "confusion-difference.png").exists()
    assert "cats taken for dogs" not in page.sections["confusions"]
    assert "equally often" in page.sections["confusions"]


def test_a_file_called_keras_is_no_keras(tmp_path: Path) -> None:
    answers = quality(TARGETS, TARGETS)
    benchmark = measured(case("Keras", quality=answers), case("int8", quality=answers))
    assert confusion_difference(benchmark) is None
    page = _page(benchmark, tmp_path)
    assert "Fastest, end to end5.00 msKeras" in page.text
    assert "| Keras litert |" in markdown(benchmark)


def test_memory_that_is_not_known_is_a_dash(tmp_path: Path) -> None:
    page = _page(measured(case(peak_bytes=0)), tmp_path)
    assert "Least memory" not in page.text
    assert "2.6512.04.50\N{EN DASH}" in page.sections["results"]


def test_latency_alone_is_a_report_too(tmp_path: Path) -> None:
    write_benchmark_report(whole_run(), tmp_path)
    page = _page(measured(case(), targets=()), tmp_path)
    # No figure of the earlier report is left to pass for this one's.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "latency.png"]
    assert "accuracy-and-latency" not in page.sections
    assert "Quality" not in page.text
    assert "one of them has not" in page.sections["confusions"]


def test_without_keras_nothing_is_compared_with_it(tmp_path: Path) -> None:
    page = _page(measured(case(quality=quality(TARGETS, TARGETS, agreement=None, mcnemar_p=None,
                                              largest_difference=None))), tmp_path)  # fmt: skip
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        *("accuracy-latency.png", "index.html", "latency.png")
    ]
    # The calibration error is one of the four: this record is of an older edgetl.
    assert "100.0%96.3% to 100.0%50.0%" + "\N{EN DASH}" * 4 in page.text


def test_the_calibration_error_is_on_the_page_and_in_markdown(tmp_path: Path) -> None:
    found = measured(case(quality=quality(TARGETS, TARGETS, ece=0.0312)))
    assert "0.031" in _page(found, tmp_path).sections["results"]
    assert "| 0.031 |" in markdown(found)


def test_a_benchmark_without_cases_is_a_page(tmp_path: Path) -> None:
    failure = Failure("int8", "litert 2.3.0", 2, "cannot run it")
    page = _page(measured(failures=(failure,)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert "No case was measured." in page.sections["results"]
    assert "cannot run it" in page.sections["results"]


def test_anybodys_words_are_words(tmp_path: Path) -> None:
    words = '<img src=x onerror="alert(1)">&\n$x^2$ \N{CAT} \u202e'
    given = case(words, engine=f"{words} 1", elsewhere=words, quality=quality(wrong_at(1), TARGETS))
    benchmark = measured(
        keras(quality=quality(TARGETS, TARGETS)), case("int8", quality=given.quality), given,
        labels=(words, f"b{words}"), split=words, stopped=words, edgetl=words, created=words,
        fingerprint=words, failures=(Failure(words, words, 1, words),),
        machine=machine(name=words, cpu=words, system=words, versions={words: words}),
    )  # fmt: skip
    page = _page(benchmark, tmp_path)
    assert {"onerror"} & {name for _, attributes in page.tags for name in attributes} == set()
    assert len(page.all("img")) == 3
    assert '<img src=x onerror="alert(1)">' in page.text


@pytest.mark.parametrize("classes", [2, 12, 100])
def test_any_number_of_classes(classes: int, tmp_path: Path) -> None:
    labels = tuple(f"class number {number}" for number in range(classes))
    targets = tuple(range(classes)) * 3
    other = tuple((value + (index % 5 == 0)) % classes for index, value in enumerate(targets))
    page = _page(
        measured(
            keras(quality=quality(targets, targets)), case(quality=quality(other, targets)),
            labels=labels, targets=targets,
        ),
        tmp_path,
    )  # fmt: skip
    assert f"of {classes} classes" in page.sections["method"]
    assert "class number 0 taken for class number 1: " in page.sections["confusions"]
    with Image.open(tmp_path / "confusion-difference.png") as picture:
        assert max(picture.size) < 2500


def test_the_difference_of_confusions_by_hand() -> None:
    right = keras(quality=quality((0, 0, 1, 1), (0, 0, 1, 1)))
    int8 = case("int8", quality=quality((0, 1, 0, 1), (0, 0, 1, 1)))
    found = confusion_difference(measured(case("a"), right, int8, targets=(0, 0, 1, 1)))
    assert found is not None
    difference, which = found
    assert difference.tolist() == [[-1, 1], [1, -1]]
    assert which is int8
    texts = confusion_difference_figure(difference, ["a", "b"], title="t").axes[0].texts
    assert [text.get_text() for text in texts] == ["-1", "+1", "+1", "-1"]


def test_cases_are_named_by_what_distinguishes_them() -> None:
    assert case_names([case("int8"), case("float32")]) == ["int8", "float32"]
    assert case_names([case("int8"), case("int8")]) == ["int8 (1)", "int8 (2)"]
    assert case_names([case("int8"), case("int8", threads=1)]) == [
        *("int8, 2 threads", "int8, 1 thread")
    ]
    lite = case("int8", engine="tflite-runtime 2.14.0")
    assert case_names([keras(), case("int8")]) == ["Keras", "int8"]
    assert case_names([keras(), case("int8"), lite]) == [
        "Keras",
        "int8, litert",
        "int8, tflite-runtime",
    ]
    assert case_names([case("int8", elsewhere="a Pi")]) == ["int8, on a Pi"]
    (name,) = case_names([case("n" * 500 + "/exports/int8")])
    assert len(name) == 40
    assert name.endswith("n/exports/int8")


def _boxes(figure: Any) -> list[Any]:
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    return [text.get_window_extent(renderer) for text in texts]


@pytest.mark.parametrize("rows", [1, 5, 12])
def test_labels_of_bubbles_do_not_hide_one_another(rows: int) -> None:
    """Even where all rows are as fast and as accurate as one another."""
    random = np.random.default_rng(rows)
    alike = [
        case(
            f"model number {number}", 3 + 0.2 * random.random(), bytes=2_000_000 * (1 + number % 4),
            quality=quality(wrong_at(1, *range(60, 60 + number % 3)), TARGETS),
        )
        for number in range(rows)
    ]  # fmt: skip
    figure = accuracy_latency_figure(measured(*alike))
    assert figure is not None
    boxes = _boxes(figure)
    assert len(boxes) == rows
    inside = figure.bbox
    for place, box in enumerate(boxes):
        assert inside.x0 <= box.x0 <= box.x1 <= inside.x1
        assert inside.y0 <= box.y0 <= box.y1 <= inside.y1
        assert not any(box.overlaps(other) for other in boxes[:place])


def test_latencies_far_apart_have_a_logarithmic_scale() -> None:
    far, near = (
        latency_figure(measured(case(p50=3.0, end_to_end=latency(value)))) for value in (60.0, 3.5)
    )
    assert far is not None
    assert near is not None
    assert [figure.axes[0].get_xscale() for figure in (far, near)] == ["log", "linear"]


@pytest.mark.parametrize("missing", [("jinja2",), ("matplotlib",), ("jinja2", "matplotlib")])
def test_missing_packages_are_one_clear_line(
    missing: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    words = rf"needs {' and '.join(missing)}, .*: pip install {' '.join(missing)}$"
    with pytest.raises(EdgetlError, match=words):
        write_benchmark_report(whole_run(), tmp_path)


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgetlError, match=r"file: cannot be written: file exists"):
        write_benchmark_report(measured(), tmp_path / "file")


def test_cases_keep_their_names_whole_on_a_phone(whole: tuple[Page, Path], tab: Tab) -> None:
    tab.look(390, 844)
    tab.open((whole[1] / "index.html").as_uri())
    tab.wait("document.querySelectorAll('tbody th.case').length > 3")
    widths = tab.value(
        "[...document.querySelectorAll('tbody th.case')].map(one => one.clientWidth)"
    )
    # Room for "TensorFlow" and "tflite-runtime" in the small print.
    assert min(widths) >= 5.5 * 16
    assert tab.value("document.documentElement.scrollWidth") <= 390
