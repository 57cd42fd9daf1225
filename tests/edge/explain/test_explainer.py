"""Where in a picture a model sees a class."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.edge.errors import ModelFileError, SettingError
from edgetl.edge.explain.explainer import Explainer, over_picture
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.input_size import InputSize, ResizeMode
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.preprocessing import Pixels, model_input
from edgetl.edge.model.runtime import installed_runtimes
from edgetl.trainer.exporting.subprocess_call import call_in_subprocess
from tests.conftest import COLOURS, Cli, colour_picture

SIZE = (80, 60)


def pictures() -> list[Pixels]:
    return [np.asarray(colour_picture(COLOURS[c], 7, SIZE)) for c in ("blue", "red", "green")]


def assert_exact(model: Path, seen: list[Pixels], *, within: float) -> None:
    """The means of the maps differ as the logits do, from which biases fall out."""
    file = read_model_file(model)
    explainer, classifier = Explainer(file), Classifier(file)
    classes = [label for label in file.labels if label != "unknown"]
    logarithms, means = [], []
    for picture in seen:
        known = classifier.probabilities(picture)[: len(classes)].astype(np.float64)
        logarithms.append(np.log(known) - np.log(known).mean())
        evidence = [explainer.explain(picture, label=label).evidence for label in classes]
        means.append([one.mean() for one in evidence])
    found, right = np.diff(means, axis=0), np.diff(logarithms, axis=0)
    assert np.abs(right).max() > 0.4, "the pictures must differ for this test to tell anything"
    assert found == pytest.approx(right, abs=within)


def test_a_map_s_mean_is_the_class_s_logit_but_for_the_biases(float_model: Path) -> None:
    assert_exact(float_model, pictures(), within=1e-3)


@pytest.mark.slow
def test_the_same_holds_of_five_classes(five_class_run: Path) -> None:
    five_classes = five_class_run / "exports" / "model.float32.tflite"
    assert_exact(five_classes, pictures(), within=1e-3)


def test_the_same_holds_of_an_int8_file_within_its_steps(int8_model: Path) -> None:
    # The logits of the red one are outside the range that int8 has for them.
    blue, _, green = pictures()
    assert_exact(int8_model, [blue, green], within=0.05)


@pytest.mark.by_hand
def test_every_quantization_can_be_explained_with_unknown_as_well(
    cli: Cli, five_class_data: Path
) -> None:
    small = ["--image-size", "64", "--epochs", "4", "--head-epochs", "3", "--unknown", "on"]
    cli("train", five_class_data, "--out", "run", *small)
    cli("export", "run", "--quantize", "all", "--max-drop", "100")
    exported = sorted((cli.folder / "run" / "exports").glob("model.*.tflite"))
    assert len(exported) == 4
    for model in exported:
        in_float = model.name.split(".")[1] in ("float32", "float16")
        assert_exact(model, pictures(), within=0.02 if in_float else 1.0)


def predictions(model: Path, runtime: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Those of the classifier, those of the explainer, and the classes it shows."""
    classifier = Classifier(model, runtime=runtime)
    explainer = Explainer(read_model_file(model), runtime=runtime)
    explained = [explainer.explain(picture) for picture in pictures()]
    classified = [classifier.classify(picture) for picture in pictures()]
    return classified, [one.predictions for one in explained], [one.shown for one in explained]


@pytest.mark.parametrize("runtime", [runtime.name for runtime in installed_runtimes()])
def test_the_probabilities_stay_the_same_to_the_bit(
    float_model: Path, int8_model: Path, runtime: str
) -> None:
    for model in (float_model, int8_model):
        # tflite-runtime does not load beside TensorFlow.
        classified, explained, shown = call_in_subprocess(predictions, model, runtime)
        assert explained == classified
        assert shown == [best for best, *_ in classified]


def test_a_class_can_be_asked_for_and_two_classes_speak_against_each_other(
    float_model: Path,
) -> None:
    explainer = Explainer(read_model_file(float_model))
    red, blue = (explainer.explain(pictures()[0], label=label) for label in ("red", "blue"))
    assert (red.shown.label, blue.shown.label) == ("red", "blue")
    assert red.predictions == blue.predictions
    assert red.evidence == pytest.approx(-blue.evidence, abs=1e-5)
    with pytest.raises(SettingError, match="--label cat: not one of blue, red"):
        explainer.explain(pictures()[0], label="cat")


def test_a_model_that_ends_otherwise_is_refused(third_party_models: Path) -> None:
    model = read_model_file(third_party_models / "described.tflite")
    with pytest.raises(ModelFileError, match="does not end in average pooling and one dense layer"):
        Explainer(model)


@pytest.mark.parametrize("mode", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("shape", [(120, 200), (200, 120), (90, 90)])
def test_evidence_lies_over_what_it_is_of(mode: ResizeMode, shape: tuple[int, int]) -> None:
    """A white spot, as the model gets it, taken for evidence: over the picture it is the spot."""
    height, width = shape
    picture = np.zeros((height, width, 3), np.uint8)
    top, left = height // 2 - 25, width // 2 + 8
    picture[top : top + 24, left : left + 24] = 255
    size = InputSize(64, 96, mode)
    evidence = model_input(picture, size)[..., 0].astype(np.float32)
    found = over_picture(evidence, size, height, width)
    assert (found.shape, found.dtype) == (shape, np.float32)
    spot = found > 128
    assert spot[top + 3 : top + 21, left + 3 : left + 21].all()
    spot[top - 3 : top + 27, left - 3 : left + 27] = False
    assert not spot.any()
