"""Which pictures are reviewed together, in which order, and which class is suggested."""

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.review.grouping import ALIKE, grouped
from edgetl.edge.review.reading import (
    GreyReader,
    ModelReader,
    Picture,
    Suggestion,
    read_pictures,
    suggestion_for,
)
from edgetl.edge.sources.files import Problem
from tests.conftest import COLOURS, colour_picture
from tests.edge.review.kept import keep


def picture(number: int, label: str | None, share: float, angle: float = 0) -> Picture:
    """Those of angles, in degrees, less than 36 apart are alike."""
    looks = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))], np.float32)
    return Picture(f"{number}.jpg", Suggestion(label, share, corrected=share > 1), looks)


def test_groups_are_alike_have_one_class_and_begin_with_the_least_sure() -> None:
    assert np.degrees(np.arccos(ALIKE)) == pytest.approx(36.87, abs=0.01)
    pictures = [
        picture(0, "cat", 0.9),
        picture(1, "cat", 0.6, 30),
        picture(2, "dog", 0.5),
        picture(3, "cat", 0.7, 65),
        picture(4, None, 0.0, 5),
        picture(5, "cat", 0.99, 90),
        picture(6, "dog", 2.0, 80),
        picture(7, "cat", 0.65, 40),
    ]
    assert grouped(pictures) == [[4], [2], [1, 7, 0, 3], [5], [6]]
    assert grouped([]) == []


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_each_picture_is_in_one_group_in_little_time(count: int) -> None:
    random = np.random.default_rng(0)
    looks = random.normal(size=(count, 1280)).astype(np.float32)
    looks[::3] = looks[0] + 0.3 * looks[::3]
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    shares = random.random(count)
    pictures = [
        Picture(f"{i}", Suggestion("ab"[i % 2], float(shares[i])), looks[i]) for i in range(count)
    ]
    began = time.process_time()
    groups = grouped(pictures)
    assert time.process_time() - began < 30
    assert sorted(i for group in groups for i in group) == list(range(count))
    assert max(map(len, groups)) > count / 10
    first = [pictures[group[0]].suggestion.probability for group in groups]
    assert first == sorted(first)


def test_the_class_is_the_best_known_one_or_what_a_person_said(tmp_path: Path) -> None:
    unknown = [("unknown", 0.7), ("cat", 0.2), ("dog", 0.1)]
    one = keep(tmp_path, 1, unknown)
    assert suggestion_for(one, ()) == Suggestion("cat", 0.2)
    assert suggestion_for(one, [("dog", 0.4), ("a/b", 0.5)]) == Suggestion("dog", 0.4)
    told = keep(tmp_path, 2, unknown, correct="mouse")
    assert suggestion_for(told, [("dog", 0.9)]) == Suggestion("mouse", 1.0, corrected=True)
    hostile = keep(tmp_path, 3, [("../x", 0.9), (".hidden", 0.05)], correct="a/../../b")
    assert suggestion_for(hostile, ()) == Suggestion(None, 0.0)
    Image.new("RGB", (9, 9)).save(tmp_path / "plain.png")
    assert suggestion_for(tmp_path / "plain.png", ()) == Suggestion(None, 0.0)


def test_alike_pictures_are_one_group_by_grey_values_and_by_features(
    tmp_path: Path, float_model: Path
) -> None:
    files = [keep(tmp_path, n, [("cat", 0.5 + n / 100)], scene=n // 3).name for n in range(6)]
    (tmp_path / "damaged.jpg").write_bytes(b"none")
    found = list(read_pictures(tmp_path, [*files, "damaged.jpg"], GreyReader()))
    assert isinstance(found.pop(), Problem)
    pictures = [one for one in found if isinstance(one, Picture)]
    assert [pictures[i].file for i in range(6)] == files
    assert [sorted(group) for group in grouped(pictures)] == [[0, 1, 2], [3, 4, 5]]
    for label in ("blue", "red"):
        colour_picture(COLOURS[label], 7, (80, 60)).save(tmp_path / f"{label}.jpg")
    reader = ModelReader(read_model_file(float_model))
    names = ["blue.jpg", "red.jpg", "blue.jpg"]
    by_model = [p for p in read_pictures(tmp_path, names, reader) if isinstance(p, Picture)]
    assert [one.suggestion.label for one in by_model] == ["blue", "red", "blue"]
    assert len(by_model[0].looks) == 1280
    assert sorted(map(sorted, grouped(by_model))) == [[0, 2], [1]]
