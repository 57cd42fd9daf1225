"""One model, in a thread of its own, which answers for one picture after another."""

import asyncio
import threading
import time
from concurrent.futures import Future
from datetime import UTC, datetime
from queue import SimpleQueue

from edgetl.edge.model.preprocessing import model_input
from edgetl.edge.pipeline.loaded import Loaded
from edgetl.edge.results.debounce import with_thresholds
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.records import json_record

_Asked = tuple[bytes, str, "Future[str]"]


class Answering:
    """Classifies pictures in the order in which they come; nobody else may use the model.

    It waits for pictures until `close`. How many wait is for who asks to bound.

    Attributes:
        in_use: what classifies now; another one set here answers from the next picture on.
        count: how many pictures had a record.
        newest: the result of the last of them; None before.
    """

    def __init__(self, first: Loaded, *, top_k: int | None) -> None:
        """`top_k` is how many predictions a record has; default all."""
        self.in_use = first
        self.count = 0
        self.newest: Result | None = None
        self._top_k = top_k
        self._began: float | None = None  # with its picture, monotonic seconds
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        # A daemon thread: a large picture must not keep the process running.
        threading.Thread(target=self._work, name="answering", daemon=True).start()

    def seconds_at_picture(self) -> float:
        """How long it has been at its picture; 0 while it waits for one."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

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
            self._began = time.monotonic()
            try:
                result = self._result(content, source)
                self.newest, self.count = result, self.count + 1
                future.set_result(json_record(result))
            except Exception as error:
                future.set_exception(error)
            finally:
                self._began = None

    def _result(self, content: bytes, source: str) -> Result:
        loaded = self.in_use
        classifier = loaded.classifier
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
        (result,) = with_thresholds([found], thresholds=loaded.thresholds)
        assert isinstance(result, Result)
        return result
