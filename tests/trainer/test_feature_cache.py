import os
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.trainer.data.memory_mapped import MemoryMappedArray, write_rows
from edgetl.trainer.features.cache import (
    augmented_copy,
    below_split,
    computed,
    features_above_split,
    features_of_pixels,
    row_size,
    split_layer_below,
)
from edgetl.trainer.fitting.inputs import Pictures, training_inputs
from edgetl.trainer.fitting.rows import TrainingInputs
from edgetl.trainer.network.model import (
    backbone_of,
    build_model,
    class_probabilities,
    head_model,
    tail_model,
    unfreeze_backbone,
)
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder
from tests.conftest import empty_run

RECIPE = Recipe(height=32, width=32)
ADAM = replace(RECIPE, head_solver="adam", head_epochs=3, epochs=6)
ROWS = np.array([6, 0, 3, 5, 2, 1, 4, 8, 9, 7, 10])


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return build_model(RECIPE, 3)


@pytest.fixture(scope="module")
def backbone_at_160() -> keras.Model:
    return backbone_of(build_model(Recipe(height=160, width=160, weights="none"), 2))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all runs of this file: what one of them has converted, all of them use."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def run(runs: Path, tmp_path: Path) -> RunFolder:
    return empty_run(runs / tmp_path.name)


@pytest.fixture
def pixels(tmp_path: Path) -> MemoryMappedArray:
    random = np.random.default_rng(0)
    rows = random.integers(0, 256, (11, 32, 32, 3), np.uint8)
    return write_rows(tmp_path / "pixels.npy", 11, [rows], np.uint8)


@pytest.mark.parametrize(
    ("first_trained", "name", "shape"),
    [
        (100, "block_10_project_BN", (10, 10, 96)),
        (116, "block_12_add", (10, 10, 96)),
        (153, "block_16_project_BN", (5, 5, 320)),
        (54, "block_5_add", (20, 20, 32)),
    ],
)
def test_the_network_is_cut_at_the_end_of_a_block(
    backbone_at_160: keras.Model, first_trained: int, name: str, shape: tuple[int, ...]
) -> None:
    backbone = backbone_at_160
    split_layer = split_layer_below(backbone, first_trained)
    assert split_layer is not None
    assert split_layer < first_trained
    assert backbone.layers[split_layer].name == name
    assert backbone.layers[split_layer].output.shape[1:] == shape
    assert row_size(backbone, split_layer) == 2 * np.prod(shape)


def test_there_is_no_cut_below_the_first_layers(model: keras.Model) -> None:
    assert split_layer_below(backbone_of(model), 0) is None
    assert split_layer_below(backbone_of(model), 1) is None


def test_the_frozen_part_and_the_rest_give_what_the_whole_model_gives(
    model: keras.Model, pixels: MemoryMappedArray, run: RunFolder, tmp_path: Path
) -> None:
    unfreeze_backbone(model, first_layer=100)
    split_layer = split_layer_below(backbone_of(model), 100)
    assert split_layer is not None
    cache = run.cache
    kept = computed(
        below_split(model, split_layer, cache=cache),
        pixels,
        ROWS,
        path=tmp_path / "split_layer.npy",
    )
    above = features_above_split(model, split_layer, cache=cache)
    features = computed(above, kept, np.arange(len(kept)), path=tmp_path / "above.npy")
    whole = features_of_pixels(model, cache=cache)
    at_once = computed(whole, pixels, ROWS, path=tmp_path / "whole.npy")
    expected = class_probabilities(model, pixels[ROWS])
    # The activations are rounded to half precision on their way.
    tail = class_probabilities(tail_model(model, split_layer), kept[:])
    np.testing.assert_allclose(tail, expected, atol=2e-3)
    for file in (features, at_once):
        head = class_probabilities(head_model(model), file[:])
        np.testing.assert_allclose(head, expected, atol=2e-3)
    assert not np.allclose(expected, expected[0], atol=2e-3), "all pictures alike prove nothing"


def test_a_copy_depends_on_the_seed_and_its_number_alone(
    pixels: MemoryMappedArray, tmp_path: Path
) -> None:
    def copied(name: str, number: int, seed: int = 0) -> np.ndarray:
        augment = augmented_copy(replace(RECIPE, seed=seed), number)
        path = tmp_path / f"{name}.npy"
        return computed(lambda batch: batch, pixels, ROWS, path=path, augment=augment)[:]

    first = copied("a", 1)
    copied("b", 0)
    np.testing.assert_array_equal(copied("c", 1), first)
    assert not np.allclose(copied("d", 2), first)
    assert not np.allclose(copied("e", 1, seed=1), first)


def test_what_is_there_is_not_computed_again(pixels: MemoryMappedArray, tmp_path: Path) -> None:
    calls = []

    def network(batch: np.ndarray) -> np.ndarray:
        calls.append(len(batch))
        return batch.mean(axis=(1, 2))

    path = tmp_path / "means.npy"
    for _ in range(2):
        kept = computed(network, pixels, ROWS, path=path)
        np.testing.assert_allclose(kept[:], pixels[ROWS].mean(axis=(1, 2)), rtol=1e-3)
    assert calls == [11]
    # What a kill left behind is not taken for whole.
    path.rename(path.with_suffix(".part"))
    computed(network, pixels, ROWS, path=path)
    assert calls == [11, 11]


