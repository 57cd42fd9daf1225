"""`edgetl teach` as a person runs it."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.errors import ModelFileError
from edgetl.edge.explain.explainer import Explainer
from edgetl.edge.model.associated_files import read_associated_files, with_files
from edgetl.edge.model.latest import latest_model
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.runtime import installed_runtimes
from edgetl.edge.teach.sample import read_sample
from tests.conftest import (
    COLOURS,
    Cli,
    assert_one_clear_line,
    colour_picture,
    probabilities_of,
    write_colour_pictures,
)


@pytest.fixture(scope="session")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of a new class, and a few of an old one."""
    folder = tmp_path_factory.mktemp("taught") / "corrections"
    write_colour_pictures(folder, ["green"], 12)
    return write_colour_pictures(folder, ["red"], 3)


@pytest.fixture
def model(cli: Cli, float_model: Path) -> Path:
    return Path(shutil.copy(float_model, cli.folder / "model.float32.tflite"))


def new_photo(folder: Path, label: str) -> Path:
    """A photo like those of a class; a JPEG as well, whose noise is another than PNG's."""
    path = folder / f"new-{label}.jpg"
    colour_picture(COLOURS[label], 555, (80, 60)).save(path, quality=92)
    return path


def files_of(model: Path) -> dict[str, bytes]:
    return read_associated_files(model.read_bytes())[0]


def test_a_new_class_is_taught_and_classify_takes_the_taught_file(
    cli: Cli, model: Path, corrections: Path
) -> None:
    before = model.read_bytes()
    result = cli("teach", corrections, "--max-drop", "20", COLUMNS="80")
    rows = [line.split() for line in result.stdout.splitlines()]
    green = next(row for row in rows if row[:1] == ["green"])
    assert green == ["green", "-", "12", "-", "100.0", "-"]
    red = next(row for row in rows if row[:1] == ["red"])
    assert (int(red[1]) > 10, red[2]) == (True, "3")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout.splitlines()[-1] == "model.float32.taught.tflite"
    assert "the next edgetl train --from RUN learns from them too" in result.stderr
    assert model.read_bytes() == before
    assert sorted(path.name for path in cli.folder.iterdir()) == [
        "model.float32.taught.tflite", "model.float32.tflite",
    ]  # fmt: skip
    photo = new_photo(cli.folder, "green")
    assert cli("classify", photo).stdout.split()[1] == "green"
    taught = cli.folder / "model.float32.taught.tflite"
    read = read_model_file(taught)
    assert read.labels == ("blue", "red", "green")
    assert read.name == "Image classifier: blue, red, green"
    assert "3 classes" in read.description
    assert read.manifest is not None
    (lesson,) = read.manifest["taught"]
    assert lesson["photos"] == {"red": 3, "green": 12}
    assert lesson["of"] == read_model_file(model).content_sha256
    assert read.manifest["parity"] is None
    assert "edgetl.taught" in cli.here("info", taught).stdout
    explained = Explainer(read).explain(photo)
    assert explained.shown.label == "green"


@pytest.mark.slow
def test_a_taught_file_is_taught_on_and_remembers(
    cli: Cli, model: Path, corrections: Path, tmp_path: Path
) -> None:
    cli.here("teach", corrections, "--model", model, "--max-drop", "20")
    more = write_colour_pictures(tmp_path / "more", ["yellow"], 8)
    first = (cli.folder / "model.float32.taught.tflite").read_bytes()
    again = cli.here("teach", more, "--model", "model.float32.taught.tflite", "--max-drop", "20")
    read = read_model_file(cli.folder / "model.float32.taught.tflite")
    assert read.labels == ("blue", "red", "green", "yellow")
    assert "the one before is now model.float32.taught.earlier.tflite" in again.stderr
    assert (cli.folder / "model.float32.taught.earlier.tflite").read_bytes() == first
    assert read.manifest is not None
    assert [one["photos"] for one in read.manifest["taught"]] == [
        {"red": 3, "green": 12}, {"yellow": 8},
    ]  # fmt: skip
    # The sample stands for the photos of both lessons, and of the training.
    sample = read_sample(files_of(read.path)["features.bin"], channels=1280, classes=4)
    blue, red, *taught = np.bincount(sample.targets)
    assert (red - blue, taught) == (3, [12, 8])


