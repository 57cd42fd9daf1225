import contextlib
import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from edgetl.edge.errors import DataError, RunFolderError
from edgetl.edge.model.latest import latest_run
from edgetl.trainer.data.dataset import SPLITS
from edgetl.trainer.run.folder import (
    RunFolder,
    find_interrupted,
    find_run,
    new_run,
    point_latest_at,
    read_run,
    read_started,
)
from edgetl.trainer.training import train
from tests.conftest import empty_run

OLDER_CONFIG = Path(__file__).parent / "run_0_1_0" / "config.json"


def test_a_new_run_is_named_by_the_time_and_an_old_one_is_never_overwritten(
    in_tmp_path: Path,
) -> None:
    with new_run(None) as run:
        assert run.path.parent == Path("runs")
        assert run.exports.is_dir()
        run.config.write_text("{}")
    with pytest.raises(RunFolderError, match="already holds files"), new_run(run.path):
        pass
    assert run.config.read_text() == "{}"


def test_a_run_that_failed_before_it_wrote_anything_can_be_tried_again(tmp_path: Path) -> None:
    assert empty_run(tmp_path / "a") == empty_run(tmp_path / "a")


def test_two_trainings_of_one_second_have_a_folder_each(in_tmp_path: Path) -> None:
    with ExitStack() as stack:
        runs = {stack.enter_context(new_run(None)).path for _ in range(5)}
    assert len(runs) == 5


