"""`edgetl index`: pictures listed in shards, and again from where it was stopped."""

import json
import logging
import os
import sys
from pathlib import Path

import pytest

from edgetl.edge.errors import RecordError, SettingError, SourceError
from edgetl.edge.shards.indexing import index
from edgetl.edge.shards.manifest import INDEX_NAME, read_manifest, read_shard, shard_name
from edgetl.edge.shards.options import IndexOptions
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.shards.conftest import rows_in, shard_files


def options(photos: Path, out: Path, *, rows: int = 10) -> IndexOptions:
    return IndexOptions(photos=str(photos), out=out, shard_rows=rows)


@pytest.mark.parametrize("place", ["photos", "photos/red"])
def test_an_index_is_not_written_among_photos(photos: Path, place: str) -> None:
    folder = photos.parent / place
    before = sorted(folder.iterdir())
    with pytest.raises(SettingError, match=f"--out {folder}: holds other files; name a new"):
        index(IndexOptions(photos=str(photos), out=folder))
    assert sorted(folder.iterdir()) == before


def test_an_index_lists_each_picture_once_with_its_number_size_and_etag(
    photos: Path, tmp_path: Path
) -> None:
    (photos / "notes.txt").write_text("no picture")
    (photos / "clip.mp4").write_bytes(b"a video")
    (photos / ".hidden").mkdir()
    (photos / ".hidden" / "x.jpg").write_bytes(b"hidden")
    done = index(options(photos, tmp_path / "index"))
    rows = rows_in(tmp_path / "index")
    assert [row["id"] for row in rows] == list(range(24))
    assert [row["path"] for row in rows] == [
        f"{colour}/{number:03}.jpg" for colour in ("blue", "red") for number in range(12)
    ]
    assert all(row["size"] == (photos / row["path"]).stat().st_size for row in rows)
    assert len({row["etag"] for row in rows}) > 12
    assert shard_files(tmp_path / "index") == [shard_name(number) for number in range(3)]
    manifest = read_manifest(tmp_path / "index")
    assert (manifest.rows, manifest.shards, manifest.rows_of(2)) == (24, 3, 4)
    assert manifest.root == str(photos)
    assert (done.new, done.videos, done.problems) == (24, 1, 0)


def test_a_changed_picture_makes_another_index(photos: Path, tmp_path: Path) -> None:
    first = index(options(photos, tmp_path / "a")).manifest
    assert index(options(photos, tmp_path / "b")).manifest == first
    os.utime(photos / "red" / "003.jpg", ns=(1, 1))
    assert index(options(photos, tmp_path / "c")).manifest.identity != first.identity


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode elsewhere")
def test_a_name_that_is_no_utf8_is_kept_as_bytes(photos: Path, tmp_path: Path) -> None:
    for old, new in (("000.jpg", b"\xe9.jpg"), ("001.jpg", rb"\xe9.jpg")):
        (photos / "red" / old).rename(photos / "red" / os.fsdecode(new))
    index(options(photos, tmp_path / "index", rows=100))
    rows = rows_in(tmp_path / "index")
    odd = [row for row in rows if row["path"] == r"red/\xe9.jpg"]
    assert sorted((row["path_bytes"] for row in odd), key=bool) == [None, b"red/\xe9.jpg"]
    assert all((photos / entry.path).exists() for entry in read_shard(tmp_path / "index", 0))


@pytest.mark.parametrize("left", [0, 1, 2, 3])
def test_an_index_that_was_stopped_goes_on_and_is_the_same(
    photos: Path, tmp_path: Path, left: int
) -> None:
    whole = index(options(photos, tmp_path / "index")).manifest
    before = rows_in(tmp_path / "index")
    (tmp_path / "index" / INDEX_NAME).unlink()
    for number in range(left, 3):
        (tmp_path / "index" / shard_name(number)).unlink()
    kept = {name: (tmp_path / "index" / name).stat() for name in shard_files(tmp_path / "index")}
    with pytest.raises(RecordError, match="edgetl index"):
        read_manifest(tmp_path / "index")
    done = index(options(photos, tmp_path / "index"))
    assert done.manifest == whole
    assert done.new == 24 - min(10 * left, 24)
    assert rows_in(tmp_path / "index") == before
    for name, status in kept.items():
        assert (tmp_path / "index" / name).stat() == status


