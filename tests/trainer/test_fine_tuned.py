"""What fine-tuning changed, kept and added to another start."""

from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.trainer.fitting.checkpoint import values_of
from edgetl.trainer.fitting.fine_tuned import (
    FineTuned,
    add_changes,
    changes_of,
    read_changes,
    write_changes,
)
from edgetl.trainer.network.model import (
    backbone_of,
    build_model,
    class_kernel,
    fine_tuned_paths,
    set_head,
)
from edgetl.trainer.recipe import Recipe

RECIPE = Recipe(height=32, width=32, alpha=0.35, weights="none")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return build_model(RECIPE, 2)


@pytest.fixture(scope="module")
def three() -> keras.Model:
    return build_model(RECIPE, 3)


def fine_tuned(model: keras.Model) -> FineTuned:
    """As after a phase two that moved one layer and the head, the weights put back."""
    before = values_of(model.weights)
    layer = backbone_of(model).get_layer("Conv_1")
    layer.kernel.assign_add(np.random.default_rng(0).normal(size=layer.kernel.shape))
    model.get_layer("head").kernel.assign_add(np.full((1280, 1), 0.5))
    found = changes_of(model, before, ("a", "b"))
    for variable, value in zip(model.weights, before, strict=True):
        variable.assign(value)
    return found


def test_what_moved_is_kept_by_name_and_the_head_a_column_a_class(model: keras.Model) -> None:
    found = fine_tuned(model)
    assert list(found.backbone) == [backbone_of(model).get_layer("Conv_1").kernel.path]
    np.testing.assert_allclose(found.kernel, [[-0.25, 0.25]] * 1280, rtol=1e-6)


def test_it_is_on_disk_in_8_bits(model: keras.Model, tmp_path: Path) -> None:
    found = fine_tuned(model)
    write_changes(tmp_path / "fine_tuned" / "all.npz", found)
    read = read_changes(tmp_path / "fine_tuned" / "all.npz")
    assert read is not None
    assert read.labels == ("a", "b")
    (name,) = found.backbone
    largest = np.abs(found.backbone[name]).max()
    np.testing.assert_allclose(read.backbone[name], found.backbone[name], atol=largest / 250)
    np.testing.assert_allclose(read.kernel, found.kernel, rtol=0.01)
    assert read_changes(tmp_path / "none.npz") is None


def test_classes_move_by_name_and_a_new_one_stays(model: keras.Model, three: keras.Model) -> None:
    found = fine_tuned(model)
    set_head(three, np.zeros((1280, 3)), np.arange(3.0))
    layer = backbone_of(three).get_layer("Conv_1")
    before = np.array(layer.kernel)
    add_changes(three, found, ("b", "new", "a"))
    np.testing.assert_allclose(class_kernel(three)[0], [0.25, 0, -0.25], rtol=1e-6)
    moved = np.array(layer.kernel) - before
    np.testing.assert_allclose(moved, found.backbone[layer.kernel.path], atol=1e-5)


def test_of_two_classes_one_may_be_gone(model: keras.Model) -> None:
    found = fine_tuned(model)
    set_head(model, np.zeros((1280, 2)), np.zeros(2))
    add_changes(model, found, ("b", "c"))
    # One logit, of c less b.
    np.testing.assert_allclose(np.array(model.get_layer("head").kernel), -0.25, rtol=1e-6)


def test_the_paths_that_are_trained_are_those_from_a_layer_on(model: keras.Model) -> None:
    paths = fine_tuned_paths(model, first_layer=150)
    names = {layer.name for layer in backbone_of(model).layers[150:]}
    assert paths
    assert {path.split("/")[0] for path in paths} <= names
    assert not model.get_layer("backbone").trainable_variables
