"""What folds leave on disk for a training that goes on."""

from pathlib import Path

import numpy as np
import pytest

from edgetl.trainer.fitting.explaining import Explanation
from edgetl.trainer.fitting.held_out import (
    ENOUGH_HELD_OUT,
    HeldOut,
    _joined,
    _read,
    _write,
    folds_held_out,
)

FOUND = (
    {0.0: np.array([[0.25, 0.75]], np.float32), 1.0: np.array([[0.5, 0.5]], np.float32)},
    [(0.7, 0.5), (0.3, 1.0)],
    {0.0: np.array([12.5]), 1.0: np.array([3.5])},
    {
        share: Explanation(np.full((1, 2, 3), share, np.float32), np.array([[4, 2, -1]]))
        for share in (0.0, 1.0)
    },
)


def test_a_fold_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert _read(tmp_path / "fold-0.npz") is None
    _write(tmp_path / "fold-0.npz", FOUND)
    found = _read(tmp_path / "fold-0.npz")
    assert found is not None
    probabilities, epochs, distances, explained = found
    assert distances == FOUND[2]
    for share, one in FOUND[3].items():
        np.testing.assert_array_equal(explained[share].evidence, one.evidence)
        np.testing.assert_array_equal(explained[share].nearest, one.nearest)
    assert list(probabilities) == [0.0, 1.0]
    for share, expected in FOUND[0].items():
        assert probabilities[share].dtype == np.float32
        np.testing.assert_array_equal(probabilities[share], expected)
    assert epochs == FOUND[1]
    assert [path.name for path in tmp_path.iterdir()] == ["fold-0.npz"]


@pytest.mark.parametrize("left", [0, 100, -40])
def test_a_damaged_fold_is_trained_again_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, left: int
) -> None:
    path = tmp_path / "fold-0.npz"
    _write(path, FOUND)
    content = path.read_bytes()
    path.write_bytes(content[:left])  # as a power cut leaves it
    assert _read(path) is None
    (line,) = caplog.messages
    assert "fold-0.npz: damaged (" in line
    assert line.endswith("trained again")


def test_folds_are_held_out_until_they_are_enough() -> None:
    def held_out(size: int) -> list[int]:
        return folds_held_out(np.repeat(np.arange(5), size))

    assert held_out(2) == [0, 1, 2, 3, 4]
    assert held_out(40) == [0, 1, 2, 3, 4]
    assert held_out(50) == [0, 1, 2, 3]
    assert held_out(ENOUGH_HELD_OUT) == [0]
    # A fold without others leaves nothing to learn from.
    assert folds_held_out(np.zeros(4, np.int64)) == []


def test_each_photo_counts_alike_however_large_its_fold_is() -> None:
    parts = [
        HeldOut(np.array([0, 3, 4]), np.array([0, 1, 1]), np.zeros(3, np.int64),
                {1.0: np.eye(3, dtype=np.float32)}, [(0.1, 1.0)], {1.0: np.arange(3.0)},
                {1.0: Explanation(np.zeros((3, 2, 2), np.float32), np.full((3, 3), 5))}),
        HeldOut(np.array([2]), np.array([2]), np.ones(1, np.int64),
                {1.0: np.ones((1, 3), np.float32)}, [(0.9, 0.0)], {1.0: np.array([7.0])},
                {1.0: Explanation(np.ones((1, 2, 2), np.float32), np.full((1, 3), 7))}),
    ]  # fmt: skip
    joined = _joined(parts)
    assert joined.rows.tolist() == [0, 3, 4, 2]
    assert joined.targets.tolist() == [0, 1, 1, 2]
    assert joined.folds.tolist() == [0, 0, 0, 1]
    assert joined.probabilities[1.0].shape == (4, 3)
    assert joined.distances[1.0].tolist() == [0.0, 1.0, 2.0, 7.0]
    assert joined.explained[1.0].evidence[:, 0, 0].tolist() == [0, 0, 0, 1]
    assert joined.explained[1.0].nearest[:, 0].tolist() == [5, 5, 5, 7]
    assert joined.epochs == [(pytest.approx(0.3), 0.75)]
