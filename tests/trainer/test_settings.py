import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from edgetl.edge.errors import SettingError
from edgetl.trainer.config import read_config, recipe_from, with_solver
from edgetl.trainer.fitting.epochs import epoch_steps, planned_epochs, with_epochs
from edgetl.trainer.options import TrainOptions
from edgetl.trainer.recipe import RECIPES, Recipe, upgraded
from edgetl.trainer.run.records import RunConfig, read_record


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
    # Its head is Adam's, photos are held out, and nothing comes after.
    assert (its.head_solver, its.hold_out, its.least_steps) == ("adam", True, 1)
    assert (its.average, its.calibrate, its.label_smoothing) == (False, False, 0)


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


OLDER_WAY = {
    "head_solver": "adam",
    "hold_out": True,
    "least_steps": 1,
    "average": False,
    "calibrate": False,
}


@pytest.mark.parametrize("version", [None, 2])
def test_a_config_of_an_older_edgetl_is_what_it_did(tmp_path: Path, version: int | None) -> None:
    """0.1.0 wrote no version and knew no folds; of version 2 folds were of the head alone."""
    config = json.loads((Path(__file__).parent / "run_0_1_0" / "config.json").read_text())
    if version:
        config["version"] = version
        config["recipe"]["folds"] = 1
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    expected = {**config["recipe"], **OLDER_WAY, "folds": 5}
    read = read_record(path, RunConfig).recipe
    assert {name: getattr(read, name) for name in expected} == expected
    # As `--config` takes it.
    assert recipe_from(read_config(path)) == read
    # What it is now is not taken for older.
    assert upgraded(asdict(Recipe())) == asdict(Recipe())


def test_who_sets_adams_epochs_or_rate_has_asked_for_adam() -> None:
    for options in ({"head_epochs": 3}, {"head_lr": 0.01}):
        assert recipe_from(options).head_solver == "adam"
        assert recipe_from({**options, "head_solver": "lbfgs"}).head_solver == "lbfgs"
        # Beside a run's config.json, which names a solver, too.
        assert recipe_from({**asdict(Recipe()), **with_solver(options)}).head_solver == "adam"
    assert recipe_from({"epochs": 3}).head_solver == "lbfgs"


def test_patience_asks_for_photos_that_are_held_out() -> None:
    assert not Recipe().holds_out
    assert Recipe(hold_out=True).holds_out
    assert Recipe(patience=2).holds_out


@pytest.mark.parametrize(
    ("recipe", "photos", "steps", "fine_tuning"),
    [
        # 11 times the root of 40 is 70 steps, of 10 an epoch.
        (Recipe(), 40, 10, 7),
        (Recipe(), 4, 10, 3),
        # Eight passes of 63; at most 750 steps.
        (Recipe(), 1000, 63, 8),
        (Recipe(), 2000, 125, 6),
        (Recipe(steps=100, least_steps=1), 40, 3, 34),
        (Recipe(head_solver="adam", head_epochs=8), 40, 10, 7),
    ],
)
def test_few_photos_have_more_epochs(
    recipe: Recipe, photos: int, steps: int, fine_tuning: int
) -> None:
    found = with_epochs(recipe, photos)
    assert epoch_steps(recipe, photos) == steps
    assert planned_epochs(found, "fine_tune") == fine_tuning
    assert planned_epochs(found, "head") == (8 if recipe.head_solver == "adam" else 1)
    # Whoever says how many has as many.
    assert with_epochs(replace(recipe, epochs=9), photos).epochs == 9


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
