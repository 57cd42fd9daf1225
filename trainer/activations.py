"""What the frozen part of the network makes of the pictures, computed once and kept on disk.

While layers are frozen, a picture always gives the same activations. In phase one that is the whole
backbone, whose pooled features are kept; in phase two everything below the first trained layer,
whose output at a narrow point, the cut, is kept too. Only the augmentation changes from epoch
to epoch, so a few augmented views of every picture are drawn, by the model's own layers, and used
in turn.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge.errors import EdgetlError
from edge.files import replacing
from edge.native_log import hidden_native_log
from edge.runtime import choose_runtime, default_threads
from trainer.augmentation import augmentation, augmented_by
from trainer.conversion import converted, converter_of
from trainer.model import backbone_of
from trainer.progress import progress
from trainer.recipe import Recipe
from trainer.row_file import RowFile, new_rows, open_rows

# Half precision moves no picture by more than a thousandth of its activations and halves the disk.
_STORED = np.float16
# Larger batches make the interpreter no faster (measured: 1, 8 and 32), smaller ones leave less
# unused at the end.
_BATCH = 8
# Pictures that are augmented together.
_CHUNK = 64
# Converted networks that the cache keeps, the newest.
_KEPT_NETWORKS = 4

Batch = npt.NDArray[np.float32]
FrozenPart = Callable[[Batch], Sequence[npt.NDArray[Any]]]


@dataclass(frozen=True)
class Activations:
    """What the frozen part gives for some pictures, a row each.

    `features` is float16 [pictures, channels], the backbone's pooled output; `cut` is float16
    [pictures, height, width, channels] at the cut, None where that was not kept.
    """

    features: RowFile
    cut: RowFile | None


def cut_below(backbone: keras.Model, first_trained: int) -> int | None:
    """The layer whose output stands for everything below `first_trained`.

    Everything above a cut depends on what is below through the cut's output alone, so none lies
    inside a residual block. Of the narrow ones, no more than twice as wide as the narrowest, it is
    the highest, above which the least is left to compute. None where only the input lies below.
    """
    places = {id(layer.output): i for i, layer in enumerate(backbone.layers)}
    reaches = list(range(len(backbone.layers)))
    for i, layer in enumerate(backbone.layers[1:], start=1):
        for tensor in layer.input if isinstance(layer.input, list) else [layer.input]:
            reaches[places[id(tensor)]] = i
    cuts = [i for i in range(1, first_trained) if all(reaches[j] <= i for j in range(i))]
    narrowest = min((row_size(backbone, i) for i in cuts), default=0)
    return max((i for i in cuts if row_size(backbone, i) <= 2 * narrowest), default=None)


def row_size(backbone: keras.Model, layer: int) -> int:
    """The bytes that one picture's activations at a layer's output take on disk."""
    values = int(np.prod(backbone.layers[layer].output.shape[1:]))
    return values * np.dtype(_STORED).itemsize


def frozen_part(model: keras.Model, cut: int | None, *, cache: Path) -> FrozenPart:
    """The frozen part as the fastest engine here runs it.

    It takes pixels, float32 [pictures, height, width, 3] RGB 0..255, and gives the pooled features
    and, unless `cut` is None, the activations at the output of the backbone's layer `cut`.

    LiteRT runs a picture of 160x160 in 2.2 ms on 2 cores where a compiled TensorFlow function takes
    9.3 and XLA 56 (measured on batches of 32). Where there is no LiteRT, or there is a GPU,
    TensorFlow does it. The converted network is kept in `cache`: converting takes as long as a
    thousand pictures.
    """
    network = _frozen_network(model, cut)
    litert = None
    with contextlib.suppress(EdgetlError):
        litert = choose_runtime("litert")
    if litert is None or tf.config.list_physical_devices("GPU"):
        compiled = tf.function(lambda batch: network(batch, training=False), reduce_retracing=True)
        return lambda batch: [np.asarray(output) for output in compiled(batch)]
    with hidden_native_log():
        interpreter = litert.interpreter(
            _converted(network, cache / "networks"), threads=default_threads()
        )
    place = interpreter.get_input_details()[0]["index"]
    # The converter orders the outputs as it likes; the features have fewer dimensions.
    outputs = sorted(interpreter.get_output_details(), key=lambda output: len(output["shape"]))

    def run(batch: Batch) -> Sequence[npt.NDArray[Any]]:
        parts: list[list[npt.NDArray[Any]]] = []
        for start in range(0, len(batch), _BATCH):
            some = batch[start : start + _BATCH]
            asked = len(some)
            if asked < _BATCH:
                some = np.pad(some, ((0, _BATCH - asked), (0, 0), (0, 0), (0, 0)))
            interpreter.set_tensor(place, some)
            interpreter.invoke()
            parts.append([interpreter.get_tensor(o["index"])[:asked] for o in outputs])
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    return run


def frozen_activations(
    part: FrozenPart,
    pixels: RowFile,
    rows: npt.NDArray[np.int64],
    *,
    folder: Path,
    name: str,
    recipe: Recipe,
    view: int | None,
) -> Activations:
    """Run pictures through the frozen part, or find that done in `folder`.

    Args:
        part: of `frozen_part`.
        pixels: uint8 [pictures, height, width, 3] RGB.
        rows: which of them, in the order of the result.
        folder: where the files NAME-*.npy are kept.
        name: of the files.
        recipe: for the augmentation and the seed.
        view: the number of the augmented view, None for the pictures as they are. A view depends on
            the seed, its number and the pictures alone.

    Raises:
        OSError: the disk is full.
    """
    whole = [folder / f"{name}-features.npy", folder / f"{name}-cut.npy"]
    if whole[0].is_file():
        return _opened(whole)
    # A layer of its own for each view, so that it is the same whatever was drawn before it.
    layer = None if view is None else augmentation(recipe, view=view + 1)
    augment = augmented_by(layer) if layer else None
    building: list[RowFile] = []
    parts = [path.with_suffix(".part") for path in whole]
    with progress(f"frozen layers, {name}", len(rows)) as advance:
        for start in range(0, len(rows), _CHUNK):
            some = pixels[rows[start : start + _CHUNK]]
            outputs = part((augment(some) if augment else some).astype(np.float32))
            if not building:
                building = [
                    new_rows(path, (len(rows), *output.shape[1:]), _STORED)
                    for path, output in zip(parts, outputs, strict=False)
                ]
            for file, output in zip(building, outputs, strict=True):
                file.write(start, output)
            advance(len(some))
    # The features, which say that the rest is whole, come last.
    for file, path in reversed(list(zip(building, whole, strict=False))):
        file.path.replace(path)
    return _opened(whole)


def _opened(paths: Sequence[Path]) -> Activations:
    features, cut = paths
    return Activations(open_rows(features), open_rows(cut) if cut.is_file() else None)


def _frozen_network(model: keras.Model, cut: int | None) -> keras.Model:
    backbone = backbone_of(model)
    outputs = [keras.layers.GlobalAveragePooling2D(name="features")(backbone.output)]
    if cut is not None:
        outputs.append(backbone.layers[cut].output)
    inputs = keras.Input(model.input_shape[1:], batch_size=_BATCH, name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    frozen = keras.Model(backbone.input, outputs)
    return keras.Model(inputs, frozen(scaled, training=False))


def _converted(network: keras.Model, folder: Path) -> bytes:
    key = hashlib.sha256(f"{tf.__version__} {_BATCH} {network.output_shape}".encode())
    for weight in network.weights:
        key.update(np.ascontiguousarray(weight).data)
    path = folder / f"{key.hexdigest()[:24]}.tflite"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(converted(converter_of(network)))
        for old in sorted(folder.iterdir(), key=os.path.getmtime)[:-_KEPT_NETWORKS]:
            old.unlink(missing_ok=True)
    return path.read_bytes()
