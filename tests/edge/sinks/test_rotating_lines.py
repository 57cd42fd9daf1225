"""Results of a camera in files of limited size."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgetl.edge.errors import SinkError
from edgetl.edge.sinks.records import CSV_BEGINS, csv_header
from edgetl.edge.sinks.rotating_lines import RotatingLines
from tests.conftest import Cli, assert_one_clear_line

LINE = "a" * 999 + "\n"


class Clock:
    """The time of a test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rotating(path: Path, clock: Clock, *, limit_mb: float = 1.0, header: str = "") -> RotatingLines:
    begins = header or "a"
    return RotatingLines(
        path, begins=begins, older_begin=begins, header=header, limit_mb=limit_mb, now=clock
    )


def sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def test_a_new_day_has_a_new_file_and_a_second_of_a_day_is_numbered(
    tmp_path: Path, clock: Clock
) -> None:
    lines = rotating(tmp_path / "log.jsonl", clock)
    lines.write("a 1\n")
    clock.now += timedelta(minutes=2)
    lines.write("a 2\n")
    clock.now -= timedelta(minutes=2)
    lines.write("a 3\n")
    clock.now += timedelta(days=7)
    lines.write("a 4\n")
    lines.close()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "log-20261130.jsonl": "a 1\n", "log-20261201.jsonl": "a 2\n",
        "log-20261130-2.jsonl": "a 3\n", "log.jsonl": "a 4\n",
    }  # fmt: skip


def test_what_an_earlier_run_left_is_of_the_day_of_its_last_line(
    tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("a 1\n")
    when = datetime(2026, 11, 7, 12, tzinfo=UTC).timestamp()
    os.utime(path, (when, when))
    lines = rotating(path, clock)
    lines.write("a 2\n")
    lines.close()
    assert (tmp_path / "log-20261107.jsonl").read_text() == "a 1\n"
    assert path.read_text() == "a 2\n"


def test_all_together_stay_below_the_limit_and_the_oldest_go(tmp_path: Path, clock: Clock) -> None:
    lines = rotating(tmp_path / "log.jsonl", clock)
    largest = 0
    for number in range(5000):
        lines.write(f"a {number:05}" + LINE[8:] + "\n")
        if number % 50 == 0:
            largest = max(largest, sum(sizes(tmp_path).values()))
    lines.close()
    assert 850_000 < largest <= 1_000_000
    names = sorted(
        (path for path in tmp_path.iterdir() if path.name != "log.jsonl"),
        key=lambda path: int(path.stem.rpartition("-")[2]),
    )
    kept = "".join(path.read_text() for path in [*names, tmp_path / "log.jsonl"])
    numbers = [int(line.split()[1][:5]) for line in kept.splitlines() if line.startswith("a ")]
    # The newest, none missing in between, however often names were free again.
    assert numbers == list(range(numbers[0], 5000))


def test_files_that_are_not_ours_are_not_touched(tmp_path: Path, clock: Clock) -> None:
    others = {
        "log-20250101.jsonl": "b, of another program" * 60_000,
        "log-20259999.jsonl": LINE * 1000,
        "log-2025010.jsonl": LINE * 1000,
        "log-20250101.csv": LINE * 1000,
        "blog-20250101.jsonl": LINE * 1000,
        "log-20250101-0.jsonl": LINE * 1000,
    }
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "log-20250102.jsonl").symlink_to(tmp_path / "log-2025010.jsonl")
    ours = tmp_path / "log-20250103-2.jsonl"
    ours.write_text(LINE * 999)
    lines = rotating(tmp_path / "log.jsonl", clock)
    for _ in range(300):
        lines.write(LINE)
    lines.close()
    assert not ours.exists()
    assert {name: (tmp_path / name).read_text() for name in others} == others
    assert (tmp_path / "log-20250102.jsonl").is_symlink()


def test_a_csv_header_is_in_each(tmp_path: Path, clock: Clock) -> None:
    header = csv_header(classes=1)
    assert header.startswith(CSV_BEGINS)
    lines = rotating(tmp_path / "log.csv", clock, header=header)
    for day in range(3):
        clock.now += timedelta(days=1)
        lines.write(f"photo {day}\n")
        lines.write(f"photo {day} again\n")
    lines.close()
    assert len(sizes(tmp_path)) == 3
    for path in tmp_path.iterdir():
        assert path.read_text().startswith(f"{header}photo ")
        assert path.read_text().count("source,") == 1


def test_a_file_that_someone_moved_or_deleted_is_made_again(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "log.jsonl"
    lines = rotating(path, clock)
    lines.write("a 1\n")
    path.rename(tmp_path / "moved")
    lines.write("a 2\n")
    assert path.read_text() == "a 2\n"
    path.unlink()
    lines.write("a 3\n")
    lines.close()
    assert path.read_text() == "a 3\n"
    assert (tmp_path / "moved").read_text() == "a 1\n"


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
def test_a_pipe_is_not_rotated(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    lines = rotating(path, clock)
    lines.write("a 1\n")
    clock.now += timedelta(days=1)
    lines.write("a 2\n")
    lines.close()
    assert os.read(reader, 100) == b"a 1\na 2\n"
    os.close(reader)
    assert [*sizes(tmp_path)] == ["pipe"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(SinkError, match="gone/log: no such file or directory"):
        rotating(tmp_path / "gone" / "log", clock)


_WRITER = """
import itertools, json, sys
from pathlib import Path
from edgetl.edge.sinks.rotating_lines import RotatingLines
begins = '{"source": '
lines = RotatingLines(Path(sys.argv[1]), begins=begins, older_begin=begins, limit_mb=1)
for number in itertools.count(int(sys.argv[2])):
    lines.write(json.dumps({"source": "x" * 900, "number": number}) + "\\n")
    print(number, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_kill_at_any_time_loses_nothing_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    written = -1
    for attempt in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, path, str(written + 1)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.1 + 0.037 * attempt)
        process.send_signal(signal.SIGKILL)
        said = process.stdout.read().splitlines()
        process.wait()
        records = [
            json.loads(line) for one in tmp_path.iterdir() for line in one.read_text().splitlines()
        ]
        numbers = sorted(record["number"] for record in records)
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        # The last number is printed after its record is written.
        assert int(said[-1]) <= numbers[-1] <= int(said[-1]) + 1
        written = numbers[-1]
        assert sum(sizes(tmp_path).values()) <= 1_000_000
    assert len(sizes(tmp_path)) > 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--camera", "0", "--output-limit", "9"], "--output-limit is for --output"),
        (["a.jpg", "--output", "a.csv", "--output-limit", "9"], "--output-limit is for --camera"),
        (["--camera", "0", "--output", "a.csv", "--output-limit", "0"], "is not 1 or more"),
    ],
    ids=str,
)
def test_a_limit_that_limits_nothing_is_refused(cli: Cli, arguments: list[str], words: str) -> None:
    result = cli.refused("classify", *arguments, "--model", "m.tflite")
    assert_one_clear_line(result, words)
