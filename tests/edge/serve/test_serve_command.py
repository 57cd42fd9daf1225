"""`edgetl serve`, as it is typed."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.conftest import Cli, assert_one_clear_line
from tests.edge.serve.conftest import Start
from tests.edge.serve.test_serve import jpeg

DOC = (Path(__file__).parents[3] / "docs/serve.md").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("number", "status", "last"),
    [
        pytest.param(signal.SIGINT, 0, "stopped", marks=pytest.mark.slow),
        (signal.SIGTERM, 143, ""),
    ],
)
def test_it_answers_until_a_signal_ends_it_within_a_second(
    cli: Cli, third_party_models: Path, number: int, status: int, last: str
) -> None:
    pytest.importorskip("uvicorn")
    shutil.copy(third_party_models / "described.tflite", cli.folder / "model.tflite")
    # As the documentation has it for a network, on a free port.
    (line,) = [line for line in DOC.splitlines() if re.match("edgetl serve .*0.0.0.0", line)]
    _, *typed = shlex.split(line.replace(":8000", ":0"), comments=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", *typed],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "XDG_STATE_HOME": str(cli.folder)},
    )  # fmt: skip
    assert process.stderr is not None
    found = re.fullmatch(r"serve: http://.*:(\d+)/(\?token=.+)\n", process.stderr.readline())
    assert found
    with urlopen(f"http://127.0.0.1:{found[1]}/classify{found[2]}", data=jpeg("green")) as answer:
        assert b'"label": "green"' in answer.read()
    began = time.monotonic()
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert time.monotonic() - began < 1.2
    assert (process.returncode, stdout, stderr.strip()) == (status, "", last)


def test_what_cannot_be_served_is_refused(cli: Cli, model: Path) -> None:
    pytest.importorskip("uvicorn")
    for arguments, words in (
        (["--model", "gone.tflite"], ["gone.tflite"]),
        (["--model", model, "--preview", "h:99999"], ["--preview h:99999"]),
        (["--model", model, "--unknown-at", "0.5"], ["has no label 'unknown'"]),
        (["--model", model, "--threshold", "precision=0.9"], ["precision"]),
        (["--model", model, "--top-k", "0"], ["--top-k 0"]),
    ):
        assert_one_clear_line(cli.refused("serve", *arguments), *words)


def test_without_starlette_the_install_command_is_shown(
    cli: Cli, third_party_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    result = cli.refused("serve", "--model", third_party_models / "described.tflite")
    assert_one_clear_line(result, "serve needs", "pip install 'edgetl[preview]'")


def test_what_the_documentation_types_works(
    start: Start, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = urlsplit(start().url).port
    (cli.folder / "photo.jpg").write_bytes(jpeg("blue"))
    (example,) = re.findall(r"^```python\n(.*?)^```", DOC, re.DOTALL | re.MULTILINE)
    (typed,) = re.findall(r"^```sh\n(.*?)^```", DOC, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(cli.folder)
    printed = subprocess.run(
        [sys.executable, "-c", example.replace(":8000", f":{port}")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert printed.stdout.startswith("blue 0."), printed.stderr
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    for line in typed.replace("pi.local", "127.0.0.1").replace(":8000", f":{port}").splitlines():
        answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
        assert json.loads(answer.stdout)["label"] == "blue"
