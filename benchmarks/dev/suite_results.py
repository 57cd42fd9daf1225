"""The suite's results: a line of JSON for each training, from which it is continued."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edgetl.benchmarks.dev.suite_measure import Measured
from edgetl.benchmarks.dev.suite_plan import Trial
from edgetl.edge.errors import RecordError, RunFolderError, plural, quoted, reason


@dataclass(frozen=True)
class Finished:
    """A training that finished.

    Attributes:
        trial: which.
        pictures: the photos trained on, all classes together.
        test: what the model reaches.
        seconds: of the whole process, from its start to its end.
        peak_bytes: the most memory that the process had.
        edgetl: the version that trained.
    """

    trial: Trial
    pictures: int
    test: Measured
    seconds: float
    peak_bytes: int
    edgetl: str

    @property
    def line(self) -> str:
        """All of it in one line."""
        test = self.test
        return (
            f"{self.trial}: {test.accuracy:.2%}, loss {test.loss:.3f}, ECE {test.ece:.3f}, "
            f"{self.seconds:.1f} s, peak {self.peak_bytes / 1e9:.2f} GB"
        )


@dataclass(frozen=True)
class Failed:
    """A training that failed: it is tried again the next time."""

    trial: Trial
    pictures: int
    problem: str
    edgetl: str

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.trial}: {self.problem}"


Result = Finished | Failed


class ResultsFile:
    """results.jsonl: what has been measured so far, and where more is appended."""

    def __init__(self, path: Path) -> None:
        """Read it, if it is there.

        Raises:
            RunFolderError: it cannot be read.
            RecordError: a line is no result. A last line that ends in the middle, as an
                interrupted program leaves it, is none and is passed over.
        """
        self.path = path
        self._found: dict[Trial, Result] = {}
        self._whole_bytes = 0
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise RunFolderError(f"{quoted(path)}: cannot be read: {reason(error)}") from error
        self._whole_bytes = content.rfind(b"\n") + 1
        for number, line in enumerate(content[: self._whole_bytes].splitlines(), start=1):
            try:
                result = _result(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise RecordError(
                    f"{quoted(path)}: line {number} is no result; remove the line"
                ) from error
            self._found[result.trial] = result

    @property
    def finished(self) -> list[Finished]:
        """The trainings that finished, each once: the last of its lines counts."""
        return [result for result in self._found.values() if isinstance(result, Finished)]

    @property
    def failed(self) -> list[Failed]:
        """The trainings that failed and were not repeated with success."""
        return [result for result in self._found.values() if isinstance(result, Failed)]

    def append(self, result: Result) -> None:
        """Write a result at the end, in the place of a line that ends in the middle.

        Raises:
            RunFolderError: it cannot be written.
        """
        flat = {**asdict(result.trial), **asdict(result)}
        del flat["trial"]
        flat.update(flat.pop("test", {}))
        line = json.dumps(flat, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        try:
            with self.path.open("r+b" if self.path.exists() else "xb") as stream:
                stream.truncate(self._whole_bytes)
                stream.seek(self._whole_bytes)
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise RunFolderError(
                f"{quoted(self.path)}: cannot be written: {reason(error)}"
            ) from error
        self._whole_bytes += len(line)
        self._found[result.trial] = result


def _result(written: dict[str, Any]) -> Result:
    if "way" in written:  # its name in 0.1.0
        written = {**written, "variant": written["way"]}
    trial = Trial(**_fields(Trial, written))
    common = {"trial": trial, "pictures": written["pictures"], "edgetl": written["edgetl"]}
    if "problem" in written:
        return Failed(**common, problem=written["problem"])
    return Finished(
        **common,
        test=Measured(**_fields(Measured, written)),
        seconds=written["seconds"],
        peak_bytes=written["peak_bytes"],
    )


def _fields(of: type[Trial] | type[Measured], written: dict[str, Any]) -> dict[str, Any]:
    return {field.name: written[field.name] for field in fields(of)}


def expected_seconds(trial: Trial, pictures: int, done: Sequence[Finished]) -> float | None:
    """How long a training takes, by those of its variant with the most similar number of photos.

    None where there are none of that variant at that image size.
    """
    kind = (trial.variant, trial.image_size)
    alike = [result for result in done if (result.trial.variant, result.trial.image_size) == kind]
    if not alike:
        return None

    def distance(result: Finished) -> float:
        more, fewer = max(pictures, result.pictures), min(pictures, result.pictures)
        return more / max(1, fewer)

    nearest = min(map(distance, alike))
    seconds = [result.seconds for result in alike if distance(result) == nearest]
    return sum(seconds) / len(seconds)


def plan_line(left: Iterable[tuple[Trial, int]], done: Sequence[Finished]) -> str:
    """How many trainings are left, each with its number of photos, and how long they may take."""
    planned = list(left)
    words = f"{plural(len(planned), 'training')} left"
    expected = [expected_seconds(trial, pictures, done) for trial, pictures in planned]
    known = [seconds for seconds in expected if seconds is not None]
    if known:
        words += f", about {sum(known) / 3600:.1f} hours by those that are done"
    if unknown := len(planned) - len(known):
        words += (
            f"; {unknown} of a variant not trained yet"
            if known
            else ", none done of these variants"
        )
    return words
