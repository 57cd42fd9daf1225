"""Batches for `fit`, in an order that depends on the epoch's number and the seed only."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetl.trainer import metrics
from edgetl.trainer.data.memory_mapped import MemoryMappedArray

Batch = tuple[npt.NDArray[Any], npt.NDArray[np.float32]]

# Prefetched while the model is busy with the batch before.
_AHEAD = 2


class Batches:
    """Batches of (inputs [batch, ...], class as float32 [batch, 1]).

    Passes over the pictures use their augmented copies alternately: where an epoch is one pass,
    epoch e uses copy e modulo their number. With `shuffle_seed` each pass has a new order, which
    depends on the seed and the epoch only.

    Args:
        copies: inputs, one array for each augmented copy of the pictures.
        rows: int [pictures], each picture's row in every copy.
        targets: int [pictures], the index of every picture's class.
        shuffle_seed: None leaves the pictures in order.
        steps: how many batches an epoch has; where that is more than one pass makes, the pictures
            come again, in a new order. None is one pass, whose last batch may be smaller.
    """

    def __init__(
        self,
        copies: Sequence[MemoryMappedArray | npt.NDArray[Any]],
        rows: npt.NDArray[np.int64],
        targets: metrics.Classes,
        *,
        batch_size: int,
        shuffle_seed: int | None = None,
        steps: int | None = None,
    ) -> None:
        self._copies, self._rows, self._targets = copies, rows, targets
        self._batch_size, self._seed, self._steps = batch_size, shuffle_seed, steps

    def __len__(self) -> int:
        return self._steps or steps_of(len(self._rows), self._batch_size)

    def of_epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch; history.json counts them from 1."""
        count = len(self._rows)
        passes = 1
        if len(self) > steps_of(count, self._batch_size):
            passes = steps_of(len(self) * self._batch_size, count)
        orders = [np.arange(count)] * passes
        if self._seed is not None:
            random = np.random.default_rng([self._seed, epoch])
            orders = [random.permutation(order) for order in orders]
        order = np.concatenate(orders)[: len(self) * self._batch_size]
        copies = (epoch * passes + np.arange(len(order)) // count) % len(self._copies)
        for start in range(0, len(order), self._batch_size):
            batch = slice(start, start + self._batch_size)
            chosen = order[batch]
            inputs = self._inputs(chosen, copies[batch])
            yield inputs, self._targets[chosen, np.newaxis].astype(np.float32)

    def _inputs(
        self, chosen: npt.NDArray[np.int64], copies: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        """Each of the pictures in its copy: those of one pass, or of several, follow each other."""
        ends = np.flatnonzero(np.diff(copies)) + 1
        parts = [
            self._copies[copy[0]][self._rows[some]]
            for some, copy in zip(np.split(chosen, ends), np.split(copies, ends), strict=True)
        ]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]


def steps_of(pictures: int, batch_size: int) -> int:
    """The batches of one pass over so many pictures."""
    return -(-pictures // batch_size)


def dataset(batches: Batches, epoch: Callable[[], int]) -> tf.data.Dataset:
    """What `fit` reads: each time it starts again, the batches of the epoch that `epoch()` gives.

    Without tf.data's autotuning, which has nothing to tune here and makes the end of an epoch wait
    for its next step: these come 0.01, 0.02, 0.04, ... seconds apart, so that an epoch took 20.5
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
