"""A client of the preview, and results to show."""

import http.client
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from edgetl.edge.model.classifier import Prediction
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.preview import PreviewSink
from edgetl.trainer.data.demo_pictures import CLASSES
from tests.edge.conftest import frame_picture

Start = Callable[..., PreviewSink]


def result(number: int = 1, best: int = 0, **changed: Any) -> Result:
    """Frame `number` with its number in its pixels, of class `best` at 80 %."""
    probabilities = np.full(len(CLASSES), 0.1, np.float32)
    probabilities[best] = 0.8
    order = np.argsort(-probabilities, kind="stable")
    given: dict[str, Any] = {
        "source": "camera 0",
        "frame": number,
        "time": datetime(2026, 11, 24, 12, tzinfo=UTC),
        "predictions": [Prediction(CLASSES[i], float(probabilities[i]), int(i)) for i in order],
        "milliseconds": 12.34,
        "probabilities": probabilities,
        "picture": frame_picture(number),
    }
    return Result(**(given | changed))


class Answer:
    """An HTTP answer that has been read to its end."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()

    @property
    def facts(self) -> dict[str, Any]:
        size = int.from_bytes(self.body[:4], "big")
        facts: dict[str, Any] = json.loads(self.body[4 : 4 + size])
        return facts

    @property
    def picture(self) -> np.ndarray:
        size = int.from_bytes(self.body[:4], "big")
        pixels = cv2.imdecode(np.frombuffer(self.body[4 + size :], np.uint8), cv2.IMREAD_COLOR)
        assert pixels is not None
        return pixels


def get(sink: PreviewSink, path: str = "/", *, port: int | None = None, **headers: str) -> Answer:
    port = port or urlsplit(sink.url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(
            "GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()}
        )
        return Answer(connection.getresponse())
    finally:
        connection.close()


def following(sink: PreviewSink, viewer: str, after: str = "", **headers: str) -> Answer:
    return get(sink, f"/next?viewer={viewer:_<8}&after={after}", **headers)
