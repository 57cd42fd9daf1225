"""Batches for `fit`, in an order that an epoch's number and the seed decide alone."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from trainer import metrics
from trainer.row_file import RowFile


class Batches(keras.utils.PyDataset):
    """Batches of (inputs [batch, ...], class as float32 [batch, 1]).

    An epoch reads the views in turn: epoch e (from 0) reads view e modulo their number. With
    `shuffle_seed`, in a new order each epoch that depends on the seed and the epoch alone.

    Args:
        views: files of inputs, or arrays.
        rows: int [pictures], which row of each view every picture is.
        truth: int [pictures], the index of every picture's class.
        batch_size: pictures a batch.
        shuffle_seed: None leaves the pictures in order.
        first_epoch: where training goes on.
    """

    def __init__(
        self,
        views: Sequence[RowFile | npt.NDArray[Any]],
        rows: npt.NDArray[np.int64],
        truth: metrics.Classes,
        *,
        batch_size: int,
        shuffle_seed: int | None = None,
        first_epoch: int = 0,
    ) -> None:
        super().__init__()
        self._views, self._rows, self._truth = views, rows, truth
        self._batch_size, self._seed = batch_size, shuffle_seed
        self._begin(first_epoch)

    def __len__(self) -> int:
        return -(-len(self._rows) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        view = self._views[self._epoch % len(self._views)]
        return view[self._rows[chosen]], self._truth[chosen, np.newaxis].astype(np.float32)

    def on_epoch_end(self) -> None:
        self._begin(self._epoch + 1)

    def _begin(self, epoch: int) -> None:
        self._epoch = epoch
        self._order = (
            np.arange(len(self._rows))
            if self._seed is None
            else np.random.default_rng([self._seed, epoch]).permutation(len(self._rows))
        )