def test_damaged_activations_are_computed_again_and_said(
    pixels: MemoryMappedArray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "means.npy"

    def means() -> np.ndarray:
        return computed(lambda batch: batch.mean(axis=(1, 2)), pixels, ROWS, path=path)[:]

    expected = means()
    with path.open("r+b") as file:  # as a power cut leaves it
        file.seek(130)
        file.write(bytes(20))
    np.testing.assert_array_equal(means(), expected)
    (line,) = caplog.messages
    assert "means.npy: damaged" in line
    assert "computed again" in line


def test_damaged_networks_are_converted_again_and_the_oldest_make_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = build_model(Recipe(height=32, width=32, weights="none"), 2)
    pixels = np.zeros((1, 32, 32, 3), np.float32)
    (tmp_path / "networks").mkdir()
    older = [tmp_path / "networks" / f"{number}{'0' * 23}.network" for number in range(6)]
    for number, path in enumerate(older):
        path.write_bytes(b"")
        os.utime(path, (number, number))
    # Some layers of the network are sooner converted than all.
    expected = below_split(model, 9, cache=tmp_path)(pixels)
    (made,) = set((tmp_path / "networks").iterdir()) - set(older)
    assert [path.exists() for path in older] == [False, False, False, True, True, True]
    content = made.read_bytes()
    made.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))
    for _ in range(2):
        again = below_split(model, 9, cache=tmp_path)(pixels)
        np.testing.assert_allclose(again, expected, rtol=1e-3)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "edgetl"]
    assert "converted again" in line


@pytest.mark.slow
def test_networks_of_two_sizes_share_a_cache(tmp_path: Path) -> None:
    """Their weights and their output's shape are the same."""
    for size in (32, 64):
        model = build_model(Recipe(height=size, width=size, weights="none", seed=1), 2)
        backbone_of(model).set_weights([w * 0 + 0.5 for w in backbone_of(model).get_weights()])
        pixels = np.zeros((2, size, size, 3), np.float32)
        assert features_of_pixels(model, cache=tmp_path)(pixels).shape == (2, 1280)


def pictures_of(pixels: MemoryMappedArray, trained: int, validated: int = 2) -> Pictures:
    rows = {
        "train": np.arange(trained) % 7,
        "validation": np.array([8, 9])[:validated],
        "test": np.array([]),
    }
    targets = {split: np.zeros(len(some), np.int64) for split, some in rows.items()}
    return Pictures(pixels, rows, targets)


@pytest.mark.parametrize(("head_views", "trained", "taken"), [(0, 7, 3), (0, 1000, 2), (1, 7, 1)])
def test_the_head_takes_as_many_copies_as_it_needs(
    model: keras.Model,
    pixels: MemoryMappedArray,
    run: RunFolder,
    head_views: int,
    trained: int,
    taken: int,
) -> None:
    recipe = replace(ADAM, views=3, head_views=head_views, epochs=6)
    cached = training_inputs(model, pictures_of(pixels, trained), run, recipe)
    assert cached.features
    assert cached.split_layer is not None
    assert len(cached.fine_tune.copies) == 3
    assert [len(copy) for copy in cached.features.copies] == [trained] * taken
    head = class_probabilities(head_model(model), cached.features.validation.read())
    np.testing.assert_allclose(head, class_probabilities(model, pixels[8:10]), atol=2e-3)


@pytest.mark.parametrize("head_views", [0, 1])
def test_a_head_that_is_all_there_is_takes_every_copy(
    model: keras.Model, pixels: MemoryMappedArray, run: RunFolder, head_views: int
) -> None:
    recipe = replace(ADAM, views=3, head_views=head_views, epochs=3)
    kept = training_inputs(model, pictures_of(pixels, 7), run, recipe)
    assert kept.features
    assert (kept.split_layer, len(kept.features.copies)) == (None, 3)
    assert kept.fine_tune.copies[0].file == pixels


@pytest.mark.parametrize("validated", [0, 2])
def test_a_head_is_solved_on_the_pictures_as_they_are_and_mirrored(
    model: keras.Model, pixels: MemoryMappedArray, run: RunFolder, validated: int
) -> None:
    pictures = pictures_of(pixels, 7, validated)
    inputs = training_inputs(model, pictures, run, replace(RECIPE, views=3, epochs=3))
    assert inputs.features
    assert (len(inputs.features.copies), len(inputs.fine_tune.copies)) == (2, 3)
    assert [len(some.validation) for some in (inputs.features, inputs.fine_tune)] == [validated] * 2
    for copy, shown in zip(inputs.features.copies, (pixels[:7], pixels[:7, :, ::-1]), strict=True):
        head = class_probabilities(head_model(model), copy.read())
        np.testing.assert_allclose(head, class_probabilities(model, shown), atol=2e-3)
    held = np.arange(7) < 2
    without = inputs.held_out(held, ~held)
    assert without.features
    np.testing.assert_array_equal(without.features.validation.read(), _first(inputs)[held])
    for copies in (without.features.copies, without.fine_tune.copies):
        assert {len(copy) for copy in copies} == {5}
        assert all(copy.rows.tolist() == [2, 3, 4, 5, 6] for copy in copies)


def _first(inputs: TrainingInputs) -> np.ndarray:
    assert inputs.features
    return inputs.features.copies[0].read()
