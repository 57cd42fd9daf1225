from pathlib import Path

import numpy as np
import pytest

from edgetl.trainer.data.memory_mapped import new_rows, open_rows


def test_rows_are_written_and_read_in_any_order(tmp_path: Path) -> None:
    file = new_rows(tmp_path / "rows.npy", (5, 2, 3), np.float16)
    assert not file[:].any()
    block = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    file.write(3, block)
    file.write(0, block[1])
    np.testing.assert_array_equal(file[np.array([4, 3, 0])], [block[1], block[0], block[1]])
    assert file[2].shape == (2, 3)
    again = open_rows(file.path)
    assert (len(again), again.shape, again.dtype) == (5, (5, 2, 3), np.float16)
    np.testing.assert_array_equal(np.load(file.path), again[:])


def test_what_was_read_is_a_copy(tmp_path: Path) -> None:
    file = new_rows(tmp_path / "rows.npy", (3, 2), np.uint8)
    first = file[0]
    first[:] = 9
    assert not file[:].any()


def test_a_file_that_does_not_fit_on_the_disk_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"."):
        new_rows(tmp_path / "rows.npy", (2**40, 2**20), np.uint8)
