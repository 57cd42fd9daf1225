"""`edgetl explain` as a person runs it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.explain.drawing import drawn
from edgetl.edge.explain.explainer import Explanation
from edgetl.edge.model.classifier import Prediction
from edgetl.edge.model.input_size import InputSize
from tests.conftest import COLOURS, Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import frame_picture, write_video


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Red above and blue below."""
    upper, lower = (np.asarray(colour_picture(COLOURS[c], 1, (160, 80))) for c in ("red", "blue"))
    path = tmp_path / "half.png"
    Image.fromarray(np.concatenate([upper, lower])).save(path)
    return path


def test_each_photo_gets_a_picture_and_a_line(cli: Cli, photo: Path, int8_model: Path) -> None:
    other = photo.parent / "more" / photo.name
    other.parent.mkdir()
    Image.fromarray(np.asarray(colour_picture(COLOURS["blue"], 2, (40, 700)))).save(other)
    result = cli.here("explain", photo, "more", "--model", int8_model, "--label", "red")
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{photo}  ")
    assert first.endswith("%  explained/half.png.why.png")
    assert second.startswith("more/half.png  blue ")
    assert second.endswith("  explained/half.png-2.why.png")
    for_red = explained(cli)
    photo_itself = np.asarray(Image.open(photo).convert("RGB"))
    assert (for_red[:160, 80:240] == photo_itself).all()
    again = cli.here("explain", photo, "--model", int8_model, "--label", "blue")
    assert again.stdout.endswith("  explained/half.png.why.png\n")
    # The photo again, in the middle of a column of 320 pixels, under its evidence.
    away = (for_red - explained(cli))[:160, 412:572]
    warmer = away[..., 0] - away[..., 2]
    assert warmer[:40].mean() > warmer[-40:].mean() + 20, "red is above"


def explained(cli: Cli) -> np.ndarray:
    with Image.open(cli.folder / "explained" / "half.png.why.png") as drawn:
        return np.asarray(drawn.convert("RGB")).astype(int)


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(
    cli: Cli, photo: Path, int8_model: Path
) -> None:
    (photo.parent / "bad.jpg").write_bytes(b"no picture")
    write_video(photo.parent / "clip.avi", [frame_picture(1)] * 3)
    names = ("bad.jpg", "clip.avi", "gone.jpg", photo)
    result = cli.here("explain", *names, "--model", int8_model, check=1)
    assert len(result.stdout.splitlines()) == 1
    bad, clip, gone = result.stderr.splitlines()
    assert "bad.jpg" in bad
    assert "clip.avi: a video; explain takes photos" in clip
    assert "gone.jpg: no such file" in gone


def test_refusals(cli: Cli, photo: Path, int8_model: Path, model: Path) -> None:
    refused = cli.refused("explain", "--model", int8_model)
    assert_one_clear_line(refused, "nothing to explain", "name photos")
    refused = cli.refused("explain", photo, "--model", int8_model, "--label", "cat")
    assert_one_clear_line(refused, "--label cat", "blue, red")
    refused = cli.refused("explain", photo, "--model", model)
    assert_one_clear_line(refused, "described.tflite", "average pooling")
    refused = cli.refused("explain", photo, "--model", int8_model, "--out", photo)
    assert_one_clear_line(refused, "--out", "half.png: is a file; name a folder")


def test_its_own_pictures_are_not_explained_again(cli: Cli, photo: Path, int8_model: Path) -> None:
    arguments = ("explain", ".", "--model", int8_model)
    first = cli.here(*arguments)
    again = cli.here(*arguments)
    assert again.stdout == first.stdout
    assert "left out 1 picture that explain wrote" in again.stderr
    assert len(list((cli.folder / "explained").iterdir())) == 1
    named = cli.here("explain", "explained/half.png.why.png", "--model", int8_model)
    assert named.stdout.startswith("explained/half.png.why.png  ")


def test_a_photo_with_the_longest_name_is_explained(
    cli: Cli, photo: Path, int8_model: Path
) -> None:
    names = [f"{'ü' * 120}{number}.png" for number in range(2)]
    for name in names:
        shutil.copy(photo, cli.folder / name)
    result = cli.here("explain", *names, photo, "--model", int8_model)
    assert len(result.stdout.splitlines()) == 3
    assert len(list((cli.folder / "explained").iterdir())) == 3


@pytest.mark.parametrize("label", ["W" * 200, "\u0645\u0644\u0643"])
def test_the_caption_keeps_the_percentage_whatever_the_label_is(label: str) -> None:
    size = InputSize(160, 160)
    pixels = np.zeros((160, 160, 3), np.uint8)
    best = Prediction(label, 0.5, 0)
    sheets = [
        drawn(Explanation([one], one, np.zeros((5, 5), np.float32)), pixels, size)
        for one in (best, replace(best, probability=0.999))
    ]
    changed = (sheets[0] != sheets[1]).any(axis=(0, 2)).nonzero()[0]
    assert changed.max() < sheets[0].shape[1] - 8, "it ends before the edge"
    # Of a label from right to left the percentage is on its right as well.
    assert changed.min() > 30
