"""Which photos are taught, and as what."""

from pathlib import Path

import pytest

from edgetl.edge.errors import DataError, EdgetlError, SettingError
from edgetl.edge.teach.photos import class_photos
from tests.conftest import COLOURS, colour_picture

LABELS = ("blue", "Straßenbahn links", "unknown")


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        colour_picture(COLOURS["blue"], 1, (8, 8)).save(path)


def found(folder: Path, labels: tuple[str, ...] = LABELS) -> dict[str, list[str]]:
    read = class_photos(folder, labels)
    return {one.label: [path.name for path in one.paths] for one in read}


def test_a_folder_is_a_class_in_whatever_case_and_others_are_new(tmp_path: Path) -> None:
    write(tmp_path, "Blue/1.jpg", "straßenbahn  links/2.jpg", "Green/b.jpg", "Green/a.jpg")
    write(tmp_path, ".deleted/Green/c.jpg", "@eaDir/x.jpg")
    (tmp_path / "Green" / "notes.txt").write_text("no photo")
    (tmp_path / "empty").mkdir()
    assert found(tmp_path) == {
        "blue": ["1.jpg"],
        "Straßenbahn links": ["2.jpg"],
        "Green": ["a.jpg", "b.jpg"],
    }


def test_examples_of_unknown_are_so_where_the_model_has_that_label(tmp_path: Path) -> None:
    write(tmp_path, "none/1.jpg", "Background/2.jpg")
    assert sorted(found(tmp_path)["unknown"]) == ["1.jpg", "2.jpg"]
    assert found(tmp_path, ("blue", "red")) == {"none": ["1.jpg"], "Background": ["2.jpg"]}
    assert found(tmp_path, ("none", "unknown")) == {"none": ["1.jpg"], "unknown": ["2.jpg"]}


def refused(folder: Path, kind: type[EdgetlError]) -> str:
    with pytest.raises(kind) as error:
        class_photos(folder, LABELS)
    return str(error.value)


def test_what_holds_no_class_folders_is_refused(tmp_path: Path) -> None:
    assert "no such folder" in refused(tmp_path / "gone", SettingError)
    assert "no photos in class folders" in refused(tmp_path, DataError)
    write(tmp_path, "1.jpg", "2.jpg")
    assert "2 photos without a class; put the photos" in refused(tmp_path, DataError)
    assert "a file; name the folder" in refused(tmp_path / "1.jpg", SettingError)
    (tmp_path / "run").mkdir()
    for name in ("config.json", "model.keras"):
        (tmp_path / "run" / name).write_text("{}")
    assert "a run; name a folder with a folder of photos a class" in refused(
        tmp_path / "run", SettingError
    )


def test_a_name_that_no_label_can_have_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "two\nlines/1.jpg")
    assert "no name for a class; rename the folder" in refused(tmp_path, DataError)
