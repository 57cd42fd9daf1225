"""When a picture is unknown: in NumPy, in Keras, in the graph that is exported."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.stats import t
from tensorflow.lite.tools import flatbuffer_utils

from edgetl.edge.errors import RunFolderError
from edgetl.edge.model.class_distance import Unknown, fit_distance, fit_unknown, unit_length
from edgetl.edge.model.intervals import student_t_quantile
from edgetl.edge.model.runtime import choose_runtime
from edgetl.trainer.exporting.conversion import (
    Conversion,
    convert,
    export_graph,
)
from edgetl.trainer.network.model import build_model, class_probabilities, features_model
from edgetl.trainer.network.unknown_output import with_unknown
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.unknown import read_unknown, write_unknown

Models = Callable[[int], tuple[keras.Model, np.ndarray]]


def clouds(count: int, *, classes: int = 3, channels: int = 30, seed: int = 0) -> tuple:
    """Features around a centre for each class, and their classes."""
    centres = np.random.default_rng(7).random((classes, channels)) + 0.5
    random = np.random.default_rng(seed)
    targets = np.arange(count) % classes
    return centres[targets] + random.normal(0, 0.05, (count, channels)), targets


def test_the_distance_is_that_of_the_shrunk_covariance() -> None:
    features, targets = clouds(24)
    new, _ = clouds(50, seed=1)
    unit = unit_length(features)
    means = np.stack([unit[targets == one].mean(axis=0) for one in range(3)])
    within = unit - means[targets]
    covariance = within.T @ within / len(within)
    shrunk = 0.9 * covariance + 0.1 * np.trace(covariance) / 30 * np.eye(30)
    away = unit_length(new)[:, None] - means[None]
    expected = np.einsum("nci,ij,ncj->nc", away, np.linalg.inv(shrunk), away).min(axis=1)
    np.testing.assert_allclose(fit_distance(features, targets).of(new), expected, rtol=1e-6)


@pytest.mark.parametrize("channels", [30, 400])
def test_what_is_of_no_class_is_far_however_bright(channels: int) -> None:
    features, targets = clouds(300, channels=channels)
    distance = fit_distance(features, targets)
    known = distance.of(clouds(200, channels=channels, seed=1)[0])
    others = distance.of(np.random.default_rng(2).random((200, channels)) + 0.5)
    assert known.max() < others.min()
    np.testing.assert_allclose(distance.of(features * 3), distance.of(features), rtol=1e-6)


def test_of_many_held_out_photos_99_percent_pass_and_of_new_ones_about_as_many() -> None:
    features, targets = clouds(300)
    distance = fit_distance(features, targets)
    sure = np.full((2000, 3), [0.999, 0.0005, 0.0005])
    unknown = fit_unknown(distance, distance.of(clouds(2000, seed=1)[0]), sure)
    assert (unknown.held_out, unknown.passed) == (2000, pytest.approx(1980, abs=2))
    new = distance.of(clouds(2000, seed=2)[0])
    assert (new <= unknown.threshold).mean() == pytest.approx(0.99, abs=0.01)


@pytest.mark.parametrize("held_out", [99, 150, 240, 293])
def test_of_new_photos_no_more_than_1_percent_are_lost_on_the_mean(held_out: int) -> None:
    distance = fit_distance(*clouds(300))
    sure = np.tile([1.0, 0.0, 0.0], (held_out, 1))
    # Of distances between 0 and 1, drawn evenly, the share beyond a threshold is 1 less it.
    lost = [
        1 - fit_unknown(distance, np.random.default_rng(seed).random(held_out), sure).threshold
        for seed in range(400)
    ]
    assert 0.003 < np.mean(lost) <= 0.0105


def test_few_held_out_photos_leave_room_beyond_the_farthest() -> None:
    features, targets = clouds(300)
    distance = fit_distance(features, targets)
    lost = []
    for seed in range(40):
        few = distance.of(clouds(12, seed=seed)[0])
        unknown = fit_unknown(distance, few, np.full((12, 3), 1 / 3))
        assert unknown.passed == 12
        lost.append((distance.of(clouds(2000, seed=100)[0]) > unknown.threshold).mean())
    assert np.mean(lost) < 0.03


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 98])
def test_student_s_t_is_that_of_scipy(degrees: int) -> None:
    for share in (0.9, 0.975, 0.99):
        assert student_t_quantile(share, degrees) == pytest.approx(t.ppf(share, degrees), rel=1e-9)


def test_an_uncertain_photo_is_not_lost_to_unknown() -> None:
    """The label is the most probable one: where no class is, "unknown" would win sooner."""
    features, targets = clouds(300)
    distance = fit_distance(features, targets)
    held = distance.of(clouds(500, seed=1)[0])
    certain = fit_unknown(distance, held, np.eye(3)[np.zeros(500, int)])
    assert fit_unknown(distance, held, np.full((500, 3), 1 / 3)).threshold > certain.threshold


def test_a_photo_that_is_taken_for_an_example_of_unknown_does_not_pass() -> None:
    features, targets = clouds(300)
    distance = fit_distance(features, targets)
    held = distance.of(clouds(200, seed=1)[0])
    probabilities = np.tile([0.9, 0.05, 0.03, 0.02], (200, 1))
    passed = fit_unknown(distance, held, probabilities).passed
    probabilities[:20] = [0.3, 0.05, 0.03, 0.62]
    assert fit_unknown(distance, held, probabilities).passed == pytest.approx(passed - 20, abs=3)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    features, targets = clouds(60)
    distance = fit_distance(features, targets)
    unknown = fit_unknown(distance, distance.of(features), np.eye(3)[np.arange(60) % 3])
    write_unknown(tmp_path / "unknown.npz", unknown)
    found = read_unknown(tmp_path / "unknown.npz")
    np.testing.assert_array_equal(found.distance.of(features), distance.of(features))
    assert (found.slope, found.threshold, found.held_out, found.passed) == (
        unknown.slope, unknown.threshold, 60, unknown.passed,
    )  # fmt: skip
    (tmp_path / "unknown.npz").write_bytes(b"PK nothing")
    with pytest.raises(RunFolderError, match=r"unknown.npz: damaged .*; train again"):
        read_unknown(tmp_path / "unknown.npz")


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Two classes of noise, bright and dark, and what is neither: stripes."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 80, (40, 32, 32, 3)) + random.integers(0, 25, (40, 1, 1, 3))
    noise[1:30:2] += 150
    noise[30:] = np.where(np.arange(32)[:, None] % 4 < 2, 0, 255)[None, :, :, None]
    return noise.astype(np.uint8)


def answers_of(model: bytes, pictures: np.ndarray) -> np.ndarray:
    interpreter = choose_runtime("litert").interpreter(model, threads=1)
    (model_input,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for picture in pictures:
        interpreter.set_tensor(model_input["index"], picture[np.newaxis].astype(np.float32))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(output["index"])[0])
    return np.array(answers)


@pytest.fixture(scope="module")
def models(pictures: np.ndarray) -> Models:
    """A model of so many classes, and the pictures' features; made once."""

    @cache
    def made(classes: int) -> tuple[keras.Model, np.ndarray]:
        model = build_model(Recipe(height=32, width=32), classes)
        return model, features_model(model)(pictures.astype(np.float32), training=False).numpy()

    return made


