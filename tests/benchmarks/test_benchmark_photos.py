"""The photos that `edgetl benchmark` measures a run on."""

import json
import shutil
from pathlib import Path

import pytest

from edgetl.benchmarks.cases import Plan, plan
from edgetl.benchmarks.options import BenchmarkOptions
from edgetl.edge.errors import DataError, RunFolderError
from tests.conftest import colour_picture, write_colour_pictures
from tests.edge.conftest import LABELS


def planned(run: Path, folder: Path, **options: object) -> Plan:
    return plan(BenchmarkOptions((run,), **options), folder)  # type: ignore[arg-type]


def test_photos_of_the_run_that_changed_are_left_out_or_refused(
    unready_run: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    whole = planned(unready_run, tmp_path)
    assert (whole.pictures.split, whole.notes) == ("test", ())
    moved = shutil.copytree(own, tmp_path / "moved")
    assert planned(unready_run, tmp_path, data=moved).pictures.split == "test"
    held_out = whole.pictures.paths
    content = held_out[0].read_bytes()
    held_out[0].write_bytes(held_out[-1].read_bytes())
    held_out[-1].write_bytes(content)
    with pytest.raises(RunFolderError, match=r"is no longer the picture .* \(2 of 3 are missing"):
        planned(unready_run, tmp_path)


def test_training_photos_are_left_out_unless_told(unready_run: Path, tmp_path: Path) -> None:
    """The run's photos in other folders and under other names, and two new ones a class."""
    other = tmp_path / "other"
    for path in (tmp_path / "own").rglob("*.jpg"):
        (other / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, other / path.parent.name / f"copy-of-{path.name}")
    found = planned(unready_run, tmp_path, data=other)
    assert (found.pictures.split, len(found.pictures.paths)) == ("folder", 3)
    assert found.notes[0].startswith("left out 9 of 12 pictures, which the run was trained on")
    everything = planned(unready_run, tmp_path, data=other, trained_photos=True)
    assert len(everything.pictures.paths) == 12
    assert everything.notes == ("pictures that the run was trained on are not left out",)
    kept = {path.read_bytes() for path in found.pictures.paths}
    for path in other.rglob("*.jpg"):
        if path.read_bytes() in kept:
            path.unlink()
    with pytest.raises(DataError, match=r"trained on this picture, and on every other.*--trained"):
        planned(unready_run, tmp_path, data=other)


def test_other_pictures_under_the_runs_names_are_not_taken_for_its_own(
    unready_run: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(tmp_path / "own", tmp_path / "other")
    for number, path in enumerate(sorted(other.rglob("*.jpg"))):
        colour_picture((number, 3 * number, 200), number, (80, 60)).save(path)
    found = planned(unready_run, tmp_path, data=other)
    assert (found.pictures.split, len(found.pictures.paths)) == ("folder", 12)
    assert "3 of 3 are other pictures: measured on the folder's" in found.notes[0]


def test_a_run_without_digests_says_what_is_not_known(unready_run: Path, tmp_path: Path) -> None:
    split = json.loads((unready_run / "split.json").read_text())
    del split["digests"]
    (unready_run / "split.json").write_text(json.dumps(split))
    (note,) = planned(unready_run, tmp_path).notes
    assert "whether its pictures have changed is not known" in note
    other = write_colour_pictures(tmp_path / "other", list(LABELS), 9)
    shutil.rmtree(tmp_path / "own")
    for path in other.rglob("*-0?.jpg"):
        path.rename(path.with_name(f"new-{path.name}"))
    (note,) = planned(unready_run, tmp_path, data=other).notes
    assert "which pictures it was trained on is not known" in note


def test_photos_that_are_gone_are_named_and_can_be_elsewhere(
    unready_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "own").rename(tmp_path / "moved")
    with pytest.raises(RunFolderError, match=r"no longer there.*--data"):
        plan(BenchmarkOptions((unready_run,)), tmp_path)
    found = plan(BenchmarkOptions((unready_run,), data=tmp_path / "moved"), tmp_path).pictures
    assert (found.split, len(found.targets)) == ("test", 3)
    others = write_colour_pictures(tmp_path / "others", ["red", "blue"], 2, size=(90, 60))
    found = plan(BenchmarkOptions((unready_run,), data=others, pictures=2), tmp_path)
    assert (found.pictures.split, found.pictures.targets) == ("folder", (0, 2))
    assert found.notes == ("on 2 of 4 pictures, the classes balanced",)
