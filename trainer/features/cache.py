"""Features that the frozen part of the network gives for the pictures, computed once and cached.

While layers are frozen, a picture always gives the same activations. In phase one that is the whole
backbone, whose pooled features are cached; in phase two everything below the first trained layer,
whose output at a narrow layer, the split layer, is cached too. Only the augmentation changes from
epoch to epoch, so a few augmented copies of every picture are made, as the model's own layer makes
them, and used alternately.
"""

import contextlib
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetl.edge.errors import EdgetlError, quoted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.model.runtime import choose_runtime, default_threads
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.memory_mapped import (
    DamagedRowsError,
    MemoryMappedArray,
    open_rows,
    write_rows,
)
from edgetl.trainer.exporting.conversion import converted, converter_of
from edgetl.trainer.network.augmentation import augmentation, augmented_by
from edgetl.trainer.network.model import backbone_of
from edgetl.trainer.progress import progress
from edgetl.trainer.recipe import Recipe

# Half precision changes activations by less than a thousandth and halves the space on disk.
_STORED = np.float16
# Larger batches are no faster (measured: 1, 8 and 32), and smaller ones waste less at the end.
_BATCH = 8
# Pictures that are augmented together.
_CHUNK = 64
# How many converted networks the cache keeps, the newest.
_KEPT_NETWORKS = 4
# A converted network's file begins with its CRC-32.
_CRC_BYTES = 4

Batch = npt.NDArray[np.float32]
Network = Callable[[Batch], npt.NDArray[Any]]


def split_layer_below(backbone: keras.Model, first_trained: int) -> int | None:
    """The split layer: its output replaces everything below `first_trained`.

    Everything above a split layer depends on what is below through its output alone, so none lies
    inside a residual block. Of the narrow ones, no more than twice as wide as the narrowest, it is
    the highest, so that the least is left to compute. None where only the input lies below.
    """
    indices = {id(layer.output): i for i, layer in enumerate(backbone.layers)}
    reaches = list(range(len(backbone.layers)))
    for i, layer in enumerate(backbone.layers[1:], start=1):
        for tensor in layer.input if isinstance(layer.input, list) else [layer.input]:
            reaches[indices[id(tensor)]] = i
    candidates = [i for i in range(1, first_trained) if all(reaches[j] <= i for j in range(i))]
    narrowest = min((row_size(backbone, i) for i in candidates), default=0)
    return max((i for i in candidates if row_size(backbone, i) <= 2 * narrowest), default=None)


def row_size(backbone: keras.Model, layer: int) -> int:
    """The bytes that one picture's activations at a layer's output take on disk."""
    values = int(np.prod(backbone.layers[layer].output.shape[1:]))
    return values * np.dtype(_STORED).itemsize


def below_split(model: keras.Model, split_layer: int, *, cache: Path) -> Network:
    """From pixels, float32 [pictures, height, width, 3] RGB 0..255, to the backbone's activations
    at the output of its layer `split_layer`, as `_engine` computes them.
    """
    return _engine(_network(model, backbone_of(model).layers[split_layer].output), cache)


def features_above_split(model: keras.Model, split_layer: int, *, cache: Path) -> Network:
    """From activations at the split layer to its pooled features, [pictures, channels]."""
    backbone = backbone_of(model)
    activations = backbone.layers[split_layer].output
    inputs = keras.Input(activations.shape[1:], batch_size=_BATCH, name="activations")
    above = keras.Model(activations, _pooled(backbone))
    return _engine(keras.Model(inputs, above(inputs, training=False)), cache)


def features_of_pixels(model: keras.Model, *, cache: Path) -> Network:
    """From pixels to the backbone's pooled features."""
    return _engine(_network(model, _pooled(backbone_of(model))), cache)


