"""`classify --index --ray`: a local cluster of two, and an actor that is killed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.shards.indexing import index
from edgetl.edge.shards.options import IndexOptions
from tests.conftest import Cli
from tests.edge.shards.conftest import rows_in, typed, write_photos

pytest.importorskip("ray")


def actors() -> list[int]:
    """The processes of ShardWorker actors, by the names that Ray gives them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if re.match(rb"ray::ShardWorker", command):
            found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_an_actor_that_is_killed_is_started_again(
    tmp_path: Path, model: dict[str, Any], cli: Cli
) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    for number in range(6_000):
        os.link(photos / "red" / f"00{number % 3}.jpg", photos / "blue" / f"more-{number:04}.jpg")
    index(IndexOptions(photos=str(photos), out=tmp_path / "index", shard_rows=50))
    arguments = ["classify", "--index", "index", *typed(model), "--ray", "local"]
    known = set(actors())
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "edgetl", *arguments], cwd=tmp_path, stdout=log, stderr=log
        )
    killed = 0
    until = time.monotonic() + 150
    while process.poll() is None and time.monotonic() < until:
        shards = len(list(tmp_path.glob("results/shard-*")))
        ours = set(actors()) - known
        if ours and killed < 2 and shards > 10 * (killed + 1):
            os.kill(min(ours), signal.SIGKILL)
            killed += 1
        time.sleep(0.02)
    try:
        assert process.wait(10) == 0, (tmp_path / "log").read_text()
    finally:
        process.kill()
    assert killed == 2
    rows = rows_in(tmp_path / "results")
    assert [row["id"] for row in rows] == list(range(6_006))
    assert not [row for row in rows if row["error"]]
    # Nothing is left to do, which needs no cluster.
    assert "(0 by this run)" in cli.here(*arguments).stdout


def test_a_cluster_that_is_not_there_is_an_error(
    tmp_path: Path, model: dict[str, Any], cli: Cli
) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    index(IndexOptions(photos=str(photos), out=tmp_path / "index"))
    arguments = ["classify", "--index", "index", *typed(model), "--ray", "nowhere://x"]
    assert "--ray nowhere://x: " in cli.refused(*arguments).stderr
