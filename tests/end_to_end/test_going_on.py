"""`edgetl train --from RUN`: more photos, one moved to another class, and a class that is new."""

import json
import shlex
import shutil

import pytest

from edgetl.trainer.run.folder import RunFolder, read_run
from edgetl.trainer.run.split_record import read_folds, read_gone
from tests.conftest import Cli, write_colour_pictures
from tests.html_page import Page

OPTIONS = ("--image-size", "32", "--folds", "2", "--views", "1", "--batch-size", "16",
           "--unknown", "off")  # fmt: skip


@pytest.mark.slow
def test_a_training_goes_on_from_a_run_and_is_compared_with_it(cli: Cli) -> None:
    photos = write_colour_pictures(cli.folder / "photos", ["blue", "red"], 12)
    wrong = photos / "blue" / "red-07.jpg"
    (photos / "red" / "red-07.jpg").rename(wrong)
    cli.here("train", "photos", "--out", "runs/first", *OPTIONS)
    first = read_run(RunFolder(cli.folder / "runs" / "first"))
    kept = read_folds(first.folder.split)
    assert set(kept.values()) == {0, 1}
    assert len(list((first.folder.path / "fine_tuned").iterdir())) == 3

    wrong.rename(photos / "red" / "was-wrong.jpg")
    (photos / "blue" / "blue-00.jpg").unlink()
    write_colour_pictures(photos, ["green"], 8)
    elsewhere = Cli(cli.folder / "elsewhere")
    elsewhere.folder.mkdir()
    again = elsewhere.here("train", photos, "--from", "../runs/latest", "--out", "../runs/second")
    assert "23 of its photos, 8 new, 1 in another class, 0 changed, 1 gone" in again.stderr
    assert "phase two starts from its fine-tuning" in again.stderr
    assert "It does not know green" in again.stderr
    second = read_run(RunFolder(cli.folder / "runs" / "second"))
    assert second.config.recipe.epochs < first.config.recipe.epochs
    assert (second.config.recipe.views, second.config.asked["epochs"]) == (1, "auto")
    folds = read_folds(second.folder.split)
    assert folds["red/was-wrong.jpg"] == kept["blue/red-07.jpg"]
    assert all(folds[file] == fold for file, fold in kept.items() if file in folds)
    assert list(read_gone(second.folder.split).values()) == [kept["blue/blue-00.jpg"]]
    found = second.metrics.comparison
    assert found is not None
    assert found.unknown_before == ["green"]
    assert found.new is not None
    assert (found.all.pictures, found.new.pictures) == (31, 8)
    assert found.classes["green"].before == 0
    page = Page(second.folder.report.read_text(encoding="utf-8"))
    assert "Before and now" in page.text
    assert cli.here("runs", "list").stdout.strip().endswith("second went on from first.")
    assert "from" in cli.here("runs", "compare", "runs/first", "runs/second").stdout


@pytest.mark.slow
def test_resumed_it_starts_from_the_same_run(cli: Cli) -> None:
    """As it was left by a kill once config.json was written."""
    write_colour_pictures(cli.folder / "photos", ["blue", "red"], 12)
    cli.here("train", "photos", "--out", "runs/first", "--steps", "8", *OPTIONS)
    run = RunFolder(cli.folder / "runs" / "killed")
    shutil.copytree(cli.folder / "runs" / "first", run.path)
    for made in (run.model, run.metrics, run.report):
        made.unlink()
    shutil.rmtree(run.fine_tuned(0).parent)
    config = json.loads(run.config.read_text())
    config["from_run"] = {"path": str(run.path.with_name("first")), "created": config["created"]}
    run.config.write_text(json.dumps(config))
    resumed = cli.here("train", "--resume", "--out", run.path)
    assert "24 of its photos, 0 new" in resumed.stderr
    assert "phase two starts from its fine-tuning" in resumed.stderr
    assert len(list(run.fine_tuned(0).parent.iterdir())) == 3
    assert (cli.folder / "runs" / "latest").resolve() == run.path.resolve()


@pytest.mark.slow
def test_a_worse_model_does_not_replace_a_better_one(cli: Cli) -> None:
    """Nothing tells the classes apart, and the earlier run is said to have all photos right."""
    photos = write_colour_pictures(cli.folder / "photos", ["blue"], 40)
    (photos / "teal").mkdir()
    for number in range(20):
        (photos / "blue" / f"blue-{number:02}.jpg").rename(photos / "teal" / f"{number}.jpg")
    cli.here("train", "photos", "--out", "runs/good one", *OPTIONS)
    record = cli.folder / "runs" / "good one" / "predictions.json"
    found = json.loads(record.read_text())
    found["predicted"] = {file: file.split("/")[0] for file in found["predicted"]}
    record.write_text(json.dumps(found))

    result = cli.here(
        "train", "photos", "--from", "runs/good one", "--out", "runs/a worse", check=1
    )
    assert result.stdout == "runs/a worse\n"
    assert "there is nothing new to learn" in result.stderr
    (line,) = (line for line in result.stderr.splitlines() if "by more than chance" in line)
    runs = cli.folder / "runs"
    assert (runs / "latest").resolve().name == "good one"
    assert (runs / "a worse" / "model.keras").is_file()
    typed = shlex.split(line.partition("to use it all the same: edgetl ")[2])
    cli.here(*typed)
    assert (runs / "latest").resolve().name == "a worse"
    page = Page((runs / "a worse" / "report.html").read_text(encoding="utf-8"))
    assert "worse by more than chance" in page.sections["before-and-now"]
