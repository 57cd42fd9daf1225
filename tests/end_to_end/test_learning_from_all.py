"""A plain `edgetl train` of few photos: the model learns from all, the figures are of the folds."""

import json
import math
import shutil
from pathlib import Path

import pytest

from edgetl.trainer.data.dataset import SPLITS
from edgetl.trainer.doubtful.applying import apply_moves
from edgetl.trainer.run.folder import RunFolder, read_run
from tests.conftest import Cli, MadeOnce
from tests.html_page import Page

# One of the test processes makes the run and the other does not wait for it.
pytestmark = [pytest.mark.xdist_group("learning from all"), pytest.mark.slow]

OPTIONS = ("--image-size", "64", "--epochs", "3", "--folds", "3")
# One photo lies in the wrong folder.
WRONG = "blue/red-07.jpg"


@pytest.fixture(scope="session")
def run_of_all(made_once: MadeOnce, two_class_data: Path) -> Path:
    def fill(folder: Path) -> None:
        shutil.copytree(two_class_data, folder / "photos")
        (folder / "photos" / "red" / "red-07.jpg").rename(folder / "photos" / WRONG)
        result = Cli(folder).here("train", "photos", "--out", "runs/all", *OPTIONS)
        (folder / "stderr.txt").write_text(result.stderr)

    return made_once("learning-from-all", fill) / "runs" / "all"


def test_every_photo_trains_and_each_was_held_out_once(run_of_all: Path) -> None:
    run = read_run(RunFolder(run_of_all))
    assert [len(run.dataset.of(split)) for split in SPLITS] == [40, 0, 0]
    validation, folds = run.metrics.splits["validation"], run.metrics.cross_validation
    assert validation is not None
    assert folds is not None
    assert (validation.pictures, run.metrics.splits["test"]) == (40, None)
    assert {label: found.pictures for label, found in validation.per_class.items()} == {
        "blue": 21,
        "red": 19,
    }
    assert (folds.folds, folds.pictures) == (3, 40)
    assert (folds.accuracy, folds.loss) == (validation.accuracy, validation.loss)
    assert validation.accuracy > 0.9
    assert run.metrics.quoted == "validation"
    assert run.dataset.held_out == "train"


def test_calibration_is_measured_on_photos_that_were_held_out(run_of_all: Path) -> None:
    metrics = read_run(RunFolder(run_of_all)).metrics
    validation = metrics.splits["validation"]
    assert validation is not None
    after, before = validation.calibration, validation.uncalibrated or validation.calibration
    assert after is not None
    assert before is not None
    assert after.loss == pytest.approx(validation.loss, abs=1e-6)
    assert after.loss <= before.loss + 1e-6
    assert sum(one.pictures for one in after.bins) == 40
    assert (validation.uncalibrated is None) == (metrics.temperature == 1)
    for one in (after, before):
        assert all(math.isfinite(figure) for figure in (one.ece, one.brier, one.loss))


def test_the_history_has_the_folds_losses(run_of_all: Path) -> None:
    history = json.loads((run_of_all / "history.json").read_text())["epochs"]
    assert [row["phase"] for row in history] == ["head", "fine_tune", "fine_tune"]
    assert all(math.isfinite(row["val_loss"]) for row in history)
    metrics = json.loads((run_of_all / "metrics.json").read_text())
    assert metrics["after_head"]["val_loss"] == history[0]["val_loss"]
    assert metrics["seconds"]["folds"] > 0


def test_the_log_and_the_report_say_so(run_of_all: Path) -> None:
    told = (run_of_all.parents[1] / "stderr.txt").read_text()
    assert "validation  cross-validated: a model of the other photos predicts each fold" in told
    for number, photos in ((1, 14), (2, 13), (3, 13)):
        assert f"fold {number}/3   {photos} photos held out, acc. " in told
    page = Page((run_of_all / "report.html").read_text(encoding="utf-8"))
    for words in (
        "Each of these photos was predicted by a model that had not learned from it.",
        "3 of 3 folds were held out, 40 photos in all",
        "of 40 photos are given their class",
        "hold-outoff: all photos are learned from",
        "folds3: 3 held out",
    ):
        assert words in page.text
    assert "test photos" not in page.text
    # Nothing is left of the folds.
    assert not (run_of_all / "checkpoints" / "activations").exists()


def test_a_photo_in_the_wrong_folder_is_named_and_the_file_moves_it(
    run_of_all: Path, tmp_path: Path
) -> None:
    told = (run_of_all.parents[1] / "stderr.txt").read_text()
    assert "labels     1 of 40 training photos have a doubtful label: see report.html" in told
    page = Page((run_of_all / "report.html").read_text(encoding="utf-8"))
    assert "1 of 40 photos look like another class" in page.sections["doubtful-labels"]
    assert WRONG in page.sections["doubtful-labels"]
    command = "edgetl inspect --apply runs/all/doubtful.csv photos"
    assert command in page.sections["doubtful-labels"]
    shutil.copytree(run_of_all.parents[1] / "photos", tmp_path / "photos")
    moves = Path(shutil.copy(run_of_all / "doubtful.csv", tmp_path))
    apply_moves(tmp_path / "photos", moves)
    assert (tmp_path / "photos" / "red" / "red-07.jpg").is_file()


def test_a_mistake_is_explained_by_the_model_that_made_it(run_of_all: Path) -> None:
    page = Page((run_of_all / "report.html").read_text(encoding="utf-8"))
    alts = [str(attributes["alt"]) for attributes in page.all("img")]
    (found,) = (n for n, alt in enumerate(alts) if alt.startswith(f"{WRONG}, of the class"))
    assert alts[found].endswith("of the class blue, taken for red")
    assert alts[found + 1] == "the same photo, coloured where it speaks for red or for blue"
    nearest = alts[found + 2 : found + 5]
    assert all(one.startswith("red/") for one in nearest), nearest
    assert len(set(nearest)) == 3
    assert "which had not learned from the photo" in page.sections["mistakes"]


@pytest.mark.slow
def test_an_export_is_compared_on_photos_that_were_trained_on(run_of_all: Path, cli: Cli) -> None:
    result = cli.here("export", run_of_all, "--quantize", "none", "--json")
    (row,) = json.loads(result.stdout)
    assert row["checks"][0]["parity"]["agreement"] == 1.0
