"""Several sinks at once, and lines that stay whole."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edgetl.edge.errors import SinkError
from edgetl.edge.pipeline.running import run
from edgetl.edge.results.result import Result
from edgetl.edge.sinks import ReaderGoneError, RunEnded
from edgetl.edge.sinks.fan_out import FanOut
from edgetl.edge.sinks.lines import FileLines, StreamLines
from edgetl.edge.sources.files import Problem
from tests.edge.conftest import made_result

RESULTS = [made_result([1, 0, 0], frame=number) for number in range(1, 6)]


class Recording:
    """A sink that keeps frame numbers, and may fail."""

    def __init__(self, *, fails: Exception | None = None, at: int = 3) -> None:
        self.frames: list[int | None] = []
        self.closed = 0
        self._fails = fails
        self._at = at

    def write(self, result: Result) -> None:
        if self._fails and result.frame == self._at:
            raise self._fails
        self.frames.append(result.frame)

    def close(self) -> None:
        self.closed += 1


class FailsToClose(Recording):
    def close(self) -> None:
        super().close()
        raise SinkError("tape: torn")


def ran(*sinks: Recording) -> tuple[FanOut, int]:
    """The sinks as one, and how many results there were."""
    with FanOut() as together:
        for sink in sinks:
            together.add(sink)
        outcome = run([Problem("a.jpg: bad"), *RESULTS], together)
    return together, outcome.classified


def test_a_sink_that_fails_is_logged_once_closed_and_left_out(logged) -> None:
    first, bad, last = Recording(), Recording(fails=SinkError("tape: full")), Recording()
    together, classified = ran(first, bad, last)
    assert logged.messages == ["a.jpg: bad", "tape: full"]
    assert logged.records[1].levelname == "ERROR"
    assert (together.failures, classified) == (1, 5)
    assert first.frames == last.frames == [1, 2, 3, 4, 5]
    assert bad.frames == [1, 2]
    assert [sink.closed for sink in (first, bad, last)] == [1, 1, 1]


def test_a_run_stops_when_no_sink_is_left(logged) -> None:
    together, classified = ran(
        Recording(fails=SinkError("tape: full")), Recording(fails=SinkError("wire: cut"), at=4)
    )
    assert logged.messages[1:] == ["tape: full", "wire: cut"]
    assert (together.failures, classified) == (2, 4)


def test_a_reader_that_leaves_is_no_failure(logged) -> None:
    other = Recording()
    together, classified = ran(Recording(fails=ReaderGoneError("gone")), other)
    assert (logged.messages[1:], together.failures, classified) == ([], 0, 5)
    assert other.frames == [1, 2, 3, 4, 5]


def test_a_person_who_ends_the_run_ends_it_for_all_after_this_result(logged) -> None:
    first, window, last = Recording(), Recording(fails=RunEnded()), Recording()
    together, classified = ran(first, window, last)
    assert (logged.messages[1:], together.failures, classified) == ([], 0, 3)
    assert first.frames == last.frames == [1, 2, 3]
    assert [sink.closed for sink in (first, window, last)] == [1, 1, 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), ZeroDivisionError()])
def test_every_sink_is_closed_however_a_run_ends(error: BaseException, logged) -> None:
    def results():
        yield RESULTS[0]
        raise error

    sinks = [Recording(), FailsToClose(), Recording()]
    together = FanOut()
    for sink in sinks:
        together.add(sink)
    with pytest.raises(type(error)), together:
        run(results(), together)
    assert [sink.closed for sink in sinks] == [1, 1, 1]
    assert logged.messages == ["tape: torn"]
    assert together.failures == 1


# Lines


def lines(path: Path, begins: str = "a") -> FileLines:
    return FileLines(path, begins=begins)


def test_lines_are_appended_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for _ in range(2):
        log = lines(path)
        log.write("a 1\n")
        log.write("a é\n")
        log.close()
    assert path.read_text(encoding="utf-8") == "a 1\na é\n" * 2


@pytest.mark.parametrize("whole", ["", "a 1\n", "a 1\n" * 40_000], ids=len)
@pytest.mark.parametrize("half", ["a", "a 2", "a" * 70_000], ids=len)
def test_half_a_line_at_the_end_is_cut_off(tmp_path: Path, whole: str, half: str) -> None:
    path = tmp_path / "log"
    path.write_text(whole + half)
    log = lines(path)
    assert log.cut == len(half)
    log.write("a 3\n")
    log.close()
    assert path.read_text() == whole + "a 3\n"


@pytest.mark.parametrize("content", ["b 1\n", "b", "\n", "ab\nb"])
def test_a_file_of_another_kind_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "log"
    path.write_text(content)
    with pytest.raises(SinkError, match=r"log: is there and does not begin with 'aa'"):
        lines(path, "aa")
    assert path.read_text() == content


@pytest.mark.parametrize("name", ["gone/log", "."])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match=r": (no such file or directory|is a directory)$"):
        lines(tmp_path / name)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_full_device_is_named() -> None:
    with pytest.raises(SinkError, match=r"^/dev/full: no space left on device$"):
        lines(Path("/dev/full")).write("a\n")
    with (
        Path("/dev/full").open("w") as stream,
        pytest.raises(SinkError, match=r"^stdout: no space left on device$"),
    ):
        StreamLines(stream, name="stdout").write("a\n")


_FULL = """
import resource, sys
from pathlib import Path
from edgetl.edge.errors import SinkError
from edgetl.edge.sinks.lines import FileLines
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
lines = FileLines(Path(sys.argv[1]), begins="a")
for number in range(1000):
    try:
        lines.write("a" * 99 + str(number) + "\\n")
    except SinkError as error:
        print(error)
        break
lines.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE")
def test_a_line_that_a_full_disk_took_half_of_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    result = subprocess.run(
        [sys.executable, "-c", _FULL, path], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == f"{path}: file too large\n"
    content = path.read_text()
    assert content == "".join("a" * 99 + f"{number}\n" for number in range(9))


_FULL_STDOUT = """
import resource, sys
from edgetl.edge.errors import SinkError
from edgetl.edge.sinks.lines import StreamLines
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
lines = StreamLines(sys.stdout, name="stdout")
try:
    for number in range(1000):
        lines.write("a" * 99 + str(number) + "\\n")
except SinkError as error:
    print(error, file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE")
@pytest.mark.parametrize("mode", ["w", "a"])
def test_a_stdout_that_is_a_file_on_a_full_disk_keeps_whole_lines(
    tmp_path: Path, mode: str
) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    with path.open(mode) as stdout:
        result = subprocess.run(
            [sys.executable, "-c", _FULL_STDOUT], stdout=stdout, stderr=subprocess.PIPE,
            text=True, check=True, timeout=60,
        )  # fmt: skip
    assert result.stderr == "stdout: file too large\n"
    before = "before\n" if mode == "a" else ""
    assert path.read_text() == before + "".join("a" * 99 + f"{number}\n" for number in range(9))


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
def test_a_named_pipe_takes_lines_until_its_reader_leaves(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[str] = []

    def reader() -> None:
        with path.open() as pipe:
            read.append(pipe.readline())

    thread = threading.Thread(target=reader)
    thread.start()
    pipe = lines(path)
    pipe.write("a 1\n")
    thread.join(timeout=10)
    assert read == ["a 1\n"]
    with pytest.raises(SinkError, match="broken pipe"):
        pipe.write("a 2\n")
    pipe.close()


def test_a_stream_whose_reader_left_has_an_error_of_its_own() -> None:
    class Broken(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(ReaderGoneError):
        StreamLines(Broken(), name="stdout").write("a\n")
