import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.edge.errors import EdgetlError, ModelFileError, RunFolderError
from edgetl.edge.model.latest import exported_models, model_of
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.preprocessing import model_input
from edgetl.edge.model.runtime import choose_runtime, installed_runtimes
from edgetl.trainer.exporting.conversion import Conversion, convert, export_graph
from edgetl.trainer.exporting.export import _written, export
from edgetl.trainer.network.model import backbone_of, build_model, class_probabilities
from edgetl.trainer.network.plain_model import load_model
from edgetl.trainer.recipe import Recipe
from tests.conftest import Cli, probabilities_of

UINT8 = Conversion("int8", "uint8")

# A second real run takes most of a minute; other sizes and numbers of classes have tests below.
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
        assert model.input_size.resize_mode == recipe["fit"]
        assert model.associated_files == ("labels.txt", "edgetl.json", "features.bin")
        assert model.manifest is not None
        assert model.manifest["model_sha256"] == model.sha256
        assert model.manifest["parity"]["runtimes"][0]["parity"]["pictures"] > 0
        checked = model.manifest["parity"]["runtimes"][0]
        assert checked["verdict"] in ("accepted", "too few to tell")
        if name == "int8":
            assert (model.input.scale, model.input.zero_point) == (1.0, 0)


@RUNS
def test_float32_is_keras_on_every_runtime(run: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(run)
    model = load_model(folder / "model.keras")
    data = Path(json.loads((folder / "config.json").read_text())["data"]["path"])
    paths = sorted(data.rglob("*.jpg"))[::3]
    file = read_model_file(folder / "exports" / "model.float32.tflite")
    pixels = np.stack([model_input(path, file.input_size) for path in paths])
    expected = class_probabilities(model, pixels)
    for runtime in installed_runtimes():
        actual = probabilities_of(file.path, paths, runtime=runtime.name, labels=file.labels)
        np.testing.assert_allclose(actual, expected, atol=1e-3)
        np.testing.assert_array_equal(actual.argmax(axis=1), expected.argmax(axis=1))


def test_export_json_has_sizes_checksums_and_parity(two_class_run: Path) -> None:
    files = json.loads((two_class_run / "exports" / "export.json").read_text())["files"]
    assert sorted(files) == ["model.float32.tflite", "model.int8.tflite"]
    for name, entry in files.items():
        content = (two_class_run / "exports" / name).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    # Of 40 photos, 4 of them held out. int8 takes 149 to be accepted.
    verdicts = {name: entry["verdict"] for name, entry in files.items()}
    assert verdicts == {"model.float32.tflite": "accepted", "model.int8.tflite": "too few to tell"}
    assert "40 pictures are too few to tell" in files["model.int8.tflite"]["why"]
    for check in files["model.float32.tflite"]["checks"]:
        assert (check["parity"]["pictures"], check["difference"]["pictures"]) == (4, 40)
        assert check["parity"]["agreement"] == check["difference"]["agreement"] == 1.0
        assert check["parity"]["largest_difference"] < 1e-3
        assert check["parity"]["ece"] == pytest.approx(check["parity"]["keras_ece"], abs=1e-3)
        assert 0 < check["parity"]["ece"] < 1
    runtimes = [check["runtime"] for check in files["model.int8.tflite"]["checks"]]
    assert runtimes == [runtime.name for runtime in installed_runtimes()]


def test_two_classes_are_exported_as_two_probabilities_of_the_logit() -> None:
    model = build_model(Recipe(height=32, width=32), 2)
    picture = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    expected = class_probabilities(model, picture)
    actual = np.array(export_graph(model, None)(picture.astype(np.float32)))
    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.slow
def test_calibration_on_dull_pictures_still_gives_the_promised_input_scale(tmp_path: Path) -> None:
    model = build_model(Recipe(height=32, width=32), 2)
    dull = np.full((2, 32, 32, 3), 100, np.uint8)
    (tmp_path / "m.tflite").write_bytes(convert(export_graph(model, None), UINT8, calibration=dull))
    spec = read_model_file(tmp_path / "m.tflite", labels=["a", "b"]).input
    assert (spec.dtype, spec.scale, spec.zero_point) == (np.uint8, 1.0, 0)


def test_export_leaves_the_trained_model_as_it_was() -> None:
    model = build_model(Recipe(height=32, width=32), 3)
    before = [np.array(weight) for weight in model.weights]
    export_graph(model, None)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, np.array(new))
    assert isinstance(model, keras.Model)


