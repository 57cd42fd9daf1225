"""`edgetl classify` on a board of little memory, such as a Raspberry Pi Zero 2 W with 512 MB."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import Stream, StreamServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")

# The board's, of which its system takes about 100 and a camera's buffers 64.
_BOARD_MB = 512
_PEAK_MB = 256


@pytest.fixture
def board() -> Iterator[list[Path]]:
    """The file that a process writes its number to, to have the memory of a board.

    None where no cgroup can be made here; the peak is checked all the same.
    """
    made: list[Path] = []
    places = (("", "memory.max"), ("memory", "memory.limit_in_bytes"))
    for tree, limit in places if os.geteuid() == 0 else ():
        folder = Path("/sys/fs/cgroup", tree, f"edgetl-test-{os.getpid()}")
        with suppress(OSError):
            folder.mkdir()
            if (folder / limit).exists():
                (folder / limit).write_text(str(_BOARD_MB * 2**20))
                made.append(folder)
                break
            folder.rmdir()
    yield [folder / "cgroup.procs" for folder in made]
    for folder in made:
        folder.rmdir()


_PEAK = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, status, file=sys.stderr)
"""


def started(board: list[Path], folder: Path, *arguments: str | Path) -> "subprocess.Popen[str]":
    """`edgetl ARGUMENTS` on the board; the last line of stderr is its peak in MB and its status."""
    join = "".join(f"echo $$ > '{procs}'; " for procs in board)
    command = [sys.executable, "-c", _PEAK, sys.executable, "-m", "edgetl", *map(str, arguments)]
    return subprocess.Popen(
        ["sh", "-c", f'{join}exec "$@"', "sh", *command],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_photos_are_classified_with_room_to_spare(
    int8_model: Path, board: list[Path], tmp_path: Path
) -> None:
    # As phones take them: 12 megapixels.
    for number in range(6):
        colour_picture((200, 30, 30), number, (4000, 3000)).save(tmp_path / f"{number}.jpg")
    process = started(board, tmp_path, "classify", ".", "--model", int8_model)
    stdout, stderr = process.communicate(timeout=120)
    peak, status = map(int, stderr.splitlines()[-1].split())
    assert status == 0
    assert len(stdout.splitlines()) == 6
    assert 20 < peak < _PEAK_MB


@pytest.mark.slow
def test_a_camera_is_classified_with_room_to_spare(
    int8_model: Path, board: list[Path], tmp_path: Path
) -> None:
    server = StreamServer(Stream(fps=30))
    log = tmp_path / "log.jsonl"
    process = started(
        board, tmp_path, "classify", "--camera", server.url, "--model", int8_model,
        "--output", log, "--preview", "127.0.0.1:0", "--snapshots", tmp_path / "seen",
        "--keep", "red>=0",
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (
            log.exists() and log.read_bytes().count(b"\n") > 150
        ):
            time.sleep(0.1)
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    finally:
        server.stop()
    peak, status = map(int, stderr.splitlines()[-1].split())
    assert status == 143
    assert log.read_bytes().count(b"\n") > 150
    assert 20 < peak < _PEAK_MB


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [60, 100, 200, 300])
def test_an_address_space_that_is_too_small_is_one_clear_line(
    int8_model: Path, cli: Cli, megabytes: int
) -> None:
    colour_picture((200, 30, 30), 1, (60, 40)).save(cli.folder / "a.jpg")
    shell = f'ulimit -v {megabytes * 1024}; exec "$0" -m edgetl classify a.jpg --model "$1"'
    result = subprocess.run(
        ["sh", "-c", shell, sys.executable, int8_model],
        cwd=cli.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    allowed = megabytes * 1024 * 1024 // 10**6
    assert_one_clear_line(result, "too little memory", f"`ulimit -v` allows {allowed} MB")