def computed(
    network: Network,
    inputs: MemoryMappedArray,
    rows: npt.NDArray[np.int64],
    *,
    path: Path,
    augment: Callable[[Pixels], Pixels] | None = None,
) -> MemoryMappedArray:
    """Run rows of a file through a network, or find the result at `path`.

    Args:
        network: what computes a row of the result from each.
        inputs: [pictures, ...].
        rows: which of them, in the order of the result.
        path: where the result is cached, as float16; progress shows its name.
        augment: applied to the inputs first.

    Raises:
        OSError: the disk is full.
    """
    if path.is_file():
        try:
            return open_rows(path)
        except DamagedRowsError as error:
            logger.warning(f"{quoted(path)}: damaged, {error}; computed again")

    def outputs() -> Iterator[npt.NDArray[Any]]:
        with progress(f"frozen layers, {path.stem}", len(rows)) as advance:
            for start in range(0, len(rows), _CHUNK):
                some = inputs[rows[start : start + _CHUNK]]
                yield network((augment(some) if augment else some).astype(np.float32))
                advance(len(some))

    return write_rows(path, len(rows), outputs(), _STORED)


def augmented_copy(recipe: Recipe, number: int) -> Callable[[Pixels], Pixels] | None:
    """The function that makes the augmented copy of that number; None without augmentation.

    A copy depends on the seed, its number and the pictures only.
    """
    # A layer for each copy, so that it does not depend on what was made before.
    layer = augmentation(recipe, view=number + 1)
    return augmented_by(layer) if layer else None


def mirrored(pictures: Pixels) -> Pixels:
    """Pictures, uint8 [pictures, height, width, 3], left to right."""
    return pictures[:, :, ::-1]


def _engine(network: keras.Model, cache: Path) -> Network:
    """A frozen network in the fastest engine on this machine.

    LiteRT runs a picture of 160x160 in 2.2 ms on 2 cores where a compiled TensorFlow function takes
    9.3 and XLA 56 (measured on batches of 32). Where there is no LiteRT, or there is a GPU,
    TensorFlow does it. The converted network is cached in `cache`: converting takes as long as a
    thousand pictures.
    """
    litert = None
    with contextlib.suppress(EdgetlError):
        litert = choose_runtime("litert")
    if litert is None or tf.config.list_physical_devices("GPU"):
        compiled = tf.function(lambda batch: network(batch, training=False), reduce_retracing=True)
        return lambda batch: np.asarray(compiled(batch))
    flatbuffer = _converted(network, cache / "networks")
    interpreter = litert.interpreter(flatbuffer, threads=default_threads())
    (input_,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(batch: Batch) -> npt.NDArray[Any]:
        parts: list[npt.NDArray[Any]] = []
        for start in range(0, len(batch), _BATCH):
            some = batch[start : start + _BATCH]
            size = len(some)
            if size < _BATCH:
                some = np.pad(some, [(0, _BATCH - size)] + [(0, 0)] * (some.ndim - 1))
            interpreter.set_tensor(input_["index"], some)
            interpreter.invoke()
            parts.append(interpreter.get_tensor(output["index"])[:size])
        return np.concatenate(parts)

    return run


def _network(model: keras.Model, output: Any) -> keras.Model:
    inputs = keras.Input(model.input_shape[1:], batch_size=_BATCH, name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    frozen = keras.Model(backbone_of(model).input, output)
    return keras.Model(inputs, frozen(scaled, training=False))


def _pooled(backbone: keras.Model) -> Any:
    return keras.layers.GlobalAveragePooling2D(name="features")(backbone.output)


def _converted(network: keras.Model, folder: Path) -> bytes:
    key = hashlib.sha256(f"{tf.__version__} {network.input_shape} {network.output_shape}".encode())
    for weight in network.weights:
        key.update(np.ascontiguousarray(weight).data)
    path = folder / f"{key.hexdigest()[:24]}.network"
    kept = _kept_network(path)
    if kept is not None:
        return kept
    made = converted(converter_of(network))
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(zlib.crc32(made).to_bytes(_CRC_BYTES, "little") + made)
    for old in sorted(folder.glob("[0-9a-f]*"), key=_last_used)[:-_KEPT_NETWORKS]:
        old.unlink(missing_ok=True)
    return made


def _kept_network(path: Path) -> bytes | None:
    """What is cached there; None without it, or where it is damaged.

    It is read whole, so that it may be removed while it is in use.
    """
    try:
        content = path.read_bytes()
        os.utime(path)
    except FileNotFoundError:
        return None
    crc, network = content[:_CRC_BYTES], content[_CRC_BYTES:]
    if zlib.crc32(network).to_bytes(_CRC_BYTES, "little") == crc:
        return network
    logger.warning(f"{quoted(path)}: damaged, it differs from its checksum; converted again")
    return None


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another training has removed it
        return 0.0
