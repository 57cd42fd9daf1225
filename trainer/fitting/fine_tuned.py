"""What fine-tuning changed, kept in the run so that a later training can start there.

It is kept as a difference from the weights after phase one, and added to those of the later
training: its head is solved anew, for its own classes and photos, and what is averaged with it
(`averaging`) stays the model of that head. Adding what one fine-tuning changed to another start is
task arithmetic (Ilharco et al., ICLR 2023, https://arxiv.org/abs/2212.04089).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import quoted
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
from edgetl.trainer.fitting.checkpoint import Array
from edgetl.trainer.network.model import backbone_of

_LABELS, _KERNEL, _BIAS, _SCALE = "labels", "head/kernel", "head/bias", "/scale"
_LEVELS = 127
# The changes of the model that learned from all photos; other numbers are those of folds.
FINAL = -1


@dataclass(frozen=True)
class FineTuned:
    """How far fine-tuning moved weights.

    Attributes:
        backbone: float32 arrays by the variable's path; those that did not move are left out.
        labels: the classes of the head.
        kernel: of its weights, float32 [channels, classes], one column a class for two too.
        bias: float32 [classes].
    """

    backbone: Mapping[str, npt.NDArray[np.float32]]
    labels: tuple[str, ...]
    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


def changes_of(model: keras.Model, after_head: Sequence[Array], labels: Sequence[str]) -> FineTuned:
    """How far the model's weights are from those after phase one, in the order of its weights."""
    before = {variable.path: old for variable, old in zip(model.weights, after_head, strict=True)}
    moved = {
        variable.path: np.asarray(variable) - before[variable.path]
        for variable in backbone_of(model).weights
    }
    kernel, bias = (
        np.asarray(variable) - before[variable.path] for variable in model.get_layer("head").weights
    )
    if kernel.shape[1] == 1:
        kernel, bias = np.hstack([-kernel / 2, kernel / 2]), np.hstack([-bias / 2, bias / 2])
    changed = {path: change for path, change in moved.items() if change.any()}
    return FineTuned(changed, tuple(labels), kernel, bias)


def add_changes(model: keras.Model, changes: FineTuned, labels: Sequence[str]) -> None:
    """Move the model's weights as far; those of classes that are new stay.

    Raises:
        KeyError, ValueError: they are of another network.
    """
    variables = {variable.path: variable for variable in backbone_of(model).weights}
    for path, change in changes.backbone.items():
        variables[path].assign_add(change)
    kernel = np.zeros((changes.kernel.shape[0], len(labels)), np.float32)
    bias = np.zeros(len(labels), np.float32)
    for index, label in enumerate(labels):
        if label in changes.labels:
            before = changes.labels.index(label)
            kernel[:, index], bias[index] = changes.kernel[:, before], changes.bias[before]
    head = model.get_layer("head")
    if head.kernel.shape[1] == 1:
        kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
    head.kernel.assign_add(kernel)
    head.bias.assign_add(bias)


def write_changes(path: Path, changes: FineTuned) -> None:
    """Write changes, 8 bits each: 1.9 MB.

    Raises:
        OSError: the disk is full.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, values in {**changes.backbone, _KERNEL: changes.kernel, _BIAS: changes.bias}.items():
        if values.ndim < 2:
            arrays[name] = values.astype(np.float32)
            continue
        axes = tuple(range(values.ndim - 1))
        scale = np.maximum(np.abs(values).max(axis=axes), 1e-30).astype(np.float32) / _LEVELS
        arrays[name] = np.rint(values / scale).astype(np.int8)
        arrays[name + _SCALE] = scale
    labels = np.frombuffer("\n".join(changes.labels).encode("utf-8", "surrogatepass"), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **{_LABELS: labels}, **arrays)


def read_changes(path: Path) -> FineTuned | None:
    """What `write_changes` wrote there; None without it, or where it is damaged."""
    if not path.is_file():
        return None
    try:
        with np.load(path) as file:
            text = file[_LABELS].tobytes().decode("utf-8", "surrogatepass")
            names = [n for n in file.files if n != _LABELS and not n.endswith(_SCALE)]
            found = {name: _read(file, name) for name in names}
            kernel, bias = found.pop(_KERNEL), found.pop(_BIAS)
            labels = tuple(text.split("\n"))
            if not len(labels) == kernel.shape[1] == len(bias):
                raise ValueError("its head is not of its labels")
            return FineTuned(found, labels, kernel, bias)
    except Exception as error:  # A damaged archive raises anything from BadZipFile to KeyError.
        words = " ".join(str(error).split())[:200]
        logger.warning(f"{quoted(path)}: damaged ({words}); nothing starts there")
        return None


def _read(file: Any, name: str) -> npt.NDArray[np.float32]:
    values = file[name].astype(np.float32)
    found = values * file[name + _SCALE] if name + _SCALE in file.files else values
    if not np.isfinite(found).all():
        raise ValueError(f"{name} is no finite number")
    return np.asarray(found, np.float32)
