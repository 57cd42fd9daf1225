"""What a user gets wrong, through the real command: one line, the right status, nothing lost."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Cli, assert_one_clear_line, colour_picture, write_colour_pictures

QUICK = ("--image-size", "32", "--epochs", "1", "--hold-out", "--views", "1", "--out", "run")


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (None, "no such file or directory"),
        ({}, "no pictures found"),
        ({"cat": 3}, "only one class (cat)"),
        ({"cat": 3, "dog": 1}, "class 'dog' has one readable picture"),
    ],
)
def test_a_folder_that_cannot_be_trained_on(
    cli: Cli, folders: dict[str, int] | None, words: str
) -> None:
    if folders is not None:
        (cli.folder / "photos").mkdir()
        for label, count in folders.items():
            (cli.folder / "photos" / label).mkdir()
            for n in range(count):
                Image.new("RGB", (9, 9)).save(cli.folder / "photos" / label / f"{n}.png")
    assert_one_clear_line(cli.refused("train", "photos"), "photos", words)
    assert not (cli.folder / "runs").exists()


def test_an_output_folder_that_cannot_be_written(cli: Cli, two_class_data: Path) -> None:
    (cli.folder / "file").write_text("mine")
    result = cli.refused("train", two_class_data, "--out", "file/run")
    assert_one_clear_line(result, "file/run", "cannot be written", "--out")
    assert (cli.folder / "file").read_text() == "mine"


def test_a_run_folder_in_use_is_not_overwritten(cli: Cli, two_class_data: Path) -> None:
    (cli.folder / "run").mkdir()
    (cli.folder / "run" / "thesis.txt").write_text("mine")
    result = cli("train", two_class_data, "--out", "run", check=2)
    assert_one_clear_line(result, "run", "already holds files")
    assert (cli.folder / "run" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--image-size", "31"], "height 31"),
        (["--image-size", "wide"], "--image-size 'wide'"),
        (["--epochs", "3", "--head-epochs", "5"], "--head-epochs 5 is more than the 3 epochs"),
        (["--head-lr", "0"], "--head-lr 0"),
        (["--views", "0"], "views 0"),
        (["--sha256", "ab"], "--sha256"),
        (["--resume"], "leave DATA out"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_a_setting_out_of_range(cli: Cli, options: list[str], words: str) -> None:
    assert_one_clear_line(cli.refused("train", ".", *options), words)


def test_weights_that_do_not_exist(cli: Cli, two_class_data: Path) -> None:
    result = cli.refused("train", two_class_data, *QUICK, "--weights", "none.h5")
    assert_one_clear_line(result, "none.h5", "bundled")


@pytest.mark.slow
def test_odd_pictures_are_trained_on_and_broken_ones_excluded(cli: Cli) -> None:
    data = write_colour_pictures(cli.folder / "my photos", ["blue", "red"], 6)
    red, picture = data / "red", colour_picture((220, 50, 40), 5, (90, 70))
    whole = (red / "red-00.jpg").read_bytes()
    (red / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (red / "empty.png").write_bytes(b"")
    (red / "letter.jpg").write_text("Dear Pi, ...")
    (red / "notes.txt").write_text("not a picture")
    (red / ".hidden.jpg").write_bytes(b"x")
    good = ["čtyři 4.jpg", "nested/deep/cmyk.jpg", "grey.jpg", "palette.png", "deep16.png"]
    good += ["moving.gif", "turned.jpg"]
    (red / "nested" / "deep").mkdir(parents=True)
    picture.save(red / "čtyři 4.jpg")
    picture.convert("CMYK").save(red / "nested" / "deep" / "cmyk.jpg")
    picture.convert("L").save(red / "grey.jpg")
    picture.convert("P").save(red / "palette.png")
    Image.new("I;16", (40, 30), 40_000).save(red / "deep16.png")
    picture.save(red / "moving.gif", save_all=True, append_images=[picture.rotate(90)])
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(red / "turned.jpg", exif=exif)

    result = cli.here("train", "my photos", *QUICK)
    assert result.stdout == "run\n"
    split = json.loads((cli.folder / "run" / "split.json").read_text())
    aside = {item["file"]: item["reason"] for item in split["excluded"]}
    assert sorted(aside) == [
        "red/empty.png",
        "red/letter.jpg",
        "red/notes.txt",
        "red/truncated.jpg",
    ]
    assert "damaged" in aside["red/truncated.jpg"]
    used = [f for name in ("train", "validation", "test") for f in split[name]["red"]]
    good += [f"red-{n:02}.jpg" for n in range(6)]
    assert sorted(used) == sorted(f"red/{name}" for name in good)
    for file in aside:
        assert f"excluded   {file}" in result.stderr
    assert (red / "letter.jpg").read_text() == "Dear Pi, ..."


def test_a_class_left_with_one_readable_picture(cli: Cli) -> None:
    data = write_colour_pictures(cli.folder / "photos", ["blue", "red"], 2)
    (data / "red" / "red-00.jpg").write_text("broken")
    result = cli.refused("train", "photos", *QUICK)
    assert_one_clear_line(result, "photos", "class 'red' has one readable picture")


def test_a_run_folder_that_is_half_there(cli: Cli, two_class_run: Path) -> None:
    shutil.copytree(two_class_run, cli.folder / "half")
    (cli.folder / "half" / "model.keras").unlink()
    assert_one_clear_line(cli.refused("export", "half"), "half", "model.keras", "train again")
    refused = cli("export", check=2)
    assert_one_clear_line(refused, "no finished run in ./runs", "edgetl train")
    (cli.folder / "half" / "model.keras").write_bytes(b"PK\x03\x04 no more")
    assert_one_clear_line(cli.refused("export", "half"), "half/model.keras", "damaged")


@pytest.mark.parametrize("command", ["info", "classify"])
def test_a_model_file_that_is_none(cli: Cli, command: str, int8_model: Path) -> None:
    Image.new("RGB", (9, 9)).save(cli.folder / "a.png")

    def run(model: str) -> list[str]:
        return ["info", model] if command == "info" else ["classify", "a.png", "--model", model]

    content = int8_model.read_bytes()
    for name, data, words in (
        ("half.tflite", content[: len(content) // 2], "copy it here again"),
        ("almost.tflite", content[:-30], "copy it here again"),
        ("text.tflite", b"hello, I am not a model", "not a TFLite model"),
        ("empty.tflite", b"", "not a TFLite model"),
    ):
        (cli.folder / name).write_bytes(data)
        assert_one_clear_line(cli.refused(*run(name)), name, words)
    assert_one_clear_line(cli.refused(*run("nowhere.tflite")), "nowhere.tflite", "no such file")


def test_a_model_with_the_wrong_number_of_labels(cli: Cli, int8_model: Path) -> None:
    (cli.folder / "labels.txt").write_text("one\ntwo\nthree\n")
    result = cli("info", int8_model, "--labels", "labels.txt", check=2)
    assert_one_clear_line(result, "has 2 outputs but 3 labels")


def test_labels_that_were_named_are_counted(cli: Cli, int8_model: Path) -> None:
    (cli.folder / "labels.txt").touch()
    result = cli.refused("info", int8_model, "--labels", "labels.txt")
    assert_one_clear_line(result, "has 2 outputs but 0 labels in --labels")


def test_a_pipe_is_not_said_to_be_missing(cli: Cli, two_class_data: Path, int8_model: Path) -> None:
    shutil.copy(int8_model, cli.folder / "good.tflite")
    for name in ("photos.zip", "model.tflite"):
        os.mkfifo(cli.folder / name)
    for typed in (
        ("train", "photos.zip"),
        ("train", two_class_data, "--weights", "photos.zip"),
        ("benchmark", "model.tflite"),
    ):
        assert_one_clear_line(cli.refused(*typed), "a pipe or device, not a file")
    os.mkfifo(cli.folder / "pipe")
    for typed in (
        ("inspect", two_class_data, "--apply", "pipe"),
        ("deploy", "good.tflite", "pi", "--inventory", "pipe"),
        ("review", "pipe", "--into", "photos"),
    ):
        assert_one_clear_line(cli.refused(*typed), "pipe: a pipe or device")
    result = cli.refused("train", two_class_data, "--weights", ".")
    assert_one_clear_line(result, "--weights .: is a directory", "bundled, imagenet or none")


def test_what_is_no_camera_and_no_folder_is_named(cli: Cli) -> None:
    (cli.folder / "file").touch()
    result = cli.refused("collect", "photos", "--camera", "gone.mp4", "--class", "a")
    assert_one_clear_line(result, "gone.mp4: cannot be opened: no such file", "--camera 0")
    result = cli.refused("collect", "file", "--camera", "gone.mp4", "--class", "a")
    assert_one_clear_line(result, "file: not a folder")


@pytest.mark.parametrize("more", [(), ("--model", "gone.tflite")])
def test_missing_photos_are_named_before_a_missing_model(cli: Cli, more: tuple[str, ...]) -> None:
    for typed in (("classify", "gone.jpg"), ("explain", "gone.jpg"), ("teach", "gone.jpg")):
        assert_one_clear_line(cli.refused(*typed, *more), "gone.jpg: no such f")


def test_debug_shows_the_traceback(cli: Cli) -> None:
    result = cli("--debug", "train", "nowhere", check=1)
    assert "Traceback" in result.stderr
    assert "DataError" in result.stderr
