"""A training that is killed goes on where it was and ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetl.trainer.network.plain_model import load_model
from tests.conftest import Cli, assert_one_clear_line, write_colour_pictures

OPTIONS = ("--image-size", "64", "--epochs", "4", "--head-epochs", "2", "--batch-size", "16",
           "--seed", "3", "--views", "3", "--hold-out")  # fmt: skip


def kill_when(cli: Cli, moment: Callable[[], bool], *arguments: str | Path) -> str:
    """Start the command and kill it, with no chance to clean up, once `moment` has come."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", *map(str, arguments)],
        cwd=cli.folder,
        env={**os.environ, "NO_COLOR": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 300
    while not moment():
        assert process.poll() is None, f"ended before the moment: {process.communicate()}"
        assert time.monotonic() < until
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    _, stderr = process.communicate()
    assert process.returncode == -signal.SIGKILL
    return stderr


def history_of(run: Path) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = json.loads((run / "history.json").read_text())["epochs"]
    return rows


def assert_the_same_training(run: Path, expected: Path) -> None:
    for row, other in zip(history_of(run), history_of(expected), strict=True):
        for name in ("phase", "epoch"):
            assert row[name] == other[name]
        for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
            assert row[name] == pytest.approx(other[name], abs=5e-5)
    first, second = (json.loads((r / "metrics.json").read_text()) for r in (run, expected))
    for split in ("train", "validation", "test"):
        for name in ("loss", "accuracy"):
            mine, other = (metrics["splits"][split][name] for metrics in (first, second))
            assert mine == pytest.approx(other, abs=5e-5)


def epochs_in(run: Path) -> int:
    return len(history_of(run)) if (run / "history.json").is_file() else 0


@pytest.mark.slow
def test_killed_at_any_moment_a_training_ends_as_it_would_have(cli: Cli) -> None:
    data = write_colour_pictures(cli.folder / "data", ["blue", "red", "white"], 60)
    cli.here("train", data, "--out", "whole/run", *OPTIONS)
    run = cli.folder / "killed" / "run"
    checkpoints = run / "checkpoints"
    moments = {
        "while decoding": lambda: any((run.parent / ".cache").glob(".building-*")),
        "while computing activations": lambda: any(checkpoints.glob("activations/*.part")),
        "between two views": lambda: (
            checkpoints / "activations/train-view-1-split_layer.npy"
        ).is_file(),
        "in the head phase": lambda: epochs_in(run) >= 1,
        "in fine-tuning": lambda: epochs_in(run) >= 3,
        "while a checkpoint is written": lambda: (
            epochs_in(run) >= 3 and any(checkpoints.glob(".part-*"))
        ),
        "while the model is written": lambda: any(run.glob(".part-*-model.keras")),
    }
    arguments: tuple[str | Path, ...] = ("train", data, "--out", run, *OPTIONS)
    for moment in moments.values():
        kill_when(cli, moment, *arguments)
        arguments = ("train", "--resume", "--out", run)
        assert not (run / "model.keras").exists()
    result = cli.here(*arguments)
    assert result.stdout == f"{run}\n"
    assert "after epoch 4" in result.stderr
    assert_the_same_training(run, cli.folder / "whole/run")
    assert not [path for path in run.rglob(".part-*") if path.is_file()], "a kill left litter"
    assert_one_clear_line(cli.refused(*arguments), "is finished")


@pytest.mark.slow
def test_killed_between_folds_and_in_fine_tuning_the_weights_are_the_same(cli: Cli) -> None:
    """To the bit, as is all that follows from the photos that were held out."""
    data = write_colour_pictures(cli.folder / "data", ["blue", "red"], 20)
    options = ("--image-size", "64", "--epochs", "6", "--folds", "3", "--least-steps", "5")
    whole, run = cli.folder / "whole" / "run", cli.folder / "killed" / "run"
    cli("train", data, "--out", whole, *options)
    activations = run / "checkpoints" / "activations"
    moments: list[Callable[[], bool]] = [
        (activations / "fold-0.npz").is_file,
        (activations / "fold-1.npz").is_file,
        lambda: epochs_in(run) >= 1,
        lambda: epochs_in(run) >= 3,
    ]
    arguments: tuple[str | Path, ...] = ("train", data, "--out", run, *options)
    for moment in moments:
        kill_when(cli, moment, *arguments)
        arguments = ("train", "--resume", "--out", run)
    cli(*arguments)
    first, second = (load_model(path / "model.keras").get_weights() for path in (run, whole))
    for mine, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(mine, other)
    kept, expected = (json.loads((path / "metrics.json").read_text()) for path in (run, whole))
    for name in ("splits", "cross_validation", "fine_tuned", "temperature", "best_epoch"):
        assert kept[name] == expected[name]
    assert (run / "split.json").read_bytes() == (whole / "split.json").read_bytes()


@pytest.mark.by_hand
def test_the_plain_way_resumes_as_well(cli: Cli) -> None:
    data = write_colour_pictures(cli.folder / "runs/photos", ["blue", "red"], 30)
    options = (*OPTIONS, "--no-reuse", "--fine-tune-optimizer", "rmsprop")
    cli("train", data, "--out", "whole/run", *options)
    run = cli.folder / "runs" / "killed"
    kill_when(cli, lambda: epochs_in(run) >= 3, "train", data, "--out", run, *options)
    # The newest interrupted run here is the one.
    cli("train", "--resume")
    assert_the_same_training(run, cli.folder / "whole/run")


@pytest.mark.slow
def test_a_full_disk_is_one_clear_line_and_the_last_checkpoint_stays(cli: Cli) -> None:
    """A limit on file size stands for the full disk: the system refuses the write likewise."""
    data = write_colour_pictures(cli.folder / "data", ["blue", "red"], 30)
    run = cli.folder / "run"
    # Weights fit, twice; what phase two adds to the checkpoint, Adam's state of 15 MB, does not.
    limited = ["bash", "-c", 'ulimit -f 24000; exec "$@"', "bash", sys.executable, "-m", "edgetl"]
    result = subprocess.run(
        [*limited, "train", data, "--out", run, *OPTIONS],
        cwd=cli.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 2, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("edgetl: ")
    assert "--resume" in last
    assert "Traceback" not in result.stderr
    assert epochs_in(run) == 2
    # Photos that have changed are not resumed on.
    (data / "blue" / "blue-00.jpg").rename(cli.folder / "away.jpg")
    result = cli.refused("train", "--resume", "--out", run)
    assert "blue-00.jpg: is not as this training read it (1 of 60 photos" in result.stderr
    (cli.folder / "away.jpg").rename(data / "blue" / "blue-00.jpg")
    cli.here("train", "--resume", "--out", run)
    assert epochs_in(run) == 4
