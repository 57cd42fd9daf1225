"""`edgetl train` on data as people have it, with the options they give."""

import functools
import json
import shutil
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from edgetl.trainer import train
from tests.conftest import Cli, assert_one_clear_line, write_colour_pictures
from tests.serving import answering

CONFIG = """
image-size = 64
epochs = 3
head-epochs = 2
head-lr = 0.01
batch-size = 8
views = 2
hold-out = true
tensorboard = true
"""

# For trainings that are not about augmented copies and cross-validation.
FEW = ("--views", "1", "--hold-out")


@pytest.mark.slow
def test_an_archive_with_odd_pictures_is_trained_on_as_a_file_says(cli: Cli) -> None:
    photos = write_colour_pictures(cli.folder / "web" / "photos", ["blue"], 40)
    write_colour_pictures(photos, ["red"], 10)
    (photos / "red" / "copy.jpg").write_bytes((photos / "red" / "red-03.jpg").read_bytes())
    (photos / "red" / "broken.jpg").write_text("no picture")
    shutil.make_archive(str(cli.folder / "web" / "photos"), "zip", cli.folder / "web", "photos")
    shutil.rmtree(photos)
    (cli.folder / "my.toml").write_text(CONFIG)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(cli.folder / "web"))
    with answering(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as where:
        result = cli.here(
            "train", f"http://{where}/photos.zip", "--config", "my.toml", "--out", "runs/a"
        )
    assert result.stdout == "runs/a\n"
    assert "excluded   red/broken.jpg: not a picture" in result.stderr
    # Of two copies the first by name is kept.
    assert "excluded   red/red-03.jpg: the same picture as red/copy.jpg" in result.stderr
    assert "imbalance  4.0" in result.stderr
    run = cli.folder / "runs" / "a"
    split = json.loads((run / "split.json").read_text())
    assert {item["kind"] for item in split["excluded"]} == {"unreadable", "duplicate"}
    history = json.loads((run / "history.json").read_text())["epochs"]
    assert [row["phase"] for row in history] == ["head", "head", "fine_tune"]
    assert list((run / "tensorboard").rglob("events.out.tfevents.*"))
    recipe = json.loads((run / "config.json").read_text())["recipe"]
    assert (recipe["views"], recipe["class_weights"]) == (2, "auto")
    assert not (run / "checkpoints" / "activations").exists()
    seconds = json.loads((run / "metrics.json").read_text())["seconds"]
    assert {"decode", "activations", "head", "fine_tune", "evaluate", "total"} <= set(seconds)

    # The run's own settings and photos give the run again; nothing is downloaded or unpacked again.
    cli.here("train", "--config", run / "config.json", "--out", "runs/b")
    again = json.loads((cli.folder / "runs" / "b" / "history.json").read_text())["epochs"]
    for row, other in zip(history, again, strict=True):
        assert other["val_loss"] == pytest.approx(row["val_loss"], abs=1e-6)


def test_pictures_in_two_classes_can_stop_the_training_all_named(cli: Cli) -> None:
    photos = write_colour_pictures(cli.folder / "photos", ["blue", "red"], 5)
    for number in range(2):
        copy = photos / "blue" / f"mine-{number}.jpg"
        shutil.copy(photos / "red" / f"red-0{number}.jpg", copy)
    result = cli.refused("train", "photos", "--image-size", "32", "--on-conflict", "error")
    assert_one_clear_line(
        result,
        "2 pictures lie under several classes each",
        "blue/mine-0.jpg and red/red-00.jpg, blue/mine-1.jpg and red/red-01.jpg",
    )


def test_conflicts_are_excluded_and_near_copies_of_training_photos_are_told(cli: Cli) -> None:
    photos = write_colour_pictures(cli.folder / "photos" / "train", ["blue", "red"], 8)
    tested = write_colour_pictures(cli.folder / "made", ["blue", "red"], 16)
    for number in range(8, 16):
        for label in ("blue", "red"):
            file = cli.folder / "photos" / "test" / label / f"{label}-{number:02}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tested / label / file.name, file)
    shutil.copy(photos / "red" / "red-00.jpg", photos / "blue" / "mine.jpg")
    with Image.open(photos / "red" / "red-01.jpg") as picture:
        lighter = picture.point(lambda value: 0.9 * value + 20)
        lighter.save(cli.folder / "photos" / "test" / "red" / "lighter.jpg", quality=95)
    options = ("--image-size", "32", "--epochs", "1", *FEW, "--out", "run")
    told = " ".join(cli.here("train", "photos", *options).stderr.split())
    assert "2 files excluded, as the same picture lies under several classes" in told
    assert "train/blue/mine.jpg, train/red/red-00.jpg; delete the wrong ones" in told
    assert "1 of 17 test pictures has a near-copy in train" in told
    metrics = json.loads((cli.folder / "run" / "metrics.json").read_text())["splits"]["test"]
    low, high = metrics["interval"]
    assert f"accuracy {metrics['accuracy']:.4f} (95 % interval {low:.3f} to {high:.3f})" in told
    assert metrics["near_copies"] == 1
    without = f"{metrics['accuracy_without']:.4f}"
    assert f"{without} without the photo that has a near-copy in train" in told
    split = json.loads((cli.folder / "run" / "split.json").read_text())
    assert split["groups"] == [["test/red/lighter.jpg", "train/red/red-01.jpg"]]


@pytest.mark.slow
def test_patience_ends_a_phase_early(tmp_path: Path, two_class_data: Path) -> None:
    """A learning rate so high that the first epoch stays the best."""
    run = train(
        two_class_data, out=tmp_path / "run", height=32, width=32, epochs=9, head_epochs=9,
        head_lr=5.0, patience=2, views=1, hold_out=True,
    )  # fmt: skip
    history = json.loads(run.history.read_text())["epochs"]
    losses = [row["val_loss"] for row in history]
    assert len(history) < 9
    assert len(losses) - 1 - losses.index(min(losses)) == 2


def test_tensorboard_without_its_package_says_what_to_install(
    cli: Cli, two_class_data: Path
) -> None:
    # A package that cannot be found, as if it were not installed.
    (cli.folder / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'tensorboard' else find(name, *a)\n"
    )
    result = cli("train", two_class_data, "--tensorboard", check=2, PYTHONPATH=str(cli.folder))
    assert_one_clear_line(result, "pip install 'edgetl[tensorboard]'")


def test_help_all_gives_the_reason_of_every_default(cli: Cli) -> None:
    text = cli("train", "--help-all", COLUMNS="80").stdout
    for option in ("--views", "--no-reuse", "--label-smoothing", "--disk-budget", "--patience"):
        assert option in text
    assert "--views" not in cli("train", "--help").stdout
