import json
import shutil
import sys
from pathlib import Path

import pytest

from edgetl.edge.errors import RunFolderError
from edgetl.trainer.run.cleaning import remove, unneeded
from edgetl.trainer.run.folder import RunFolder, new_run, point_latest_at
from edgetl.trainer.run.options import CleanOptions
from edgetl.trainer.run.overview import compare_runs, list_runs
from tests.conftest import Cli, assert_one_clear_line

OLDER = Path(__file__).parent / "run_0_1_0"


def older_run(folder: Path, *, finished: bool = True, **recipe: object) -> RunFolder:
    """A run whose records are real and whose model is empty."""
    shutil.copytree(OLDER, folder)
    config = json.loads((folder / "config.json").read_text())
    config["recipe"] |= recipe
    config["created"] = f"2026-01-{len(list(folder.parent.iterdir())):02}T00:00:00+00:00"
    (folder / "config.json").write_text(json.dumps(config))
    run = RunFolder(folder)
    if finished:
        run.model.write_bytes(b"no model")
    return run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two finished runs, of which the first is the latest, and an interrupted one."""
    folder = tmp_path / "runs"
    point_latest_at(older_run(folder / "first"))
    second = older_run(folder / "second", seed=7, zoom=0.125)
    second.exports.mkdir()
    (second.exports / "model.int8.tflite").write_bytes(b"12345")
    (second.exports / "model.float32.rejected.tflite").write_bytes(b"123")
    (second.exports / "model.float32.earlier.tflite").write_bytes(b"12")
    older_run(folder / "third", finished=False)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "pixels").write_bytes(b"1234567")
    return folder


def test_runs_are_listed_newest_first_with_state_accuracy_and_exports(runs: Path) -> None:
    third, second, first = list_runs(runs)
    assert [run.path.name for run in (third, second, first)] == ["third", "second", "first"]
    assert (third.state, third.accuracy) == ("interrupted", None)
    assert (second.state, second.latest, second.exports) == (
        "finished", False, ("model.int8.tflite",)
    )  # fmt: skip
    metrics = json.loads((OLDER / "metrics.json").read_text())["splits"]["test"]
    assert (first.latest, first.split, first.accuracy) == (True, "test", metrics["accuracy"])


def test_a_run_that_is_being_trained_is_told_from_one_that_was_interrupted(runs: Path) -> None:
    with new_run(runs / "live") as run:
        shutil.copy(OLDER / "config.json", run.config)
        assert {r.path.name: r.state for r in list_runs(runs)}["live"] == "training"
    assert {r.path.name: r.state for r in list_runs(runs)}["live"] == "interrupted"


def test_a_damaged_run_is_listed_as_one(runs: Path) -> None:
    (runs / "first" / "config.json").write_text("{")
    assert {r.path.name: r.state for r in list_runs(runs)}["first"] == "damaged"


def test_two_runs_are_compared_by_the_settings_that_differ(runs: Path) -> None:
    comparison = compare_runs(runs / "first", runs / "second")
    assert comparison.settings == {"seed": (0, 7), "zoom": (0.3, 0.125)}
    assert all(comparison.same_pictures.values())
    first, second = comparison.metrics["test"]
    assert first == second
    assert first is not None


def test_what_is_not_needed_is_listed_and_removed_and_the_rest_stays(runs: Path) -> None:
    found = unneeded(CleanOptions(runs))
    names = {item.path.relative_to(runs).as_posix(): item.bytes for item in found}
    # The earlier file is the last that was accepted.
    assert set(names) == {"third", ".cache", "second/exports/model.float32.rejected.tflite"}
    assert names[".cache"] >= 7
    remove(found)
    assert {path.name for path in runs.iterdir()} == {"first", "second", "latest"}
    assert {path.name for path in (runs / "second" / "exports").iterdir()} == {
        "model.int8.tflite", "model.float32.earlier.tflite",
    }  # fmt: skip


def test_latest_stays_however_few_are_kept(runs: Path) -> None:
    found = unneeded(CleanOptions(runs, keep=0))
    assert {item.path.name for item in found} == {"second", "third", ".cache"}


def test_a_live_training_keeps_its_folder_and_the_cache(runs: Path) -> None:
    with new_run(runs / "live") as run:
        shutil.copy(OLDER / "config.json", run.config)
        found = unneeded(CleanOptions(runs, keep=0))
        assert {item.path.name for item in found} == {"second", "third"}
    (again,) = [item for item in unneeded(CleanOptions(runs)) if item.path.name == "live"]
    with new_run(runs / "other"):
        pass
    with pytest.raises(RunFolderError, match="live: another training"):
        _remove_while_held(again.path, [again])


def _remove_while_held(folder: Path, found: list) -> None:
    from edgetl.trainer.run.lock import held

    with held(folder):
        remove(found)


def test_the_command_lists_compares_and_cleans(cli: Cli, runs: Path) -> None:
    shown = cli.here("runs").stdout
    assert max(map(len, shown.splitlines())) <= 100
    assert "first (latest)" in shown
    assert json.loads(cli.here("runs", "list", "--json").stdout)[0]["path"] == "runs/third"
    assert "0.125" in cli.here("runs", "compare", "runs/first", "runs/second").stdout
    listed = cli.here("runs", "clean")
    assert "runs/third" in listed.stdout
    assert "--yes" in listed.stderr
    assert (runs / "third").is_dir()
    assert "freed" in cli.here("runs", "clean", "--yes").stderr
    assert not (runs / "third").exists()


def test_no_line_breaks_inside_a_runs_name_or_a_number(cli: Cli, tmp_path: Path) -> None:
    names = ["runs/2026-12-01-040203", "another-folder/of-runs/runs/2026-12-01-040015"]
    for name in names:
        run = older_run(tmp_path / name, seed=len(name))
        run.exports.mkdir()
        for kind in ("float32", "float16", "dynamic", "int8"):
            (run.exports / f"model.{kind}.tflite").write_bytes(b"1")
    point_latest_at(RunFolder(tmp_path / names[0]))
    for columns in ("80", "40"):
        listed = cli.here("runs", COLUMNS=columns).stdout
        assert max(len(line.rstrip()) for line in listed.splitlines()) <= 80
        assert {"2026-12-01-040203", "2026-01-01", "(latest)", "float32,"} <= set(listed.split())
        shown = cli.here("runs", "compare", *names, COLUMNS=columns).stdout
        assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80
        assert "2026-12-01-040015" in shown
        assert "..." not in shown.replace("\N{HORIZONTAL ELLIPSIS}", "...")


def test_a_device_lists_unfinished_runs_without_filelock(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_run(runs / "live") as run:
        shutil.copy(OLDER / "config.json", run.config)
        monkeypatch.setitem(sys.modules, "filelock", None)
        states = {run.path.name: run.state for run in list_runs(runs)}
        assert (states["live"], states["third"]) == ("training", "interrupted")
        monkeypatch.undo()


def test_a_folder_without_runs_is_said_to_have_none(cli: Cli) -> None:
    (cli.folder / "none").mkdir()
    result = cli.here("runs", "list", "none")
    assert (result.stdout, result.stderr) == ("", "no runs in none\n")
    (cli.folder / "file").touch()
    assert_one_clear_line(cli.refused("runs", "list", "file"), "file: not a folder")
    assert_one_clear_line(cli.refused("export", "file"), "file: not a folder")


def test_what_is_no_run_is_named(cli: Cli) -> None:
    assert_one_clear_line(cli.here("runs", check=2), "runs: no such folder", "edgetl train")
    assert_one_clear_line(cli.here("runs", "compar", check=2), "compar", "did you mean compare?")
    assert_one_clear_line(cli.here("runs", "compare", "a", "b", check=2), "a: no such run folder")
