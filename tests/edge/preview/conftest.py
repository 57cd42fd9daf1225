"""Previews on free ports, and a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.sinks.preview import PreviewSink
from edgetl.trainer.data.demo_pictures import CLASSES
from tests.edge.preview.client import Start


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tokens are kept; tests are skipped without the [preview] extra."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that starts a preview on a free port; `labels` are fish, house and tree."""
    running: list[PreviewSink] = []

    def sink(address: str = "127.0.0.1:0", *, labels: Any = CLASSES, **more: Any) -> PreviewSink:
        running.append(PreviewSink(address, labels=labels, **more))
        return running[-1]

    yield sink
    for one in running:
        one.close()
