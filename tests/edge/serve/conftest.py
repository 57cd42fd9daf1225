"""`edgetl serve` on free ports, in this process."""

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from edgetl.edge.model.classifier import Classifier
from edgetl.edge.pipeline.loaded import Loaded
from edgetl.edge.preview.serving import Serving, serve
from edgetl.edge.serve.answering import Answering

Start = Callable[..., Serving]


@pytest.fixture
def classifier(third_party_models: Path) -> Classifier:
    return Classifier(third_party_models / "described.tflite", threads=1)


@pytest.fixture
def start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classifier: Classifier
) -> Iterator[Start]:
    pytest.importorskip("uvicorn")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    running: list[Callable[[], None]] = []

    def page(address: str = "127.0.0.1:0", *, threshold: float = 0.0, prefix: str = "") -> Serving:
        from edgetl.edge.serve.routes import serve_app

        answering = Answering(Loaded(classifier, (threshold,) * 3), top_k=2)
        app = lambda: serve_app(answering)  # noqa: E731
        stop = answering.close
        serving = serve(app, address, option="serve", stop=stop, prefix=prefix, json_errors=True)
        running.append(serving.close)
        return serving

    yield page
    for close in running:
        close()


def asked(
    serving: Serving, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, Any]:
    """The status of an answer, and what JSON is in it, or its bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(serving.url).port, timeout=20)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    is_json = answer.headers.get("Content-Type") == "application/json"
    return answer.status, json.loads(content) if is_json else content
