"""The pictures or features that a phase is fitted on and validated with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgetl.trainer import metrics
from edgetl.trainer.data.memory_mapped import MemoryMappedArray


@dataclass(frozen=True)
class Rows:
    """Some pictures: their rows in a file of them, and their classes."""

    file: MemoryMappedArray
    rows: npt.NDArray[np.int64]
    targets: metrics.Classes

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Rows":
        """Some of them."""
        return replace(self, rows=self.rows[chosen], targets=self.targets[chosen])

    def read(self) -> npt.NDArray[np.float32]:
        """All of them in memory, float32."""
        return self.file[self.rows].astype(np.float32)

    def blocks(self, size: int) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
        """So many at a time in memory, float32, and which of them these are."""
        for start in range(0, len(self), size):
            some = slice(start, min(start + size, len(self)))
            yield some, self.file[self.rows[some]].astype(np.float32)


@dataclass(frozen=True)
class HeadPhotos:
    """The training photos of a head that learns from more than the phases are fitted on.

    Attributes:
        features: of the frozen backbone, pooled.
        class_weights: of each class's photos in the loss, in labels order.
    """

    features: Rows
    class_weights: Sequence[float]


@dataclass(frozen=True)
class PhaseInputs:
    """What a phase is fitted on.

    Attributes:
        copies: the training pictures, in each augmented copy of them.
        plain: the training pictures, not augmented; None where nobody asks for them.
        validation: the validation pictures, none where the model learns from all photos.
    """

    copies: Sequence[Rows]
    plain: Rows | None
    validation: Rows

    def held_out(
        self, held: npt.NDArray[np.bool_], learned: npt.NDArray[np.bool_]
    ) -> "PhaseInputs":
        """The training pictures that are learned from, with those of a fold as validation."""
        assert self.plain is not None
        return PhaseInputs(
            [copy.of(learned) for copy in self.copies], self.plain.of(learned), self.plain.of(held)
        )


@dataclass(frozen=True)
class TrainingInputs:
    """What both phases are fitted on.

    Attributes:
        features: pooled features of the frozen backbone, for the head.
        fine_tune: activations at the backbone's layer `split_layer`; decoded pictures where that
            is None.
        head: what the head is solved on, if that is more than `features`. None of it may be held
            out.
    """

    features: PhaseInputs | None
    fine_tune: PhaseInputs
    split_layer: int | None
    head: HeadPhotos | None = None

    def held_out(
        self, held: npt.NDArray[np.bool_], learned: npt.NDArray[np.bool_]
    ) -> "TrainingInputs":
        """Both with the training pictures of a fold as validation pictures."""
        return TrainingInputs(
            self.features.held_out(held, learned) if self.features else None,
            self.fine_tune.held_out(held, learned),
            self.split_layer,
        )
