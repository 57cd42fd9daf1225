"""`edgetl train --features-from`: features in shards, the head on all, the rest on a sample."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from edgetl.edge.errors import DataError, RunFolderError, SettingError, SourceError
from edgetl.edge.shards.indexing import index
from edgetl.edge.shards.manifest import shard_name
from edgetl.edge.shards.options import IndexOptions, Part
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.frozen_head import frozen_features
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.training import compute_features, train
from tests.conftest import Cli, MadeOnce, write_colour_pictures

pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("fsspec")

RECIPE = Recipe(height=64, width=64)
# Fine-tuned on four training photos of 28.
SMALL = {"image_size": "64", "steps": 3, "batch_size": 4, "unknown": "off"}


def typed(**options: Any) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]


@pytest.fixture(scope="module")
def made(made_once: MadeOnce, two_class_data: Path) -> Path:
    """A folder with an index of 40 photos in two shards, their features, and a run on them."""

    def fill(to: Path) -> None:
        index(IndexOptions(photos=str(two_class_data), out=to / "index", shard_rows=25))
        Cli(to).here("train", "--features-from", "index", "--out", "runs/small", *typed(**SMALL))

    return made_once("indexed", fill)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_colour_pictures(tmp_path / "photos", ["blue", "red"], 8)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all runs of this file: what one of them has converted, all of them use."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def listed(photos: Path, tmp_path: Path, runs: Path) -> dict[str, Any]:
    """The options of features of an index of 16 photos in two shards."""
    index(IndexOptions(photos=str(photos), out=tmp_path / "index", shard_rows=8))
    return {
        "features_from": tmp_path / "index",
        "features": tmp_path / "features",
        "out": runs / tmp_path.name,
        **SMALL,
    }


def rows_in(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder).to_pylist()
    return rows


def features_in(folder: Path) -> dict[str, np.ndarray]:
    return {row["path"]: np.frombuffer(row["features"], "<f2") for row in rows_in(folder)}


def test_features_are_those_that_train_has_of_the_same_photos(
    made: Path, two_class_data: Path, tmp_path: Path
) -> None:
    found = scan(two_class_data)
    paths = [found.path(example) for example in found.examples]
    decoded = decode_pictures(paths, RECIPE.input_size, cache=tmp_path / "cache")
    expected = frozen_features(
        found, decoded, found.examples, RECIPE, folder=tmp_path / "f", cache=tmp_path / "cache"
    )
    features = features_in(made / "features")
    assert len(features) == 40
    for example, row in zip(found.examples, expected.copies[0].read(), strict=True):
        np.testing.assert_allclose(features[example.file], row, atol=2e-3)
    digests = {row["path"]: row["pixels_sha256"] for row in rows_in(made / "features")}
    assert [digests[e.file] for e in found.examples] == decoded.pixel_digests


def test_the_head_learns_from_all_and_the_rest_of_the_model_from_a_sample(made: Path) -> None:
    run = made / "runs" / "small"
    config, split, metrics = (
        json.loads((run / f"{name}.json").read_text()) for name in ("config", "split", "metrics")
    )
    assert config["data"]["index"] == {
        "path": str(made / "index"),
        "features": str(made / "features"),
        "pictures": {"blue": 14, "red": 14},
    }
    assert config["recipe"]["hold_out"] is True
    counts = {name: sum(map(len, split[name].values())) for name in ("train", "validation", "test")}
    assert counts == {"train": 4, "validation": 8, "test": 4}
    assert metrics["splits"]["test"]["accuracy"] == 1
    assert (run / "model.keras").is_file()
    assert not (run / "checkpoints" / "activations").exists()
    report = (run / "report.html").read_text()
    assert "solved on all 28 training pictures" in " ".join(report.split())


def test_shards_that_are_done_are_left_and_damaged_ones_done_again(
    listed: dict[str, Any], tmp_path: Path
) -> None:
    done = compute_features(**listed, shard=Part(0, 2))
    assert (done.rows, done.new, done.shards) == (8, 8, 1)
    first = tmp_path / "features" / shard_name(0)
    before = first.stat().st_mtime_ns
    assert not (tmp_path / "features" / shard_name(1)).exists()
    # What a process left that was killed.
    (tmp_path / "features" / f".part-abc-{shard_name(1)}").write_bytes(b"half")
    done = compute_features(**listed, shard="0/1")
    assert (done.rows, done.new, done.errors) == (16, 8, 0)
    assert first.stat().st_mtime_ns == before
    expected = features_in(tmp_path / "features")
    assert len(expected) == 16
    first.write_bytes(b"x")
    assert compute_features(**listed, shard=Part(0, 2)).new == 8
    again = features_in(tmp_path / "features")
    assert all((again[path] == row).all() for path, row in expected.items())
    assert not list((tmp_path / "features").glob(".part-*"))


def test_a_picture_that_cannot_be_read_is_a_row_with_an_error(
    photos: Path, tmp_path: Path, runs: Path, cli: Cli
) -> None:
    (photos / "red" / "red-03.jpg").write_bytes(b"no picture")
    index(IndexOptions(photos=str(photos), out=tmp_path / "index"))
    command = ("train", "--features-from", "index", "--shard", "0/1", *typed(**SMALL))
    printed = cli.here(*command, "--out", runs / "x").stdout
    assert printed == "16 pictures in 1 shard, 1 error (16 by this run)\n"
    (wrong,) = (row for row in rows_in(tmp_path / "features") if row["error"])
    assert wrong["path"] == "red/red-03.jpg"
    assert wrong["error"] == "not a picture that can be read"
    assert (wrong["features"], wrong["pixels_sha256"]) == (None, None)


def test_pictures_that_changed_since_they_were_indexed_are_refused(
    listed: dict[str, Any], photos: Path
) -> None:
    compute_features(**listed, shard=Part(0, 1))
    changed = photos / "blue" / "blue-03.jpg"
    shutil.copy(photos / "red" / "red-03.jpg", changed)
    with pytest.raises(SourceError, match=r"blue-03.jpg: has changed since it was indexed; index"):
        train(**listed)
    assert not listed["out"].exists()
    shutil.rmtree(listed["features"])
    changed.unlink()
    with pytest.raises(SourceError, match=r"blue-03.jpg: no such file or directory; the index has"):
        compute_features(**listed, shard=Part(0, 1))


def test_photos_that_are_not_in_the_index_are_refused(listed: dict[str, Any], photos: Path) -> None:
    write_colour_pictures(photos, ["green"], 2)
    with pytest.raises(DataError, match=r"green-00.jpg: is not in the index .* \(2 of 18 photos"):
        train(**listed)


def test_what_is_wrong_with_the_classes_is_found_before_features_are_computed(
    listed: dict[str, Any], photos: Path
) -> None:
    index(IndexOptions(photos=str(photos / "red"), out=listed["features_from"].parent / "red"))
    with pytest.raises(DataError, match="put each class's pictures in a folder of its own"):
        train(**{**listed, "features_from": listed["features_from"].parent / "red"})
    assert not listed["features"].exists()


def test_an_out_that_holds_files_is_found_before_features_are_computed(
    listed: dict[str, Any], photos: Path
) -> None:
    with pytest.raises(RunFolderError, match="already holds files"):
        train(**{**listed, "out": photos})
    assert not listed["features"].exists()


def test_features_are_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="--shard computes features and resumes no training"):
        compute_features(resume=True, features_from=tmp_path, shard="0/1")


def test_features_of_other_weights_or_another_size_are_not_mixed(
    listed: dict[str, Any], tmp_path: Path
) -> None:
    compute_features(**listed, shard=Part(0, 2))
    with pytest.raises(SettingError, match=r"other settings: image-size 64x64; name another --fea"):
        compute_features(**{**listed, "image_size": "96"}, shard=Part(0, 2))
    weights = tmp_path / "other.weights.h5"
    keras.applications.MobileNetV2((64, 64, 3), include_top=False, weights=None).save_weights(
        weights
    )
    with pytest.raises(SettingError, match=r"holds results of another model, .*--features"):
        compute_features(**listed, weights=str(weights), shard=Part(0, 2))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": "photos"}, "DATA does not go with --features-from"),
        ({"image_size": "auto"}, "--image-size auto does not go with"),
        ({"weights": "none"}, "--weights none does not go with"),
        ({"head_epochs": 2}, "--head-solver adam does not go with"),
        ({"features_from": None}, "--features is for --features-from DIR; give both"),
    ],
)
def test_options_that_do_not_go_with_an_index_are_refused(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    options = {"features_from": tmp_path / "index", "features": tmp_path / "features"}
    given = {name: value for name, value in {**options, **changed}.items() if value is not None}
    with pytest.raises(SettingError, match=words):
        train(**given)


def test_a_run_on_an_index_is_trained_again_by_its_config_and_not_gone_on_from(
    made: Path, tmp_path: Path
) -> None:
    run = made / "runs" / "small"
    out = made / "runs" / "again"
    done = compute_features(config=run / "config.json", out=out, shard="0/1")
    assert (done.rows, done.new) == (40, 0)
    with pytest.raises(RunFolderError, match="learned from an index, and does not know most"):
        train(tmp_path, from_run=run)


@pytest.mark.slow
def test_an_interrupted_run_on_an_index_is_resumed(made: Path, tmp_path: Path) -> None:
    before = made / "runs" / "small"
    again = shutil.copytree(before, tmp_path / "again")
    for name in ("model.keras", "metrics.json", "report.html"):
        (again / name).unlink()
    train(resume=True, out=again)
    for name in ("split.json", "predictions.json", "labels.txt"):
        assert (again / name).read_bytes() == (before / name).read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_whoever_is_killed_loses_no_features_and_makes_none_twice(tmp_path: Path) -> None:
    few = sorted(write_colour_pictures(tmp_path / "few", ["blue", "red"], 5).rglob("*.jpg"))
    for number in range(3000):
        folder = tmp_path / "photos" / few[number % 10].parent.name
        folder.mkdir(parents=True, exist_ok=True)
        os.link(few[number % 10], folder / f"{number:05}.jpg")
    index(IndexOptions(photos=str(tmp_path / "photos"), out=tmp_path / "index", shard_rows=50))
    command = [sys.executable, "-m", "edgetl", "train", "--features-from", "index"]
    command += [*typed(image_size="64"), "--shard", "0/1"]
    with subprocess.Popen(command, cwd=tmp_path) as killed:
        until = time.monotonic() + 40
        while not list(tmp_path.glob("features/shard-*")) and time.monotonic() < until:
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
    there = len(rows_in(tmp_path / "features"))
    assert 0 < there < 3000
    done = compute_features(
        features_from=tmp_path / "index", features=tmp_path / "features",
        out=tmp_path / "runs" / "x", image_size="64", shard=Part(0, 1),
    )  # fmt: skip
    assert (done.rows, done.new) == (3000, 3000 - there)
    assert [row["id"] for row in rows_in(tmp_path / "features")] == list(range(3000))