def test_a_taught_file_stands_for_the_one_that_it_was_taught_on(in_tmp_path: Path) -> None:
    for name in ("cats.tflite", "cats.rejected.tflite", "cats.earlier.tflite"):
        (in_tmp_path / name).touch()
    assert latest_model() == Path("cats.tflite")
    (in_tmp_path / "cats.taught.tflite").touch()
    (in_tmp_path / "cats.taught.rejected.tflite").touch()
    assert latest_model() == Path("cats.taught.tflite")
    (in_tmp_path / "dogs.tflite").touch()
    with pytest.raises(ModelFileError, match=r"\(cats.taught.tflite, dogs.tflite\)"):
        latest_model()


def without_sample(model: Path) -> None:
    files = files_of(model)
    assert files.pop("features.bin")
    flatbuffer = model.read_bytes()[: read_model_file(model).model_bytes]
    model.write_bytes(with_files(flatbuffer, files))


def test_refusals(cli: Cli, model: Path, third_party_models: Path, corrections: Path) -> None:
    refused = cli.refused("teach", corrections, "--model", third_party_models / "described.tflite")
    assert_one_clear_line(refused, "described.tflite", "not exported by edgetl", "edgetl train")
    refused = cli.refused("teach", "gone", "--model", model)
    assert_one_clear_line(refused, "gone: no such folder")
    few = write_colour_pictures(cli.folder / "few", ["green"], 4)
    refused = cli.refused("teach", few, "--model", model)
    assert_one_clear_line(refused, "4 photos of green", "5 or more", "edgetl collect")
    refused = cli.refused("teach", corrections, "--model", model, "--out", "x.bin")
    assert_one_clear_line(refused, "--out x.bin", ".tflite")
    refused = cli.refused("teach", corrections, "--model", model, "--out", "no/x.tflite")
    assert_one_clear_line(refused, "--out no/x.tflite: no such folder")
    refused = cli.refused("teach", corrections, "--model", cli.folder)
    assert_one_clear_line(refused, "a folder, not a model file; give")


def test_photos_left_out_and_a_file_that_is_replaced_are_said(cli: Cli, model: Path) -> None:
    photos = write_colour_pictures(cli.folder / "photos", ["green"], 5)
    (photos / "green" / "bad.jpg").write_bytes(b"no picture")
    # Taught before on the same model: that lesson is kept, and said not to be in the new file.
    taught = cli.folder / "model.float32.taught.tflite"
    taught.write_bytes(b"another lesson")
    result = cli.here("teach", photos, "--model", model, "--max-drop", "50")
    assert "bad.jpg" in result.stderr
    earlier = taught.with_suffix(".earlier.tflite")
    assert earlier.read_bytes() == b"another lesson"
    assert f"what {earlier} has learned is not in it" in result.stderr
    assert f"edgetl teach PHOTOS --model {earlier} --out {taught}" in result.stderr
    for path in (photos / "green").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(Exception, match="none of the photos can be read"):
        cli.here("teach", photos, "--model", model)


def test_a_file_without_a_sample_needs_photos_of_every_class(
    cli: Cli, model: Path, corrections: Path
) -> None:
    without_sample(model)
    refused = cli.refused("teach", corrections, "--model", model)
    assert_one_clear_line(refused, "no sample of its training photos", "none of blue")


