"""A linear probe: logistic regression on what the frozen backbone gives, with nothing fine-tuned.

    python -m edgetl.benchmarks.dev.probe DATA --seed 0 --out figures.json

What training gains beside it is gained by fine-tuning. Photos are decoded, and copies and
near-copies found, as `edgetl train` does; each class counts by its number of photos, as in any
logistic regression.
"""

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from edgetl.benchmarks.dev.command_line import run_command
from edgetl.benchmarks.dev.suite_measure import Measured, measured_on_test
from edgetl.benchmarks.dev.training_plan import changed_recipe, check_out
from edgetl.edge.errors import DataError, quoted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.system.files import write_json
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.trainer.data.dataset import Dataset, Split
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.selection import rows_of, select_photos
from edgetl.trainer.fitting.folds import assign_folds
from edgetl.trainer.fitting.rows import PhaseInputs, Rows
from edgetl.trainer.fitting.solving import cross_validate, solved_head
from edgetl.trainer.recipe import Recipe


def fit_probe(found: Dataset, recipe: Recipe, *, cache: Path) -> Measured:
    """Fit the probe on the photos in train/ and measure it on those in test/.

    The head learns from each photo as it is and mirrored. Its strength of penalty is chosen by
    cross-validation on the photos of train/ alone, near-copies in one fold.

    Args:
        found: photos in train/ and test/.
        recipe: the input size, the fit and the seed, which only the folds depend on.
        cache: a folder for decoded photos and features.

    Raises:
        DataError: too few photos can be read.
    """
    with hidden_native_log():
        from edgetl.trainer.features.cache import computed, features_of_pixels, mirrored
        from edgetl.trainer.network.model import build_model

    decoded = decode_pictures(
        [found.path(example) for example in found.examples], recipe.input_size, cache=cache
    )
    dataset, _ = select_photos(found, decoded, recipe)
    network = features_of_pixels(build_model(recipe, len(dataset.labels)), cache=cache)

    def features(split: Split, name: str, augment: Callable[[Pixels], Pixels] | None) -> Rows:
        examples = [dataset.examples[i] for i in dataset.of(split)]
        rows = rows_of(found, examples)
        path = cache / f"{name}.npy"
        file = computed(network, decoded.pixels, rows, path=path, augment=augment)
        return Rows(file, np.arange(len(rows)), dataset.classes_of(examples))

    plain = features("train", "train", None)
    inputs = PhaseInputs(
        [plain, features("train", "train-mirrored", mirrored)],
        plain,
        plain.of(np.zeros(len(plain), bool)),
    )
    trained = [dataset.examples[i] for i in dataset.of("train")]
    folds = assign_folds(trained, recipe.folds, seed=recipe.seed)
    alike = [1.0] * len(dataset.labels)
    head = solved_head(inputs, alike, cross_validate(inputs, folds, alike).strength)
    # Not computed before the head is: nothing of the fit can depend on it.
    test = features("test", "test", None)
    paths = [dataset.path(dataset.examples[i]) for i in dataset.of("test")]
    return measured_on_test(
        dataset.root / "test", paths, head.probabilities(test.read()), test.targets
    )


def command(
    data: Annotated[Path, typer.Argument(help="A folder with train/ and test/.")],
    out: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")],
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    image_size: Annotated[int | None, typer.Option(help="[default: 224]")] = None,
) -> None:
    """Fit a linear probe, and write what it reaches on the test photos."""
    recipe = changed_recipe("default", seed=seed, image_size=image_size)
    found = scan(data)
    if {example.split for example in found.examples} != {"train", "test"}:
        raise DataError(f"{quoted(data)}: has not train/ and test/ alone")
    check_out(out)
    with tempfile.TemporaryDirectory() as cache:
        write_json(out, asdict(fit_probe(found, recipe, cache=Path(cache))))


if __name__ == "__main__":
    run_command(command)
