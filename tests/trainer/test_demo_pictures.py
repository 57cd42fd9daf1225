import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.errors import DataError
from edgetl.trainer.data import demo_pictures
from edgetl.trainer.data.demo_pictures import CLASSES, draw_picture, write_demo_pictures


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("label", CLASSES)
def test_a_picture_depends_on_its_seed_alone(label: str) -> None:
    first, again, other = (np.asarray(draw_picture(label, seed=seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (33, 47), (32, 400)])
def test_a_picture_has_the_size_asked_for(size: tuple[int, int]) -> None:
    picture = draw_picture("house", seed=1, size=size)
    assert (picture.mode, picture.size) == ("RGB", size)


def test_classes_differ_at_the_same_seed() -> None:
    drawn = [np.asarray(draw_picture(label, seed=5), np.float32) for label in CLASSES]
    for one, other in combinations(drawn, 2):
        assert np.abs(one - other).mean() > 5


def test_pictures_of_a_class_vary_in_brightness_and_colour() -> None:
    drawn = [np.asarray(draw_picture("fish", seed=seed, size=(64, 48))) for seed in range(12)]
    means = np.array([picture.mean(axis=(0, 1)) for picture in drawn])
    assert (means.std(axis=0) > 10).all()


@pytest.mark.parametrize(
    ("label", "seed", "size"),
    [("boat", 0, (320, 240)), ("fish", -1, (320, 240)), ("fish", 0, (320, 31))],
)
def test_arguments_out_of_range_are_refused(label: str, seed: int, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        draw_picture(label, seed=seed, size=size)


def test_a_set_is_a_folder_a_class_of_numbered_jpegs(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pictures"
    assert write_demo_pictures(folder, per_class=3) == folder
    names = [f"{label}/{label}-000{n}.jpg" for label in CLASSES for n in (1, 2, 3)]
    assert sorted(_files(folder)) == sorted(names)
    for name in names:
        with Image.open(folder / name) as picture:
            picture.load()
            assert (picture.format, picture.mode) == ("JPEG", "RGB")
    assert [entry.name for entry in folder.parent.iterdir()] == ["pictures"]


def test_a_set_has_pictures_of_both_orientations(tmp_path: Path) -> None:
    folder = write_demo_pictures(tmp_path / "set", per_class=6)
    sizes = [Image.open(path).size for path in folder.rglob("*.jpg")]
    assert {width > height for width, height in sizes} == {True, False}
    assert len(set(sizes)) > 6


def test_a_set_depends_on_its_seed_alone(tmp_path: Path) -> None:
    first, again, other = (
        _files(write_demo_pictures(tmp_path / name, per_class=2, seed=seed))
        for name, seed in (("first", 7), ("again", 7), ("other", 8))
    )
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_a_larger_set_starts_with_the_smaller_one(tmp_path: Path) -> None:
    small = _files(write_demo_pictures(tmp_path / "small", per_class=1))
    large = _files(write_demo_pictures(tmp_path / "large", per_class=2))
    assert small.items() <= large.items()


def test_no_two_pictures_of_a_set_are_the_same(tmp_path: Path) -> None:
    files = _files(write_demo_pictures(tmp_path / "set", per_class=5))
    assert len(set(files.values())) == 15


def test_a_complete_set_is_left_untouched(tmp_path: Path) -> None:
    folder = write_demo_pictures(tmp_path / "set", per_class=2)
    changed = folder / "fish" / "fish-0001.jpg"
    changed.write_bytes(b"kept")
    (folder / ".DS_Store").write_bytes(b"")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write_demo_pictures(folder, per_class=2) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert changed.read_bytes() == b"kept"


@pytest.mark.parametrize("change", ["picture gone", "class gone", "class more", "other number"])
def test_an_incomplete_set_is_refused_and_kept(tmp_path: Path, change: str) -> None:
    folder = write_demo_pictures(tmp_path / "set", per_class=2)
    per_class = 2
    if change == "picture gone":
        (folder / "tree" / "tree-0002.jpg").unlink()
    elif change == "class gone":
        (folder / "house").rename(tmp_path / "house")
    elif change == "class more":
        (folder / "boat").mkdir()
    else:
        per_class = 3
    before = _files(folder)
    with pytest.raises(DataError, match="not the complete set of"):
        write_demo_pictures(folder, per_class=per_class)
    assert _files(folder) == before


def test_a_file_in_the_way_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "set"
    path.write_text("mine")
    with pytest.raises(DataError, match="set: is not the complete set"):
        write_demo_pictures(path, per_class=1)
    assert path.read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    assert len(_files(write_demo_pictures(folder, per_class=1))) == 3


def test_a_writer_that_stops_half_way_leaves_no_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = 0

    def stop_at_the_fifth(label: str, *, seed: int, size: tuple[int, int]) -> Image.Image:
        nonlocal drawn
        drawn += 1
        if drawn == 5:
            assert not (tmp_path / "set").exists()
            raise KeyboardInterrupt
        return draw_picture(label, seed=seed, size=size)

    monkeypatch.setattr(demo_pictures, "draw_picture", stop_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        write_demo_pictures(tmp_path / "set", per_class=2)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert len(_files(write_demo_pictures(tmp_path / "set", per_class=2))) == 6


def test_a_set_that_another_process_finished_first_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "set"
    move = demo_pictures._move

    def move_late(drawn: Path, target: Path, per_class: int) -> None:
        monkeypatch.undo()
        write_demo_pictures(folder, per_class=1)
        (folder / "fish" / "fish-0001.jpg").write_bytes(b"theirs")
        move(drawn, target, per_class)

    monkeypatch.setattr(demo_pictures, "_move", move_late)
    write_demo_pictures(folder, per_class=1)
    assert (folder / "fish" / "fish-0001.jpg").read_bytes() == b"theirs"
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


def test_a_parent_that_is_a_file_is_one_line_of_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written: ") as caught:
        write_demo_pictures(tmp_path / "file" / "set", per_class=1)
    assert "\n" not in str(caught.value)


def test_fewer_than_one_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="per_class 0"):
        write_demo_pictures(tmp_path / "set", per_class=0)


@pytest.mark.skipif(os.name == "nt", reason="no POSIX permissions")
def test_a_set_is_readable_like_any_other_folder(tmp_path: Path) -> None:
    folder = write_demo_pictures(tmp_path / "set", per_class=1)
    (tmp_path / "ordinary").mkdir()
    assert folder.stat().st_mode == (tmp_path / "ordinary").stat().st_mode
