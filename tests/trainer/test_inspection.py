import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from edgetl.trainer.doubtful.moves import read_moves
from tests.conftest import Cli, assert_one_clear_line, write_colour_pictures
from tests.html_page import Page


@pytest.fixture
def photos(cli: Cli) -> Path:
    """Two classes with a copy, a near-copy, a photo in both, a text file and a folder of logs."""
    folder = write_colour_pictures(cli.folder / "photos", ["blue", "red"], 12)
    red = folder / "red"
    shutil.copy(red / "red-00.jpg", red / "zz.jpg")
    scene = Image.effect_mandelbrot((320, 240), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    scene.save(red / "scene.jpg")
    scene.resize((200, 150)).save(red / "small.jpg")
    shutil.copy(red / "red-03.jpg", folder / "blue" / "wrong.jpg")
    (red / "notes.txt").write_text("x")
    (folder / "logs").mkdir()
    return folder


def test_what_train_would_find_is_printed_and_written_as_a_page(cli: Cli, photos: Path) -> None:
    shown = cli("inspect", "photos", COLUMNS="80")
    lines = shown.stdout.splitlines()
    assert max(map(len, lines)) <= 96  # paths are never broken
    joined = re.sub(r"\n {11}", " ", shown.stdout)
    assert (
        "alike      1 group of near-copies, 2 pictures in all, the largest of 2; --json" in joined
    )
    assert "split.json" not in joined, "inspect writes none"
    assert "1 a copy, 2 a picture of several classes" in joined
    assert "note       passed over: no pictures in logs/" in joined
    assert "sizes      shorter side 60 to 240 pixels, median 60" in joined
    assert lines[-1] == "next       edgetl train photos"
    assert "inspect.html" in shown.stderr
    page = (cli.folder / "inspect.html").read_text()
    assert len(Page(page).all("img")) == 4  # the near-copies and the photo in both classes
    assert "red</bdi>/<wbr><bdi>scene.jpg" in page
    # Of these few photos train holds none out.
    assert "<dt>Validation</dt>" not in page
    assert "Cross-validated" in page


def test_json_names_every_file(cli: Cli, photos: Path) -> None:
    found = json.loads(cli.here("inspect", "photos", "--json", "--page", "p.html").stdout)
    assert found["groups"] == [["red/scene.jpg", "red/small.jpg"]]
    assert {item["file"]: item["kind"] for item in found["excluded"]} == {
        "blue/wrong.jpg": "conflict",
        "red/red-03.jpg": "conflict",
        "red/zz.jpg": "duplicate",
        "red/notes.txt": "not_a_picture",
    }
    assert found["pictures"]["train"].keys() == {"blue", "red"}
    assert (cli.folder / "p.html").is_file()


def test_tensorflow_is_not_loaded(cli: Cli, photos: Path) -> None:
    code = (
        "import sys; from edgetl.trainer.inspecting.inspection import inspect;"
        "from edgetl.trainer.options import InspectOptions;"
        "inspect(InspectOptions('photos'));"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cli.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False False\n"


@pytest.fixture
def two_wrong(cli: Cli) -> Path:
    """Training photos of which two lie in the wrong folder, and as many of validation and test."""
    folder = cli.folder / "photos"
    # Of other sizes, or they would be copies.
    for split, count, width in (("train", 16, 80), ("val", 4, 87), ("test", 4, 93)):
        write_colour_pictures(folder / split, ["blue", "red"], count, size=(width, 60))
        (folder / split / "red" / "red-01.jpg").rename(folder / split / "blue" / "odd.jpg")
        (folder / split / "blue" / "blue-02.jpg").rename(folder / split / "red" / "other, odd.jpg")
    return folder


def test_doubtful_labels_are_listed_and_moved_and_moved_back(cli: Cli, two_wrong: Path) -> None:
    before = sorted(two_wrong.rglob("*.jpg"))
    shown = cli.here("inspect", "photos", "--moves", "moves.csv", "--image-size", "96")
    lines = shown.stdout.splitlines()
    assert "labels     2 of 32 are doubtful: see the page" in lines
    at = lines.index("do         delete the rows of moves.csv whose label is right, then")
    assert lines[at + 1] == "           edgetl inspect --apply moves.csv photos"
    moves = read_moves(cli.folder / "moves.csv")
    # None of the validation and test folders, whose labels are not looked at.
    assert {(move.file, move.label, move.to) for move in moves} == {
        ("train/blue/odd.jpg", "blue", "red"),
        ("train/red/other, odd.jpg", "red", "blue"),
    }
    page = Page((cli.folder / "inspect.html").read_text())
    assert "2 of 32 photos look like another class" in page.sections["labels"]
    assert "label: blue" in page.sections["labels"]
    assert "edgetl inspect --apply moves.csv photos" in page.sections["labels"]
    assert sum("labelled" in str(image["alt"]) for image in page.all("img")) == 2

    cli.here("inspect", "photos", "--apply", "moves.csv")
    assert (two_wrong / "train" / "red" / "odd.jpg").is_file()
    assert (two_wrong / "train" / "blue" / "other, odd.jpg").is_file()
    cli.here("inspect", "photos", "--apply", "moves.undo.csv")
    assert sorted(two_wrong.rglob("*.jpg")) == before


def test_labels_are_looked_at_where_asked(cli: Cli, two_wrong: Path) -> None:
    plain = cli.here("inspect", "photos", "--json")
    assert json.loads(plain.stdout)["doubtful_labels"] is None
    page = Page((cli.folder / "inspect.html").read_text())
    assert "edgetl inspect --labels does" in page.sections["labels"]
    found = cli.here("inspect", "photos", "--json", "--labels", "--image-size", "96")
    first, second = json.loads(found.stdout)["doubtful_labels"]
    assert {first["file"], second["file"]} == {"train/blue/odd.jpg", "train/red/other, odd.jpg"}
    assert first["probability"] > 0.5
    page = Page((cli.folder / "inspect.html").read_text())
    assert "edgetl inspect --moves moves.csv photos" in page.sections["labels"]
    cli.refused("inspect", "photos", "--moves", "photos/train/red/red-03.jpg")
    assert (two_wrong / "train" / "red" / "red-03.jpg").is_file()


def test_too_few_photos_to_hold_some_out_are_said_not_to_be_checked(cli: Cli) -> None:
    write_colour_pictures(cli.folder / "photos" / "train", ["blue", "red"], 1)
    write_colour_pictures(cli.folder / "photos" / "val", ["blue", "red"], 3, size=(87, 60))
    shown = cli.here("inspect", "photos", "--labels", "--image-size", "96")
    assert "labels     not checked: too few photos to hold some out" in shown.stdout


def test_what_cannot_be_trained_on_is_one_line(cli: Cli) -> None:
    assert_one_clear_line(cli.here("inspect", check=2), "no DATA given")
    assert_one_clear_line(cli.here("inspect", "nothere", check=2), "nothere", "no such")
    write_colour_pictures(cli.folder / "one", ["red"], 3)
    assert_one_clear_line(cli.here("inspect", "one", check=2), "only one class")


@pytest.mark.parametrize(
    ("folder", "typed", "next_command"),
    [
        ("my photos", ["my photos"], "edgetl train 'my photos'"),
        ("-x", ["--", "-x"], "edgetl train -- -x"),
        ("photos/pets", ["photos"], "edgetl train photos"),
    ],
)
def test_the_next_command_is_one_to_copy(
    cli: Cli, folder: str, typed: list[str], next_command: str
) -> None:
    write_colour_pictures(cli.folder / folder, ["blue", "red"], 3)
    assert cli.here("inspect", *typed).stdout.splitlines()[-1] == f"next       {next_command}"


def test_the_next_command_names_an_archive_and_not_its_cache(cli: Cli) -> None:
    write_colour_pictures(cli.folder / "photos", ["blue", "red"], 3)
    shutil.make_archive(str(cli.folder / "photos"), "zip", cli.folder / "photos")
    assert (
        cli.here("inspect", "photos.zip")
        .stdout.splitlines()[-1]
        .endswith(" edgetl train photos.zip")
    )


def test_a_page_overwrites_no_photo(cli: Cli) -> None:
    photo = write_colour_pictures(cli.folder / "photos", ["blue", "red"], 3) / "red" / "red-00.jpg"
    before = photo.read_bytes()
    line = cli.here("inspect", "photos", "--page", photo, check=2)
    assert_one_clear_line(line, "--page", "red-00.jpg", "does not end in .html")
    assert photo.read_bytes() == before
