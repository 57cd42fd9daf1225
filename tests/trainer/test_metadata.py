import contextlib
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from edgetl.edge.model.associated_files import with_files
from edgetl.edge.model.labels import labels_text
from edgetl.edge.model.model_file import (
    LABELS_NAME,
    MANIFEST_FORMAT,
    MANIFEST_NAME,
    read_model_file,
)
from edgetl.edge.model.runtime import choose_runtime, installed_runtimes
from edgetl.edge.model.tflite_metadata import Description
from edgetl.edge.model.verify import schema
from edgetl.trainer.exporting.metadata import with_metadata
from tests.conftest import probabilities_of

DESCRIPTION = Description(name="žába $x$", description="frogs", author="me", version="7")


@pytest.fixture(scope="module")
def flatbuffer() -> bytes:
    """A small classifier as the converter writes it, without our metadata."""
    inputs = keras.Input((8, 8, 3), batch_size=1)
    x = keras.layers.Conv2D(5, 3)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    with contextlib.redirect_stdout(io.StringIO()):
        converted: bytes = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    return converted


def packed(flatbuffer: bytes, labels: tuple[str, ...]) -> bytes:
    """As `export` packs a model of 8x8 pixels, with only what a reader needs in edgetl.json."""
    manifest = {
        "format": MANIFEST_FORMAT,
        "edgetl": "0.1.0",
        "input": {"height": 8, "width": 8, "fit": "crop", "channels": "RGB"},
        "classes": labels,
        "model_bytes": len(flatbuffer),
        "model_sha256": hashlib.sha256(flatbuffer).hexdigest(),
    }
    files = {
        LABELS_NAME: labels_text(labels).encode(),
        MANIFEST_NAME: json.dumps(manifest).encode(),
    }
    return with_files(flatbuffer, files)


def buffer_positions(model: bytes) -> list[tuple[int, bytes]]:
    """The position in the file, and the content, of each buffer of 64 bytes or more."""
    found = []
    for buffer in schema.Table.root("Model", model).children("buffers"):
        data = buffer.numbers("data").tobytes()
        if len(data) >= 64:
            found.append((model.index(data), data))
    return found


def test_the_weights_keep_their_content_and_their_alignment(flatbuffer: bytes) -> None:
    described = with_metadata(flatbuffer, DESCRIPTION)
    before, after = buffer_positions(flatbuffer), buffer_positions(described)
    assert [data for _, data in after[: len(before)]] == [data for _, data in before]
    assert [p % 16 for p, _ in after[: len(before)]] == [p % 16 for p, _ in before]


def test_the_metadata_reads_back(flatbuffer: bytes, tmp_path: Path) -> None:
    content = packed(with_metadata(flatbuffer, DESCRIPTION), ("blue", "červená"))
    (tmp_path / "model.tflite").write_bytes(content)
    model = read_model_file(tmp_path / "model.tflite")
    assert model.labels == ("blue", "červená")
    assert (model.name, model.description) == (DESCRIPTION.name, DESCRIPTION.description)
    assert (model.author, model.version) == (DESCRIPTION.author, DESCRIPTION.version)
    assert model.normalization is not None
    assert (model.normalization.mean, model.normalization.std) == ((0.0,), (1.0,))


def test_a_described_model_runs_as_before(flatbuffer: bytes, tmp_path: Path) -> None:
    content = packed(with_metadata(flatbuffer, DESCRIPTION), ("a", "b"))
    (tmp_path / "model.tflite").write_bytes(content)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    bare = tf.lite.Interpreter(model_content=flatbuffer)
    bare.allocate_tensors()
    bare.set_tensor(bare.get_input_details()[0]["index"], pixels[np.newaxis].astype(np.float32))
    bare.invoke()
    expected = bare.get_tensor(bare.get_output_details()[0]["index"])[0]
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    for runtime in installed_runtimes():
        actual = probabilities_of(
            tmp_path / "model.tflite",
            [tmp_path / "picture.png"],
            runtime=runtime.name,
            labels=("a", "b"),
        )
        np.testing.assert_allclose(actual[0], expected, atol=1e-5)


@pytest.mark.parametrize("runtime", [runtime.name for runtime in installed_runtimes()])
def test_the_signature_goes_from_image_to_probability(
    float_model: Path, int8_model: Path, tmp_path: Path, runtime: str
) -> None:
    code = """
import importlib, sys, numpy
library, *models = sys.argv[1:]
for path in models:
    interpreter = importlib.import_module(library).Interpreter(model_path=path)
    (given,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    picture = numpy.random.default_rng(0).integers(0, 256, given["shape"]).astype(given["dtype"])
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], picture)
    interpreter.invoke()
    expected = interpreter.get_tensor(output["index"])
    found = interpreter.get_signature_runner("serving_default")(image=picture)["probability"]
    assert (found == expected).all()
    print(list(interpreter.get_signature_list()["serving_default"].items()), found.shape)
"""
    package = choose_runtime(runtime).package
    result = subprocess.run(
        [sys.executable, "-I", "-c", code, f"{package}.interpreter", float_model, int8_model],
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    line = "[('inputs', ['image']), ('outputs', ['probability'])] (1, 2)"
    assert result.stdout.splitlines() == [line, line]


def test_files_are_stored_behind_the_model_and_give_the_same_bytes(flatbuffer: bytes) -> None:
    files = {"labels.txt": b"a\nb\n", "edgetl.json": b"{}"}
    content = with_files(flatbuffer, files)
    assert content == with_files(flatbuffer, files)
    assert content.startswith(flatbuffer)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
