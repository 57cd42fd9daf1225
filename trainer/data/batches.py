"""Batches for `fit`, in an order that an epoch's number and the seed decide alone."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetl.trainer import metrics
from edgetl.trainer.data.memory_mapped import MemoryMappedArray

Batch = tuple[npt.NDArray[Any], npt.NDArray[np.float32]]

# Made while the model is busy with the one before.
_AHEAD = 2


class Batches:
    """Batches of (inputs [batch, ...], class as float32 [batch, 1]).

    Epochs read the views in turn: epoch e reads view e modulo their number. With
    `shuffle_seed`, in a new order each epoch that depends on the seed and the epoch alone.

    Args:
        views: files of inputs, or arrays.
        rows: int [pictures], which row of each view every picture is.
        targets: int [pictures], the index of every picture's class.
        batch_size: pictures a batch.
        shuffle_seed: None leaves the pictures in order.
    """

    def __init__(
        self,
        views: Sequence[MemoryMappedArray | npt.NDArray[Any]],
        rows: npt.NDArray[np.int64],
        targets: metrics.Classes,
        *,
        batch_size: int,
        shuffle_seed: int | None = None,
    ) -> None:
        self._views, self._rows, self._truth = views, rows, targets
        self._batch_size, self._seed = batch_size, shuffle_seed

    def __len__(self) -> int:
        return -(-len(self._rows) // self._batch_size)

    def of_epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch; history.json counts them from 1."""
        order = (
            np.arange(len(self._rows))
            if self._seed is None
            else np.random.default_rng([self._seed, epoch]).permutation(len(self._rows))
        )
        view = self._views[epoch % len(self._views)]
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            yield view[self._rows[chosen]], self._truth[chosen, np.newaxis].astype(np.float32)


def dataset(batches: Batches, epoch: Callable[[], int]) -> tf.data.Dataset:
    """What `fit` reads: each time it begins anew, the batches of the epoch that `epoch()` tells.

    Without tf.data's autotuning, which has nothing to tune here and makes the end of an epoch wait
    for its next look: these come 0.01, 0.02, 0.04, ... seconds apart, so that an epoch took 20.5
    seconds whenever 10.2 were not enough (measured with TensorFlow 2.21).
    """
    inputs, labels = next(batches.of_epoch(1))
    signature = (
        tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype),
        tf.TensorSpec((None, 1), labels.dtype),
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    return (
        tf.data.Dataset.from_generator(
            lambda: batches.of_epoch(epoch()), output_signature=signature
        )
        .apply(tf.data.experimental.assert_cardinality(len(batches)))
        .prefetch(_AHEAD)
        .with_options(options)
    )
