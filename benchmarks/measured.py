"""What `edgetl benchmark` measured: the form that tables, JSON, reports and comparisons share."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from edgetl.edge.errors import EdgetlError, plural

# Of the JSON that record.py writes. Its keys are the fields' names, or their metadata's "key" where
# a field has a better name today.
FORMAT: Literal[1] = 1

# The name of Keras' cases. A file may be called the same, so nothing goes by it.
KERAS = "Keras"
_KERAS_ENGINE = "TensorFlow"

# Beyond this the rounds of a case differ too much for its figures to be quoted.
NOISY_SPREAD = 0.15


def engine_family(engine: str) -> str:
    """An engine's name without its version."""
    return engine.partition(" ")[0]


def runs_keras(engine: str) -> bool:
    """Whether an engine runs the Keras model, and no .tflite file."""
    return engine_family(engine) == _KERAS_ENGINE


@dataclass(frozen=True)
class Latency:
    """Milliseconds for one picture.

    Attributes:
        p50, p90, p99: percentiles over all calls of all rounds that count.
        rounds: the median of each round, None for a round that does not count (throttled).
        samples: single calls for a distribution, 1000 at most, evenly taken.
    """

    p50: float
    p90: float
    p99: float
    rounds: tuple[float | None, ...]
    samples: tuple[float, ...]

    @property
    def spread(self) -> float:
        """The interquartile range of the rounds' medians over their median; 0 for one round."""
        counted = [value for value in self.rounds if value is not None]
        if len(counted) < 2:
            return 0.0
        low, middle, high = statistics.quantiles(counted, n=4, method="inclusive")
        return (high - low) / middle

    @property
    def noisy(self) -> bool:
        """Whether the rounds differ too much for the figures to be quoted."""
        return self.spread > NOISY_SPREAD


@dataclass(frozen=True)
class Ratio:
    """How many times faster than Keras, the median of ratios taken round by round.

    `low` and `high` are their quartiles.
    """

    median: float
    low: float
    high: float

    @property
    def noisy(self) -> bool:
        """Whether the rounds' ratios differ too much for it to be quoted.

        A machine that slows down for some rounds slows both sides: times that are noisy may well
        have a ratio that is not.
        """
        return self.high - self.low > NOISY_SPREAD * self.median


@dataclass(frozen=True)
class Quality:
    """How well a case classifies the pictures, and beside Keras where there are its answers.

    Shares are 0..1. `predicted` is the class of each picture, in labels order; `ece` the expected
    calibration error, None in a record of an older edgetl.
    """

    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    agreement: float | None
    mcnemar_p: float | None
    largest_difference: float | None
    predicted: tuple[int, ...]
    ece: float | None = None


@dataclass(frozen=True)
class Case:
    """One model on one engine with a number of threads.

    Attributes:
        name: KERAS, or the file's name without "model." and ".tflite"; of two of one name as much
            of their paths as distinguishes them.
        engine: "TensorFlow 2.21.0", "litert 2.3.0".
        variant: of Keras, the fastest of "model(x)", "predict" and "tf.function"; "" for files.
        elsewhere: the machine on which it was measured, where not on this one.
        bytes, sha256: of the model file.
        load_ms: from the file's path to a model ready to be called, libraries imported.
        first_ms: of the first call.
        invoke: from the model's input pixels to probabilities.
        end_to_end: from a JPEG's bytes to probabilities.
        pictures_per_second: end to end, one after the other.
        peak_bytes: of the case's process, 0 where it is not known.
        ratio: of `invoke` beside Keras', None for Keras and where there is no Keras case here.
    """

    name: str
    engine: str
    variant: str = field(metadata={"key": "way"})
    threads: int
    elsewhere: str | None
    bytes: int
    sha256: str
    load_ms: float
    first_ms: float
    invoke: Latency
    end_to_end: Latency
    pictures_per_second: float
    peak_bytes: int
    quality: Quality | None
    ratio: Ratio | None

    @property
    def noisy(self) -> bool:
        """Whether one of its latencies is not to be quoted."""
        return self.invoke.noisy or self.end_to_end.noisy

    @property
    def is_keras(self) -> bool:
        """Whether it is the Keras model and no file."""
        return runs_keras(self.engine)


@dataclass(frozen=True)
class Failure:
    """A case that could not be measured, and why in one line.

    `engine` is "" and `threads` 0 for a file that no engine was tried on.
    """

    name: str
    engine: str
    threads: int
    problem: str

    @property
    def line(self) -> str:
        """All of it in one line."""
        where = f" on {self.engine}" if self.engine else ""
        threads = f", {plural(self.threads, 'thread')}" if self.threads else ""
        return f"{self.name}{where}{threads}: {self.problem}"


class NothingMeasuredError(EdgetlError):
    """Every case has failed, each for a reason of its own."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__(
            f"nothing could be measured: {'; '.join(failure.line for failure in failures)}"
        )
        self.failures = tuple(failures)


@dataclass(frozen=True)
class Condition:
    """The machine at one moment. None where it is not known.

    `throttled` holds what the firmware says is wrong, as words: "under-voltage" and so on.
    """

    temperature_celsius: float | None
    governor: str | None
    megahertz: float | None
    throttled: tuple[str, ...] | None
    load_average: float | None


@dataclass(frozen=True)
class Machine:
    """What the figures were measured on."""

    name: str
    cpu: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    versions: dict[str, str]
    before: Condition
    after: Condition

    @property
    def facts(self) -> dict[str, str]:
        """What it is, but for its name and what is installed, as a person reads it."""
        return {
            "processor": self.cpu,
            "cores": str(self.cores),
            "memory": f"{self.memory_bytes / 1e9:.1f} GB",
            "system": self.system,
            "Python": self.python,
        }


@dataclass(frozen=True)
class Measured:
    """One benchmark.

    Attributes:
        format: of this record.
        created: UTC, ISO 8601.
        split: what the pictures are: "test", "validation", "folder" for --data, or "drawn" where
            there are none and only time is measured; then `targets` is ().
        fingerprint: SHA-256 over the pictures' digests: of two benchmarks on the same ones it is
            the same.
        targets: the class of each picture.
        rounds, rounds_asked: how many were finished, and how many were asked for.
        calls: in each round of each case.
        stopped: "" or why it ended early.
        notes: sentences that whoever reads the figures must know.
    """

    format: Literal[1]
    edgetl: str
    created: str
    machine: Machine
    split: str
    labels: tuple[str, ...]
    fingerprint: str
    targets: tuple[int, ...] = field(metadata={"key": "truth"})
    rounds: int
    rounds_asked: int
    calls: int
    stopped: str
    cases: tuple[Case, ...] = field(metadata={"key": "rows"})
    failures: tuple[Failure, ...]
    # Last, and with a default: records of before have none.
    notes: tuple[str, ...] = ()

    @property
    def uncounted_rounds(self) -> tuple[int, ...]:
        """The numbers, from 1 on, of the rounds that do not count for the cases measured here."""
        here = [case.invoke.rounds for case in self.cases if not case.elsewhere]
        return tuple(
            number
            for number, medians in enumerate(zip(*here, strict=False), start=1)
            if None in medians
        )
