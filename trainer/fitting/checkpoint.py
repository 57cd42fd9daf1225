"""Everything that training needs to go on after an epoch, in one file, whole or not there."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import RunFolderError, quoted
from edgetl.edge.system.files import replacing
from edgetl.edge.system.json_record import from_json
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import EpochRecord

Array = npt.NDArray[Any]

_LISTS = ("weights", "best", "optimizer")


@dataclass(frozen=True)
class Checkpoint:
    """The state after the last epoch of `history`, whose rows are those of history.json.

    `weights` are the whole model's, `best` those after the epoch with the lowest validation loss,
    `optimizer` the optimizer's variables.
    """

    history: list[EpochRecord]
    weights: list[Array]
    best: list[Array]
    optimizer: list[Array]


def values_of(variables: Sequence[Any]) -> list[Array]:
    """Copies of what Keras variables hold."""
    # NumPy takes no variable that is mirrored on several devices; what Keras gives may be the
    # variable's own memory.
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def restore(variables: Sequence[Any], values: Sequence[Array]) -> None:
    """Give Keras variables the values that `values_of` gave."""
    for variable, value in zip(variables, values, strict=True):
        # A copy: TensorFlow may take the array's memory for the variable's, and train in it.
        variable.assign(np.array(value))


def write_checkpoint(run: RunFolder, checkpoint: Checkpoint) -> None:
    """Write the state of training. Raises OSError if the disk is full; the old one then stays."""
    arrays = {
        f"{name}-{i}": array for name in _LISTS for i, array in enumerate(getattr(checkpoint, name))
    }
    text = np.frombuffer(
        json.dumps([asdict(epoch) for epoch in checkpoint.history]).encode(), np.uint8
    )
    # Through memory: an archive that cannot be written to the end raises again when it is
    # deleted, where no handler sees it.
    content = io.BytesIO()
    np.savez(content, history=text, **arrays)
    with replacing(run.checkpoint) as temporary:
        temporary.write_bytes(content.getbuffer())


def read_checkpoint(run: RunFolder) -> Checkpoint | None:
    """The state that an interrupted training left, None where no epoch was finished.

    Raises:
        RunFolderError: the file is damaged.
    """
    if not run.checkpoint.is_file():
        return None
    try:
        with np.load(run.checkpoint) as file:
            return Checkpoint(
                history=[
                    from_json(EpochRecord, row) for row in json.loads(file["history"].tobytes())
                ],
                **{name: _numbered(file, name) for name in _LISTS},
            )
    except Exception as error:
        # A damaged archive raises anything from BadZipFile to KeyError.
        raise RunFolderError(
            f"{quoted(run.checkpoint)}: damaged ({' '.join(str(error).split())[:200]}); "
            f"train again without --resume"
        ) from error


def _numbered(file: Any, name: str) -> list[Array]:
    count = sum(key.startswith(f"{name}-") for key in file.files)
    if not count:
        raise KeyError(name)
    return [file[f"{name}-{i}"] for i in range(count)]
