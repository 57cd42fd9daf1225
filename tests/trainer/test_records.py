"""Run records: what is written is read again, and so is a run that edgetl 0.1.0 made."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.errors import RunFolderError
from edgetl.trainer.metrics import summary
from edgetl.trainer.network.model import build_model
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder, read_run
from edgetl.trainer.run.records import (
    EpochRecord,
    RunConfig,
    RunMetrics,
    read_record,
    write_history,
    write_record,
)
from tests.conftest import Cli, write_colour_pictures

OLDER = Path(__file__).parent / "run_0_1_0"


@pytest.fixture
def older_run(tmp_path: Path) -> Path:
    """A run of 0.1.0, with a model of its shape: its own is too large to be kept here."""
    run = shutil.copytree(OLDER, tmp_path / "older")
    recipe = read_record(run / "config.json", RunConfig).recipe
    build_model(recipe, 2).save(run / "model.keras")
    (run / "exports").mkdir()
    return run


def test_a_run_of_0_1_0_is_read(older_run: Path) -> None:
    run = read_run(RunFolder(older_run))
    assert run.config.edgetl == "0.1.0"
    # What it did not know is what it did: Adam's head, held-out photos, nothing averaged.
    assert run.config.recipe == Recipe(
        height=32,
        width=32,
        head_epochs=1,
        epochs=2,
        batch_size=4,
        fine_tune_lr=5e-5,
        label_smoothing=0.05,
        head_solver="adam",
        hold_out=True,
        least_steps=1,
        average=False,
        calibrate=False,
        unknown="off",
    )
    assert (run.metrics.fine_tuned, run.metrics.temperature) == (1.0, 1.0)
    assert run.metrics.parameters["model"] == 2259265
    assert [item.file for item in run.dataset.excluded] == ["red/notes.txt"]
    assert run.metrics.best_epoch in (1, 2)
    train = run.metrics.splits["train"]
    assert train is not None
    assert train.confusion == {"blue": {"blue": 7}, "red": {"blue": 1, "red": 6}}


@pytest.mark.slow
def test_a_run_of_0_1_0_is_exported(older_run: Path, cli: Cli) -> None:
    photos = write_colour_pictures(cli.folder / "photos", ["blue", "red"], 10)
    for path in photos.rglob("*-0?.jpg"):
        path.rename(path.with_name(path.name.replace("-0", "-")))
    exported = cli.here("export", older_run, "--data", photos, "--max-drop", "100")
    assert "model.float32.tflite" in exported.stdout


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    config = read_record(OLDER / "config.json", RunConfig)
    metrics = read_record(OLDER / "metrics.json", RunMetrics)
    for name, record in (("config.json", config), ("metrics.json", metrics)):
        write_record(tmp_path / name, record)
        assert read_record(tmp_path / name, type(record)) == record
        assert json.loads((tmp_path / name).read_text())["version"] == 3


def test_the_history_is_written_as_0_1_0_wrote_it_and_with_a_version(tmp_path: Path) -> None:
    rows = json.loads((OLDER / "history.json").read_text())
    write_history(tmp_path / "history.json", [EpochRecord(**row) for row in rows])
    written = json.loads((tmp_path / "history.json").read_text())
    assert written == {"version": 3, "epochs": rows}


def test_a_record_of_a_later_edgetl_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    later = replace(read_record(OLDER / "config.json", RunConfig), version=4)
    path.write_text(json.dumps(asdict(later)))
    with pytest.raises(RunFolderError, match=r"config\.json: .* newer edgetl; upgrade with: pip"):
        read_record(path, RunConfig)


def test_metrics_grow_with_the_pictures_and_not_with_the_square_of_classes(tmp_path: Path) -> None:
    record = read_record(OLDER / "metrics.json", RunMetrics)
    random = np.random.default_rng(0)

    def size(classes: int) -> int:
        labels = [f"a class of name {i}" for i in range(classes)]
        targets = np.repeat(np.arange(classes), 2)
        probabilities = random.random((2 * classes, classes), np.float32)
        clusters = [str(picture) for picture in range(2 * classes)]
        figures = summary(probabilities, targets, labels, clusters=clusters)
        write_record(tmp_path / "metrics.json", replace(record, splits={"test": figures}))
        assert read_record(tmp_path / "metrics.json", RunMetrics).splits == {"test": figures}
        return (tmp_path / "metrics.json").stat().st_size

    assert size(1000) < 4.5 * size(250)


@pytest.mark.parametrize("confusion", [[[1]], [["x", 1], [1, 1]], 7, {"a": 3}, None])
def test_a_damaged_confusion_is_damage(tmp_path: Path, confusion: object) -> None:
    value = json.loads((OLDER / "metrics.json").read_text())
    value["splits"]["train"]["confusion"] = confusion
    (tmp_path / "metrics.json").write_text(json.dumps(value))
    with pytest.raises(RunFolderError, match=r"metrics\.json: damaged \(splits\.train\.confusion"):
        read_record(tmp_path / "metrics.json", RunMetrics)


@pytest.mark.parametrize(
    ("name", "value"),
    [("best_epoch", "two"), ("splits", []), ("best_phase", "third"), ("parameters", None)],
)
def test_a_value_of_another_kind_is_damage(tmp_path: Path, name: str, value: object) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({**json.loads((OLDER / "metrics.json").read_text()), name: value}))
    with pytest.raises(RunFolderError, match=r"metrics\.json: damaged"):
        read_record(path, RunMetrics)


def test_a_record_that_is_a_list_is_named_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("[]")
    with pytest.raises(RunFolderError, match=r"metrics\.json: damaged \(the whole is \[\]\)"):
        read_record(tmp_path / "metrics.json", RunMetrics)
