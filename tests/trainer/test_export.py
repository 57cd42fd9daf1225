import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from edge.errors import RunFolderError, SettingError
from edge.model_file import read_model_file
from edge.preprocessing import model_input
from edge.runtime import installed_runtimes
from tests.conftest import probabilities_of
from trainer.export import convert, export, export_graph
from trainer.model import build_model, class_probabilities, load_model
from trainer.parity import parity
from trainer.recipe import Recipe
from trainer.run_folder import RunFolder

# A second real run takes most of a minute: .ci/run has it.
RUNS = pytest.mark.parametrize(
    "run", ["two_class_run", pytest.param("five_class_run", marks=pytest.mark.slow)]
)


@RUNS
def test_the_files_keep_the_model_file_contract(run: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(run)
    labels = tuple((folder / "labels.txt").read_text().split())
    recipe = json.loads((folder / "config.json").read_text())["recipe"]
    size = (recipe["height"], recipe["width"], 3)
    for name, dtype in (("float32", np.float32), ("int8", np.uint8)):
        model = read_model_file(folder / "exports" / f"model.{name}.tflite")
        assert model.input.shape == (1, *size)
        assert model.input.dtype == dtype
        assert model.output.shape == (1, len(labels))
        assert model.output.dtype == np.float32
        assert model.labels == labels
        assert model.geometry.fit == recipe["fit"]
        assert model.associated_files == ("labels.txt", "edgetl.json")
        assert model.card is not None
        assert model.card["model_sha256"] == model.sha256
        assert model.card["parity"]["pictures"] > 0
        if name == "int8":
            assert (model.input.scale, model.input.zero_point) == (1.0, 0)


@RUNS
def test_float32_is_keras_on_every_runtime(run: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(run)
    model = load_model(folder / "model.keras")
    data = Path(json.loads((folder / "config.json").read_text())["data"]["path"])
    paths = sorted(data.rglob("*.jpg"))[::3]
    file = read_model_file(folder / "exports" / "model.float32.tflite")
    pixels = np.stack([model_input(path, file.geometry) for path in paths])
    expected = class_probabilities(model, pixels)
    for runtime in installed_runtimes():
        actual = probabilities_of(file.path, paths, runtime=runtime.name, labels=file.labels)
        np.testing.assert_allclose(actual, expected, atol=1e-3)
        np.testing.assert_array_equal(actual.argmax(axis=1), expected.argmax(axis=1))


def test_export_json_has_sizes_checksums_and_parity(two_class_run: Path) -> None:
    files = json.loads((two_class_run / "exports" / "export.json").read_text())["files"]
    assert sorted(files) == ["model.float32.tflite", "model.int8.tflite"]
    for name, row in files.items():
        content = (two_class_run / "exports" / name).read_bytes()
        assert row["bytes"] == len(content)
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
    assert files["model.float32.tflite"]["parity"]["agreement"] == 1.0
    assert files["model.float32.tflite"]["parity"]["largest_difference"] < 1e-3


def test_two_classes_are_exported_as_two_probabilities_of_the_logit() -> None:
    model = build_model(Recipe(height=32, width=32), 2)
    picture = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    expected = class_probabilities(model, picture)
    actual = np.array(export_graph(model)(picture.astype(np.float32)))
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_calibration_on_dull_pictures_still_gives_the_promised_input_scale(tmp_path: Path) -> None:
    model = build_model(Recipe(height=32, width=32), 2)
    dull = np.full((2, 32, 32, 3), 100, np.uint8)
    (tmp_path / "m.tflite").write_bytes(convert(model, quantization="int8", calibration=dull))
    spec = read_model_file(tmp_path / "m.tflite", labels=["a", "b"]).input
    assert (spec.dtype, spec.scale, spec.zero_point) == (np.uint8, 1.0, 0)


def test_export_leaves_the_trained_model_as_it_was() -> None:
    model = build_model(Recipe(height=32, width=32), 3)
    before = [np.array(weight) for weight in model.weights]
    export_graph(model)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, np.array(new))
    assert isinstance(model, keras.Model)


def test_a_hand_worked_parity() -> None:
    mine = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.6, 0.4]], np.float32)
    keras_ = np.array([[0.8, 0.2], [0.6, 0.4], [0.2, 0.8], [0.6, 0.4]], np.float32)
    figures = parity(mine, keras_, np.array([0, 0, 1, 1]))
    assert figures.pictures == 4
    assert figures.accuracy == pytest.approx(2 / 4)
    assert figures.keras_accuracy == pytest.approx(3 / 4)
    assert figures.agreement == pytest.approx(3 / 4)
    assert figures.largest_difference == pytest.approx(0.2)
    assert figures.mean_difference == pytest.approx((0.1 * 2 + 0.2 * 2) / 8)


def test_an_unknown_quantization_is_named(two_class_run: Path) -> None:
    with pytest.raises(SettingError, match="'int4' is not one of none, int8"):
        export(RunFolder(two_class_run), quantize=["int4"])


def test_photos_that_have_moved_are_named_with_the_mend(
    two_class_run: Path, tmp_path: Path
) -> None:
    with pytest.raises(RunFolderError, match=r"no longer there.*--data"):
        export(RunFolder(two_class_run), quantize=["none"], data=tmp_path)
