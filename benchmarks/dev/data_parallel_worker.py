"""One process that trains phase two on a backend of Keras, for benchmarks.dev.data_parallel.

    python -m edgetl.benchmarks.dev.data_parallel_worker JSON_OF_A_SHARE

For every number on stdin it trains that epoch and prints JSON: its loss, wall-clock seconds and
seconds of processor time. For 0 the first process writes the weights. Needs Linux.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgetl.edge.system.json_record import from_json
from edgetl.edge.system.standard_streams import keep_stdout

# Keras reads its backend when it is imported: nothing here imports it before `main` has chosen one.
if TYPE_CHECKING:
    from edgetl.trainer.recipe import Recipe

# Of both classes, in a folder of a `Share`.
START, TARGETS, PIXELS = "start.npz", "targets.npy", "pixels.npy"
_VIEWS = "train-view-*-split_layer.npy"
CLASSES = 2


@dataclass(frozen=True)
class Share:
    """What one process does.

    Attributes:
        folder: of the start's weights, the cached activations, the targets and the pixels.
        result: where the weights go, and what a process on its own predicts from the pixels.
        backend: of Keras.
        shifts: whether JAX computes depthwise convolutions as sums of shifted products.
        cores: that it may use.
        processes, process, port: how many train together, its number, and where they meet.
        epochs, steps: of phase two, and of an epoch, of 16 pictures over all processes.
        dropout: before the head.
    """

    folder: Path
    result: Path
    backend: Literal["tensorflow", "jax"]
    shifts: bool
    cores: tuple[int, ...]
    processes: int
    process: int
    port: int
    epochs: int
    steps: int
    dropout: float


def recipe_of(epochs: int, dropout: float) -> "Recipe":
    """The default recipe at 160 pixels, with a head that is solved."""
    from edgetl.trainer.recipe import Recipe

    return Recipe(height=160, width=160, epochs=1 + epochs, dropout=dropout)


def main() -> None:
    """Do as the command line says."""
    share: Share = from_json(Share, json.loads(sys.argv[1]))
    answers = keep_stdout()
    os.sched_setaffinity(0, share.cores)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(len(share.cores))
    # It sets TensorFlow as the backend, whatever is said before.
    import edgetl.trainer  # noqa: F401

    os.environ["KERAS_BACKEND"] = share.backend
    from edgetl.trainer.network.memory import keep_freed_memory

    keep_freed_memory()
    if share.backend == "jax":
        _set_up_jax(share)
    model, tail = _models(share)
    batches = _share_of_batches(share)
    for line in sys.stdin:
        epoch = int(line)
        answer: dict[str, float] = {}
        if epoch:
            began, worked = time.perf_counter(), time.process_time()
            history = tail.fit(
                batches(epoch), initial_epoch=epoch - 1, epochs=epoch, verbose=0, shuffle=False
            ).history
            answer = {
                "loss": history["cross_entropy"][0],
                "seconds": time.perf_counter() - began,
                "processor_seconds": time.process_time() - worked,
            }
        elif share.process == 0:
            _write(share, model)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _set_up_jax(share: Share) -> None:
    """Join the other processes, and give the folded layers operations that JAX has.

    `trainer.network.folding` calls a function of TensorFlow, which takes none of JAX's arrays.
    """
    import keras
    import tensorflow as tf

    if share.processes > 1:
        keras.distribution.initialize(f"127.0.0.1:{share.port}", share.processes, share.process)
        # A process reads its own part of every batch.
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(
                devices=keras.distribution.list_devices(), auto_shard_dataset=False
            )
        )
    tf.nn.bias_add = keras.ops.add
    if share.shifts:
        keras.ops.depthwise_conv = shifted_products


def shifted_products(inputs: Any, kernel: Any, *, strides: Any, padding: str) -> Any:
    """A depthwise convolution without XLA's: its gradients take XLA on a CPU up to 30 times as long
    as those of nine multiplications.

    `inputs` are [pictures, height, width, channels], `kernel` is [height, width, channels, 1].
    """
    from keras import ops

    height, width = kernel.shape[:2]
    if padding == "same":
        around = [(height // 2, height // 2), (width // 2, width // 2)]
        inputs = ops.pad(inputs, [(0, 0), *around, (0, 0)])
    down, right = strides if isinstance(strides, tuple) else (strides, strides)
    last_y, last_x = inputs.shape[1] - height + 1, inputs.shape[2] - width + 1
    return sum(
        inputs[:, y : last_y + y : down, x : last_x + x : right] * kernel[y, x, :, 0]
        for y in range(height)
        for x in range(width)
    )


def _models(share: Share) -> tuple[Any, Any]:
    """The whole model, and the part of it that phase two trains, compiled."""
    import keras
    import numpy as np

    from edgetl.trainer.features.cache import split_layer_below
    from edgetl.trainer.fitting.checkpoint import restore
    from edgetl.trainer.network.adam import Adam
    from edgetl.trainer.network.model import (
        backbone_of,
        build_model,
        compile_for,
        tail_model,
        unfreeze_backbone,
    )

    recipe = recipe_of(share.epochs, share.dropout)
    keras.utils.set_random_seed(recipe.seed)
    model = build_model(recipe, CLASSES)
    with np.load(share.folder / START) as start:
        restore(model.weights, list(start.values()))
    unfreeze_backbone(model, first_layer=recipe.fine_tune_from)
    split_layer = split_layer_below(backbone_of(model), recipe.fine_tune_from)
    assert split_layer is not None
    tail = tail_model(model, split_layer)
    rate = keras.optimizers.schedules.CosineDecay(recipe.fine_tune_lr, share.steps * share.epochs)
    # Ours is one operation of TensorFlow.
    kind = Adam if share.backend == "tensorflow" else keras.optimizers.Adam
    compile_for(tail, kind(rate))
    return model, tail


def _share_of_batches(share: Share) -> Any:
    """What gives `fit` this process's part of each batch of an epoch, which counts from 1."""
    import numpy as np

    from edgetl.trainer.data.batches import Batch, Batches, dataset
    from edgetl.trainer.data.memory_mapped import open_rows

    class Part(Batches):
        def of_epoch(self, epoch: int) -> Iterator[Batch]:
            for batch in super().of_epoch(epoch):
                inputs, labels = (np.array_split(a, share.processes)[share.process] for a in batch)
                yield inputs, labels

    targets = np.load(share.folder / TARGETS)
    recipe = recipe_of(share.epochs, share.dropout)
    part = Part(
        [open_rows(path) for path in sorted(share.folder.rglob(_VIEWS))],
        np.arange(len(targets)),
        targets,
        batch_size=recipe.batch_size,
        shuffle_seed=recipe.seed,
        steps=share.steps,
    )
    return lambda epoch: dataset(part, lambda: epoch)


def _write(share: Share, model: Any) -> None:
    import keras
    import numpy as np

    from edgetl.trainer.fitting.checkpoint import values_of

    logits = np.empty((0, 1), np.float32)
    if share.processes == 1:
        pixels = np.load(share.folder / PIXELS)
        logits = keras.ops.convert_to_numpy(model(pixels.astype(np.float32), training=False))
    arrays = {f"{number:03}": value for number, value in enumerate(values_of(model.weights))}
    np.savez(share.result, logits=logits, **arrays)


if __name__ == "__main__":
    main()
