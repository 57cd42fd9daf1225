"""kill -9 of whoever works, at any moment: no row is lost, and none is there twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.shards.indexing import index
from edgetl.edge.shards.manifest import read_manifest
from edgetl.edge.shards.options import IndexOptions
from edgetl.edge.shards.results_folder import RESULTS_NAME
from tests.conftest import Cli
from tests.edge.shards.conftest import rows_in, typed, write_photos

if sys.platform == "win32":
    pytest.skip("there is no kill -9, and there are no locks", allow_module_level=True)

ROWS = 2000


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """2,000 pictures, as links to a few: enough for some seconds."""
    source = write_photos(tmp_path / "source", 5)
    files = sorted(source.rglob("*.jpg"))
    for number in range(ROWS):
        folder = tmp_path / "many" / f"{number // 200:02}"
        folder.mkdir(parents=True, exist_ok=True)
        os.link(files[number % len(files)], folder / f"{number:05}.jpg")
    return tmp_path / "many"


def started(folder: Path, *arguments: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "edgetl", *map(str, arguments)]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def ends_in_time(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait(60)
    finally:
        process.kill()


def until_killed(folder: Path, *arguments: object, tries: int) -> Iterator[float]:
    """Run a command and kill it, later each time; the seconds it was given."""
    chance = random.Random(23)
    for attempt in range(tries):
        process = started(folder, *arguments)
        seconds = 0.7 + attempt * 0.15 + chance.random() * 0.2
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        yield seconds


@pytest.mark.slow
def test_an_index_that_is_killed_again_and_again_is_the_same(many: Path, cli: Cli) -> None:
    whole = index(IndexOptions(photos=str(many), out=many.parent / "whole", shard_rows=5))
    arguments = ("index", many, "--out", "killed", "--shard-rows", "5")
    some = 0
    for _ in until_killed(many.parent, *arguments, tries=8):
        killed = many.parent / "killed"
        files = len(list(killed.glob("shard-*"))) if killed.exists() else 0
        some += 0 < files < whole.manifest.shards
    assert some, "it was never killed in its work"
    cli(*arguments)
    assert read_manifest(many.parent / "killed") == whole.manifest
    assert rows_in(many.parent / "killed") == rows_in(many.parent / "whole")


@pytest.mark.slow
def test_workers_that_are_killed_lose_no_row_and_make_none_twice(
    many: Path, model: dict[str, Any]
) -> None:
    folder = many.parent
    index(IndexOptions(photos=str(many), out=folder / "index", shard_rows=50))
    arguments = ("classify", "--index", "index", *typed(model), "--threads", "1")
    survivor = started(folder, *arguments)
    killed = 0
    for _ in until_killed(folder, *arguments, tries=6):
        killed += survivor.poll() is None
    assert ends_in_time(survivor) == 0, (folder / "log").read_text()
    # The survivor has done what the killed ones had begun.
    assert killed
    assert [row["id"] for row in rows_in(folder / "results")] == list(range(ROWS))
    assert not [row for row in rows_in(folder / "results") if row["error"]]


@pytest.mark.slow
def test_processes_at_once_share_the_shards(many: Path, model: dict[str, Any]) -> None:
    folder = many.parent
    index(IndexOptions(photos=str(many), out=folder / "index", shard_rows=100))
    arguments = ("classify", "--index", "index", *typed(model), "--threads", "1")
    workers = [started(folder, *arguments) for _ in range(3)]
    assert [ends_in_time(worker) for worker in workers] == [0, 0, 0]
    by_each = [line for line in (folder / "log").read_text().splitlines() if "pictures in" in line]
    assert len(by_each) == 3
    # Each says how many it has done itself, which together are all.
    shares = [int(line.partition("(")[2].split()[0].replace(",", "")) for line in by_each]
    assert sum(shares) == ROWS
    assert [row["id"] for row in rows_in(folder / "results")] == list(range(ROWS))


@pytest.mark.slow
def test_two_models_at_once_are_not_mixed(
    many: Path, model: dict[str, Any], third_party_models: Path
) -> None:
    folder = many.parent
    index(IndexOptions(photos=str(many), out=folder / "index", shard_rows=500))
    other = {**model, "model": third_party_models / "int8-logits-described.tflite"}
    workers = [started(folder, "classify", "--index", "index", *typed(m)) for m in (model, other)]
    assert sorted(ends_in_time(worker) for worker in workers) == [0, 2]
    assert "holds results of another model" in (folder / "log").read_text()
    assert (folder / "results" / RESULTS_NAME).exists()


@pytest.mark.slow
def test_ctrl_c_keeps_the_shards_that_are_done(many: Path, model: dict[str, Any]) -> None:
    folder = many.parent
    index(IndexOptions(photos=str(many), out=folder / "index", shard_rows=20))
    arguments = ("classify", "--index", "index", *typed(model), "--threads", "1")
    process = started(folder, *arguments)
    until = time.monotonic() + 30
    while not list(folder.glob("results/shard-*")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert ends_in_time(process) == 130
    said = (folder / "log").read_text()
    assert "Traceback" not in said
    assert "stopped; what is done stays, and the same command goes on" in said
    done = len(rows_in(folder / "results"))
    assert 0 < done < ROWS
    assert not list(folder.glob("results/.part-*"))
    assert ends_in_time(started(folder, *arguments)) == 0
    assert f"({ROWS - done:,} by this run)" in (folder / "log").read_text()
