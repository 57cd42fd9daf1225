"""What is refused of `edgetl train --from` before anything is trained."""

import json
from pathlib import Path

import pytest

from edgetl.trainer.run.folder import RunFolder
from tests.conftest import Cli, assert_one_clear_line
from tests.trainer.test_runs import older_run


@pytest.fixture
def runs(cli: Cli) -> Path:
    (cli.folder / "photos").mkdir()
    folder = cli.folder / "runs"
    older_run(folder / "older")
    return folder


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["--from", "runs/none"], "no such run folder"),
        (["--from", "photos"], "no run, or one whose training did not finish"),
        (["--from", "runs/older", "--config", "a.toml"], "leave --config out"),
        (["--from", "runs/older", "--resume"], "leave --from out"),
        (["--from", "runs/older"], "wrote no digests of its photos"),
    ],
)
def test_what_cannot_be_gone_on_from_is_a_line(
    cli: Cli, runs: Path, typed: list[str], words: str
) -> None:
    assert runs.is_dir()
    assert_one_clear_line(cli.refused("train", *typed), words)


def test_a_damaged_run_and_another_network_are_a_line(cli: Cli, runs: Path) -> None:
    run = RunFolder(runs / "older")
    split = json.loads(run.split.read_text())
    files = [f for s in ("train", "validation", "test") for some in split[s].values() for f in some]
    run.split.write_text(json.dumps(split | {"digests": dict.fromkeys(files, "0" * 64)}))
    result = cli.refused("train", "--from", "runs/older", "--weights", "none")
    assert_one_clear_line(result, "--weights none", "leave --weights out")
    run.predictions.write_text("[]")
    assert_one_clear_line(cli.refused("train", "--from", "runs/older"), "predictions.json: damaged")
    run.split.write_text(json.dumps(split | {"digests": {"a": "0" * 64}, "folds": {"a": "b"}}))
    assert_one_clear_line(cli.refused("train", "--from", "runs/older"), "split.json: damaged")


def test_from_is_for_the_command_line(cli: Cli, runs: Path) -> None:
    (runs / "a.toml").write_text('from_run = "runs/older"\n')
    assert_one_clear_line(cli.refused("train", "--config", "runs/a.toml"), "--from is for the")


def test_use_points_latest_to_a_finished_run(cli: Cli, runs: Path) -> None:
    older_run(runs / "begun", finished=False)
    result = cli.here("runs", "use", "runs/older")
    assert "runs/latest is older now" in result.stderr
    assert (runs / "latest").resolve().name == "older"
    assert_one_clear_line(cli.refused("runs", "use", "runs/begun"), "did not finish")
    assert (runs / "latest").resolve().name == "older"
