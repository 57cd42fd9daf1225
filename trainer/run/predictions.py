"""predictions.json: what models gave photos that they had not learned from.

A later training compares its own answers with these (`edgetl.trainer.retraining`).
"""

from collections.abc import Mapping
from pathlib import Path

from edgetl.edge.errors import RunFolderError, quoted
from edgetl.edge.system.files import write_json
from edgetl.trainer.run.records import VERSION, read_json


def write_predictions(path: Path, predicted: Mapping[str, str]) -> None:
    """Write the class that each photo was given, by file."""
    write_json(path, {"version": VERSION, "predicted": dict(predicted)})


def read_predictions(path: Path) -> Mapping[str, str]:
    """The class that each photo was given, by file; {} in a run of an older edgetl.

    Raises:
        RunFolderError: the file is damaged.
    """
    if not path.is_file():
        return {}
    found = read_json(path)
    predicted = found.get("predicted") if isinstance(found, dict) else None
    if not isinstance(predicted, dict) or not all(isinstance(v, str) for v in predicted.values()):
        raise RunFolderError(f"{quoted(path)}: damaged; train again")
    return predicted
