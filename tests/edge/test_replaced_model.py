"""A model file that is replaced while a camera is classified."""

import hashlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.edge.errors import EdgetlError, SinkError
from edgetl.edge.pipeline import ClassifyOptions, classify
from edgetl.edge.pipeline import live_model as live_models
from edgetl.edge.results.capture_record import read_capture_record
from tests.edge.conftest import Stream
from tests.third_party import LABELS, packed_export

OTHERS = ("sea", "grass", "fire")


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetl.edge.pipeline.model_watch._LOOK_SECONDS", 0.1)


class Watched:
    """`classify` of a red stream in a thread, and the model file that it uses."""

    def __init__(self, url: str, folder: Path, plain: bytes, **options: Any) -> None:
        self.model, self.output = folder / "model.tflite", folder / "rows.jsonl"
        self._plain = plain
        self.replace()
        self._options = ClassifyOptions(
            camera=url, model=self.model, output=self.output, reconnect=False, **options
        )
        self.ended: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.wait_for(lambda: len(self.rows()) >= 5)

    def replace(self, content: bytes | None = None, **packed: Any) -> None:
        """By a rename, as deploy and export do it."""
        new = self.model.with_suffix(".new")
        new.write_bytes(packed_export(self._plain, **packed) if content is None else content)
        new.replace(self.model)

    def rows(self) -> list[dict[str, Any]]:
        if not self.output.exists():
            return []
        lines = self.output.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def labels(self) -> set[str]:
        return {row["label"] for row in self.rows()}

    def wait_for(self, true: Callable[[], bool], *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, self.ended or self.rows()[-1:]
            time.sleep(0.02)

    def go_on(self) -> dict[str, Any]:
        """The newest of five more results."""
        count = len(self.rows()) + 5
        self.wait_for(lambda: len(self.rows()) >= count)
        return self.rows()[-1]

    def join(self) -> None:
        self._thread.join(30)

    def _run(self) -> None:
        try:
            classify(self._options)
        except EdgetlError as error:
            self.ended = error


def red(number: int) -> np.ndarray:
    """BGR; live pictures differ."""
    return np.full((48, 64, 3), (9 + number % 2, 9, 240), np.uint8)


Watch = Callable[..., Watched]


@pytest.fixture
def watched(
    stream_server: Callable[..., Any], serve: Callable[[Stream], str], tmp_path: Path,
    third_party_models: Path, caplog: pytest.LogCaptureFixture,
) -> Iterator[Watch]:  # fmt: skip
    caplog.set_level(logging.INFO, logger="edgetl")
    stream = Stream(fps=20, picture=lambda number: red(number))
    plain = (third_party_models / "float32.tflite").read_bytes()
    begun: list[Watched] = []

    def begin(**options: Any) -> Watched:
        begun.append(Watched(serve(stream), tmp_path, plain, **options))
        return begun[-1]

    yield begin
    stream.over.set()
    for one in begun:
        one.join()


def test_another_file_takes_over_without_a_gap(
    watched: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    run = watched()
    run.replace(edgetl="0.1.1")
    run.wait_for(lambda: "was replaced; in use now: blue, green, red" in caplog.text)
    run.go_on()
    times = [np.datetime64(row["time"][:-6]) for row in run.rows()]
    assert np.diff(times).max() < np.timedelta64(2, "s")
    assert run.labels() == {"red"}


def test_other_labels_are_those_of_the_results(watched: Watch) -> None:
    run = watched()
    run.replace(labels=OTHERS)
    run.wait_for(lambda: "fire" in run.labels())
    assert run.go_on()["predictions"][0]["label"] == "fire"
    frames = [row["frame"] for row in run.rows()]
    assert frames == sorted(frames), "the camera went on"


def test_a_file_that_is_no_model_changes_nothing_and_a_good_one_does_later(
    watched: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    run = watched()
    run.replace(b"no model")
    run.wait_for(lambda: "cannot take over" in caplog.text)
    assert run.go_on()["label"] == "red"
    assert caplog.text.count("cannot take over") == 1
    assert "model.tflite: not a TFLite model" in caplog.text
    run.replace(labels=OTHERS)
    run.wait_for(lambda: "fire" in run.labels())


def test_a_file_that_is_gone_changes_nothing(watched: Watch) -> None:
    run = watched()
    run.model.unlink()
    run.go_on()
    assert run.go_on()["label"] == "red"


def test_a_file_that_does_not_fit_the_options_does_not_take_over(
    watched: Watch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = watched(snapshots=tmp_path / "kept", keep=("red>0.5",))
    run.replace(labels=OTHERS)
    run.wait_for(lambda: "cannot take over" in caplog.text)
    assert "no such label" in caplog.text
    assert run.go_on()["label"] == "red"


def test_a_kept_picture_names_the_model_that_was_in_use(watched: Watch, tmp_path: Path) -> None:
    run = watched(snapshots=tmp_path / "kept", keep=("random:100%",))
    run.replace(edgetl="0.1.1")
    new = hashlib.sha256(run.model.read_bytes()).hexdigest()

    def digests() -> list[str]:
        found = map(read_capture_record, sorted((tmp_path / "kept").glob("2*.jpg")))
        return [record.sha256 for record in found if record is not None]

    run.wait_for(lambda: new in digests())
    assert digests()[0] != new


def test_where_no_sink_opens_the_model_before_stays(
    watched: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = watched()
    build = live_models.build_sinks

    def refuse_others(options: Any, model: Any, **details: Any) -> Any:
        if model.labels == OTHERS:
            raise SinkError("rows.jsonl: is no place for these")
        return build(options, model, **details)

    monkeypatch.setattr(live_models, "build_sinks", refuse_others)
    run.replace(labels=OTHERS)
    run.wait_for(lambda: "stays in use: rows.jsonl: is no place for these" in caplog.text)
    assert run.go_on()["label"] == "red"


def test_a_copy_that_is_being_written_is_not_read(
    watched: Watch, third_party_models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = watched()
    content = packed_export((third_party_models / "float32.tflite").read_bytes(), labels=OTHERS)
    with run.model.open("wb") as file:
        for start in range(0, len(content), len(content) // 12):
            file.write(content[start : start + len(content) // 12])
            file.flush()
            os.utime(run.model)
            time.sleep(0.05)
    run.wait_for(lambda: "fire" in run.labels())
    assert "cannot take over" not in caplog.text


def test_the_same_file_copied_again_is_no_other(
    watched: Watch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = watched()
    shutil.copy(run.model, tmp_path / "same")
    (tmp_path / "same").replace(run.model)
    time.sleep(0.5)
    run.go_on()
    assert "was replaced" not in caplog.text
    assert run.labels() == {LABELS[2]}
