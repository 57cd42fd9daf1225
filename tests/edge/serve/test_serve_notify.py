"""What `edgetl serve` tells systemd, and a model file that is replaced while it answers."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from edgetl.edge.preview.serving import serve as serve_page
from tests.edge.conftest import Ear
from tests.edge.serve.test_serve import jpeg
from tests.third_party import packed_export

pytestmark = pytest.mark.skipif(os.name != "posix", reason="systemd")

# A runtime that comes back from no second picture.
HANGS = """
import time
from edgetl.edge.model.classifier import Classifier
infer, seen = Classifier.infer, []
def hang(self, pixels):
    seen.append(pixels)
    if len(seen) > 1:
        time.sleep(60)
    return infer(self, pixels)
Classifier.infer = hang
from edgetl.edge.serve import running
running._PICTURE_SECONDS = 0.2
"""

QUICK = """
from edgetl.edge.pipeline import model_watch
model_watch._LOOK_SECONDS = 0.1
"""


class Served:
    """`edgetl serve`, in a process, and its link."""

    def __init__(self, model: Path, ear: Ear, *, first: str = "", **environment: str) -> None:
        code = f"{first}\nfrom edgetl.cli import main\nmain()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--model", model, "--preview", "127.0.0.1:0"],
            env={**os.environ, "NOTIFY_SOCKET": ear.name, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr
        (self.url,) = re.findall(r"^serve: (\S+)", self.process.stderr.readline())

    def posted(self, picture: bytes, *, within: float = 20) -> Any:
        with urlopen(f"{self.url}classify", data=picture, timeout=within) as answer:
            return json.load(answer)

    def model(self) -> Any:
        with urlopen(f"{self.url}model", timeout=20) as answer:
            return json.load(answer)


Serve = Callable[..., Served]


@pytest.fixture
def serve(ear: Ear) -> Iterator[Serve]:
    pytest.importorskip("uvicorn")
    running: list[Served] = []

    def begin(model: Path, **more: str) -> Served:
        running.append(Served(model, ear, **more))
        return running[-1]

    yield begin
    for one in running:
        one.process.kill()
        one.process.communicate()


def heard(ear: Ear, pattern: str, *, seconds: float = 20) -> re.Match[str]:
    """The first status of this form."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        states = ear.heard(within=seconds) or {}
        if found := re.fullmatch(pattern, states.get("STATUS", "")):
            return found
    raise AssertionError(pattern)


def test_it_is_ready_when_it_answers_and_says_how_it_goes(
    ear: Ear, serve: Serve, third_party_models: Path
) -> None:
    served = serve(third_party_models / "described.tflite", WATCHDOG_USEC="400000")
    first = ear.heard(within=20)
    assert first
    assert (first["READY"], first["WATCHDOG"]) == ("1", "1")
    assert re.fullmatch(r"no picture yet, model [0-9a-f]{8}", first["STATUS"])
    time.sleep(1.2)
    waiting = ear.all_heard()
    # Alive without a picture, and nothing new to say.
    assert len(waiting) >= 2
    assert all(states == {"WATCHDOG": "1"} for states in waiting)
    assert served.posted(jpeg("green"))["label"] == "green"
    heard(ear, r"green >?\d+%, 1 picture, model [0-9a-f]{8}")
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(10)
    assert ear.all_heard()[-1] == {"STOPPING": "1"}
    assert served.process.returncode == 143


@pytest.mark.parametrize("ear", ["path"], indirect=True)
def test_one_that_hangs_at_a_picture_is_told_by_silence(
    ear: Ear, serve: Serve, model: Path
) -> None:
    served = serve(model, first=HANGS, WATCHDOG_USEC="400000")
    served.posted(jpeg())
    with pytest.raises(TimeoutError):
        served.posted(jpeg(), within=1)
    ear.all_heard()
    assert ear.heard(within=1.5) is None
    assert served.process.poll() is None


@pytest.mark.parametrize("ear", ["path"], indirect=True)
def test_a_model_that_replaces_its_file_answers_from_then_on(
    ear: Ear, serve: Serve, third_party_models: Path, tmp_path: Path
) -> None:
    plain = (third_party_models / "float32.tflite").read_bytes()
    model, new = tmp_path / "model.tflite", tmp_path / "new"
    model.write_bytes(packed_export(plain))
    served = serve(model, first=QUICK)
    assert served.posted(jpeg())["label"] == "red"
    before = heard(ear, r"red >?\d+%, 1 picture, model ([0-9a-f]{8})")[1]
    new.write_bytes(packed_export(plain, labels=("sea", "grass", "fire")))
    new.replace(model)
    after = heard(ear, rf"red >?\d+%, 1 picture, model ((?!{before})[0-9a-f]{{8}})")[1]
    assert after != before
    assert served.posted(jpeg())["label"] == "fire"
    assert served.model()["labels"] == ["sea", "grass", "fire"]
    new.write_bytes(b"no model")
    new.replace(model)
    assert served.process.stderr
    assert "was replaced; in use now: sea, grass, fire" in served.process.stderr.readline()
    assert "stays in use: " in served.process.stderr.readline()
    assert served.posted(jpeg())["label"] == "fire"
    heard(ear, rf"fire >?\d+%, 3 pictures, model {after}")


def test_a_server_that_hangs_does_not_respond(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uvicorn")
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    monkeypatch.setattr("edgetl.edge.preview.server._RESPONSE_SECONDS", 0.3)
    reached = threading.Event()

    async def hang(_: Request) -> Response:
        reached.set()
        time.sleep(1)
        return Response()

    serving = serve_page(
        lambda: Starlette(routes=[Route("/", hang)]), "127.0.0.1:0", option="serve", stop=bool
    )
    assert serving.responds()
    asking = threading.Thread(target=lambda: urlopen(serving.url, timeout=20).close())
    asking.start()
    assert reached.wait(20)
    assert not serving.responds()
    asking.join()
    assert serving.responds()
    serving.close()
    assert not serving.responds()