def test_swapped_photos_are_refused_before_anything_is_converted(
    two_class_run: Path, two_class_data: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(two_class_data, tmp_path / "data")
    files = json.loads((two_class_run / "split.json").read_text())["test"]
    blue, red = (data / files[label][0] for label in ("blue", "red"))
    content = blue.read_bytes()
    blue.write_bytes(red.read_bytes())
    red.write_bytes(content)
    with pytest.raises(RunFolderError, match=r"no longer the picture that the run read \(2 of 4 "):
        export(two_class_run, data=data)


def test_without_a_runtime_nothing_is_exported_unchecked(
    two_class_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetl.edge.model.runtime._RUNTIMES", ())
    with pytest.raises(EdgetlError, match=r"no TFLite runtime is installed; .*pip install edgetl"):
        export(two_class_run)


def test_a_rejected_file_takes_the_place_of_the_one_before_it_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exports = tmp_path / "exports"
    path = exports / "model.int8.tflite"
    assert _written(b"old", path, "accepted") == path
    rejected = exports / "model.int8.rejected.tflite"
    assert _written(b"new", path, "rejected") == rejected
    earlier = exports / "model.int8.earlier.tflite"
    assert (rejected.read_bytes(), earlier.read_bytes()) == (b"new", b"old")
    (line,) = caplog.messages
    assert line.startswith("model.int8.tflite: that of 20")
    assert (
        f"is now model.int8.earlier.tflite, which commands take only by --model {earlier}" in line
    )
    assert exported_models(exports) == []
    with pytest.raises(ModelFileError, match="its newest export was rejected"):
        model_of(tmp_path)
    # Rejected again: the one before stays what it was.
    _written(b"newer", path, "rejected")
    assert (rejected.read_bytes(), earlier.read_bytes()) == (b"newer", b"old")
    assert len(caplog.messages) == 1
    _written(b"newest", path, "too few to tell")
    assert exported_models(exports) == list(exports.iterdir()) == [path]


def test_photos_that_have_moved_are_named_with_the_remedy(
    two_class_run: Path, tmp_path: Path
) -> None:
    with pytest.raises(RunFolderError, match=r"no longer there.*--data"):
        export(two_class_run, data=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("height", "width", "classes"),
    # One logit, few and many classes; the last features are of odd and of even height.
    [(96, 96, 2), (160, 160, 100), (224, 224, 10), (128, 160, 3)],
)
def test_every_size_and_number_of_classes_is_exported_as_keras_has_it(
    height: int, width: int, classes: int
) -> None:
    model = build_model(Recipe(height=height, width=width), classes)
    rough = np.random.default_rng(0).integers(0, 256, (12, 10, 10, 3)).astype(np.float32)
    pictures = np.asarray(keras.ops.image.resize(rough, (height, width))).clip(0, 255)
    pictures = pictures.astype(np.uint8)
    expected = class_probabilities(model, pictures)
    assert expected.shape == (12, classes)
    for conversion, lowest in ((Conversion("none"), 0.99999), (UINT8, 0.6)):
        content = convert(export_graph(model, None), conversion, calibration=pictures[:8])
        interpreter = choose_runtime("litert").interpreter(content, threads=2)
        (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
        assert image["shape"].tolist() == [1, height, width, 3]
        found = []
        for picture in pictures:
            interpreter.set_tensor(image["index"], picture[np.newaxis].astype(image["dtype"]))
            interpreter.invoke()
            found.append(interpreter.get_tensor(output["index"])[0])
        # int8 probabilities come in steps of 1/256.
        np.testing.assert_allclose(np.sum(found, axis=1), 1, atol=0.01 + classes / 512)
        # The head is untrained and the pictures are noise, which int8 blurs more than photos.
        alike = np.corrcoef(np.ravel(found), np.ravel(expected))[0, 1]
        assert alike > lowest


@pytest.mark.slow
def test_every_mode_runs_on_every_runtime_and_again_gives_the_same_bytes_in_no_more_memory(
    two_class_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(two_class_run, run)
    # In a subprocess, to measure its memory.
    script = """
import hashlib, json, sys
from pathlib import Path
from edgetl.trainer.exporting.export import _written, export
def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
turns = []
for modes in (["none", "float16", "dynamic", "int8"], ["float16", "int8"], ["float16", "int8"]):
    files = export(sys.argv[1], quantize=modes)
    turns.append({"memory": memory(), "files": {
        item.path.name: [hashlib.sha256(item.path.read_bytes()).hexdigest(), item.sha256]
        for item in files}})
print(json.dumps(turns))
"""
    result = subprocess.run(
        [sys.executable, "-c", script, run], capture_output=True, text=True, check=True
    )
    first, second, third = json.loads(result.stdout)
    assert sorted(first["files"]) == [
        f"model.{name}.tflite" for name in ("dynamic", "float16", "float32", "int8")
    ]
    for name, (on_disk, recorded) in third["files"].items():
        assert on_disk == recorded == first["files"][name][0] == second["files"][name][0]
    fixture = two_class_run / "exports" / "model.int8.tflite"
    assert hashlib.sha256(fixture.read_bytes()).hexdigest() == first["files"][fixture.name][0]
    # One conversion in the process itself would add 5 to 20 MB, and each turn makes two; what the
    # report is written again with leaves up to 8 MB of freed memory with the process, now and then.
    assert third["memory"] - second["memory"] < 10e6
    files = json.loads((run / "exports" / "export.json").read_text())["files"]
    assert len(files) == 4
    for name, entry in files.items():
        assert [c["runtime"] for c in entry["checks"]] == [r.name for r in installed_runtimes()]
        # int8 may differ on one of the four test pictures: it is close to the decision boundary of
        # a model that has seen so little.
        differing = 1 if name == "model.int8.tflite" else 0
        for check in entry["checks"]:
            assert check["parity"]["pictures"] * (1 - check["parity"]["agreement"]) <= differing


@pytest.mark.slow
def test_an_int8_file_that_falls_short_is_rejected_and_repaired(
    two_class_run: Path, cli: Cli
) -> None:
    run = cli.folder / "run"
    shutil.copytree(two_class_run, run)
    model = load_model(run / "model.keras")
    # The same in float, but one channel is 10,000 times as wide as before.
    backbone = backbone_of(model)
    wide, narrow = backbone.get_layer("block_16_project_BN"), backbone.get_layer("Conv_1")
    gamma, beta, *statistics = wide.get_weights()
    channel = int(np.abs(gamma).argmax())
    gamma[channel], beta[channel] = gamma[channel] * 1e4, beta[channel] * 1e4
    (kernel,) = narrow.get_weights()
    kernel[:, :, channel] *= 1e-4
    wide.set_weights([gamma, beta, *statistics])
    narrow.set_weights([kernel])
    model.save(run / "model.keras")

    refused = cli.here("export", run, "--quantize", "int8", "--calibration", "30", check=1)
    assert "model.int8.rejected.tflite: on litert the recall of red falls from" in refused.stderr
    assert "--keep-float auto" in refused.stderr
    assert "block_16_project" in refused.stdout
    assert "is now model.int8.earlier.tflite" in refused.stderr
    assert sorted(json.loads((run / "exports" / "export.json").read_text())["files"]) == [
        "model.float32.tflite", "model.int8.earlier.tflite", "model.int8.rejected.tflite"
    ]  # fmt: skip
    # Neither `classify` nor `benchmark` takes a rejected file by itself, nor the one before it.
    assert exported_models(run / "exports") == [run / "exports" / "model.float32.tflite"]

    repaired = cli.here(
        "export", run, "--quantize", "int8", "--calibration", "30", "--keep-float", "auto", "--json"
    )
    (entry,) = json.loads(repaired.stdout)
    # Before or behind the wide channel, whichever is enough for the weights that were trained.
    assert {"block_16_project", "Conv_1"} & set(entry["keep_float"])
    assert len(entry["keep_float"]) <= 4
    assert entry["verdict"] == "too few to tell"
    for check in entry["checks"]:
        # The other half of the photos chose the layers.
        assert check["difference"]["pictures"] == 20
    assert sorted(path.name for path in (run / "exports").glob("model.int8*")) == [
        "model.int8.tflite"
    ]
    manifest = read_model_file(run / "exports" / "model.int8.tflite").manifest
    assert manifest is not None
    assert manifest["keep_float"] == entry["keep_float"]

    named = cli.here(
        "export", run, "--quantize", "int8", "--calibration", "30", "--input", "float32",
        *(word for layer in entry["keep_float"] for word in ("--keep-float", layer)), "--json",
    )  # fmt: skip
    assert json.loads(named.stdout)[0]["keep_float"] == entry["keep_float"]
    float_input = read_model_file(run / "exports" / "model.int8-float32-input.tflite")
    assert float_input.input.dtype == np.float32
