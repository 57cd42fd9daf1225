import json
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from edgetl.edge.errors import SettingError
from edgetl.trainer.config import read_config, recipe_from
from edgetl.trainer.options import TrainOptions
from edgetl.trainer.recipe import RECIPES, Recipe


def test_the_reference_recipe_is_the_tutorials() -> None:
    its = RECIPES["reference"]
    assert (its.height, its.width, its.fit, its.batch_size) == (
        160,
        160,
        "stretch",
        32,
    )
    assert (its.head_epochs, its.epochs, its.head_lr, its.fine_tune_lr) == (
        10,
        20,
        1e-4,
        1e-5,
    )
    assert (its.fine_tune_from, its.fine_tune_optimizer) == (100, "rmsprop")
    assert its.fine_tune_schedule == "constant"
    assert (its.flip, its.rotation, its.dropout) == (True, 0.2, 0.2)
    assert (its.zoom, its.translation) == (0, 0)


def test_options_take_the_place_of_the_named_recipes_settings() -> None:
    recipe = recipe_from({"recipe": "reference", "image_size": "96x128", "seed": 3, "out": "x"})
    assert (recipe.height, recipe.width, recipe.seed, recipe.rotation) == (96, 128, 3, 0.2)
    assert recipe_from({}) == Recipe()


@pytest.mark.parametrize(
    ("text", "size"), [("64", (64, 64)), ('"96x128"', (96, 128)), ('"160"', (160, 160))]
)
def test_an_image_size_in_a_file_is_a_number_or_text(
    tmp_path: Path, text: str, size: tuple[int, int]
) -> None:
    (tmp_path / "a.toml").write_text(f"image-size = {text}")
    options = read_config(tmp_path / "a.toml")
    TrainOptions(**options)
    recipe = recipe_from(options)
    assert (recipe.height, recipe.width) == size


def test_few_epochs_in_all_leave_the_head_its_share() -> None:
    assert recipe_from({"recipe": "reference", "epochs": 4}).head_epochs == 2
    assert recipe_from({"recipe": "reference", "epochs": 1}).head_epochs == 1
    assert recipe_from({"recipe": "reference", "epochs": 30}).head_epochs == 10


def test_a_toml_file_takes_every_option(tmp_path: Path) -> None:
    values = asdict(Recipe(height=96, width=96, flip=False, views=2, weights="none"))
    lines = [f"{name.replace('_', '-')} = {json.dumps(value)}" for name, value in values.items()]
    path = tmp_path / "my.toml"
    path.write_text("\n".join([*lines, 'data = "photos"', "tensorboard = true"]))
    options = read_config(path)
    assert options["data"] == "photos"
    assert options["tensorboard"] is True
    assert recipe_from(options) == Recipe(**values)
    assert {field.name for field in fields(Recipe)} <= set(options)


def test_a_runs_config_gives_its_recipe_and_photos(tmp_path: Path) -> None:
    recipe = Recipe(seed=5, fit="pad")
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"recipe": asdict(recipe), "data": {"path": "/photos"}}))
    options = read_config(path)
    assert options["data"] == "/photos"
    assert recipe_from(options) == recipe


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.toml", "epoch = 3", "'epoch' is not an option; did you mean epochs?"),
        ("a.toml", "epochs = = 3", "neither TOML nor"),
        ("a.json", "{", "neither TOML nor"),
        ("a.json", "[1]", "holds no settings"),
        ("a.toml", "\xff", "neither TOML nor"),
        ("a.toml", "height = 64\nimage_size = 96", "image_size and height or width; keep one"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingError) as error:
        read_config(tmp_path / name)
    assert words in str(error.value)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": "three"}, "--epochs 'three'"),
        ({"fit": "squeeze"}, "--fit 'squeeze' is not one of stretch, crop, pad"),
        ({"recipe": "best"}, "--recipe 'best' is not one of default, reference"),
        ({"head_lr": "fast"}, "--head-lr 'fast'"),
        ({"image_size": "0"}, "--image-size 0: height 0 is not between 32 and 4096"),
    ],
)
def test_a_value_that_is_wrong_is_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(SettingError) as error:
        recipe_from(options)
    assert words in str(error.value)
