"""Which layers of an int8 model stay float, on a model that quantizes badly."""

from collections.abc import Collection
from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.edge.errors import SettingError
from edgetl.trainer.data.memory_mapped import write_rows
from edgetl.trainer.exporting.conversion import export_graph
from edgetl.trainer.exporting.selective_quantization import (
    AcceptanceCriteria,
    Int8Model,
    quantize_to_criteria,
    smallest_denylist,
)
from edgetl.trainer.exporting.subprocess_call import call_in_subprocess
from edgetl.trainer.network.model import backbone_of, build_model, class_probabilities
from edgetl.trainer.network.unknown_output import TrainedModel
from edgetl.trainer.recipe import Recipe

BAD = ("block_16_project", "Conv_1")


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """uint8 [40, 64, 64, 3], each with a different pattern."""
    rough = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype(np.float32)
    return np.asarray(keras.ops.image.resize(rough, (64, 64))).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def bad_model() -> keras.Model:
    """One channel of a layer is scaled by 1e3 and its consumer by 1e-3: the same in float."""
    model = build_model(Recipe(height=64, width=64), 6)
    backbone, channel = backbone_of(model), 7
    normalization = backbone.get_layer("block_16_project_BN")
    gamma, beta, *statistics = normalization.get_weights()
    gamma[channel] *= 1e3
    beta[channel] *= 1e3
    normalization.set_weights([gamma, beta, *statistics])
    successor = backbone.get_layer("Conv_1")
    (kernel,) = successor.get_weights()
    kernel[:, :, channel] *= 1e-3
    successor.set_weights([kernel])
    return model


@pytest.fixture(scope="module")
def int8(bad_model: keras.Model, pictures: np.ndarray) -> Int8Model:
    return Int8Model(export_graph(bad_model, None), pictures[:20], "uint8")


@pytest.mark.slow
def test_the_error_is_traced_to_the_layer_that_carries_it(int8: Int8Model) -> None:
    worst, second, *_ = int8.errors()
    assert worst.layer == BAD[0]
    assert worst.lost > 0.5
    assert second.lost < 0.1
    assert int8.with_consumers(worst.layer) == list(BAD)


@pytest.mark.slow
def test_the_smallest_denylist_that_is_accepted_is_found(
    bad_model: keras.Model, pictures: np.ndarray, tmp_path: Path
) -> None:
    targets = class_probabilities(bad_model, pictures).argmax(axis=1)
    bad_model.save(tmp_path / "model.keras")
    stored = write_rows(tmp_path / "pictures.npy", len(pictures), [pictures], np.uint8)
    criteria = AcceptanceCriteria(stored, np.arange(len(targets)), targets, 0.85)
    found = call_in_subprocess(
        quantize_to_criteria,
        TrainedModel(tmp_path / "model.keras", None),
        pictures[:20],
        "uint8",
        criteria,
    )
    assert found.accepted
    assert found.denylist == BAD
    # The rest is still int8: a float file has 8.9 MB.
    assert len(found.flatbuffer) < 5e6


@pytest.mark.slow
def test_an_unknown_layer_is_named_with_similar_ones(int8: Int8Model) -> None:
    with pytest.raises(
        SettingError, match="'block_16_projekt' is not a layer; there are block_16_"
    ):
        int8.quantized(["block_16_projekt"])


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        (set(), set()),
        ({"a"}, {"a"}),
        ({"c", "d"}, {"c", "d"}),
        ({"b", "f"}, {"b", "f"}),
        ({"none of them"}, None),
    ],
)
def test_the_search_finds_the_smallest_set(needed: set[str], expected: set[str] | None) -> None:
    def accepted(denylist: Collection[str]) -> bool:
        return needed <= set(denylist)

    ranked = [("a", "b"), ("b", "c"), ("c", "d"), ("e",), ("f", "g")]
    assert smallest_denylist(ranked, accepted) == expected


def test_a_search_out_of_time_keeps_what_it_has_found() -> None:
    ranked = [("a",), ("b",)]
    assert smallest_denylist(ranked, lambda layers: "a" in layers, seconds=0) == {"a"}
    assert smallest_denylist(ranked, lambda layers: "b" in layers, seconds=0) is None
