"""`edgetl explain` as a person runs it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
    result = cli("explain", photo, "more", "--model", int8_model, "--label", "red")
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{photo}  ")
    assert first.endswith("%  explained/half.png.why.png")
    assert second.startswith("more/half.png  blue ")
    assert second.endswith("  explained/half.png-2.why.png")
    for_red = explained(cli)
    photo_itself = np.asarray(Image.open(photo).convert("RGB"))
    assert (for_red[:160, 80:240] == photo_itself).all()
    again = cli("explain", photo, "--model", int8_model, "--label", "blue")
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
    result = cli("explain", *names, "--model", int8_model, check=1)
    assert len(result.stdout.splitlines()) == 1
    bad, clip, gone = result.stderr.splitlines()
    assert "bad.jpg" in bad
    assert "clip.avi: a video; explain takes photos" in clip
    assert "gone.jpg: no such file" in gone


def test_refusals(cli: Cli, photo: Path, int8_model: Path, third_party_models: Path) -> None:
    refused = cli.refused("explain", "--model", int8_model)
    assert_one_clear_line(refused, "nothing to explain", "name photos")
    refused = cli.refused("explain", photo, "--model", int8_model, "--label", "cat")
    assert_one_clear_line(refused, "--label cat", "blue, red")
    model = third_party_models / "described.tflite"
    refused = cli.refused("explain", photo, "--model", model)
    assert_one_clear_line(refused, "described.tflite", "average pooling")
    refused = cli.refused("explain", photo, "--model", int8_model, "--out", photo)
    assert_one_clear_line(refused, "half.png.why.png", "cannot be written")
