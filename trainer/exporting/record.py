"""export.json: what is known of each file in a run's exports/."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import edgetl
from edgetl.edge.errors import RunFolderError, quoted, reason
from edgetl.edge.system.files import write_json
from edgetl.edge.system.json_record import DamagedError, from_json
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.dataset import Split
from edgetl.trainer.exporting.options import Quantization
from edgetl.trainer.exporting.parity import Parity

# edgetl 0.1.0 wrote no version: the same files, called version 0 here.
VERSION = 1


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
    """A file on one runtime: its parity with Keras, or the problem that kept it from running."""

    runtime: str
    version: str
    parity: Parity | None
    problem: str | None


@dataclass(frozen=True)
class ExportedFile:
    """A written model file and what its check on the pictures of `split` gave.

    Of an int8 file, `keep_float` are the layers in float and `layer_errors` where its error comes
    from, worst first, measured only where it matters. `rejected` is why it must not be used.
    """

    path: Path
    quantization: Quantization
    bytes: int
    sha256: str
    split: Split
    checks: tuple[RuntimeCheck, ...]
    keep_float: tuple[str, ...]
    layer_errors: tuple[LayerQuantizationError, ...]
    rejected: str | None


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
        content = {"version": 0, **json.loads(path.read_text(encoding="utf-8"))}
        if content["version"] > VERSION:
            raise RunFolderError(f"{quoted(path)}: written by a newer edgetl; install that one")
        files = {
            name: {**entry, "path": str(exports / name)} for name, entry in content["files"].items()
        }
        record: ExportRecord = from_json(ExportRecord, {**content, "files": files})
    except OSError as error:
        raise RunFolderError(f"{quoted(path)}: {reason(error)}; export again") from error
    except (DamagedError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{quoted(path)}: damaged; export again") from error
    return record


def add_to_record(exports: Path, exported: Iterable[ExportedFile]) -> None:
    """Write the files to export.json, beside those of earlier exports that are still there."""
    path = exports / "export.json"
    files: dict[str, ExportedFile] = {}
    if path.exists():
        try:
            earlier = read_record(exports).files
            files = {name: file for name, file in earlier.items() if file.path.is_file()}
        except RunFolderError as error:
            logger.warning(f"{error}; it is replaced, without the files of earlier exports")
    files |= {file.path.name: file for file in exported}
    when = datetime.now(UTC).isoformat(timespec="seconds")
    record = asdict(ExportRecord(VERSION, edgetl.__version__, when, files))
    for file in record["files"].values():
        del file["path"]
    write_json(path, record)
