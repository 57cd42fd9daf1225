"""`edgetl classify` into several sinks, as a person or a script runs it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import COLOURS, Cli, assert_one_clear_line
from tests.edge.conftest import Stream, frame_picture, write_video
from tests.third_party import LABELS

Serve = Callable[[Stream], str]


def colour_video(folder: Path, *labels: str) -> Path:
    """A video of one frame a label."""
    frames = (frame_picture(0) + COLOURS[label][::-1] for label in labels)
    return write_video(folder / "clip.avi", (frame.astype("uint8") for frame in frames))


@pytest.mark.parametrize("arguments", [["log.jsonl"], ["log", "--format", "jsonl"]], ids=str)
def test_json_lines_are_appended_to_a_file(
    cli: Cli, model: Path, photos: Path, arguments: list[str]
) -> None:
    for _ in range(2):
        result = cli.here("classify", "photos", "--model", model, "--output", *arguments)
        assert result.stdout == ""
        assert len(result.stderr.splitlines()) == 1
    rows = [json.loads(line) for line in (cli.folder / arguments[0]).read_text().splitlines()]
    assert [row["label"] for row in rows] == [*LABELS, *LABELS]
    assert all(row["time"].endswith("+00:00") for row in rows)


def test_a_csv_file_has_one_header_however_often_it_is_appended_to(
    cli: Cli, model: Path, photos: Path
) -> None:
    for _ in range(2):
        cli("classify", "photos", "--model", model, "--output", "log.csv")
    rows = list(csv.DictReader(io.StringIO((cli.folder / "log.csv").read_text())))
    assert [row["label"] for row in rows] == [*LABELS, *LABELS]
    result = cli.refused(
        "classify", "photos", "--model", model, "--output", "log.csv", "--top-k", "1"
    )
    assert_one_clear_line(result, "log.csv", "does not begin with", "label_1,probability_1'")
    assert len((cli.folder / "log.csv").read_text().splitlines()) == 7


def test_half_a_record_is_cut_off_with_a_warning(cli: Cli, model: Path, photos: Path) -> None:
    log = cli.folder / "log.jsonl"
    cli.here("classify", "photos", "--model", model, "--output", "log.jsonl")
    log.write_bytes(log.read_bytes()[:-5])
    result = cli.here("classify", "photos", "--model", model, "--output", "log.jsonl")
    assert "log.jsonl: ended in half a record" in result.stderr.splitlines()[0]
    labels = [json.loads(line)["label"] for line in log.read_text().splitlines()]
    assert labels == [*LABELS[:2], *LABELS]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["log.txt"], ["--output log.txt", "--format jsonl"]),
        (["gone/log.csv"], ["gone/log.csv: no such file or directory"]),
        (["notes.jsonl"], ["notes.jsonl: is there and does not begin with"]),
    ],
    ids=str,
)
def test_an_output_that_cannot_be_is_one_clear_line(
    cli: Cli, model: Path, photos: Path, arguments: list[str], words: list[str]
) -> None:
    (cli.folder / "notes.jsonl").write_text("these are notes")
    result = cli.refused("classify", "photos", "--model", model, "--output", *arguments)
    assert_one_clear_line(result, *words)
    assert (cli.folder / "notes.jsonl").read_text() == "these are notes"


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_full_disk_is_one_clear_line(cli: Cli, model: Path, photos: Path) -> None:
    result = cli(
        "classify", "photos", "--model", model, "--format", "csv", "--output", "/dev/full", check=1
    )
    assert result.stderr.splitlines() == ["edgetl: /dev/full: no space left on device"]
    command = [sys.executable, "-m", "edgetl", "classify", "photos", "--model", str(model)]
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            command, cwd=cli.folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert process.returncode == 1
    assert process.stderr == "edgetl: stdout: no space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="a signal to another process")
@pytest.mark.parametrize(
    ("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGKILL", -9)]
)
def test_a_signal_leaves_whole_records(
    cli: Cli, model: Path, serve: Serve, name: str, status: int
) -> None:
    url = serve(Stream(fps=60))
    log = cli.folder / "log.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "--camera", url, "--model", str(model),
         "--output", log],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (log.exists() and log.read_bytes().count(b"\n") > 9):
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(getattr(signal, name))
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert process.returncode == status
    assert "Traceback" not in stderr
    text = log.read_text()
    assert text.endswith("\n")
    assert len([json.loads(line) for line in text.splitlines()]) > 9


def test_an_unsure_label_and_changes_only(cli: Cli, model: Path) -> None:
    clip = colour_video(cli.folder, "blue", "blue", "green", "green", "red", "blue")
    common = ["classify", clip, "--model", model, "--format", "jsonl"]
    rows = [json.loads(line) for line in cli.here(*common, "--on-change").stdout.splitlines()]
    assert [(row["frame"], row["label"]) for row in rows] == [
        (1, "blue"), (3, "green"), (5, "red"), (6, "blue"),
    ]  # fmt: skip
    rows = [json.loads(line) for line in cli.here(*common, "--threshold", "1").stdout.splitlines()]
    assert {row["label"] for row in rows} == {"unsure"}
    assert rows[0]["predictions"][0]["label"] == "blue"
    # With a time constant of an hour nothing ever changes.
    rows = [
        json.loads(line)
        for line in cli.here(*common, "--on-change", "--smooth", "3600").stdout.splitlines()
    ]
    assert [row["label"] for row in rows] == ["blue"]
    result = cli.refused(*common, "--smooth", "0")
    assert_one_clear_line(result, "--smooth 0.0 is not above 0")


@pytest.mark.skipif(os.name != "posix", reason="a shell's pipe")
def test_head_ends_a_run_quietly_and_with_status_0(cli: Cli, model: Path, serve: Serve) -> None:
    url = serve(Stream(fps=60))
    shell = (
        f"set -o pipefail; {sys.executable} -m edgetl classify --camera {url} --model {model} "
        f"| head -n 3"
    )
    result = subprocess.run(
        ["bash", "-c", shell], cwd=cli.folder, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 3


@pytest.mark.skipif(os.name != "posix", reason="descriptors of a shell")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_costs_no_result(
    cli: Cli, model: Path, photos: Path, closed: str
) -> None:
    command = f'"$0" -m edgetl classify photos --model "$1" --output log.jsonl {closed}'
    process = subprocess.run(
        ["sh", "-c", command, sys.executable, model], cwd=cli.folder, timeout=60, check=False
    )
    assert process.returncode == 0
    rows = [json.loads(line) for line in (cli.folder / "log.jsonl").read_text().splitlines()]
    assert [row["label"] for row in rows] == [*LABELS]


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_who_reads_stderr_may_leave(cli: Cli, model: Path, photos: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "edgetl", "classify", "gone.jpg", "photos", "--model", model,
         "--output", "log.jsonl"],
        cwd=cli.folder, stderr=write, timeout=60, check=False,
    )  # fmt: skip
    os.close(write)
    assert process.returncode == 1  # for gone.jpg
    assert len((cli.folder / "log.jsonl").read_text().splitlines()) == len(LABELS)


# What it takes to end is what a thread can come back in.
_SLOW_TO_END = """
import time
class Slow:
    def __del__(self, sleep=time.sleep):
        sleep(1.5)