def test_a_folder_in_which_another_process_trains_is_refused(in_tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from edgetl.trainer.run.folder import new_run
with new_run(Path("runs/live")) as run:
    run.config.write_bytes(Path(sys.argv[1]).read_bytes())
    print("held", flush=True)
    sys.stdin.read()
"""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, OLDER_CONFIG], stdin=pipe, stdout=pipe
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        live = Path("runs/live")
        with pytest.raises(RunFolderError, match=r"live: another training writes there"):
            train(resume=True, out=live)
        with pytest.raises(RunFolderError, match="no interrupted training"):
            find_interrupted(None)
        with pytest.raises(RunFolderError, match=r"live: another training"), new_run(live):
            pass
        other.kill()
    assert find_interrupted(None).path == live


@pytest.mark.parametrize("existed", [True, False])
def test_a_run_that_is_refused_for_its_data_leaves_nothing_behind(
    tmp_path: Path, existed: bool
) -> None:
    folder = tmp_path / "runs" / "refused"
    if existed:
        folder.mkdir(parents=True)
    with pytest.raises(DataError):
        _refused(folder, "config.json")
    assert folder.exists() == existed
    assert list(tmp_path.rglob("*")) == [tmp_path / "runs", *([folder] if existed else [])]


def test_a_run_that_was_being_trained_is_never_deleted(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        _refused(tmp_path / "run", "checkpoints/last.npz")
    assert (tmp_path / "run" / "checkpoints" / "last.npz").is_file()


def _refused(folder: Path, file: str) -> None:
    with new_run(folder) as run:
        (run.path / file).write_text("{}")
        raise DataError("too few")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(RunFolderError, match=r"file/run: cannot be written: .*--out"),
        new_run(tmp_path / "file" / "run"),
    ):
        pass


def test_latest_points_to_the_newest_run(in_tmp_path: Path) -> None:
    for name in ("one", "two"):
        point_latest_at(empty_run(Path("runs") / name))
        assert latest_run() == Path("runs") / name
    assert find_run(None).path == Path("runs/two")
    assert find_run(Path("runs/latest")).path == Path("runs/two")


def test_latest_works_as_a_file_where_links_do_not(
    in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    point_latest_at(empty_run(Path("runs/one")))
    assert Path("runs/latest").is_file()
    assert find_run(None).path == Path("runs/one")
    assert find_run(Path("runs/latest")).path == Path("runs/one")


def test_a_run_stopped_before_it_can_be_resumed_leaves_nothing(in_tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_run(Path("runs/one")):
        raise KeyboardInterrupt
    assert list(Path("runs").iterdir()) == []


def test_a_run_stopped_once_it_can_be_resumed_stays(in_tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), new_run(Path("runs/one")) as run:
        run.config.write_text("{}")
        raise KeyboardInterrupt
    assert run.config.is_file()


def test_no_run_and_a_wrong_name_are_told_apart(in_tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no finished run in \./runs"):
        find_run(None)
    with pytest.raises(RunFolderError, match="elsewhere: no such run folder"):
        find_run(Path("elsewhere"))


def test_runs_that_are_there_are_named_where_latest_or_a_name_leads_nowhere(
    in_tmp_path: Path,
) -> None:
    Path("runs/one").mkdir(parents=True)
    Path("runs/one/model.keras").touch()
    Path("runs/latest").write_text("gone")
    with pytest.raises(RunFolderError, match=r"runs/latest: names no run; name one: runs/one$"):
        find_run(None)
    with pytest.raises(RunFolderError, match=r"^one: no such run folder; there is runs/one$"):
        find_run(Path("one"))


def test_a_finished_run_holds_every_file_of_the_contract(two_class_run: Path) -> None:
    names = {p.relative_to(two_class_run).as_posix() for p in two_class_run.rglob("*")}
    assert names >= {
        "config.json",
        "labels.txt",
        "split.json",
        "model.keras",
        "checkpoints",
        "history.json",
        "metrics.json",
        "report.html",
        "figures/samples.png",
        "figures/curves.png",
        "figures/confusion.png",
        "figures/model.png",
        "exports/model.float32.tflite",
        "exports/model.int8.tflite",
        "exports/export.json",
    }
    assert not [name for name in names if ".part-" in name]
    run = read_run(RunFolder(two_class_run))
    assert run.labels == ("blue", "red")
    assert [len(run.dataset.of(split)) for split in SPLITS] == [28, 8, 4]
    assert len({example.file for example in run.dataset.examples}) == 40


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.keras", None, "has no model.keras"),
        ("config.json", None, "config.json: no such file"),
        ("metrics.json", b"{", "metrics.json: damaged"),
        ("split.json", b"{}", "damaged"),
        ("labels.txt", None, "labels.txt: no such file"),
        ("config.json", b"{}", "config.json: damaged"),
    ],
)
def test_a_run_that_is_half_there_is_named(
    two_class_run: Path, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    half = shutil.copytree(two_class_run, tmp_path / "half", ignore=lambda *_: ["exports"])
    (half / name).unlink()
    if content is not None:
        (half / name).write_bytes(content)
    with pytest.raises(RunFolderError) as error:
        read_run(RunFolder(half))
    assert words in str(error.value)
    assert str(half) in str(error.value)


def test_history_and_metrics_agree(two_class_run: Path) -> None:
    history = json.loads((two_class_run / "history.json").read_text())["epochs"]
    metrics = json.loads((two_class_run / "metrics.json").read_text())
    assert [(row["phase"], row["epoch"]) for row in history] == [
        ("head", 1),
        ("head", 2),
        ("fine_tune", 3),
        ("fine_tune", 4),
    ]
    assert [row["learning_rate"] for row in history] == pytest.approx(
        [0.01, 0.01, 1e-4, 1e-4], abs=1e-4
    )
    best = min(history, key=lambda row: row["val_loss"])
    assert metrics["best_epoch"] == best["epoch"]
    validation = metrics["splits"]["validation"]
    # The history is of logits that are not divided by the temperature yet.
    before = validation["uncalibrated"]["loss"]
    assert before == pytest.approx(best["val_loss"], abs=1e-4)
    assert validation["loss"] <= before
    assert validation["accuracy"] == pytest.approx(best["val_accuracy"])
    assert metrics["after_head"]["val_loss"] == history[1]["val_loss"]


def test_an_interrupted_run_is_found_and_a_finished_one_is_not(
    in_tmp_path: Path, two_class_run: Path
) -> None:
    with pytest.raises(RunFolderError, match="no interrupted training"):
        find_interrupted(None)
    ignore = shutil.ignore_patterns("exports", "model.keras")
    interrupted = shutil.copytree(two_class_run, Path("runs/half"), ignore=ignore)
    finished = shutil.copytree(two_class_run, Path("runs/whole"))
    assert find_interrupted(None).path == interrupted
    assert read_started(RunFolder(interrupted)).recipe.height == 64
    with pytest.raises(RunFolderError, match="is finished"):
        read_started(RunFolder(finished))
    with pytest.raises(RunFolderError, match="no training has begun"):
        read_started(RunFolder(Path("elsewhere")))