def unknown_of(features: np.ndarray, known: int) -> Unknown:
    distance = fit_distance(features[:30], np.arange(30) % known)
    return fit_unknown(distance, distance.of(features[:30]), np.eye(known)[np.zeros(30, int)])


@pytest.mark.parametrize(
    ("classes", "known"),
    [
        pytest.param(2, 2, id="2"),
        pytest.param(5, 5, id="5", marks=pytest.mark.slow),
        pytest.param(5, 4, id="4+1", marks=pytest.mark.slow),
        pytest.param(2, 1, id="1+1"),
    ],
)
def test_keras_and_the_exported_graph_give_what_numpy_gives(
    pictures: np.ndarray, models: Models, classes: int, known: int
) -> None:
    model, features = models(classes)
    unknown = unknown_of(features, known)
    plain = class_probabilities(model, pictures).astype(np.float64)
    far = unknown.slope * (unknown.distance.of(features) - unknown.threshold)
    share = 1 / (1 + np.exp(-far))[:, None]
    expected = np.concatenate([plain * (1 - share), share], axis=1)
    if known < classes:  # the last class is itself of examples of "unknown"
        expected = np.concatenate(
            [expected[:, :-2], expected[:, -2:].sum(axis=1, keepdims=True)], axis=1
        )
    found = class_probabilities(with_unknown(model, unknown), pictures)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    graph = export_graph(model, unknown)
    for row in (0, 1, 35):
        answer = np.array(graph(pictures[[row]].astype(np.float32)))[0]
        np.testing.assert_allclose(answer, expected[row], atol=2e-3)
    assert (expected[30:].argmax(axis=1) == expected.shape[1] - 1).all()
    if known == classes:
        assert (expected[:30].argmax(axis=1) != expected.shape[1] - 1).all()


@pytest.mark.parametrize("classes", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_int8_rounds_neither_distances_nor_probabilities(
    pictures: np.ndarray, models: Models, classes: int
) -> None:
    """All that follows the pooled features and the logits is float."""
    model, features = models(classes)
    unknown = unknown_of(features, classes)
    made = convert(
        export_graph(model, unknown), Conversion("int8", "float32"), calibration=pictures[:30]
    )
    graph = flatbuffer_utils.convert_bytearray_to_object(bytearray(made)).subgraphs[0]
    types = {t.name.decode(): t.type for t in graph.tensors}
    rounded = [name for name, type_ in types.items() if type_ != 0 and "/unknown" in name]
    assert [name for name in rounded if not name.endswith("/shape")] == []
    answers = answers_of(made, pictures)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert (answers[30:].argmax(axis=1) == classes).all()


def test_probabilities_of_an_int8_file_do_not_end_at_255_of_256(
    pictures: np.ndarray, models: Models
) -> None:
    graph = export_graph(models(2)[0], None)
    made = convert(graph, Conversion("int8", "float32"), calibration=pictures[:30])
    steps = answers_of(made, pictures) * 256
    assert np.abs(steps - steps.round()).max() > 0.01