slow = Slow()
from edgetl.cli import main
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="a signal to another process")
def test_a_camera_s_frame_that_comes_while_the_process_ends_does_no_harm(
    cli: Cli, model: Path, serve: Serve
) -> None:
    url = serve(Stream(fps=1))
    log = cli.folder / "log.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW_TO_END, "classify", "--camera", url, "--model", str(model),
         "--output", log],
        cwd=cli.folder, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (log.exists() and log.read_bytes().count(b"\n") > 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (130, "")


def test_a_camera_s_password_is_in_no_result(cli: Cli, model: Path, serve: Serve) -> None:
    url = serve(Stream(frames=3)).replace("://", "://user:secret@")
    result = cli("classify", "--camera", url, "--model", model, "--no-reconnect",
                 "--format", "jsonl", check=2)  # fmt: skip
    shown = url.replace("user:secret@", "")
    assert {json.loads(line)["source"] for line in result.stdout.splitlines()} == {shown}
    assert result.stderr == f"edgetl: {shown}: stopped sending pictures after frame 3\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photos", "--threshold", "nan"], ["threshold nan is not between 0 and 1"]),
        (["photos", "--smooth", "inf"], ["--smooth inf is not above 0 and finite"]),
        (["photos", "--mqtt-discovery"], ["--mqtt-discovery needs --mqtt URL"]),
        (["photos", "--no-reconnect"], ["--no-reconnect is for --camera"]),
        (["photos", "--camera", "0"], ["photos and --camera together"]),
        (["--camera", ""], ["--camera: empty"]),
        (["photos", "--snapshots", "s", "--keep", "bogus>0.5"], ["bogus"]),
    ],
    ids=str,
)
def test_options_that_cannot_be_are_one_clear_line_and_leave_no_file(
    cli: Cli, model: Path, photos: Path, arguments: list[str], words: list[str]
) -> None:
    result = cli.refused("classify", *arguments, "--model", model, "--output", "log.csv")
    assert_one_clear_line(result, *words)
    assert not (cli.folder / "log.csv").exists()
