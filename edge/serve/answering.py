"""One interpreter, in a thread of its own, which answers for one picture after another."""

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from queue import SimpleQueue

from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.preprocessing import model_input
from edgetl.edge.results.debounce import with_thresholds
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.records import json_record

_Asked = tuple[bytes, str, "Future[str]"]


class Answering:
    """Classifies pictures in the order in which they come; nobody else may use the classifier.

    It waits for pictures until `close`. How many wait is for who asks to bound.
    """

    def __init__(
        self, classifier: Classifier, *, top_k: int | None, thresholds: Sequence[float]
    ) -> None:
        """
        Args:
            top_k: how many predictions a record has; default all.
            thresholds: of each label; see `edge.results.debounce.with_thresholds`.
        """
        self._classifier = classifier
        self._top_k = top_k
        self._thresholds = thresholds
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        # A daemon thread: a large picture must not keep the process running.
        threading.Thread(target=self._work, name="answering", daemon=True).start()

    async def record(self, content: bytes, source: str) -> str:
        """The record of an encoded picture, as `--format jsonl` has it; `source` is its name.

        Raises:
            PictureError: it cannot be read, or the model fails on it.
        """
        future: Future[str] = Future()
        self._asked.put((content, source, future))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Take no more pictures."""
        self._asked.put(None)

    def _work(self) -> None:
        while asked := self._asked.get():
            content, source, future = asked
            # Who asked may have gone meanwhile.
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._record(content, source))
            except Exception as error:
                future.set_exception(error)

    def _record(self, content: bytes, source: str) -> str:
        classifier = self._classifier
        began = time.perf_counter()
        pixels = model_input(content, classifier.model.input_size)
        probabilities = classifier.infer(pixels)
        found = Result(
            source=source,
            frame=None,
            time=datetime.now(UTC),
            predictions=classifier.predictions(probabilities, top_k=self._top_k),
            milliseconds=(time.perf_counter() - began) * 1000,
            probabilities=probabilities,
            picture=pixels,
        )
        (result,) = with_thresholds([found], thresholds=self._thresholds)
        assert isinstance(result, Result)
        return json_record(result)
