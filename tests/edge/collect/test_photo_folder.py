"""Photos are added, deleted, moved, and all of it taken back."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.errors import SettingError, SinkError
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import model_input
from edgetl.edge.sources.folders import class_name
from edgetl.trainer.data.capture_time import capture_of, seconds_apart
from edgetl.trainer.data.scanning import scan

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
RED = np.full((48, 64, 3), (200, 20, 20), np.uint8)


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_photos_are_named_by_time_and_session_and_say_so_in_their_exif(tmp_path: Path) -> None:
    photos = PhotoFolder(tmp_path / "photos", ["open", "closed"])
    first, second = (photos.add(RED, "open", now=NOON) for _ in range(2))
    assert first == f"open/20261130T120000.000Z-{photos.session}.jpg"
    assert second == f"open/20261130T120000.001Z-{photos.session}.jpg"
    assert photos.photos("open") == [first[5:], second[5:]]
    assert (
        np.abs(model_input(photos.path_of(first), InputSize(48, 64)).astype(int) - RED).max() < 10
    )
    one, other = (capture_of(photos.path_of(file)) for file in (first, second))
    assert one is not None
    assert (one.time, one.camera) == (NOON.replace(tzinfo=None), f"edgetl {photos.session}")
    assert seconds_apart(one, other) == 0, "photos of one moment are found by it"


def test_what_is_deleted_is_no_photo_of_any_class_and_comes_back(tmp_path: Path) -> None:
    photos = PhotoFolder(tmp_path, ["open", "closed"])
    kept = [photos.add(RED, label, now=NOON) for label in ("open", "open", "closed", "closed")]
    file = photos.add(RED, "open", now=NOON)
    photos.delete(file)
    assert files(tmp_path) == sorted([f".deleted/{file}", *kept])
    assert len(photos.photos("open")) == 2
    assert sorted(example.file for example in scan(tmp_path).examples) == sorted(kept)
    assert photos.undoable == f"deleted {file}"
    assert photos.undo() == f"deleted {file}"
    assert files(tmp_path) == sorted([file, *kept])


def test_every_change_is_taken_back_in_reverse(tmp_path: Path) -> None:
    photos = PhotoFolder(tmp_path, ["a", "b"])
    file = photos.add(RED, "a", now=NOON)
    photos.move(file, "b")
    photos.delete(f"b/{file[2:]}")
    assert [photos.undo() for _ in range(4)] == [
        f"deleted b/{file[2:]}",
        f"moved {file} to b",
        "saved a photo of a",
        None,
    ]
    assert files(tmp_path) == [f".deleted/{file}"], "what was saved is not lost"


def test_a_photo_never_takes_another_s_place(tmp_path: Path) -> None:
    photos = PhotoFolder(tmp_path, ["a", "b"])
    one = photos.add(RED, "a", now=NOON)
    other = photos.add(RED, "b", now=NOON)
    assert one[2:] == other[2:]
    photos.move(one, "b")
    assert len(photos.photos("b")) == 2
    photos.undo()
    assert photos.photos("a") == [one[2:]]


def test_a_folder_that_was_there_keeps_its_classes_and_photos(tmp_path: Path) -> None:
    for name in ("cat", "dog", ".cache", "@eaDir"):
        (tmp_path / name).mkdir()
    (tmp_path / "cat" / "old.jpg").write_bytes(b"x")
    photos = PhotoFolder(tmp_path, ["none"])
    assert photos.classes == ("none", "cat", "dog")
    assert photos.photos("cat") == ["old.jpg"]
    # Another program may add and delete, too.
    (tmp_path / "cat" / "new.jpg").write_bytes(b"x")
    assert photos.photos("cat") == ["new.jpg", "old.jpg"]


def test_a_folder_whose_name_is_no_text_is_left_out_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("cat", "\udcff"):
        (tmp_path / name).mkdir()
    assert PhotoFolder(tmp_path).classes == ("cat",)
    (said,) = caplog.messages
    assert said.endswith("\\udcff: no name for a class; left out; rename it")


@pytest.mark.parametrize(
    "file", ["", "a", "a/", "../x.jpg", "a/../../x.jpg", ".deleted/a/x.jpg", "a/x.jpg", "/etc/x"]
)
def test_only_photos_of_the_folder_have_a_path(tmp_path: Path, file: str) -> None:
    (tmp_path / "x.jpg").write_bytes(b"x")
    photos = PhotoFolder(tmp_path / "photos", ["a"])
    for change in (photos.path_of, photos.delete, lambda name: photos.move(name, "a")):
        with pytest.raises(SettingError, match="no such photo"):
            change(file)


@pytest.mark.parametrize("name", ["", " ", ".x", "a/b", "a\\b", "@eaDir", "a\nb", "x" * 101, "a:b"])
def test_names_that_no_folder_can_have_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match="class"):
        class_name(name)
    with pytest.raises(SettingError):
        PhotoFolder(tmp_path).add_class(name)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SinkError, match="file"):
        PhotoFolder(tmp_path / "file", ["a"])
    photos = PhotoFolder(tmp_path / "photos", ["a"])
    (tmp_path / "photos" / "a").rmdir()
    (tmp_path / "photos" / "a").write_text("a file where the class was")
    with pytest.raises(SinkError, match="photos/a"):
        photos.add(RED, "a")
