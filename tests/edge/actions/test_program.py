"""Programs that are run when the label changes: real ones, that fail, hang and leave children."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.actions import backlog, program
from edgetl.edge.actions.options import program_words
from edgetl.edge.actions.program import ProgramSink
from edgetl.edge.errors import SettingError, SinkError
from tests.edge.conftest import made_result, until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="scripts and process groups")

Script = Callable[[str], list[str]]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """A function that gives the command of a shell script, which runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> list[str]:
        path = tmp_path / "act now.sh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return [str(path)]

    return write


def result(frame: int = 1, **more: Any) -> Any:
    return made_result([0.1, 0.2, 0.7], frame=frame, **more)


def lines(name: str = "out") -> list[str]:
    path = Path(name)
    return path.read_text().splitlines() if path.exists() else []


def is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{int(pid)}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_finds_the_result_in_its_environment(
    script: Script, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGETL_MQTT_PASSWORD", "secret")
    command = script('env | grep -a ^EDGETL_ > out; cat >> out; echo "$1|$2"')
    source = os.fsdecode(b"\xe9 $HOME.jpg")
    one = ProgramSink([*command, "a  b", "$HOME;"], live=False)
    one.write(result(source=source))
    one.close()
    found = dict(
        line.partition(b"=")[::2] for line in Path("out").read_bytes().splitlines() if line
    )
    assert found.keys() == {
        b"EDGETL_LABEL", b"EDGETL_PROBABILITY", b"EDGETL_SOURCE", b"EDGETL_TIME", b"EDGETL_RECORD",
    }  # fmt: skip
    assert (found[b"EDGETL_LABEL"], found[b"EDGETL_PROBABILITY"]) == (b"red", b"0.7")
    assert os.fsdecode(found[b"EDGETL_SOURCE"]) == source
    assert found[b"EDGETL_TIME"] == b"2025-03-09T12:00:00.000+00:00"
    assert json.loads(found[b"EDGETL_RECORD"])["source"] == source
    # Results may be on stdout.
    assert capfd.readouterr() == ("", "a  b|$HOME;\n")


def test_one_runs_at_a_time_and_the_newest_change_of_a_camera_is_next(
    script: Script, logged: pytest.LogCaptureFixture
) -> None:
    frame = "sed 's/.*\"frame\": \\([0-9]*\\).*/\\1/'"
    command = script(f'echo "$EDGETL_RECORD" | {frame} >> out; while [ ! -e go ]; do :; done')
    one = ProgramSink(command, live=True)
    one.write(result(1))
    assert until(lambda: lines() == ["1"])
    began = time.monotonic()
    for number in range(2, 50):
        one.write(result(number))
    assert time.monotonic() - began < 4
    Path("go").touch()
    one.close()
    assert lines() == ["1", "49"]
    (said,) = logged.messages
    assert "still runs while the label changes" in said


def test_it_is_run_for_every_change_of_files(script: Script) -> None:
    one = ProgramSink(script("echo x >> out"), live=False)
    for number in range(5):
        one.write(result(number))
    one.close()
    assert len(lines()) == 5


def test_a_failure_is_said_once_and_that_it_works_again_too(
    script: Script, logged: pytest.LogCaptureFixture
) -> None:
    command = script("echo x >> out; [ $(wc -l < out) -gt 3 ] || exit 3")
    one = ProgramSink(command, live=True)
    for number in range(1, 5):
        one.write(result(number))
        assert until(lambda n=number: len(lines()) == n)
    one.close()
    assert logged.messages == [
        "--exec act now.sh: ended with exit status 3", "--exec act now.sh: works again",
    ]  # fmt: skip
    other = ProgramSink(script("kill -9 $$"), live=False)
    other.write(result())
    with pytest.raises(SinkError, match=r"--exec act now\.sh: failed 1 of 1 times"):
        other.close()
    assert logged.messages[2] == "--exec act now.sh: ended with SIGKILL"


def test_one_that_is_gone_meanwhile_is_no_end(
    script: Script, logged: pytest.LogCaptureFixture
) -> None:
    command = script("true")
    one = ProgramSink(command, live=True)
    Path(command[0]).unlink()
    one.write(result())
    one.close()
    assert logged.messages == ["--exec act now.sh: cannot be started: no such file or directory"]


def test_one_that_takes_too_long_is_ended_with_what_it_started(
    script: Script, logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_GRACE", 0.1)
    # It does not end when it is asked to.
    command = script("trap '' TERM; sleep 30 & echo $! >> pids; echo $$ >> pids; wait; wait")
    one = ProgramSink(command, live=True, longest=0.2)
    one.write(result())
    one.close()
    assert logged.messages == ["--exec act now.sh: had not ended after 0.2 s; ended"]
    assert until(lambda: not any(map(is_running, lines("pids"))))
    assert len(lines("pids")) == 2


def test_what_a_program_leaves_running_is_ended(script: Script) -> None:
    one = ProgramSink(script("sleep 30 & echo $! >> pids"), live=True)
    one.write(result())
    one.close()
    (left,) = lines("pids")
    assert until(lambda: not is_running(left))


def test_a_signal_ends_it_and_does_not_wait_for_it(
    script: Script, logged: pytest.LogCaptureFixture
) -> None:
    command = script("trap '' TERM; echo $$ >> pids; while :; do sleep 0.1; done")
    one = ProgramSink(command, live=False)
    for number in (1, 2):
        one.write(result(number))
    assert until(lambda: lines("pids"))
    began = time.monotonic()

    def interrupted() -> None:
        try:
            raise SystemExit(143)
        finally:
            one.close()

    with pytest.raises(SystemExit):
        interrupted()
    assert time.monotonic() - began < 4
    assert until(lambda: not is_running(lines("pids")[0]))
    assert len(lines("pids")) == 1
    assert not logged.messages


def test_a_camera_that_goes_on_with_another_model_waits_for_it_for_seconds_only(
    script: Script, logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "_LIVE_PATIENCE", 0.2)
    one = ProgramSink(script("echo $$ >> pids; exec sleep 30"), live=True)
    one.write(result())
    assert until(lambda: lines("pids"))
    began = time.monotonic()
    one.close()
    assert 0.15 < time.monotonic() - began < 4
    assert not is_running(lines("pids")[0])
    assert not logged.messages


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "notes.txt"
    plain.write_text("x")
    for command, words in (
        ("no-such-program x", "no program no-such-program on the PATH"),
        (str(plain), f"no program {plain} that may be run"),
        (str(tmp_path), "no program"),
    ):
        with pytest.raises(SettingError, match=words):
            ProgramSink(program_words(command), live=True)
    for text, words in (("a 'b", "quotation"), ("  ", "empty"), ("'' x", "empty")):
        with pytest.raises(SettingError, match=words):
            program_words(text)
    assert program_words(f"{sys.executable} -c 'a b'") == [sys.executable, "-c", "a b"]


def test_the_newest_change_of_each_camera_waits(script: Script) -> None:
    one = ProgramSink(
        script(
            'echo "$EDGETL_SOURCE $EDGETL_LABEL" >> out; while [ ! -e go ]; do sleep 0.01; done'
        ),
        live=True,
    )
    one.write(result(source="door"))
    assert until(lambda: lines() == ["door red"])
    for source in ("yard", "door", "door", "yard"):
        one.write(result(source=source))
    Path("go").touch()
    one.close()
    assert lines() == ["door red", "door red", "yard red"]
