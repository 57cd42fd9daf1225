"""The mistakes in report.html: of both splits, with where they were seen and what is like them."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.trainer.made_report import (
    embedded,
    explained_mistake,
    made_mistake,
    written_report,
)


def test_mistakes_of_validation_are_shown_beside_those_of_test(tmp_path: Path) -> None:
    page = written_report(
        tmp_path,
        wrong=3,
        mistakes=[made_mistake(1)],
        of_validation=[made_mistake(2, file="validation/cats/2.jpg")],
    )
    test, validation = page.sections["mistakes"].split("\nValidation\n")
    assert "3 of 20 photos of the test split" in test
    assert "test/cats/1.jpg" in test
    assert "3 of 40 photos of the validation split" in validation
    assert "validation/cats/2.jpg" in validation
    assert "orange" not in test, "there is no map"


def test_a_mistake_has_its_activation_map_and_the_nearest_training_photos(tmp_path: Path) -> None:
    page = written_report(tmp_path, wrong=1, mistakes=[explained_mistake(0)])
    said = page.sections["mistakes"]
    assert "orange speaks for the class that it gave, blue for the true one" in said
    assert "dogs" in said.partition("test/cats/0.jpg")[2]
    alts = [str(attributes["alt"]) for attributes in page.all("img")]
    assert alts[:5] == [
        "test/cats/0.jpg, of the class cats, taken for dogs",
        "the same photo, coloured where it speaks for dogs or for cats",
        *(f"train/{label}/0-{place}.jpg" for place, label in enumerate(("dogs", "cats", "dogs"))),
    ]
    photo, coloured = (
        np.asarray(Image.open(io.BytesIO(data))).astype(int) for data in embedded(page, "jpeg")[:2]
    )
    assert photo.shape == coloured.shape
    # Evidence for and against: somewhere reddish and somewhere bluish, where the photo is neither.
    less_blue = coloured[..., 0] - coloured[..., 2]
    assert less_blue.max() > 60
    assert less_blue.min() < -60


def test_photos_that_look_like_the_class_given_are_marked(tmp_path: Path) -> None:
    page = written_report(tmp_path, wrong=1, mistakes=[explained_mistake(0)])
    _, _, nearest = page.markup.partition('<ul class="nearest"')
    nearest = nearest[: nearest.index("</ul>")]
    assert nearest.count('<span class="predicted"><bdi>dogs</bdi>') == 2
    assert nearest.count("<span><bdi>cats</bdi>") == 1
