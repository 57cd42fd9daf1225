"""Results in the forms that people, jq and spreadsheets read."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge import Classifier, Prediction
from edgetl.edge.pipeline.inference import results
from edgetl.edge.results.result import Result
from edgetl.edge.sinks import Sink
from edgetl.edge.sinks.lines import StreamLines
from edgetl.edge.sinks.records import CsvSink, JsonlSink, csv_header
from edgetl.edge.sinks.text import TextSink
from edgetl.edge.sources.files import Item, Problem
from tests.conftest import colour_picture

WHEN = datetime(2025, 3, 9, 12, 30, 15, 123456, tzinfo=UTC)


def result(source: str = "a b.jpg", frame: int | None = None, label: str = "cat") -> Result:
    predictions = [Prediction(label, 0.98765432, 1), Prediction("dog", 0.01234568, 0)]
    probabilities = np.array([0.01234568, 0.98765432], np.float32)
    return Result(source, frame, WHEN, predictions, 12.34567, probabilities, Path(source))


def sink_for(form: str, stream: io.StringIO) -> Sink:
    if form == "csv":
        return CsvSink(StreamLines(stream, name="a test", header=csv_header(classes=2)))
    lines = StreamLines(stream, name="a test")
    return JsonlSink(lines) if form == "jsonl" else TextSink(lines)


def written(form: str, *shown: Result) -> str:
    stream = io.StringIO()
    sink = sink_for(form, stream)
    for one in shown:
        sink.write(one)
    return stream.getvalue()


def test_text_is_a_line_with_the_source_and_the_classes() -> None:
    assert written("text", result(), result("v.mp4", 7)) == (
        "a b.jpg  cat 98.8%  dog 1.2%\nv.mp4 frame 7  cat 98.8%  dog 1.2%\n"
    )


def test_text_stays_one_line_whatever_the_name_of_the_file() -> None:
    assert written("text", result("a\nb\r.jpg")) == "a\\nb\\r.jpg  cat 98.8%  dog 1.2%\n"


def test_jsonl_is_one_object_a_line() -> None:
    text = written("jsonl", result(), result("été\n.mp4", 7))
    first, second = map(json.loads, text.splitlines())
    assert text.endswith("}\n")
    assert first == {
        "source": "a b.jpg",
        "frame": None,
        "time": "2025-03-09T12:30:15.123+00:00",
        "label": "cat",
        "probability": 0.9876543,
        "predictions": [
            {"label": "cat", "probability": 0.9876543},
            {"label": "dog", "probability": 0.01234568},
        ],
        "milliseconds": 12.346,
    }
    assert (second["source"], second["frame"]) == ("été\n.mp4", 7)
    assert "été" in text


def test_csv_has_a_header_and_a_row_a_result() -> None:
    assert written("csv", result(), result("v.mp4", 7)) == (
        "source,frame,time,milliseconds,label,label_1,probability_1,label_2,probability_2\n"
        "a b.jpg,,2025-03-09T12:30:15.123+00:00,12.346,cat,cat,0.9876543,dog,0.01234568\n"
        "v.mp4,7,2025-03-09T12:30:15.123+00:00,12.346,cat,cat,0.9876543,dog,0.01234568\n"
    )


@pytest.mark.parametrize("name", ["a,b.jpg", 'say "hi".jpg', "two\nlines.jpg", " ;été.jpg"])
def test_csv_quotes_what_would_break_a_row(name: str) -> None:
    rows = list(csv.reader(io.StringIO(written("csv", result(name, label=name)), newline="")))
    assert len(rows) == 2
    assert (rows[1][0], rows[1][5]) == (name, name)
    assert len(rows[1]) == len(rows[0])


@pytest.mark.parametrize("form", ["text", "jsonl", "csv"])
def test_every_result_is_passed_on_at_once(form: str) -> None:
    class Counting(io.StringIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    stream = Counting()
    sink = sink_for(form, stream)
    before = stream.flushes
    sink.write(result())
    assert stream.flushes > before


def test_a_bad_item_is_a_problem_among_good_results(
    third_party_models: Path, tmp_path: Path
) -> None:
    classifier = Classifier(third_party_models / "described.tflite")
    good = tmp_path / "good.png"
    colour_picture((10, 220, 10), 1, (30, 20)).save(good)
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    items = [
        Item("one", good),
        Item("two", bad),
        Problem("no such picture"),
        Item("four", np.asarray(colour_picture((230, 20, 30), 2, (30, 20))), 9),
    ]
    first, second, third, fourth = results(items, classifier, top_k=2)
    assert isinstance(first, Result)
    assert first.predictions[0].label == "green"
    assert len(first.predictions) == 2
    assert second == Problem(f"{bad}: not a picture that can be read")
    assert third == Problem("no such picture")
    assert isinstance(fourth, Result)
    assert (fourth.source, fourth.frame, fourth.predictions[0].label) == ("four", 9, "red")
    assert 0 < fourth.milliseconds < 10_000
    assert abs((datetime.now(UTC) - fourth.time).total_seconds()) < 60


def test_values_that_are_not_finite_are_no_result(
    third_party_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(third_party_models / "described.tflite")
    own, calls = classifier._probabilities, iter(range(100))
    broken = {1: np.nan, 2: np.inf, 3: np.nan, 5: np.nan, 7: np.nan, 8: np.inf}

    def sometimes(output: np.ndarray) -> np.ndarray:
        return own(output) + np.float32(broken.get(next(calls), 0))

    monkeypatch.setattr(classifier, "_probabilities", sometimes)
    frames = [np.full((32, 32, 3), number, np.uint8) for number in range(7)]
    items = [Item("cam", frame, number) for number, frame in enumerate(frames)]
    found = [one if isinstance(one, Problem) else one.frame for one in results(items, classifier)]
    # Named once, until there is a result again.
    end = (
        f"{classifier.model.path}: gives values that are not finite for this picture; use another "
        f"model"
    )
    assert found == [
        0, Problem(f"cam frame 1: {end}"), 4, Problem(f"cam frame 5: {end}"), 6,
    ]  # fmt: skip
    photos = [Item(f"{number}.png", frames[1]) for number in range(2)]
    assert [one.message for one in results(photos, classifier)] == [
        f"0.png: {end}", f"1.png: {end}",
    ]  # fmt: skip
