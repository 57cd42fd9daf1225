"""A file is written whole or not at all."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgetl.edge.system.files import open_regular_file, replacing, write_json, write_text


def test_text_and_json_are_written_as_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "été\n")
    write_json(tmp_path / "a.json", {"name": "été", "numbers": [1, 2.5, None]})
    assert (tmp_path / "a.txt").read_bytes() == "été\n".encode()
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "été", "numbers": [1, 2.5, None]}
    assert "été" in text
    assert text.endswith("}\n")


def test_names_that_are_no_utf8_are_read_from_json_as_they_were(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xc3\xa9.jpg")
    write_json(tmp_path / "a.json", {"file": name})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"file": name}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
@pytest.mark.timeout(20)
def test_a_pipe_is_refused_without_being_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    opened = threading.Event()

    def write() -> None:
        with pipe.open("wb"):  # waits for who reads it
            opened.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            with pytest.raises(OSError, match="a pipe or device, not a file"):
                open_regular_file(pipe)
            assert not opened.wait(0.02)
    finally:
        with pipe.open("rb"):
            writer.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a special file")
def test_a_device_or_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.html"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        write_text(pipe, "text")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_an_existing_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a much longer old text")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_json(path, {"bad": object()})
    with contextlib.suppress(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_there_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_text("old")
    with replacing(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".keras"
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_writer_may_replace_the_temporary_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with replacing(path) as temporary:
        temporary.unlink()
        temporary.write_bytes(b"again")
    assert path.read_bytes() == b"again"


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_finished_file_has_an_ordinary_file_s_permissions(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "x")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "none" / "a.txt", "x")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("0" * 200_000)
    code = (
        "import sys; from pathlib import Path; from edgetl.edge.system.files import write_text\n"
        "for n in range(10**9):\n"
        "    write_text(Path(sys.argv[1]), str(n % 10) * 200_000)\n"
    )
    for wait in (0.0, 0.003, 0.01):
        writer = subprocess.Popen([sys.executable, "-c", code, path])
        before = path.stat().st_mtime_ns
        while path.stat().st_mtime_ns == before:
            time.sleep(0.002)
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        text = path.read_text()
        assert len(text) == 200_000
        assert len(set(text)) == 1
