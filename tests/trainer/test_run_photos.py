"""Photos that are no longer those that a run read."""

import json
import os
import re
from pathlib import Path

import pytest

from edgetl.edge.errors import RunFolderError
from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.data.picture_cache import file_digests
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.splitting import assign_splits
from edgetl.trainer.run.photos import refuse_different, run_photos
from edgetl.trainer.run.split_record import read_digests, read_split, write_split
from tests.conftest import write_colour_pictures


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return assign_splits(
        scan(write_colour_pictures(tmp_path / "data", ["blue", "red"], 10)), seed=0
    )


@pytest.fixture
def record(tmp_path: Path, dataset: Dataset) -> Path:
    files = [example.file for example in dataset.examples]
    digests = file_digests([dataset.root / file for file in files])
    write_split(tmp_path / "split.json", dataset, dict(zip(files, digests, strict=True)))
    return tmp_path / "split.json"


def test_split_json_holds_each_photos_digest(record: Path, dataset: Dataset) -> None:
    digests = read_digests(record)
    assert sorted(digests) == sorted(example.file for example in dataset.examples)
    (one,) = file_digests([dataset.root / "red/red-03.jpg"])
    assert digests["red/red-03.jpg"] == one
    assert re.fullmatch("[0-9a-f]{64}", one)
    again = read_split(record, dataset.root, dataset.labels)
    assert set(again.examples) == set(dataset.examples)


def test_photos_as_they_were_are_nothing_to_speak_of(record: Path, dataset: Dataset) -> None:
    found = run_photos(dataset.examples, read_digests(record), dataset.root)
    assert found.same == dataset.examples
    assert found.digests == tuple(file_digests([dataset.path(e) for e in dataset.examples]))
    assert (found.missing, found.changed, found.note, found.enough) == ((), (), "", True)
    refuse_different(found, dataset.root)


def test_few_that_differ_are_left_out_and_named(record: Path, dataset: Dataset) -> None:
    (dataset.root / "red/red-03.jpg").unlink()
    (dataset.root / "blue/blue-05.jpg").write_bytes(b"another")
    found = run_photos(dataset.examples, read_digests(record), dataset.root)
    assert (found.missing, found.changed) == (("red/red-03.jpg",), ("blue/blue-05.jpg",))
    assert len(found.same) == len(found.digests) == 18
    assert found.note.startswith("2 of the run's 20 pictures left out, missing or changed since: ")
    assert "red/red-03.jpg" in found.note
    refuse_different(found, dataset.root)  # a tenth


def test_swapped_photos_are_refused(record: Path, dataset: Dataset) -> None:
    for number in range(2):
        blue, red = (dataset.root / f"{c}/{c}-0{number}.jpg" for c in ("blue", "red"))
        content = blue.read_bytes()
        blue.write_bytes(red.read_bytes())
        red.write_bytes(content)
    found = run_photos(dataset.examples, read_digests(record), dataset.root)
    with pytest.raises(RunFolderError) as caught:
        refuse_different(found, dataset.root)
    assert str(caught.value) == (
        f"{dataset.root / 'blue/blue-00.jpg'}: is no longer the picture that the run read "
        f"(4 of 20 are missing or changed); put the photos back, or name the folder they are in "
        f"now with --data"
    )


def test_photos_that_are_not_there_are_refused(record: Path, dataset: Dataset) -> None:
    elsewhere = dataset.root / "elsewhere"
    found = run_photos(dataset.examples, read_digests(record), elsewhere)
    with pytest.raises(RunFolderError, match=r"no longer there \(20 of 20 .*--data"):
        refuse_different(found, elsewhere)


def test_a_photo_that_cannot_be_opened_is_not_the_same(record: Path, dataset: Dataset) -> None:
    path = dataset.root / "red/red-03.jpg"
    path.unlink()
    os.mkfifo(path)
    found = run_photos(dataset.examples, read_digests(record), dataset.root)
    assert found.missing == ("red/red-03.jpg",)


def test_older_runs_are_taken_as_they_are_and_it_is_said(record: Path, dataset: Dataset) -> None:
    split = json.loads(record.read_text())
    del split["digests"]
    record.write_text(json.dumps(split))
    (dataset.root / "red/red-03.jpg").write_bytes(b"another")
    found = run_photos(dataset.examples, read_digests(record), dataset.root)
    assert found.same == dataset.examples
    assert "older edgetl" in found.note
    refuse_different(found, dataset.root)


def test_damaged_digests_are_damage(record: Path) -> None:
    for text in ("[]", '{"digests": 3}', "{"):
        record.write_text(text)
        with pytest.raises(RunFolderError, match="damaged"):
            read_digests(record)