def test_photos_of_every_class_stand_for_a_sample(cli: Cli, model: Path, tmp_path: Path) -> None:
    without_sample(model)
    every = write_colour_pictures(tmp_path / "every", ["blue", "green", "red"], 8)
    cli.here("teach", every, "--model", model, "--max-drop", "50")
    taught = cli.folder / "model.float32.taught.tflite"
    assert read_model_file(taught).labels == ("blue", "red", "green")
    assert files_of(taught)["features.bin"]


def test_a_damaged_sample_is_said(cli: Cli, model: Path, corrections: Path) -> None:
    files = files_of(model) | {"features.bin": b"damaged"}
    flatbuffer = model.read_bytes()[: read_model_file(model).model_bytes]
    model.write_bytes(with_files(flatbuffer, files))
    refused = cli.refused("teach", corrections, "--model", model)
    assert_one_clear_line(refused, "damaged (features.bin", "copy it here again")


@pytest.mark.slow
def test_what_spoils_a_class_is_rejected_and_not_put_under_its_name(cli: Cli, model: Path) -> None:
    """Photos of one colour as two classes: half of each is lost."""
    spoiled = write_colour_pictures(cli.folder / "spoiled", ["red"], 20)
    (spoiled / "red").rename(spoiled / "crimson")
    result = cli("teach", spoiled, "--model", model, check=1)
    assert "the recall of red falls from 100 to" in result.stderr
    assert "next" not in result.stderr
    names = {path.name for path in cli.folder.glob("*.tflite")}
    assert names == {"model.float32.tflite", "model.float32.taught.rejected.tflite"}


def best_of(model: Path, photos: list[Path]) -> list[list[str]]:
    """The best label of each photo, on each runtime."""
    labels = read_model_file(model).labels
    found = [
        probabilities_of(model, photos, runtime=runtime.name, labels=labels)
        for runtime in installed_runtimes()
    ]
    return [[labels[place] for place in one.argmax(axis=1)] for one in found]


@pytest.mark.slow
def test_a_run_with_unknown_is_taught_a_class_and_still_knows_what_is_none(
    cli: Cli, two_class_data: Path, corrections: Path
) -> None:
    small = ["--image-size", "64", "--epochs", "4", "--head-epochs", "3", "--unknown", "on"]
    cli.here("train", two_class_data, "--out", "run", *small)
    cli.here("export", "run", "--quantize", "none", "--quantize", "int8", "--max-drop", "100")
    stripes = np.where(np.arange(64)[:, None] % 8 < 4, 0, 255).astype(np.uint8)
    strange = cli.folder / "strange.png"
    Image.fromarray(np.repeat(np.tile(stripes, (1, 64))[..., None], 3, axis=2)).save(strange)
    photos = [*(new_photo(cli.folder, label) for label in ("blue", "green", "red")), strange]
    for model in sorted((cli.folder / "run" / "exports").glob("model.*.tflite")):
        cli.here("teach", corrections, "--model", model, "--max-drop", "50")
        taught = model.with_suffix(".taught.tflite")
        assert read_model_file(taught).labels == ("blue", "red", "green", "unknown")
        for best in best_of(taught, photos):
            assert best == ["blue", "green", "red", "unknown"], model.name
        with zipfile.ZipFile(taught) as archive:
            assert json.loads(archive.read("edgetl.json"))["classes"][-1] == "unknown"


@pytest.mark.slow
def test_files_of_other_quantizations_can_be_taught(
    cli: Cli, two_class_run: Path, corrections: Path
) -> None:
    run = shutil.copytree(two_class_run, cli.folder / "run")
    names = ("float16", "dynamic")
    chosen = [word for name in names for word in ("--quantize", name)]
    cli.here("export", run, *chosen, "--max-drop", "100")
    photos = [new_photo(cli.folder, label) for label in ("blue", "green", "red")]
    for name in names:
        model = run / "exports" / f"model.{name}.tflite"
        cli.here("teach", corrections, "--model", model, "--max-drop", "50")
        for best in best_of(model.with_suffix(".taught.tflite"), photos):
            assert best == ["blue", "green", "red"], name
