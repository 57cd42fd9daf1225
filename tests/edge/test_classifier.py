"""The Python API: the same answers on every runtime, from our models and other people's."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl import edge
from edgetl.edge import Classifier, EdgetlError, Prediction
from edgetl.edge.errors import ModelFileError, PictureError, SettingError
from edgetl.edge.model.runtime import installed_runtimes
from edgetl.edge.system.native_log import without_info_lines
from tests.conftest import COLOURS, colour_picture
from tests.third_party import LABELS, described

RUNTIMES = [runtime.name for runtime in installed_runtimes()]

needs_both = pytest.mark.skipif(len(RUNTIMES) < 2, reason=f"installed here: {', '.join(RUNTIMES)}")
each_runtime = pytest.mark.parametrize(
    "runtime",
    [
        pytest.param(name, marks=pytest.mark.skipif(name not in RUNTIMES, reason="not installed"))
        for name in ("litert", "tflite-runtime")
    ],
)

PICTURES = [
    colour_picture(COLOURS[label], seed, (70, 90)) for label in ("blue", "red") for seed in range(6)
]


_ON_A_RUNTIME = """
import sys
import numpy as np
from edgetl.edge import Classifier
model, runtime, pictures, answers, *labels = sys.argv[1:]
classifier = Classifier(model, labels=labels or None, runtime=runtime)
assert classifier.runtime.name == runtime
rows = [classifier.probabilities(picture) for picture in np.load(pictures)]
np.save(answers, np.stack(rows))
"""


def on_runtime(
    runtime: str, model: Path, pictures: list[Image.Image], labels: Sequence[str] = ()
) -> np.ndarray:
    """Probabilities, from a subprocess: tflite-runtime does not work beside TensorFlow."""
    with tempfile.TemporaryDirectory() as folder:
        taken, given = Path(folder, "pictures.npy"), Path(folder, "answers.npy")
        np.save(taken, np.stack([np.asarray(picture) for picture in pictures]))
        command = [sys.executable, "-c", _ON_A_RUNTIME, model, runtime, taken, given, *labels]
        subprocess.run(command, check=True, timeout=120)
        return np.asarray(np.load(given))


@each_runtime
def test_making_a_classifier_prints_nothing(
    third_party_models: Path, tiny_export: bytes, tmp_path: Path, runtime: str
) -> None:
    path = tmp_path / "exported.tflite"
    path.write_bytes(tiny_export)
    code = (
        "import sys\n"
        "from edgetl.edge import Classifier\n"
        "for model in sys.argv[2:]:\n"
        "    Classifier(model, runtime=sys.argv[1]).copy()\n"
        "print('end', file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, runtime, path, third_party_models / "described.tflite"]
    result = subprocess.run(command, check=True, timeout=120, capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("", "end\n")


def test_stderr_keeps_all_but_info_lines(capfd: pytest.CaptureFixture) -> None:
    with without_info_lines():
        os.write(2, b"INFO: Created a delegate.\nERROR: a real one\n")
    os.write(2, b"INFO: after it\n")
    assert capfd.readouterr().err == "ERROR: a real one\nINFO: after it\n"


def test_a_process_without_stderr_can_make_a_classifier(tiny_export: bytes, tmp_path: Path) -> None:
    path = tmp_path / "exported.tflite"
    path.write_bytes(tiny_export)
    code = "import sys; from edgetl.edge import Classifier; print(Classifier(sys.argv[1]).labels)"
    shell = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", code, path]
    result = subprocess.run(shell, check=True, timeout=60, stdout=subprocess.PIPE, text=True)
    assert result.stdout == f"{LABELS}\n"


@needs_both
@pytest.mark.parametrize(("kind", "average", "most"), [("int8", 0.06, 0.3), ("float", 1e-4, 1e-3)])
def test_both_runtimes_agree_on_our_models(
    int8_model: Path, float_model: Path, kind: str, average: float, most: float
) -> None:
    # Measured: with the same kernels the two differ by 1/256, but LiteRT runs int8 on XNNPACK,
    # which rounds otherwise: after 53 layers 0.03 on average and up to 0.23 on a single picture,
    # less than int8 differs from float.
    path = int8_model if kind == "int8" else float_model
    one, other = (on_runtime(name, path, PICTURES) for name in ("litert", "tflite-runtime"))
    assert abs(one - other).mean() <= average
    assert abs(one - other).max() <= most
    clear = abs(one[:, 0] - one[:, 1]) > 2 * most
    assert clear.sum() >= 8
    assert (one.argmax(axis=1) == other.argmax(axis=1))[clear].all()


@each_runtime
@pytest.mark.parametrize("kind", ["int8", "float"])
def test_our_models_know_their_colours(
    int8_model: Path, float_model: Path, kind: str, runtime: str
) -> None:
    path = int8_model if kind == "int8" else float_model
    assert Classifier(path).labels == ("blue", "red")
    probabilities = on_runtime(runtime, path, PICTURES)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (12, 2)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=0.01)
    # Four epochs make no perfect classifier; one that sees other pixels gets half right.
    assert (probabilities.argmax(axis=1) == np.repeat([0, 1], 6)).sum() >= 11


def blend(red: int, green: int, blue: int) -> Image.Image:
    return Image.new("RGB", (40, 30), (red, green, blue))


def softmax(red: int, green: int, blue: int) -> np.ndarray:
    """What the third-party models compute, in the order of their labels."""
    powers = np.exp(np.array([blue, green, red]) * 6 / 255)
    return np.asarray(powers / powers.sum())


MIXED = [(250, 60, 120), (10, 10, 240), (100, 190, 160), (0, 0, 0), (255, 255, 255)]


@each_runtime
@pytest.mark.parametrize(
    ("name", "tolerance"), [("described", 1e-3), ("uint8", 0.03), ("int8", 0.03)]
)
def test_foreign_models_get_the_pixels_scaled_as_they_expect(
    third_party_models: Path, name: str, tolerance: float, runtime: str
) -> None:
    labels = () if name == "described" else LABELS
    pictures = [blend(*colour) for colour in MIXED]
    probabilities = on_runtime(runtime, third_party_models / f"{name}.tflite", pictures, labels)
    assert abs(probabilities - [softmax(*colour) for colour in MIXED]).max() <= tolerance


@each_runtime
@pytest.mark.parametrize(
    ("name", "tolerance"), [("float32-logits-described", 1e-3), ("int8-logits", 0.03)]
)
def test_logits_of_a_third_party_model_become_probabilities(
    third_party_models: Path, name: str, tolerance: float, runtime: str
) -> None:
    pictures = [blend(*colour) for colour in MIXED]
    model = third_party_models / f"{name}.tflite"
    probabilities = on_runtime(runtime, model, pictures, LABELS)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert abs(probabilities - [softmax(*colour) for colour in MIXED]).max() <= tolerance


def test_a_sigmoid_s_values_are_taken_as_they_are(third_party_models: Path) -> None:
    classifier = Classifier(third_party_models / "float32-sigmoid-described.tflite")
    logits = (np.array([120, 60, 250]) - 127.5) / 127.5 * 3
    given = classifier.probabilities(blend(250, 60, 120))
    assert given == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-3)


@each_runtime
def test_a_quantized_input_wider_than_the_pixels_gets_them_in_its_own_steps(
    third_party_models: Path, runtime: str
) -> None:
    # It takes -3..3 in 256 steps and says that pixels fill -1..1 of them.
    model = third_party_models / "wide-uint8-described.tflite"
    probabilities = on_runtime(runtime, model, [blend(*colour) for colour in MIXED], LABELS)
    assert abs(probabilities - [softmax(*colour) for colour in MIXED]).max() <= 0.05


@needs_both
@pytest.mark.parametrize("name", ["uint8", "int8"])
def test_both_runtimes_agree_to_the_last_bits_on_a_shallow_model(
    third_party_models: Path, name: str
) -> None:
    pictures = [blend(*colour) for colour in MIXED]
    one, other = (
        on_runtime(runtime, third_party_models / f"{name}.tflite", pictures, LABELS)
        for runtime in ("litert", "tflite-runtime")
    )
    assert abs(one - other).max() <= 2 / 256


def test_each_channel_can_have_its_own_normalization(
    third_party_models: Path, tmp_path: Path
) -> None:
    plain = (third_party_models / "float32.tflite").read_bytes()
    path = tmp_path / "m.tflite"
    # The red channel is dimmed to half, the green one lifted by 40.
    path.write_bytes(described(plain, mean=[127.5, 87.5, 127.5], std=[255, 127.5, 127.5]))
    probabilities = Classifier(path).probabilities(blend(200, 100, 60))
    logits = np.array([60 - 127.5, 100 - 87.5, (200 - 127.5) / 2]) / 127.5 * 3
    assert abs(probabilities - np.exp(logits) / np.exp(logits).sum()).max() < 1e-3


def test_a_float_model_that_does_not_say_its_scaling_is_refused(third_party_models: Path) -> None:
    with pytest.raises(ModelFileError, match=r"float32\.tflite: takes float32 .*--normalize"):
        Classifier(third_party_models / "float32.tflite", labels=LABELS)


@pytest.mark.parametrize(
    ("mean", "std"), [([0, 0], [1, 1]), ([0, 0, 0], [1, 1]), ([0], [0]), ([], [])], ids=str
)
def test_an_impossible_normalization_is_refused(
    third_party_models: Path, tmp_path: Path, mean: list[float], std: list[float]
) -> None:
    path = tmp_path / "m.tflite"
    plain = (third_party_models / "float32.tflite").read_bytes()
    path.write_bytes(described(plain, mean=mean, std=std))
    with pytest.raises(ModelFileError, match=r"m\.tflite: .*normalization"):
        Classifier(path)


def test_classify_gives_predictions_most_probable_first(third_party_models: Path) -> None:
    classifier = Classifier(third_party_models / "described.tflite")
    predictions = classifier.classify(blend(60, 250, 120))
    assert [(p.label, p.index) for p in predictions] == [("green", 1), ("blue", 0), ("red", 2)]
    expected = classifier.probabilities(blend(60, 250, 120))
    assert [p.probability for p in predictions] == [float(expected[i]) for i in (1, 0, 2)]


def test_equal_probabilities_keep_the_order_of_the_labels(third_party_models: Path) -> None:
    classifier = Classifier(third_party_models / "described.tflite")
    predictions = classifier.predictions(np.array([0.2, 0.4, 0.4], np.float32))
    assert [p.label for p in predictions] == ["green", "red", "blue"]


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (3, 3), (99, 3), (None, 3)])
def test_top_k_limits_the_predictions(
    third_party_models: Path, top_k: int | None, count: int
) -> None:
    predictions = Classifier(third_party_models / "described.tflite").classify(
        blend(250, 0, 0), top_k=top_k
    )
    assert len(predictions) == count
    assert predictions[0].label == "red"


def test_every_form_of_a_picture_gives_the_same_answer(int8_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    PICTURES[0].save(path)
    classifier = Classifier(int8_model)
    expected = classifier.probabilities(path)
    for form in (str(path), path.read_bytes(), Image.open(path), np.asarray(PICTURES[0])):
        assert (classifier.probabilities(form) == expected).all()


def test_a_result_is_not_overwritten_by_the_next_picture(int8_model: Path) -> None:
    classifier = Classifier(int8_model)
    first = classifier.probabilities(PICTURES[0])
    kept = first.copy()
    classifier.probabilities(PICTURES[-1])
    assert (first == kept).all()


def test_labels_can_be_given_as_names_or_a_file(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes("bleu\r\nvert\r\nrouge é\r\n\r\n".encode())
    assert Classifier(model, labels=path).labels == ("bleu", "vert", "rouge é")
    assert Classifier(model, labels=str(path)).labels == ("bleu", "vert", "rouge é")
    assert Classifier(model, labels=["a", "b", "c"]).labels == ("a", "b", "c")
    with pytest.raises(ModelFileError, match="3 outputs but 2 labels"):
        Classifier(model, labels=["a", "b"])


@pytest.mark.parametrize("bad", [{"runtime": "tensorrt"}, {"threads": 0}, {"threads": -2}], ids=str)
def test_an_argument_out_of_range_is_refused(
    third_party_models: Path, bad: dict[str, object]
) -> None:
    name, value = next(iter(bad.items()))
    with pytest.raises(SettingError, match=f"{name} '?{value}"):
        Classifier(third_party_models / "described.tflite", **bad)


@pytest.mark.parametrize("top_k", [0, -1])
def test_top_k_below_one_is_refused(third_party_models: Path, top_k: int) -> None:
    with pytest.raises(SettingError, match="top_k"):
        Classifier(third_party_models / "described.tflite").classify(blend(1, 2, 3), top_k=top_k)


def test_a_bad_picture_is_refused_and_the_next_one_still_classified(
    third_party_models: Path,
) -> None:
    classifier = Classifier(third_party_models / "described.tflite")
    with pytest.raises(PictureError):
        classifier.classify(b"no picture")
    assert classifier.classify(blend(0, 0, 250))[0].label == "blue"


def test_threads_default_to_the_cores_here_and_can_be_chosen(model: Path) -> None:
    assert 1 <= Classifier(model).threads <= 4
    assert Classifier(model, threads=1).threads == 1


def test_a_model_the_runtime_cannot_run_is_named_in_one_line(
    third_party_models: Path, tmp_path: Path
) -> None:
    from tensorflow.lite.tools import flatbuffer_utils as tools

    model = tools.convert_bytearray_to_object(
        bytearray((third_party_models / "uint8.tflite").read_bytes())
    )
    for code in model.operatorCodes:
        code.version = 99
    path = tmp_path / "future.tflite"
    path.write_bytes(bytes(tools.convert_object_to_bytearray(model)))
    with pytest.raises(ModelFileError, match=r"future\.tflite: .* cannot run it") as caught:
        Classifier(path, labels=LABELS)
    assert len(str(caught.value).splitlines()) == 1


def test_the_package_offers_what_its_documentation_names() -> None:
    assert set(edge.__all__) == {
        "Classifier", "ClassifyOptions", "EdgetlError", "Outcome", "Prediction", "classify"
    }  # fmt: skip
    assert all(getattr(edge, name) for name in edge.__all__)
    assert issubclass(PictureError, EdgetlError)
    assert Prediction("a", 0.5, 0).label == "a"
    with pytest.raises(AttributeError, match="nonsense"):
        _ = edge.nonsense
