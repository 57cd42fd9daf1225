"""export.json: what is known of each file in a run's exports/."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import edgetl
from edgetl.edge.errors import RunFolderError, newer, quoted, reason
from edgetl.edge.model.latest import EARLIER
from edgetl.edge.model.verdict import PairedDifference, Verdict
from edgetl.edge.system.files import read_json, write_json
from edgetl.edge.system.json_record import DamagedError, from_json
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.dataset import Split
from edgetl.trainer.exporting.options import Quantization
from edgetl.trainer.exporting.parity import Parity

# edgetl 0.1.0 wrote no version: the same files, called version 0 here. Up to version 1 a file had
# `rejected`, why it was, in place of a verdict.
VERSION = 2
_MOST_BYTES = 10 * 10**6


@dataclass(frozen=True)
class LayerQuantizationError:
    """How much of the information in a layer's output is lost to int8.

    `lost` is 0..1: the share of noise in each channel, noise / (noise + signal) by power, averaged
    over its channels. Noise of the layers before it is not counted.
    """

    layer: str
    lost: float


@dataclass(frozen=True)
class RuntimeCheck:
    """A file on one runtime: how it differs from Keras, or the problem that kept it from running.

    `parity` is on held-out pictures, and says how right the file is. `difference` is on those of
    every split; with `max_drop`, percentage points, it gives the verdict, and `why` the file is not
    accepted. None in an older record.
    """

    runtime: str
    version: str
    parity: Parity | None
    problem: str | None
    difference: PairedDifference | None = None
    max_drop: float | None = None
    verdict: Verdict | None = None
    why: str | None = None


@dataclass(frozen=True)
class ExportedFile:
    """A written model file and what its check gave; `split` is that of the held-out pictures.

    Of an int8 file, `keep_float` are the layers in float and `layer_errors` where its error comes
    from, worst first, measured only where it matters. `verdict` is the worst on any runtime.
    """

    path: Path
    quantization: Quantization
    bytes: int
    sha256: str
    split: Split
    checks: tuple[RuntimeCheck, ...]
    keep_float: tuple[str, ...]
    layer_errors: tuple[LayerQuantizationError, ...]
    verdict: Verdict
    why: str | None


@dataclass(frozen=True)
class ExportRecord:
    """All of export.json: `exported` is when it was written (ISO 8601), `files` are by name."""

    version: int
    edgetl: str
    exported: str
    files: Mapping[str, ExportedFile]


def read_record(exports: Path) -> ExportRecord:
    """Read export.json in a run's exports/, of this version or an older one.

    Raises:
        RunFolderError: it is missing, damaged, or of a newer version.
    """
    path = exports / "export.json"
    try:
        content = {"version": 0, **read_json(path, at_most=_MOST_BYTES)}
        if content["version"] > VERSION:
            raise RunFolderError(newer(path))
        files = {
            name: _with_verdict({**entry, "path": str(exports / name)})
            for name, entry in content["files"].items()
        }
        record: ExportRecord = from_json(ExportRecord, {**content, "files": files})
    except OSError as error:
        raise RunFolderError(f"{quoted(path)}: {reason(error)}; export again") from error
    except (DamagedError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{quoted(path)}: damaged; export again") from error
    return record


def _with_verdict(entry: dict[str, Any]) -> dict[str, Any]:
    if "verdict" in entry:
        return entry
    why = entry["rejected"]
    return {**entry, "verdict": "rejected" if why else "accepted", "why": why}


def add_to_record(exports: Path, exported: Iterable[ExportedFile]) -> None:
    """Write the files to export.json, beside those of earlier exports that are still there.

    An earlier file that was set aside, NAME.earlier.tflite, keeps what is known of it.
    """
    path = exports / "export.json"
    files: dict[str, ExportedFile] = {}
    if path.exists():
        try:
            earlier = read_record(exports).files
            files = {file.path.name: file for file in map(_as_it_is, earlier.values()) if file}
        except RunFolderError as error:
            logger.warning(f"{error}; it is replaced, without the files of earlier exports")
    files |= {file.path.name: file for file in exported}
    when = datetime.now(UTC).isoformat(timespec="seconds")
    record = asdict(ExportRecord(VERSION, edgetl.__version__, when, files))
    for file in record["files"].values():
        del file["path"]
    write_json(path, record)


def _as_it_is(file: ExportedFile) -> ExportedFile | None:
    aside = file.path.with_suffix(EARLIER)
    if file.path.is_file():
        return file
    return replace(file, path=aside) if aside.is_file() else None
