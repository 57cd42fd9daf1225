import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

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
    assert "alike      1 group of near-copies, 2 pictures in all" in joined
    assert "1 a copy, 2 a picture of several classes" in joined
    assert "note       passed over: no pictures in logs/" in joined
    assert "sizes      shorter side 60 to 240 pixels, median 60" in joined
    assert lines[-1] == "next       edgetl train photos"
    assert "inspect.html" in shown.stderr
    page = (cli.folder / "inspect.html").read_text()
    assert len(Page(page).all("img")) == 4  # the near-copies and the photo in both classes
    assert "red/<wbr>scene.jpg" in page


def test_json_names_every_file(cli: Cli, photos: Path) -> None:
    found = json.loads(cli("inspect", "photos", "--json", "--page", "p.html").stdout)
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
        "import sys; from edgetl.trainer.inspection import inspect;"
        "from edgetl.trainer.options import InspectOptions;"
        "inspect(InspectOptions('photos'));"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cli.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False False\n"


def test_what_cannot_be_trained_on_is_one_line(cli: Cli) -> None:
    assert_one_clear_line(cli("inspect", check=2), "no DATA given")
    assert_one_clear_line(cli("inspect", "nothere", check=2), "nothere", "no such")
    write_colour_pictures(cli.folder / "one", ["red"], 3)
    assert_one_clear_line(cli("inspect", "one", check=2), "only one class")


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
    assert cli("inspect", *typed).stdout.splitlines()[-1] == f"next       {next_command}"


def test_the_next_command_names_an_archive_and_not_its_cache(cli: Cli) -> None:
    write_colour_pictures(cli.folder / "photos", ["blue", "red"], 3)
    shutil.make_archive(str(cli.folder / "photos"), "zip", cli.folder / "photos")
    assert cli("inspect", "photos.zip").stdout.splitlines()[-1].endswith(" edgetl train photos.zip")


def test_a_page_overwrites_no_photo(cli: Cli) -> None:
    photo = write_colour_pictures(cli.folder / "photos", ["blue", "red"], 3) / "red" / "red-00.jpg"
    before = photo.read_bytes()
    line = cli("inspect", "photos", "--page", photo, check=2)
    assert_one_clear_line(line, "--page", "red-00.jpg", "does not end in .html")
    assert photo.read_bytes() == before
