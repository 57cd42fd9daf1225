from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.errors import RunFolderError
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import model_input
from edgetl.trainer.data import picture_cache
from edgetl.trainer.data.picture_cache import decode_pictures
from tests.conftest import write_colour_pictures

GEOMETRY = InputSize(32, 48, "crop")


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return sorted(write_colour_pictures(tmp_path / "data", ["red", "blue"], 5).rglob("*.jpg"))


def test_the_pixels_are_those_of_the_one_preprocessing_path(
    paths: list[Path], tmp_path: Path
) -> None:
    decoded = decode_pictures(paths, GEOMETRY, cache=tmp_path / "cache")
    assert decoded.pixels.shape == (10, 32, 48, 3)
    assert decoded.errors == {}
    assert decoded.sizes == [(80, 60)] * 10
    for place, path in enumerate(paths):
        np.testing.assert_array_equal(decoded.pixels[place], model_input(path, GEOMETRY))


def test_nothing_is_decoded_twice(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = decode_pictures(paths, GEOMETRY, cache=tmp_path / "cache")

    def fail(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(picture_cache, "model_input", fail)
    again = decode_pictures(paths, GEOMETRY, cache=tmp_path / "cache")
    np.testing.assert_array_equal(again.pixels[:], first.pixels[:])


def test_a_renamed_picture_is_the_same_and_a_changed_one_is_not(
    paths: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    decode_pictures(paths, GEOMETRY, cache=cache)
    renamed = paths[0].rename(paths[0].with_name("blue-00a.jpg"))
    decode_pictures([renamed, *paths[1:]], GEOMETRY, cache=cache)
    assert len(list(cache.iterdir())) == 1
    renamed.write_bytes(paths[-1].read_bytes())
    changed = decode_pictures([renamed, *paths[1:]], GEOMETRY, cache=cache)
    np.testing.assert_array_equal(changed.pixels[0], changed.pixels[-1])


def test_another_size_or_fit_is_another_entry(paths: list[Path], tmp_path: Path) -> None:
    for input_size in (GEOMETRY, InputSize(32, 48, "pad"), InputSize(33, 48, "crop")):
        decoded = decode_pictures(paths, input_size, cache=tmp_path / "cache")
        np.testing.assert_array_equal(decoded.pixels[3], model_input(paths[3], input_size))


def test_unreadable_files_are_named_by_their_place(paths: list[Path], tmp_path: Path) -> None:
    paths[2].write_text("not a picture")
    paths[7].write_bytes(paths[7].read_bytes()[:200])
    for _ in range(2):
        decoded = decode_pictures(paths, GEOMETRY, cache=tmp_path / "cache")
        assert sorted(decoded.errors) == [2, 7]
        assert decoded.errors[2] == "not a picture that can be read"
        assert decoded.sizes[2] is None
        assert "damaged" in decoded.errors[7]


def test_old_entries_make_room(paths: list[Path], tmp_path: Path) -> None:
    for size in range(32, 40):
        decode_pictures(paths, InputSize(size, size), cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == picture_cache.KEPT_ENTRIES


def test_an_entry_that_a_kill_left_half_made_is_not_used(paths: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    decode_pictures(paths, GEOMETRY, cache=cache)
    (entry,) = cache.iterdir()
    half = cache / ".building-x"
    entry.rename(half)
    decoded = decode_pictures(paths, GEOMETRY, cache=cache)
    np.testing.assert_array_equal(decoded.pixels[0], model_input(paths[0], GEOMETRY))
    assert entry.is_dir()


def test_a_cache_that_cannot_be_written_is_one_clear_line(
    paths: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunFolderError, match="cannot write decoded pictures there"):
        decode_pictures(paths, GEOMETRY, cache=tmp_path / "file" / "cache")


def test_pictures_that_do_not_fit_on_the_disk_are_refused_before_decoding(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(picture_cache.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RunFolderError, match="free"):
        decode_pictures(paths, GEOMETRY, cache=tmp_path / "cache")
