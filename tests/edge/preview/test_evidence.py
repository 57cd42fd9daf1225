"""The evidence for a label, laid over the live picture for viewers who ask for it."""

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.errors import ModelFileError
from edgetl.edge.explain.explainer import Explainer
from edgetl.edge.model.classifier import Prediction
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.preview.evidence import LiveEvidence
from edgetl.edge.results.result import Result
from tests.conftest import COLOURS, colour_picture
from tests.edge.browser import Tab
from tests.edge.preview.client import Answer, Start, get, result

LABELS = ("blue", "red")


@pytest.fixture
def evidence(int8_model: Path) -> LiveEvidence:
    file = read_model_file(int8_model)
    return LiveEvidence(partial(Explainer, threads=1), lambda: file)


def red_above_blue(number: int = 1, label: str = "red") -> Result:
    halves = [np.asarray(colour_picture(COLOURS[c], 1, (320, 120))) for c in ("red", "blue")]
    return result(
        number,
        picture=np.concatenate(halves),
        predictions=[Prediction(label, 0.9, 1)],
        probabilities=np.array([0.1, 0.9], np.float32),
    )


def asked(sink: object, why: str = "&why=1") -> Answer:
    return get(sink, f"/next?viewer=viewer-one&after={why}")  # type: ignore[arg-type]


def test_evidence_is_sent_to_who_asks_and_the_plain_picture_to_others(
    start: Start, evidence: LiveEvidence
) -> None:
    sink = start(labels=LABELS, evidence=evidence)
    sink.write(red_above_blue())
    plain, why = asked(sink, ""), asked(sink)
    assert (plain.facts["explains"], plain.facts["why"]) == (True, None)
    assert (why.facts["explains"], why.facts["why"]) == (True, "red")
    assert plain.facts["number"] == why.facts["number"] == 1
    away = np.abs(why.picture.astype(int) - plain.picture.astype(int)).mean(axis=2)
    assert away.max() > 30


def test_of_a_label_without_evidence_the_most_probable_class_is_shown(
    start: Start, evidence: LiveEvidence
) -> None:
    sink = start(labels=LABELS, evidence=evidence)
    sink.write(red_above_blue(label="unknown"))
    assert asked(sink).facts["why"] in LABELS


def test_a_preview_of_another_model_has_no_evidence(start: Start) -> None:
    sink = start()
    sink.write(result())
    facts = asked(sink).facts
    assert (facts["explains"], facts["why"]) == (False, None)


def test_a_model_that_takes_over_is_the_one_asked(
    start: Start, int8_model: Path, float_model: Path
) -> None:
    file = read_model_file(int8_model)
    loaded: list[str] = []

    def load(model: ModelFile) -> Explainer:
        loaded.append(model.path.name)
        return Explainer(model, threads=1)

    sink = start(labels=LABELS, evidence=LiveEvidence(load, lambda: file))
    for number, model in enumerate((int8_model, int8_model, float_model), start=1):
        file = file if model == file.path else read_model_file(model)
        sink.write(red_above_blue(number))
        assert asked(sink).facts["why"] == "red"
        # Within a tenth of a second an answer serves again.
        time.sleep(0.11)
    assert loaded == [int8_model.name, float_model.name]


def test_a_model_that_does_not_load_is_said_once_and_the_picture_stays(
    start: Start, int8_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = read_model_file(int8_model)

    def load(_: ModelFile) -> Explainer:
        raise ModelFileError("m.tflite: no such file")

    sink = start(labels=LABELS, evidence=LiveEvidence(load, lambda: file))
    with caplog.at_level(logging.WARNING, logger="edgetl"):
        for number in (1, 2):
            sink.write(red_above_blue(number))
            assert asked(sink).facts["why"] is None
    assert [r.getMessage() for r in caplog.records] == [
        "preview: no evidence is shown: m.tflite: no such file"
    ]


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.slow), 390])
def test_a_browser_switches_it_on_and_off_while_the_picture_stands(
    start: Start, tab: Tab, evidence: LiveEvidence, width: int, tmp_path: Path
) -> None:
    sink = start(labels=LABELS, evidence=evidence)
    sink.write(red_above_blue())
    tab.look(width, 844)
    tab.open(sink.url)
    pressed = "document.getElementById('why').getAttribute('aria-pressed')"
    click: Callable[[], object] = lambda: tab.value("document.getElementById('why').click()")  # noqa: E731
    words = "document.getElementById('evidence').innerText"
    tab.wait("!document.getElementById('why').hidden")
    assert tab.value(words) == ""
    click()
    tab.wait(f"{words} === 'Evidence for red: orange for it, blue against it'")
    assert tab.value(pressed) == "true"
    assert tab.value("document.documentElement.scrollWidth") <= width
    tab.screenshot(tmp_path / "evidence.png")
    click()
    tab.wait(f"{words} === ''")
    assert tab.value(pressed) == "false"


def test_a_browser_has_no_button_where_there_is_no_evidence(start: Start, tab: Tab) -> None:
    sink = start()
    sink.write(result())
    tab.open(sink.url)
    tab.wait("!document.getElementById('picture').hidden")
    assert tab.value("document.getElementById('why').checkVisibility()") is False
