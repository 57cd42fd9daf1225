"""`edgetl classify --index`: a shard's results are one file, done once, by one model."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.errors import RecordError, SettingError, SourceError
from edgetl.edge.shards.classifying import classify_index
from edgetl.edge.shards.indexing import index
from edgetl.edge.shards.manifest import INDEX_NAME, shard_name
from edgetl.edge.shards.options import ClassifyIndexOptions, IndexOptions, Part, parse_part
from edgetl.edge.shards.results_folder import RESULTS_NAME
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.shards.conftest import rows_in, shard_files, typed

DOC = Path(__file__).parents[3] / "docs" / "shards.md"


@pytest.fixture
def listed(photos: Path, tmp_path: Path) -> Path:
    """An index of 24 pictures in three shards."""
    index(IndexOptions(photos=str(photos), out=tmp_path / "index", shard_rows=10))
    return tmp_path / "index"


def options(listed: Path, model: dict[str, Any], **changed: Any) -> ClassifyIndexOptions:
    return ClassifyIndexOptions(
        **{"index": listed, "out": listed.parent / "results", "threads": 1, **model, **changed}
    )


def test_results_are_those_of_classify(
    listed: Path, photos: Path, model: dict[str, Any], cli: Cli
) -> None:
    done = classify_index(options(listed, model))
    assert (done.rows, done.new, done.errors, done.shards) == (24, 24, 0, 3)
    rows = rows_in(listed.parent / "results")
    assert [row["id"] for row in rows] == list(range(24))
    assert [row["label"] for row in rows] == [row["path"].partition("/")[0] for row in rows]
    answer = cli.here("classify", photos, *typed(model), "--format", "jsonl").stdout
    for row, line in zip(rows, map(json.loads, answer.splitlines()), strict=True):
        assert line["source"] == str(photos / row["path"])
        predictions = line["predictions"]
        assert row["labels"] == [prediction["label"] for prediction in predictions]
        expected = [prediction["probability"] for prediction in predictions]
        assert row["probabilities"] == pytest.approx(expected, abs=1e-6)
        assert row["probability"] == row["probabilities"][0]
        assert row["milliseconds"] > 0
        assert row["error"] is None


def test_the_example_in_the_documentation_runs(
    photos: Path, in_tmp_path: Path, tiny_export: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", DOC.read_text(), re.DOTALL | re.MULTILINE)
    (in_tmp_path / "model.tflite").write_bytes(tiny_export)
    exec(example, {})
    assert capsys.readouterr().out == "24 0\n"
    assert len(rows_in(in_tmp_path / "results")) == 24


def test_a_threshold_makes_unsure_of_labels(listed: Path, model: dict[str, Any]) -> None:
    classify_index(options(listed, model, threshold=0.999999, top_k=1))
    rows = rows_in(listed.parent / "results")
    assert {row["label"] for row in rows} == {"unsure"}
    assert {len(row["labels"]) for row in rows} == {1}


def test_a_picture_that_cannot_be_read_is_a_row_with_an_error(
    listed: Path, photos: Path, model: dict[str, Any]
) -> None:
    (photos / "red" / "002.jpg").write_bytes(b"no picture")
    (photos / "blue" / "000.jpg").unlink()
    done = classify_index(options(listed, model))
    assert (done.rows, done.errors) == (24, 2)
    first, second = (row for row in rows_in(listed.parent / "results") if row["error"])
    assert first["error"] == f"{photos}/blue/000.jpg: no such file or directory"
    assert second["error"].endswith("red/002.jpg: not a picture that can be read")
    assert (second["id"], second["label"], second["labels"]) == (14, None, None)
    assert classify_index(options(listed, model)).errors == 2


def test_a_shard_that_is_done_is_left_as_it_is(listed: Path, model: dict[str, Any]) -> None:
    classify_index(options(listed, model))
    results = listed.parent / "results"
    before = rows_in(results)
    (results / shard_name(1)).unlink()
    others = [(results / shard_name(number)).stat() for number in (0, 2)]
    done = classify_index(options(listed, model))
    assert (done.rows, done.new) == (24, 10)
    assert [(results / shard_name(number)).stat() for number in (0, 2)] == others
    assert [row["id"] for row in rows_in(results)] == [row["id"] for row in before]


@pytest.mark.parametrize("by", ["damaged", "another shard's"])
def test_a_file_that_is_not_the_shards_is_done_again(
    listed: Path, model: dict[str, Any], by: str
) -> None:
    classify_index(options(listed, model))
    results = listed.parent / "results"
    content = b"x" if by == "damaged" else (results / shard_name(0)).read_bytes()
    (results / shard_name(1)).write_bytes(content)
    # What a process left that was killed.
    (results / f".part-abc-{shard_name(1)}").write_bytes(b"half")
    assert classify_index(options(listed, model)).new == 10
    assert [row["id"] for row in rows_in(results)] == list(range(24))
    assert not list(results.glob(".part-*"))


def test_results_of_two_models_settings_or_indexes_are_not_mixed(
    listed: Path, photos: Path, model: dict[str, Any], third_party_models: Path
) -> None:
    classify_index(options(listed, model))
    with pytest.raises(SettingError, match=r"results: holds .* other settings: top-k 3; name anot"):
        classify_index(options(listed, model, top_k=2))
    with pytest.raises(SettingError, match=r"other settings: threshold 0\.0"):
        classify_index(options(listed, model, threshold=0.5))
    other = {**model, "model": third_party_models / "uint8.tflite"}
    with pytest.raises(SettingError, match="another model, SHA-256 "):
        classify_index(options(listed, other))
    more = listed.parent / "more"
    index(IndexOptions(photos=str(photos / "red"), out=more, shard_rows=10))
    with pytest.raises(SettingError, match=f"another index, of {photos}; name another --out"):
        classify_index(options(more, model))
    # The same photos, indexed again: another index, and the folder says so.
    again = listed.parent / "again"
    index(IndexOptions(photos=str(photos), out=again, shard_rows=7))
    (listed.parent / "results-2").mkdir()
    words = f"results: holds results of {photos} as it was .* --out {listed.parent}/results-3$"
    with pytest.raises(SettingError, match=words):
        classify_index(options(again, model))
    # Threads change nothing.
    assert classify_index(options(listed, model, threads=2)).new == 0


@pytest.mark.parametrize("place", ["photos", "photos/red", "notes"])
def test_results_are_not_written_among_other_files(
    listed: Path, photos: Path, model: dict[str, Any], place: str
) -> None:
    (photos.parent / "notes").mkdir()
    (photos.parent / "notes" / "a.txt").touch()
    folder = photos.parent / place
    before = sorted(folder.iterdir())
    with pytest.raises(SettingError, match=f"--out {folder}: holds other files; name a new"):
        classify_index(replace(options(listed, model), out=folder))
    assert sorted(folder.iterdir()) == before


def test_parts_of_the_shards_make_the_whole(listed: Path, model: dict[str, Any]) -> None:
    results = listed.parent / "results"
    first = classify_index(options(listed, model, shard="0/2"))
    assert (first.rows, first.shards) == (14, 2)
    assert shard_files(results) == [shard_name(0), shard_name(2)]
    assert classify_index(options(listed, model, shard="1/2")).new == 10
    assert classify_index(options(listed, model, shard=Part(5, 9))).shards == 0
    assert [row["id"] for row in rows_in(results)] == list(range(24))


@pytest.mark.parametrize("text", ["3/3", "0/0", "1", "a/b", "-1/2", "1/2/3"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="--shard "):
        parse_part(text)


def test_a_folder_of_photos_that_is_not_mounted_is_no_result(
    listed: Path, photos: Path, model: dict[str, Any]
) -> None:
    photos.rename(photos.parent / "away")
    with pytest.raises(SourceError, match=r"photos: no such file or directory; .* mount it"):
        classify_index(options(listed, model))
    photos.mkdir()
    with pytest.raises(
        SourceError, match="photos: is empty; the index lists its pictures, mount it"
    ):
        classify_index(options(listed, model))
    assert not (listed.parent / "results").exists()


def test_an_index_that_is_missing_or_damaged_is_refused(
    listed: Path, model: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(RecordError, match="make one with: edgetl index PHOTOS --out"):
        classify_index(options(tmp_path / "none", model))
    (listed / shard_name(1)).write_bytes(b"x")
    with pytest.raises(RecordError, match="shard-00001"):
        classify_index(options(listed, model))
    (listed / shard_name(1)).unlink()
    with pytest.raises(RecordError, match=r"shard-00001.*no such file"):
        classify_index(options(listed, model))
    (listed / INDEX_NAME).write_text("{}")
    with pytest.raises(RecordError, match="damaged"):
        classify_index(options(listed, model))


def test_a_results_folder_that_is_damaged_is_refused(listed: Path, model: dict[str, Any]) -> None:
    classify_index(options(listed, model))
    (listed.parent / "results" / RESULTS_NAME).write_text("{")
    with pytest.raises(RecordError, match="damaged; name another --out"):
        classify_index(options(listed, model))
    with pytest.raises(SettingError, match="is a file; name a folder"):
        classify_index(options(listed, model, out=listed / INDEX_NAME))


def test_the_command_takes_either_files_or_an_index(
    cli: Cli, listed: Path, photos: Path, model: dict[str, Any]
) -> None:
    result = cli.here("classify", "--index", listed, *typed(model))
    assert result.stdout == "results  24 pictures in 3 shards\n"
    again = cli.here("classify", "--index", listed, *typed(model))
    assert again.stdout == "results  24 pictures in 3 shards (0 by this run)\n"
    for arguments, words in (
        (["--index", listed, photos], "FILES|FOLDERS|GLOBS is not for --index"),
        (["--index", listed, "--smooth", "3"], "--smooth is not for --index; leave it out"),
        ([photos, "--out", "x"], "--out is for --index DIR; give both"),
        (["--shard", "0/2", photos], "--shard is for --index DIR"),
        (["--index", listed, "--shard", "2/2"], "the last of 2 is 1/2"),
        (["--index", listed, "--ray", "local", "--threads", "2"], "leave --threads out"),
        ([], "nothing to classify"),
    ):
        assert_one_clear_line(cli.refused("classify", *arguments), words)


@pytest.mark.parametrize("finished", [True, False])
def test_results_never_replace_an_index(
    listed: Path, model: dict[str, Any], tmp_path: Path, finished: bool
) -> None:
    out = shutil.copytree(listed, tmp_path / "other")
    if not finished:
        (out / INDEX_NAME).unlink()
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    with pytest.raises(SettingError, match=r"--out .*other: holds an index; name another folder"):
        classify_index(options(listed, model, out=out))
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_a_file_is_no_index(model: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(RecordError, match="file: is a file; name the folder that edgetl index"):
        classify_index(options(file, model))
