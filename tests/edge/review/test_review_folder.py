"""Pictures go into classes or are discarded, none is lost, and all of it is taken back."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.errors import SettingError, SinkError
from edgetl.edge.review.fetching import reviewed
from edgetl.edge.review.reading import Picture, Suggestion
from edgetl.edge.review.review_folder import ReviewFolder
from edgetl.edge.system import moving
from edgetl.edge.system.moving import move_whole

Made = Callable[..., ReviewFolder]


def below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def make(*files: str, fetched: bool = False) -> ReviewFolder:
        for file in files:
            (tmp_path / "seen" / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "seen" / file).write_bytes(file.encode())
        pictures = [Picture(file, Suggestion("cat", 0.5), np.ones(1, np.float32)) for file in files]
        photos = PhotoFolder(tmp_path / "photos", ["dog"])
        return ReviewFolder(
            tmp_path / "seen", photos, pictures, [range(len(files))], fetched=fetched
        )

    return make


def test_pictures_are_sorted_discarded_and_taken_back(tmp_path: Path, made: Made) -> None:
    review = made("a.jpg", "b.jpg", "deep/c.jpg", "d.jpg")
    before = below(tmp_path)
    assert review.classes == ("dog", "cat")
    assert review.sort({"cat": [0], "dog": [2]}) == [0, 2]
    assert review.discard([1]) == [1]
    assert below(tmp_path) == {
        "photos/cat/a.jpg": b"a.jpg",
        "photos/dog/c.jpg": b"deep/c.jpg",
        "seen/.discarded/b.jpg": b"b.jpg",
        "seen/d.jpg": b"d.jpg",
    }
    assert (review.sorted, review.discarded, review.left) == ({"cat": 1, "dog": 1}, 1, {3})
    for number in (0, 1):
        with pytest.raises(SettingError, match="no such picture"):
            review.sort({"cat": [number]})
    assert review.undo() == "1 picture discarded"
    assert review.undo() == "2 pictures to cat, dog"
    assert review.undo() is None
    assert below(tmp_path) == before
    assert (review.sorted, review.discarded, review.left) == ({}, 0, {0, 1, 2, 3})


def test_a_name_that_is_taken_is_not_overwritten(tmp_path: Path, made: Made) -> None:
    review = made("a.jpg", "deep/a.jpg")
    (tmp_path / "photos/cat").mkdir()
    (tmp_path / "photos/cat/a.jpg").write_bytes(b"older")
    review.sort({"cat": [0, 1]})
    assert below(tmp_path / "photos") == {
        "cat/a.jpg": b"older", "cat/a-2.jpg": b"a.jpg", "cat/a-3.jpg": b"deep/a.jpg",
    }  # fmt: skip
    review.undo()
    assert below(tmp_path / "photos") == {"cat/a.jpg": b"older"}
    assert set(below(tmp_path / "seen")) == {"a.jpg", "deep/a.jpg"}


def test_what_somebody_else_took_away_is_left_out(tmp_path: Path, made: Made) -> None:
    review = made("a.jpg", "b.jpg")
    (tmp_path / "seen/a.jpg").unlink()
    assert sorted(review.sort({"cat": [0, 1]})) == [0, 1]
    assert (review.sorted, review.left) == ({"cat": 1}, frozenset())


def test_a_disk_that_fails_halfway_loses_nothing(
    tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = made("a.jpg", "b.jpg", "c.jpg")
    real = os.link

    def link(path: Path, target: Path) -> None:
        if path.name == "b.jpg":
            raise OSError(28, "No space left on device")
        real(path, target)

    monkeypatch.setattr(moving.os, "link", link)
    with pytest.raises(SinkError, match=r"b\.jpg: no space left on device; nothing is lost"):
        review.sort({"cat": [0, 1, 2]})
    assert set(below(tmp_path)) == {"photos/cat/a.jpg", "seen/b.jpg", "seen/c.jpg"}
    assert (review.left, review.undo()) == ({1, 2}, "1 picture to cat")
    assert set(below(tmp_path)) == {"seen/a.jpg", "seen/b.jpg", "seen/c.jpg"}


def test_what_was_fetched_is_noted_so_that_it_is_not_fetched_again(
    tmp_path: Path, made: Made
) -> None:
    review = made("a.jpg", "b.jpg", "c.jpg", fetched=True)
    assert reviewed(tmp_path / "seen") == []
    review.sort({"cat": [2]})
    review.discard([0])
    assert reviewed(tmp_path / "seen") == [b"c.jpg", b"a.jpg"]


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(path: Path, target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(moving.os, "link", link)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_moves_whole_and_keeps_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        without_links(monkeypatch)
    path = tmp_path / "a.jpg"
    path.write_bytes(b"a" * 100_000)
    os.utime(path, (1e9, 1e9))
    (tmp_path / "to").mkdir()
    (tmp_path / "to/a.jpg").write_bytes(b"older")
    moved = move_whole(path, tmp_path / "to" / "a.jpg")
    assert moved == tmp_path / "to" / "a-2.jpg"
    assert below(tmp_path) == {"to/a.jpg": b"older", "to/a-2.jpg": b"a" * 100_000}
    assert moved.stat().st_mtime == 1e9


def test_another_file_system_gets_a_copy_before_the_file_goes(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    path = memory / f"edgetl-{os.getpid()}.jpg"
    path.write_bytes(b"a" * 100_000)
    moved = move_whole(path, tmp_path / "new" / "a.jpg")
    assert not path.exists()
    assert below(tmp_path) == {"new/a.jpg": b"a" * 100_000}
    assert moved == tmp_path / "new" / "a.jpg"


def test_a_link_becomes_the_file_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "original.jpg").write_bytes(b"a")
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen/a.jpg").symlink_to("../original.jpg")
    moved = move_whole(tmp_path / "seen/a.jpg", tmp_path / "photos/a.jpg")
    assert not moved.is_symlink()
    assert below(tmp_path) == {"original.jpg": b"a", "photos/a.jpg": b"a"}


def test_a_copy_that_fails_leaves_the_file_and_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_links(monkeypatch)

    def copy(path: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(moving.shutil, "copy2", copy)
    (tmp_path / "a.jpg").write_bytes(b"a")
    with pytest.raises(OSError, match="No space"):
        move_whole(tmp_path / "a.jpg", tmp_path / "to" / "a.jpg")
    assert below(tmp_path) == {"a.jpg": b"a"}


@pytest.mark.parametrize("gone", [False, True], ids=["read-only", "gone meanwhile"])
def test_a_picture_that_cannot_be_taken_away_leaves_no_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, gone: bool
) -> None:
    """As on an SD card that is mounted read-only; one that is gone all the same is not lost."""
    picture, target = tmp_path / "a.jpg", tmp_path / "cat" / "a.jpg"
    picture.write_bytes(b"a")
    unlink = Path.unlink

    def refused(path: Path, **how: bool) -> None:
        if path != picture or gone:
            unlink(path, **how)
        if path == picture:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(OSError, match="Read-only"):
        move_whole(picture, target)
    assert (picture.exists(), target.exists()) == (not gone, gone)
