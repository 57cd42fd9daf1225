"""`edgetl classify --preview`."""

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from edgetl.edge.errors import MissingExtraError
from edgetl.edge.preview.address import is_address
from edgetl.edge.preview.options import LOCAL
from edgetl.edge.sinks.preview import PreviewSink
from edgetl.optional_value import with_value
from edgetl.trainer.data.demo_pictures import CLASSES
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.conftest import Stream, frame_number
from tests.edge.preview.client import Answer


def command(*arguments: str | Path, folder: Path, model: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", *arguments, "--model", str(model)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def test_the_command_shows_a_stream_until_ctrl_c(
    tmp_path: Path, third_party_models: Path, serve: Callable[[Stream], str]
) -> None:
    port = free_port()
    process = command(
        *("--camera", serve(Stream()), "--preview", f"0.0.0.0:{port}"),
        folder=tmp_path,
        model=third_party_models / "described.tflite",
    )
    try:
        assert process.stderr
        line = process.stderr.readline()
        found = re.fullmatch(rf"preview: http://[\w.-]+:{port}/\?token=([\w-]{{43}})\n", line)
        assert found, line
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        cookie = {"Cookie": f"edgetl-preview-{port}={found[1]}"}
        after, numbers = "", []
        while len(numbers) < 3:
            connection.request("GET", f"/next?viewer=12345678&after={after}", headers=cookie)
            answer = Answer(connection.getresponse())
            if answer.status == 200:
                after = f"{answer.facts['run']}.{answer.facts['number']}"
                numbers.append(frame_number(answer.picture))
        assert numbers == sorted(set(numbers))
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        process.wait(10)
        assert time.monotonic() - began < 2
        assert process.returncode == 130
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_is_one_clear_line(cli: Cli, model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = f"127.0.0.1:{other.getsockname()[1]}"
        answer = cli("classify", "a.png", "--model", model, "--preview", where, check=2)
    assert_one_clear_line(answer, "is taken", "--preview HOST:PORT")


def test_preview_alone_is_the_default_address(cli: Cli, model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    answer = cli("classify", "--preview", "a.png", "--model", model, check=None)
    # Port 8000 may be another program's just now.
    assert re.match(r"(preview: http://127\.0\.0\.1:8000/$|edgetl: port 8000 is taken)",
                    answer.stderr, re.MULTILINE)  # fmt: skip


def test_preview_takes_an_address_or_none() -> None:
    def with_address(arguments: list[str]) -> list[str]:
        return with_value(arguments, "--preview", LOCAL, is_value=is_address)

    alone = ["--preview", "127.0.0.1:8000"]
    assert with_address(["--camera", "0", "--preview"]) == ["--camera", "0", *alone]
    assert with_address(["--preview", "--camera", "0"]) == [*alone, "--camera", "0"]
    assert with_address(["--preview", "photos"]) == [*alone, "photos"]
    assert with_address(["--preview", "a/b:1"]) == [*alone, "a/b:1"]
    assert with_address(["--", "--preview"]) == ["--", "--preview"]
    for given in (["--preview", "0.0.0.0:80"], ["--preview", "[::]:80"], ["--preview=x"]):
        assert with_address(given) == given
    assert with_address(["--preview", "8001", "x"]) == ["--preview", "8001", "x"]


def test_without_the_extra_the_install_command_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(MissingExtraError, match=r"starlette.*pip install 'edgetl\[preview\]'"):
        PreviewSink("127.0.0.1:0", labels=CLASSES)
