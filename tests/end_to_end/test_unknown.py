"""A model that says unknown, from photos to what a device prints."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cli, small_run, write_colour_pictures


@pytest.fixture(name="folder")
def _folder(unknown_run: Path) -> Path:
    return unknown_run.parent


def labelled(folder: Path, *words: str) -> list[dict[str, object]]:
    result = Cli(folder).here("classify", *words, "--format", "jsonl", "--top-k", "9")
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("name", ["float32", "int8"])
@pytest.mark.slow
def test_pictures_are_known_or_unknown(folder: Path, name: str) -> None:
    model = f"run/exports/model.{name}.tflite"
    for photos, label in (("photos/blue", "blue"), ("photos/none", "unknown")):
        found = [line["label"] for line in labelled(folder, photos, "--model", model)]
        assert found.count(label) >= 15, (photos, found)
    (first, *_) = labelled(folder, "photos/red", "--model", model)
    assert {p["label"] for p in first["predictions"]} == {"blue", "red", "unknown"}


@pytest.mark.slow
def test_train_says_what_it_took_for_examples_and_how_many_photos_pass(folder: Path) -> None:
    log = " ".join((folder / "train.log").read_text().split())
    assert "none: is taken for examples of 'unknown'" in log
    metrics = json.loads((folder / "run" / "metrics.json").read_text())["unknown"]
    said = f"{metrics['passed']} of {metrics['held_out']} held-out photos of the classes pass"
    assert said in log


@pytest.mark.slow
def test_the_threshold_moves_without_another_export(folder: Path) -> None:
    def unknown(*words: str) -> list[float]:
        lines = labelled(folder, "photos/none", "--model", "run/exports/model.int8.tflite", *words)
        return [
            next(p["probability"] for p in line["predictions"] if p["label"] == "unknown")
            for line in lines
        ]

    plain = unknown()
    strict, lenient = unknown("--unknown-at", "0.01"), unknown("--unknown-at", "0.99")
    assert unknown("--unknown-at", "0.5") == pytest.approx(plain, abs=1e-6)
    assert all(a >= b >= c for a, b, c in zip(strict, plain, lenient, strict=True))
    assert max(a - c for a, c in zip(strict, lenient, strict=True)) > 0.001


@pytest.mark.slow
def test_a_precision_goes_with_unknown(folder: Path) -> None:
    result = Cli(folder).here(
        "classify", "photos/blue", "photos/none", "--model", "run/exports/model.int8.tflite",
        "--threshold", "precision=0.6", "--unknown-at", "0.9", "--format", "jsonl",
    )  # fmt: skip
    line = result.stderr.splitlines()[0]
    assert line.startswith("threshold  ")
    # Its examples train a class like the others.
    assert "unknown 0." in line
    assert " held-out photos get an answer" in line
    assert {json.loads(row)["label"] for row in result.stdout.splitlines()} >= {"blue", "unknown"}


@pytest.mark.slow
def test_unknown_is_a_condition(folder: Path, tmp_path: Path) -> None:
    Cli(folder).here("classify", "photos/none", "photos/blue", "--snapshots", tmp_path / "kept",
                "--keep", "unknown", "--model", "run/exports/model.float32.tflite")  # fmt: skip
    kept = [path.name for path in (tmp_path / "kept").rglob("*.jpg")]
    assert len(kept) >= 18
    assert len(kept) <= 22


@pytest.mark.slow
def test_a_plain_file_has_the_classes_alone_and_says_so(tmp_path: Path) -> None:
    photos = write_colour_pictures(tmp_path / "photos", ["blue", "red", "green"], 8)
    (photos / "green").rename(photos / "none")
    cli = Cli(tmp_path)
    cli.here("train", "photos", "--out", "run", *small_run(epochs="1", head_epochs="1"))
    assert not (tmp_path / "run" / "unknown.npz").exists()
    assert (tmp_path / "run" / "labels.txt").read_text() == "blue\nred\nunknown\n"


def test_a_file_without_unknown_refuses_another_threshold(
    two_class_run: Path, tmp_path: Path
) -> None:
    result = Cli(tmp_path).here(
        "classify", two_class_run, "--model", two_class_run / "exports" / "model.int8.tflite",
        "--unknown-at", "0.9", check=2,
    )  # fmt: skip
    assert "has no label 'unknown', so --unknown-at has no effect" in result.stderr
    assert "without --unknown off" in result.stderr


def test_a_run_that_did_not_learn_it_says_so(two_class_run: Path, tmp_path: Path) -> None:
    result = Cli(tmp_path).refused("export", two_class_run, "--unknown", "on")
    assert "did not learn what is unknown" in result.stderr
    assert "edgetl train --unknown on" in result.stderr


@pytest.mark.slow
def test_too_few_photos_leave_it_out_and_say_so(tmp_path: Path) -> None:
    write_colour_pictures(tmp_path / "photos", ["blue", "red"], 4)
    made = Cli(tmp_path).here("train", "photos", "--out", "run", "--image-size", "32", "--steps",
                              "4", "--folds", "2")  # fmt: skip
    assert "the model will call nothing 'unknown': 4 training photos of 'blue'" in made.stderr
    assert not (tmp_path / "run" / "unknown.npz").exists()
