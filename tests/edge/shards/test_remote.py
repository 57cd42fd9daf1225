"""Pictures in stores: listed page by page, or folder by folder, and fetched ahead."""

import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import fsspec
import pytest

from edgetl.edge.errors import EdgetlError, SourceError
from edgetl.edge.shards import remote_store
from edgetl.edge.shards.classifying import classify_index
from edgetl.edge.shards.indexing import index
from edgetl.edge.shards.manifest import INDEX_NAME, Entry, shard_name
from edgetl.edge.shards.options import ClassifyIndexOptions, IndexOptions
from edgetl.edge.shards.remote_store import fetched
from edgetl.edge.sources.files import Item, Problem
from tests.edge.shards.conftest import rows_in
from tests.edge.shards.s3_server import PAGE, s3_server


def objects_of(photos: Path) -> dict[str, bytes]:
    """The pictures, one without a suffix, and what is to be left out."""
    found = {f"p/{path.relative_to(photos)}": path.read_bytes() for path in photos.rglob("*.jpg")}
    some = next(iter(found.values()))
    return {
        **found,
        "p/without": some,
        "p/é bad.jpg": b"no picture",
        "p/.hidden/x.jpg": some,
        "p/@eaDir/x.jpg": some,
        "p/notes": b"no picture",
        "p/clip.mp4": b"a video",
        "q/other.jpg": some,
    }


EXPECTED = sorted(
    [f"{colour}/{number:03}.jpg" for colour in ("blue", "red") for number in range(12)]
    + ["without", "é bad.jpg"]
)


@pytest.fixture
def memory(photos: Path) -> Iterator[str]:
    """The URL of a store in this process's memory."""
    store = fsspec.filesystem("memory")
    for key, content in objects_of(photos).items():
        store.pipe(f"/store/{key}", content)
    yield "memory://store/p"
    store.rm("/store", recursive=True)


@pytest.fixture
def asked() -> list[dict[str, str]]:
    """The listings that a bucket was asked for."""
    return []


@pytest.fixture
def bucket(
    photos: Path, asked: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of a folder in a bucket on this machine."""
    pytest.importorskip("s3fs")
    with s3_server(objects_of(photos), asked) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3").clear_instance_cache()
        yield "s3://bucket/p"


@pytest.mark.parametrize("store", ["memory", "bucket"])
def test_pictures_of_a_store_are_listed_and_classified(
    store: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    model: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = request.getfixturevalue(store)
    with caplog.at_level(logging.WARNING, "edgetl"):
        done = index(IndexOptions(photos=url, out=tmp_path / "index", shard_rows=10))
    assert sorted(row["path"] for row in rows_in(tmp_path / "index")) == EXPECTED
    assert (done.manifest.root, done.videos, done.problems) == (url, 1, 0)
    assert "left out 1 file that is neither picture nor video (1 without suffix)" in caplog.text
    outcome = classify_index(
        ClassifyIndexOptions(index=tmp_path / "index", out=tmp_path / "results", **model)
    )
    assert (outcome.rows, outcome.errors) == (26, 1)
    rows = {row["path"]: row for row in rows_in(tmp_path / "results")}
    assert all(rows[path]["label"] == path.partition("/")[0] for path in EXPECTED[:-2])
    assert rows["é bad.jpg"]["error"] == f"{url}/é bad.jpg: not a picture that can be read"


def test_the_listing_of_a_bucket_goes_on_behind_the_last_picture(
    bucket: str, asked: list[dict[str, str]], tmp_path: Path
) -> None:
    options = IndexOptions(photos=bucket, out=tmp_path / "index", shard_rows=10)
    whole = index(options).manifest
    rows = rows_in(tmp_path / "index")
    assert len(asked) > len(rows) / PAGE
    assert {row["etag"] for row in rows} == {f"etag of p/{row['path']}" for row in rows}
    (tmp_path / "index" / INDEX_NAME).unlink()
    (tmp_path / "index" / shard_name(2)).unlink()
    asked.clear()
    done = index(options)
    assert (done.manifest, done.new) == (whole, 6)
    assert rows_in(tmp_path / "index") == rows
    assert asked[0]["start-after"] == f"p/{rows[19]['path']}"
    assert len(asked) == 1


def test_a_store_without_pictures_or_bucket_is_an_error(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="s3://bucket/none: no pictures in it"):
        index(IndexOptions(photos="s3://bucket/none", out=tmp_path / "index"))
    with pytest.raises(SourceError, match="s3://other: The specified bucket does not exist"):
        index(IndexOptions(photos="s3://other", out=tmp_path / "index"))


def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    # Those that were loaded before.
    monkeypatch.delitem(import_module("fsspec.registry")._registry, "s3", raising=False)
    with pytest.raises(EdgetlError, match=r"needs the Python package s3fs, .*pip install s3fs"):
        index(IndexOptions(photos="s3://bucket/p", out=tmp_path / "index"))


def test_what_is_gone_is_a_problem_and_a_store_that_fails_ends_it(
    memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [Entry(path, 1, None) for path in (*EXPECTED[:3], "gone.jpg", *EXPECTED[3:])]
    found = list(fetched(memory, [*entries, Entry("huge.jpg", 2**40, None)]))
    assert [type(one) for one in found] == [Item] * 3 + [Problem] + [Item] * 23 + [Problem]
    assert "gone.jpg: no such" in str(found[3])
    assert "huge.jpg: larger than 256 MB" in str(found[-1])

    tries = []

    def fails(*_: object, **__: object) -> bytes:
        tries.append(1)
        raise ConnectionError("the network is away")

    monkeypatch.setattr(remote_store, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "cat_file", fails)
    with pytest.raises(SourceError, match="the network is away; run the same command again"):
        list(fetched(memory, entries[:1]))
    assert len(tries) == 3


def test_only_some_pictures_are_fetched_ahead(memory: str) -> None:
    taken = 0

    def entries() -> Iterator[Entry]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield Entry(EXPECTED[0], 1, None)

    found = fetched(memory, entries())
    next(found)
    next(found)
    assert 2 <= taken <= 40
    found.close()  # type: ignore[attr-defined]
