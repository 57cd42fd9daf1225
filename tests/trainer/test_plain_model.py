"""model.keras opens in plain Keras, with nothing of ours, and gives our probabilities."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.edge.errors import RunFolderError
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import Pixels, model_input
from edgetl.trainer.exporting.conversion import export_graph
from edgetl.trainer.network.model import build_model, class_probabilities
from edgetl.trainer.network.plain_model import load_model, plain_model
from edgetl.trainer.recipe import Recipe

SMALL = Recipe(height=32, width=32)

# Even an installed edgetl cannot be imported there.
PLAIN_KERAS = """
import sys
sys.modules["edgetl"] = None
import keras, numpy
model = keras.saving.load_model(sys.argv[1])
numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2]), verbose=0))
"""


def in_plain_keras(model: Path, pixels: Pixels, folder: Path) -> np.ndarray:
    given, answer = folder / "pixels.npy", folder / "answer.npy"
    np.save(given, pixels)
    command = [sys.executable, "-I", "-c", PLAIN_KERAS, model, given, answer]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return np.load(answer)


@pytest.mark.slow
def test_a_run_s_model_opens_without_edgetl_and_gives_our_probabilities(
    two_class_run: Path, two_class_data: Path, tmp_path: Path
) -> None:
    model = load_model(two_class_run / "model.keras")
    size = InputSize(*model.input_shape[1:3], "crop")
    pixels = np.stack([model_input(path, size) for path in sorted(two_class_data.rglob("*.jpg"))])
    theirs = in_plain_keras(two_class_run / "model.keras", pixels, tmp_path)
    ours = class_probabilities(model, pixels)
    assert theirs.shape == (40, 2)
    np.testing.assert_allclose(theirs, ours, atol=1e-6)
    assert set(theirs.argmax(axis=1)) == {0, 1}


@pytest.mark.parametrize("classes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_saved_model_loads_with_the_same_probabilities(tmp_path: Path, classes: int) -> None:
    model = build_model(SMALL, classes)
    pictures = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    expected = class_probabilities(model, pictures)
    plain_model(model).save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(class_probabilities(loaded, pictures), expected)
    for before, after in zip(
        export_graph(model, None).get_weights(),
        export_graph(loaded, None).get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)


@pytest.mark.slow
def test_a_model_as_older_versions_saved_it_loads(tmp_path: Path) -> None:
    model = build_model(SMALL, 3)
    pictures = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    expected = class_probabilities(model, pictures)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(class_probabilities(loaded, pictures), expected)


def test_another_model_of_keras_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((32, 32, 3))
    outputs = keras.layers.Softmax(name="probability")(keras.layers.Flatten()(inputs))
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    with pytest.raises(RunFolderError, match=r"model\.keras: damaged, or another model"):
        load_model(tmp_path / "model.keras")
