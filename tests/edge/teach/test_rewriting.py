"""A model's file with another head, on both runtimes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.explain.dense_head import dense_head
from edgetl.edge.model.class_distance import fit_distance, fit_unknown, unknown_weights
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.runtime import choose_runtime, installed_runtimes
from edgetl.edge.model.tflite_metadata import Description, packed_metadata
from edgetl.edge.model.verify.schema import METADATA_NAME, Table
from edgetl.edge.model.verify.tflite import check_tflite
from edgetl.edge.teach.features import PooledFeatures, checked_head
from edgetl.edge.teach.head import Head
from edgetl.edge.teach.rewriting import with_head
from edgetl.trainer.exporting.subprocess_call import call_in_subprocess
from tests.conftest import COLOURS, colour_picture

CHANNELS = 1280
DESCRIPTION = Description("žába", "frogs", "me", "7")


def pictures() -> list[np.ndarray]:
    seeds = enumerate(sorted(COLOURS) * 2)
    return [np.asarray(colour_picture(COLOURS[c], n, (64, 64))) for n, c in seeds]


def made_head(classes: tuple[str, ...], *, unknown: bool) -> Head:
    random = np.random.default_rng(5)
    weights = random.normal(0, 0.3, (len(classes), CHANNELS)).astype(np.float32)
    bias = random.normal(0, 1, len(classes)).astype(np.float32)
    if not unknown:
        return Head(classes, weights, bias, None)
    known = len(classes) - (classes[-1] == "unknown")
    features = random.normal(1, 0.3, (40 * known, CHANNELS))
    targets = np.arange(len(features)) % known
    features[np.arange(len(features)), targets] += 20
    half = np.arange(len(features)) % (2 * known) < known
    distance = fit_distance(features[half], targets[half])
    sure = np.full((int((~half).sum()), known), 0.9)
    return Head(
        classes,
        weights,
        bias,
        unknown_weights(fit_unknown(distance, distance.of(features[~half]), sure)),
    )


def seen(
    model: Path, flatbuffers: list[bytes], runtime: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Features of the pictures by the model, and what the flatbuffers give."""
    file = read_model_file(model)
    network = PooledFeatures(file, runtime=runtime, threads=1)
    features = np.array([network.of(picture)[0] for picture in pictures()])
    answers = []
    for content in flatbuffers:
        interpreter = choose_runtime(runtime).interpreter(content, threads=1)
        runner = interpreter.get_signature_runner("serving_default")
        given = [picture[np.newaxis].astype(file.input.dtype) for picture in pictures()]
        answers.append(np.array([runner(image=one)["probability"][0] for one in given]))
    return features, answers


HEADS = [
    made_head(("blue", "red"), unknown=False),
    made_head(("blue", "green", "red", "white"), unknown=False),
    made_head(("blue", "red"), unknown=True),
    made_head(("blue", "green", "red"), unknown=True),
    made_head(("blue", "green", "red", "unknown"), unknown=True),
    made_head(("blue", "unknown"), unknown=True),
]


def rewritten(model: ModelFile, head: Head) -> bytes:
    found = with_head(model, checked_head(model).pooled, head, DESCRIPTION)
    check_tflite(found)
    return found


@pytest.mark.parametrize("runtime", [runtime.name for runtime in installed_runtimes()])
def test_a_file_gives_what_numpy_gives(float_model: Path, int8_model: Path, runtime: str) -> None:
    for path in (float_model, int8_model):
        made = [rewritten(read_model_file(path), head) for head in HEADS]
        features, answers = call_in_subprocess(seen, path, made, runtime)
        for head, found in zip(HEADS, answers, strict=True):
            assert found.shape[1] == len(head.labels)
            np.testing.assert_allclose(found, head.probabilities(features), atol=2e-4)
            np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_the_cases_above_differ() -> None:
    """They have pictures that are called unknown, and such as are not."""
    features = np.random.default_rng(5).normal(1, 0.3, (40, CHANNELS)).astype(np.float32)
    features[:20, 0] += 20
    for head in HEADS[2:]:
        unknown = head.probabilities(features)[:, -1]
        assert unknown[20:].min() > 0.9
        assert unknown[:20].mean() < 0.9


def test_with_its_own_head_a_float_file_gives_what_it_gave(float_model: Path) -> None:
    model = read_model_file(float_model)
    ends = checked_head(model)
    own = Head(model.labels, ends.weights, ends.bias, None)
    flatbuffer = model.content[: model.model_bytes]
    _, (before, after) = seen(float_model, [flatbuffer, rewritten(model, own)], "litert")
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_nothing_of_the_old_head_is_left_and_the_rest_is_as_it_was(int8_model: Path) -> None:
    model = read_model_file(int8_model)
    found = rewritten(model, HEADS[3])
    again = rewritten_again(model, found, HEADS[0])
    assert len(again) < len(found)
    assert again == rewritten(model, HEADS[0]), "as if the head between had not been there"
    graph = Table.root("Model", found).children("subgraphs")[0]
    names = [tensor.string("name") or "" for tensor in graph.children("tensors")]
    assert not [name for name in names if "head" in name]
    before = Table.root("Model", model.content).children("buffers")
    weights = {buffer.numbers("data").tobytes() for buffer in before}
    kept = {b.numbers("data").tobytes() for b in Table.root("Model", found).children("buffers")}
    assert len(weights & kept) > 100


def test_its_metadata_describes_it_anew(int8_model: Path) -> None:
    root = Table.root("Model", rewritten(read_model_file(int8_model), HEADS[1]))
    (entry,) = [e for e in root.children("metadata") if e.string("name") == METADATA_NAME]
    packed = root.children("buffers")[entry.number("buffer")].numbers("data").tobytes()
    assert packed == packed_metadata(DESCRIPTION)


def rewritten_again(model: ModelFile, flatbuffer: bytes, head: Head) -> bytes:
    between = replace(
        model, content=flatbuffer, model_bytes=len(flatbuffer), labels=(*HEADS[3].labels,)
    )
    return rewritten(between, head)


def test_the_head_can_be_read_again(float_model: Path) -> None:
    model = read_model_file(float_model)
    for head in HEADS:
        content = rewritten(model, head)
        found = dense_head(
            replace(model, content=content, model_bytes=len(content), labels=head.labels)
        )
        assert found is not None
        np.testing.assert_array_equal(found.weights, head.weights)
        np.testing.assert_array_equal(found.bias, head.bias)
