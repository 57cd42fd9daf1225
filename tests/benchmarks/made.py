"""Benchmarks made by hand: small, and every figure known."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgetl.benchmarks.measured import (
    FORMAT,
    Case,
    Condition,
    Failure,
    Latency,
    Machine,
    Measured,
    Quality,
    Ratio,
)
from edgetl.edge.model.intervals import wilson_interval

CONDITION = Condition(41.5, "performance", 2400.0, None, 0.25)


def latency(p50: float, *, rounds: Sequence[float | None] | None = None, seed: int = 0) -> Latency:
    """Single calls around `p50` with a tail; every round has nearly the same median."""
    calls = p50 * np.random.default_rng(seed).gamma(40, 1 / 39.67, 200)
    nearly = [p50 * (1 + 0.002 * step) for step in (-2, 1, 0, 2, -1, 0.5, -0.5, 1.5, -1.5)]
    return Latency(
        p50=p50,
        p90=float(np.percentile(calls, 90)),
        p99=float(np.percentile(calls, 99)),
        rounds=tuple(nearly if rounds is None else rounds),
        samples=tuple(map(float, calls)),
    )


def quality(predicted: Sequence[int], targets: Sequence[int], **changed: Any) -> Quality:
    right = sum(p == t for p, t in zip(predicted, targets, strict=True))
    given: dict[str, Any] = {
        "accuracy": right / len(targets),
        "accuracy_interval": wilson_interval(right, len(targets)),
        "macro_f1": 0.5,
        "agreement": 0.98,
        "mcnemar_p": 0.625,
        "largest_difference": 0.125,
        "predicted": tuple(predicted),
    }
    return Quality(**given | changed)


def case(name: str = "int8", p50: float = 3.0, **changed: Any) -> Case:
    given: dict[str, Any] = {
        "name": name,
        "engine": "litert 2.3.0",
        "variant": "",
        "threads": 2,
        "elsewhere": None,
        "bytes": 2_650_000,
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "load_ms": 12.0,
        "first_ms": 4.5,
        "invoke": latency(p50),
        "end_to_end": latency(p50 + 2, seed=1),
        "pictures_per_second": 1000 / (p50 + 2),
        "peak_bytes": 210_000_000,
        "quality": None,
        "ratio": None,
    }
    return Case(**given | changed)


def keras(p50: float = 21.0, **changed: Any) -> Case:
    return case("Keras", p50, **{"engine": "TensorFlow 2.21.0", "variant": "tf.function"} | changed)


def machine(**changed: Any) -> Machine:
    given: dict[str, Any] = {
        "name": "bench",
        "cpu": "Cortex-A76",
        "cores": 4,
        "memory_bytes": 8_000_000_000,
        "system": "Linux 6.12 aarch64",
        "python": "3.11.2",
        "versions": {"edgetl": "0.1.0", "litert": "2.3.0", "numpy": "1.26.4"},
        "before": CONDITION,
        "after": CONDITION,
    }
    return Machine(**given | changed)


def measured(*cases: Case, **changed: Any) -> Measured:
    """A benchmark of two classes on the pictures TARGETS, unless `changed`."""
    given: dict[str, Any] = {
        "format": FORMAT,
        "edgetl": "0.1.0",
        "created": "2026-11-24T16:00:00+00:00",
        "machine": machine(),
        "split": "test",
        "labels": ("cats", "dogs"),
        "fingerprint": "ab" * 32,
        "targets": TARGETS,
        "rounds": 9,
        "rounds_asked": 9,
        "calls": 20,
        "stopped": "",
        "cases": cases,
        "failures": (),
    }
    return Measured(**given | changed)


TARGETS = (0,) * 50 + (1,) * 50


def wrong_at(*indices: int, targets: Sequence[int] = TARGETS) -> tuple[int, ...]:
    """Right but at these indices, where the class is the other of two."""
    return tuple(1 - true if i in indices else true for i, true in enumerate(targets))


def whole_run() -> Measured:
    """Keras, every export, a runtime that could not, and a case from another machine."""
    slowest = keras(
        bytes=24_000_000, peak_bytes=980_000_000,
        quality=quality(wrong_at(1, 2, 70), TARGETS, agreement=1.0),
    )  # fmt: skip
    made = [
        ("float32", 3.6, 8_890_000, wrong_at(1, 2, 70)),
        ("float16", 3.4, 4_510_000, wrong_at(1, 2, 70)),
        ("dynamic", 6.7, 2_530_000, wrong_at(1, 2, 70, 71)),
        ("int8", 2.7, 2_730_000, wrong_at(1, 70, 71, 72)),
    ]
    files = [
        case(
            name, p50, bytes=size, quality=quality(given, TARGETS),
            ratio=Ratio(21 / p50, 20.5 / p50, 21.4 / p50),
        )
        for name, p50, size, given in made
    ]  # fmt: skip
    slow = case(
        "int8", 64.0, engine="tflite-runtime 2.14.0", bytes=2_730_000,
        quality=quality(wrong_at(1, 70, 71, 72), TARGETS), ratio=Ratio(0.33, 0.32, 0.34),
        invoke=latency(64.0, rounds=(50.0, 64.0, 90.0, 55.0, 80.0)),
    )  # fmt: skip
    elsewhere = case("int8", 14.0, elsewhere="Raspberry Pi 4 Model B", threads=4, bytes=2_730_000)
    failed = Failure("dynamic", "tflite-runtime 2.14.0", 2, "cannot run it (op version 12)")
    return measured(slowest, *files, slow, elsewhere, failures=(failed,))