def test_one_that_is_finished_is_not_listed_again(photos: Path, tmp_path: Path) -> None:
    index(options(photos, tmp_path / "index"))
    (photos / "red" / "000.jpg").unlink()
    assert index(options(photos, tmp_path / "index")).new == 0


@pytest.mark.parametrize("change", ["gone", "new", "renamed", "behind"])
def test_pictures_that_came_or_went_meanwhile_are_refused(
    photos: Path, tmp_path: Path, change: str
) -> None:
    index(options(photos, tmp_path / "index"))
    (tmp_path / "index" / INDEX_NAME).unlink()
    first = photos / "blue" / "003.jpg"
    if change == "gone":
        first.unlink()
    elif change == "renamed":
        first.rename(photos / "blue" / "0033.jpg")
    else:
        name = "blue/0000.jpg" if change == "new" else "red/999.jpg"
        (photos / name).write_bytes(first.read_bytes())
    with pytest.raises(SettingError, match="added or removed since it was begun; delete it"):
        index(options(photos, tmp_path / "index"))


@pytest.mark.parametrize("finished", [True, False])
def test_another_folder_or_size_of_shards_is_refused(
    photos: Path, tmp_path: Path, finished: bool
) -> None:
    index(options(photos, tmp_path / "index"))
    if not finished:
        (tmp_path / "index" / INDEX_NAME).unlink()
    with pytest.raises(SettingError, match=f"an index of {photos}; name another --out"):
        index(options(photos / "red", tmp_path / "index"))
    with pytest.raises(SettingError, match="was begun with --shard-rows 10"):
        index(options(photos, tmp_path / "index", rows=5))


def test_what_is_no_shard_is_not_written_over(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / shard_name(0)).write_bytes(b"another's")
    with pytest.raises(RecordError, match="no shard of an index"):
        index(options(photos, tmp_path / "index"))


def test_a_folder_that_cannot_be_read_is_said_and_the_rest_listed(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (photos / "green.jpg").symlink_to("green.jpg")
    with caplog.at_level(logging.WARNING, "edgetl"):
        done = index(options(photos, tmp_path / "index"))
    assert (done.new, done.problems) == (24, 1)
    assert "green.jpg" in caplog.text


def test_nothing_to_list_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no pictures in it"):
        index(options(tmp_path / "empty", tmp_path / "index"))
    with pytest.raises(SourceError, match="no such file or directory"):
        index(options(tmp_path / "gone", tmp_path / "index"))


def test_the_command_says_how_many_and_what_it_left_out(cli: Cli, photos: Path) -> None:
    (photos / "clip.mp4").write_bytes(b"a video")
    result = cli.here("index", photos, "--shard-rows", "10")
    assert result.stdout == "index  24 pictures in 3 shards\n"
    assert "left out 1 video" in result.stderr
    assert "delete index for that" in cli.here("index", photos, "--shard-rows", "10").stderr
    file = photos / "clip.mp4"
    assert_one_clear_line(cli.refused("index", photos, "--out", file), "is a file; name a folder")
    assert_one_clear_line(cli.refused("index", "foo://x"), "foo://x", "name a folder")
    assert_one_clear_line(cli.refused("index", file), "clip.mp4", "not a directory")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "written by a newer edgetl; upgrade"),
        ({"format": 0}, "damaged; delete it"),
        ({"shard_rows": 0}, "damaged; delete it"),
    ],
)
def test_a_manifest_that_is_newer_or_cannot_be_is_refused(
    photos: Path, tmp_path: Path, change: dict[str, int], words: str
) -> None:
    index(options(photos, tmp_path / "index"))
    path = tmp_path / "index" / INDEX_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RecordError, match=words):
        read_manifest(path.parent)
