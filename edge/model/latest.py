"""What a command works on by default: the newest finished run, and its newest export."""

import os
from collections.abc import Iterable
from pathlib import Path

from edgetl.edge.errors import ModelFileError, quoted
from edgetl.edge.system.files import read_regular_file

RUNS = Path("runs")
LATEST = "latest"
# The ending of an exported file that failed its check.
REJECTED = ".rejected.tflite"
# That of an older file, which passed, beside a newer one that was rejected.
EARLIER = ".earlier.tflite"
# That of one that was taught beside the one that it was taught on.
TAUGHT = ".taught.tflite"
_MOST_NAME_BYTES = 4096


def latest_run(runs: Path = RUNS) -> Path | None:
    """The folder that `runs`/latest points to, None if it points to none.

    `latest` is a link, or on a system without links a file with the folder's name in it.
    """
    latest = runs / LATEST
    if latest.is_file():
        try:
            name = os.fsdecode(read_regular_file(latest, at_most=_MOST_NAME_BYTES)).strip()
            return runs / name if name and (runs / name).is_dir() else None
        except (OSError, ValueError):
            return None
    return runs / latest.readlink() if latest.is_symlink() and latest.is_dir() else None


def exported_models(exports: Path) -> list[Path]:
    """The files in a run's exports/ that the newest check of each has not rejected."""
    found = sorted(exports.glob("model*.tflite"))
    return [path for path in found if not path.name.endswith((REJECTED, EARLIER))]


def model_of(path: Path) -> Path:
    """`path` if it is a file, else of the run in that folder the newest export.

    Raises:
        ModelFileError: the run has none, the folder is no run's, or the file failed its check.
    """
    if path.is_dir():
        exports = exported_models(path / "exports")
        if not exports:
            raise not_a_model(path)
        return _newest(exports)
    if path.name.endswith(REJECTED):
        raise ModelFileError(f"{quoted(path)}: failed its check in export; export it again")
    return path


def not_a_model(folder: Path) -> ModelFileError:
    """What is said where a model's file is asked for, and a folder given: which file to give."""
    if (folder / "exports").is_dir():
        exports = exported_models(folder / "exports")
        if not exports:
            return _nothing_exported(folder)
        return ModelFileError(
            f"{quoted(folder)}: a run folder, not a model file; give {quoted(_newest(exports))}"
        )
    there = _without_others(folder.glob("*.tflite"))
    if there:
        return ModelFileError(
            f"{quoted(folder)}: a folder, not a model file; give {quoted(there[0])}"
        )
    return ModelFileError(
        f"{quoted(folder)}: a folder, not a model file; give a .tflite file, as edgetl export "
        f"writes into a run's exports/"
    )


def latest_model() -> Path:
    """The newest export in runs/latest, else the only .tflite file in this folder.

    A model that was taught stands for the one that it was taught on.

    Raises:
        ModelFileError: there is neither, or there are several.
    """
    run = latest_run()
    exports = exported_models(run / "exports") if run else []
    if exports:
        return _newest(exports)
    here = _without_others(path for path in Path().glob("*.tflite") if path.name[0] != ".")
    if len(here) == 1:
        return here[0]
    if here:
        names = ", ".join(quoted(path.name) for path in here)
        raise ModelFileError(f"several models here ({names}); choose one with --model FILE")
    if run:
        raise _nothing_exported(run)
    raise ModelFileError(
        "no model: neither runs/latest/exports nor this folder holds a .tflite file; "
        "name one with --model FILE"
    )


def _newest(models: Iterable[Path]) -> Path:
    return max(models, key=lambda path: path.stat().st_mtime)


def _without_others(models: Iterable[Path]) -> list[Path]:
    """The files that nothing has rejected, replaced or taught more."""
    found = sorted(path for path in models if not path.name.endswith((REJECTED, EARLIER)))
    return [path for path in found if path.with_suffix(TAUGHT) not in found]


def _nothing_exported(run: Path) -> ModelFileError:
    if any((run / "exports").glob(f"*{REJECTED}")):
        return ModelFileError(
            f"{quoted(run)}: its newest export was rejected; export it in another way with edgetl "
            f"export, or name a model file"
        )
    return ModelFileError(f"{quoted(run)}: has no exported model yet; make one with: edgetl export")
