"""Brokers, messages and a model for the tests of sinks."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.results.occasion import parse_occasion
from edgetl.edge.sinks.snapshot_folder import SnapshotFolder
from edgetl.edge.sinks.snapshots import SnapshotSink
from tests.edge.sinks.broker import DistantPort, Mosquitto, Witness
from tests.third_party import LABELS


@pytest.fixture(autouse=True)
def without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage writes a file when a process ends, which full disks and limits keep it from."""
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def snapshot_sink(model: Path) -> Callable[..., SnapshotSink]:
    """A function that makes the sink of a folder, which keeps by the occasions given."""
    classifier = read_model_file(model)

    def made(folder: Path, *keep: str, limit_mb: float = 500, **more: Any) -> SnapshotSink:
        opened = SnapshotFolder(folder, lambda: classifier, limit_mb=limit_mb)
        occasions = [parse_occasion(one, LABELS, thresholds=(0.6, 0.6, 0.6)) for one in keep]
        return SnapshotSink(opened, occasions, **more)

    return made


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    started: list[Mosquitto] = []

    def start(*more: str) -> Mosquitto:
        broker = Mosquitto(tmp_path, *more)
        broker.start()
        started.append(broker)
        return broker

    yield start
    for broker in started:
        broker.end()


@pytest.fixture
def distant() -> Iterator[Callable[..., int]]:
    """A function that gives a port from which the way to another port takes `seconds`."""
    started: list[DistantPort] = []

    def start(port: int, *, seconds: float) -> int:
        started.append(DistantPort(port, seconds=seconds))
        return started[-1].port

    yield start
    for one in started:
        one.close()


@pytest.fixture
def witness() -> Iterator[Callable[[int], Witness]]:
    open_ones: list[Witness] = []

    def start(port: int) -> Witness:
        open_ones.append(Witness(port))
        return open_ones[-1]

    yield start
    for one in open_ones:
        one.close()


@pytest.fixture
def guarded(mosquitto, tmp_path: Path) -> Mosquitto:
    """A broker that knows the user "pi" with the password "s p:/@cret"."""
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", passwords, "pi", "s p:/@cret"], check=True, timeout=30
    )
    started: Mosquitto = mosquitto("allow_anonymous false", f"password_file {passwords}")
    return started
