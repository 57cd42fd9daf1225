"""What a viewer is sent for a result."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edgetl.edge.model.classifier import Prediction
from edgetl.edge.preview.history import History
from edgetl.edge.preview.message import LONGEST_SIDE, jpeg, shown_pixels
from edgetl.edge.results.rate import Rate
from edgetl.trainer.data.demo_pictures import draw_picture
from tests.edge.preview.client import Start, following, result


def test_files_are_shown_upright_and_no_larger_than_needed(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    draw_picture("fish", seed=1, size=(2000, 1000)).save(photo, exif=exif)
    pixels = cv2.imdecode(np.frombuffer(jpeg(shown_pixels(photo)), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (LONGEST_SIDE, LONGEST_SIDE // 2, 3)


def test_colours_are_right_and_small_pictures_stay_small() -> None:
    red = np.zeros((40, 60, 3), np.uint8)
    red[..., 0] = 250
    pixels = cv2.imdecode(np.frombuffer(jpeg(shown_pixels(red)), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (40, 60, 3)
    assert pixels[20, 30, 2] > 240
    assert pixels[20, 30, :2].max() < 10


def test_a_file_that_is_gone_is_shown_without_its_picture(start: Start, tmp_path: Path) -> None:
    sink = start()
    sink.write(result(picture=tmp_path / "gone.jpg"))
    answer = following(sink, "one")
    assert answer.facts["label"] == "fish"
    assert len(answer.body) == 4 + int.from_bytes(answer.body[:4], "big")


def test_a_result_below_the_threshold_is_unsure_on_the_page_too(start: Start) -> None:
    sink = start()
    sink.write(result(best=2, confident=False))
    facts = following(sink, "one").facts
    assert (facts["label"], facts["index"]) == ("unsure", -1)
    assert (facts["marks"], facts["names"]) == ([[0, -1, 0.8]], {"-1": "unsure"})
    assert [bar["probability"] for bar in facts["bars"]] == [0.1, 0.1, 0.8]


def test_of_many_classes_the_most_probable_have_bars(start: Start) -> None:
    labels = [f"class {number}" for number in range(1000)]
    probabilities = np.linspace(0, 0.002, 1000, dtype=np.float32)
    sink = start(labels=labels)
    best = [Prediction(labels[999], 0.002, 999)]
    sink.write(result(probabilities=probabilities, predictions=best))
    bars = following(sink, "one").facts["bars"]
    assert [bar["index"] for bar in bars] == [999, 998, 997, 996, 995]


def test_the_history_holds_two_minutes_and_the_most_frequent_labels() -> None:
    history = History()
    for number in range(10_000):
        history.add(number // 25 % 2, 0.5, now=1000 + number / 50)
    history.add(2, 1.0, now=1200.0)
    marks = history.marks()
    assert len(marks) == 240
    assert (marks[-1].step, marks[-1].index, marks[-1].probability) == (2400, 2, 1.0)
    assert [mark.index for mark in marks[-5:-1]] == [0, 1, 0, 1]
    history.add(1, 1.0, now=5000.0)
    assert len(history.marks()) == 1


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate(seconds=5)
    assert rate.per_second() is None
    for number in range(100):
        rate.add(now=number / 10)
    assert rate.per_second() == pytest.approx(10)
    rate.add(now=100.0)
    assert rate.per_second() is None
