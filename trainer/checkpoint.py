"""Everything that training needs to go on after an epoch, in one file, whole or not there."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edge.errors import RunFolderError, quoted
from edge.files import replacing
from trainer.run_folder import RunFolder


@dataclass(frozen=True)
class Checkpoint:
    """The state after the last epoch of `history`: the weights and the optimizer's variables."""

    history: list[dict[str, Any]]
    weights: list[npt.NDArray[Any]]
    optimizer: list[npt.NDArray[Any]]


def write_checkpoint(
    run: RunFolder, *, history: Sequence[dict[str, Any]], weights: Any, optimizer: Any
) -> None:
    """Keep the state of training. Raises OSError where the disk is full; the old one then stays.

    Args:
        history: the rows of history.json.
        weights: Keras variables, of the whole model.
        optimizer: Keras variables, the optimizer's.
    """
    arrays = {f"weight-{i}": _array(value) for i, value in enumerate(weights)}
    arrays |= {f"optimizer-{i}": _array(value) for i, value in enumerate(optimizer)}
    text = np.frombuffer(json.dumps(list(history)).encode(), np.uint8)
    # By way of memory: an archive that cannot be written to the end complains again when it is
    # thrown away, past every handler.
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
                history=json.loads(file["history"].tobytes()),
                weights=_numbered(file, "weight"),
                optimizer=_numbered(file, "optimizer"),
            )
    except Exception as error:
        # A damaged archive raises anything from BadZipFile to KeyError.
        raise RunFolderError(
            f"{quoted(run.checkpoint)}: damaged ({' '.join(str(error).split())[:200]}); "
            f"train again without --resume"
        ) from error


def _numbered(file: Any, name: str) -> list[npt.NDArray[Any]]:
    count = sum(key.startswith(f"{name}-") for key in file.files)
    return [file[f"{name}-{i}"] for i in range(count)]


def _array(variable: Any) -> npt.NDArray[Any]:
    # Not np.asarray, which takes no variable that is mirrored on several devices.
    array: npt.NDArray[Any] = keras.ops.convert_to_numpy(variable)
    return array
