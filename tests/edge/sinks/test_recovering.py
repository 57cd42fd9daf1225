"""Sinks that fail for a while, in a run of a camera that goes on."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edgetl.edge.errors import SinkError
from edgetl.edge.sinks import recovering_lines
from edgetl.edge.sinks.lines import FileLines
from edgetl.edge.sinks.outage import Outage
from edgetl.edge.sinks.recovering_lines import RecoveringLines
from tests.conftest import Cli
from tests.edge.conftest import Stream, made_result, until


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A function that mounts an empty disk of so many bytes."""
    mounted: list[Path] = []

    def mount(size: int) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "disk", folder]
        if sys.platform != "linux" or subprocess.run(command, check=False).returncode:
            pytest.skip("a disk can be mounted by root, on Linux")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovering_lines, "_SECONDS_BETWEEN_TRIES", 0.0)


def fill(folder: Path) -> Path:
    """Leave no room on a disk."""
    large = folder / "large"
    with large.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return large


def test_lines_go_on_when_a_full_disk_has_room_again(disk, at_once, logged) -> None:
    folder = disk(256 * 1024)
    path = folder / "log"
    lines = RecoveringLines("log", lambda: FileLines(path, begins="a"))
    lines.write("a 0\n")
    large = fill(folder)
    filled = 0
    while not logged.messages:
        lines.write("a " + "x" * 1000 + "\n")
        filled += 1
    lines.write("a lost\n" + "x" * 5000 + "\n")
    large.unlink()
    lines.write("a 1\n")
    lines.write("a 2\n")
    lines.close()
    assert path.read_text().splitlines()[filled:] == ["a 1", "a 2"]
    assert logged.messages == [
        f"{path}: no space left on device; results are lost until it works again",
        "log: works again; 2 results lost",
    ]


def test_lines_come_back_with_a_folder_that_was_away(tmp_path: Path, at_once, logged) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    away: list[OSError] = []

    def opened() -> FileLines:
        return FileLines(folder / "log", begins="a")

    class Pulled:
        """A file on a stick that is pulled out: it cannot be written, whoever puts it back."""

        def write(self, line: str) -> None:
            raise SinkError("stick: input/output error")

        def close(self) -> None:
            away.append(OSError())

    opens = iter([Pulled, opened, opened])
    lines = RecoveringLines("stick", lambda: next(opens)())
    folder.rmdir()
    lines.write("a 1\n")
    lines.write("a 2\n")
    folder.mkdir()
    lines.write("a 3\n")
    lines.close()
    assert len(away) == 1
    assert (folder / "log").read_text() == "a 3\n"
    assert [message.partition(";")[0] for message in logged.messages] == [
        "stick: input/output error", "stick: works again",
    ]  # fmt: skip


def test_a_run_that_ends_while_lines_are_lost_has_failed(tmp_path: Path, logged) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    path = folder / "log"

    class Full:
        def write(self, line: str) -> None:
            raise SinkError("disk: full")

        def close(self) -> None:
            pass

    lines = RecoveringLines(str(path), Full)
    for _ in range(3):
        lines.write("a\n")
    with pytest.raises(SinkError, match=r"log: the last 3 results lost$"):
        lines.close()
    assert len(logged.messages) == 1


def test_snapshots_go_on_when_a_full_disk_has_room_again(disk, logged, snapshot_sink) -> None:
    folder = disk(256 * 1024)
    large = fill(folder)
    sink = snapshot_sink(folder, "red>0.9", outage=Outage("seen"))
    for second in (0, 1, 2):
        sink.write(made_result([0, 0, 1], seconds=second, frame=1 + second))
    large.unlink()
    for second in (2.5, 3, 4):
        sink.write(made_result([0, 0, 1], seconds=second, frame=1))
    sink.close()
    # It was still true when the disk had room again.
    assert [path.name for path in folder.iterdir()] == ["20250309T120003.000Z-red.jpg"]
    assert logged.messages == [
        f"{folder}: no space left on device; results are lost until it works again",
        "seen: works again; 3 results lost",
    ]


def test_what_a_kill_left_of_a_snapshot_is_removed(tmp_path: Path, snapshot_sink) -> None:
    half = tmp_path / ".part-ab12_xyz-20250309T120000.000Z-red.jpg"
    half.write_bytes(bytes(900_000))
    foreign = tmp_path / ".part-of-another-program"
    foreign.write_bytes(bytes(900_000))
    snapshot_sink(tmp_path, "red>0.9", limit_mb=1).close()
    assert list(tmp_path.iterdir()) == [foreign]


def records(path: Path) -> list[int]:
    return [json.loads(line)["frame"] for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_a_camera_s_run_survives_a_full_disk(disk, cli: Cli, model: Path, serve) -> None:
    folder = disk(1024 * 1024)
    log, seen = folder / "log.jsonl", folder / "seen"
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "--camera", serve(Stream(fps=30)), "--model",
         model, "--output", log, "--snapshots", seen, "--keep", "green>=0"],
        cwd=cli.folder, stdout=subprocess.DEVNULL, stderr=(cli.folder / "said").open("w"),
    )  # fmt: skip
    said = cli.folder / "said"
    try:
        assert until(lambda: log.exists() and len(records(log)) > 5, seconds=60)
        # What is left of the page that it is in is full soon.
        large = fill(folder)
        assert until(lambda: "lost until it works again" in said.read_text(), seconds=60)
        large.unlink()
        assert until(lambda: "works again" in said.read_text().replace("until it works again", ""))
        before = len(records(log))
        assert until(lambda: len(records(log)) > before + 5)
    finally:
        process.terminate()
        process.wait(30)
    assert process.returncode == 143
    assert said.read_text().count(f"{log}: no space") == 1
    assert said.read_text().count(f"{log}: works again") == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="/dev/null")
def test_a_run_ends_when_nobody_gets_results_any_longer(disk, cli: Cli, model: Path, serve) -> None:
    # A video leaves 64 MB of a disk free.
    video = disk(1024 * 1024) / "door.mp4"
    process = subprocess.run(
        [sys.executable, "-m", "edgetl", "classify", "--camera", serve(Stream(fps=30)), "--model",
         model, "--save-video", video],
        cwd=cli.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert process.returncode == 1
    assert "the video ends here" in process.stderr
