from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgetl.trainer.data import memory_mapped
from edgetl.trainer.data.memory_mapped import DamagedRowsError, open_rows, write_rows

ROWS = np.random.default_rng(0).integers(0, 256, (7, 300, 3), np.uint8)


def test_rows_are_written_in_blocks_and_read_in_any_order(tmp_path: Path) -> None:
    block = np.arange(30, dtype=np.float32).reshape(5, 2, 3)
    file = write_rows(tmp_path / "rows.npy", 5, [block[:3], block[3:]], np.float16)
    np.testing.assert_array_equal(file[np.array([4, 3, 0])], block[[4, 3, 0]])
    assert file[2].shape == (2, 3)
    again = open_rows(file.path)
    assert (len(again), again.shape, again.dtype) == (5, (5, 2, 3), np.float16)
    np.testing.assert_array_equal(np.load(file.path), block)
    assert again == file


def test_what_was_read_is_a_copy(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.npy", 3, [np.zeros((3, 2))], np.uint8)
    first = file[0]
    first[:] = 9
    assert not file[:].any()


def test_a_file_that_does_not_fit_on_the_disk_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"."):
        write_rows(tmp_path / "rows.npy", 2**40, [np.zeros((1, 2**20))], np.uint8)


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"

    def killed() -> Iterator[np.ndarray]:
        yield ROWS[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(path, len(ROWS), killed(), np.uint8)
    assert not path.exists()
    write_rows(path, len(ROWS), [ROWS], np.uint8)
    assert [file.name for file in tmp_path.iterdir()] == ["rows.npy"]


@pytest.mark.parametrize("block_bytes", [64, 900, 6300, 2**22])
@pytest.mark.parametrize("place", [0, 1, 4000, 6299])
def test_a_byte_that_is_not_as_it_was_written_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int, place: int
) -> None:
    monkeypatch.setattr(memory_mapped, "_BLOCK_BYTES", block_bytes)
    path = tmp_path / "rows.npy"
    write_rows(path, len(ROWS), [row[np.newaxis] for row in ROWS], np.uint8)
    np.testing.assert_array_equal(open_rows(path)[:], ROWS)
    content = bytearray(path.read_bytes())
    content[128 + place] ^= 4
    path.write_bytes(content)
    with pytest.raises(DamagedRowsError, match=r"1 of its .* blocks"):
        open_rows(path)


def test_what_a_power_cut_leaves_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    write_rows(path, len(ROWS), [ROWS], np.uint8)
    content = path.read_bytes()
    np.save(path, ROWS)
    without_checksums = path.read_bytes()
    zeros = content[:200] + bytes(len(content) - 200)
    for left in (zeros, content[:-1], content[:3000], content[:20], b"", without_checksums):
        path.write_bytes(left)
        with pytest.raises(DamagedRowsError):
            open_rows(path)
