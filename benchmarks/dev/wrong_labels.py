"""How many wrong labels `edgetl inspect --labels` finds: photos are swapped between classes first.

python -m edgetl.benchmarks.dev.wrong_labels ../shared/data/cats_and_dogs_filtered/train
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from edgetl.benchmarks.dev.command_line import console, figures_table, run_command
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.selection import select_photos
from edgetl.trainer.doubtful.confident_learning import check_labels
from edgetl.trainer.frozen_head import cross_validated_head, frozen_features
from edgetl.trainer.recipe import Recipe

# A person who looks at half as many again as are wrong.
LOOKED_AT = 1.5


@dataclass(frozen=True)
class Found:
    """What was found of the photos that were swapped.

    Attributes:
        photos: how many were checked.
        swapped: how many of these were put into another class.
        first: the share of them, 0..1, in the first one and a half times as many of the ranking.
        listed: how many labels are said to be doubtful.
        right: how many of these were swapped.
        feature_seconds: what the frozen layers took.
        seconds: what came after.
    """

    photos: int
    swapped: int
    first: float
    listed: int
    right: int
    feature_seconds: float
    seconds: float


def swapped_copy(folder: Path, to: Path, *, share: float, seed: int) -> set[str]:
    """Link the photos of a folder, a folder a class, some of them into another class.

    Returns:
        the files, below `to`, that lie in the wrong class now.
    """
    found = scan(folder)
    random = np.random.default_rng(seed)
    wrong = set(random.permutation(len(found.examples))[: round(share * len(found.examples))])
    moved = set()
    for index, example in enumerate(found.examples):
        label = example.label
        if index in wrong:
            label = random.choice([other for other in found.labels if other != label])
        file = f"{label}/{index}-{Path(example.file).name}"
        (to / label).mkdir(parents=True, exist_ok=True)
        (to / file).symlink_to(found.path(example).resolve())
        if index in wrong:
            moved.add(file)
    return moved


def measure(folder: Path, *, share: float, seed: int, cache: Path) -> Found:
    """Swap some photos and look for them, as `edgetl inspect --labels` does.

    Args:
        folder: photos, a folder a class.
        share: of the photos, that are swapped.
        seed: which ones.
        cache: for decoded photos and converted networks.
    """
    recipe = Recipe()
    with tempfile.TemporaryDirectory() as work:
        swapped = swapped_copy(folder, Path(work) / "photos", share=share, seed=seed)
        found = scan(Path(work) / "photos")
        paths = [found.path(example) for example in found.examples]
        decoded = decode_pictures(paths, recipe.input_size, cache=cache)
        dataset, _ = select_photos(found, decoded, recipe)
        begun = time.perf_counter()
        features = frozen_features(
            found, decoded, dataset.examples, recipe, folder=Path(work) / "features", cache=cache
        )
        computed = time.perf_counter()
        solved = cross_validated_head(features, dataset.examples, dataset.labels, recipe)
        check = check_labels(dataset.examples, dataset.labels, solved.probabilities)
        ended = time.perf_counter()
    # Of the same photo in two classes neither is used: that is said as it is.
    swapped &= set(check.ranking)
    first = set(check.ranking[: round(LOOKED_AT * share * len(check.ranking))])
    return Found(
        photos=len(check.ranking),
        swapped=len(swapped),
        first=len(swapped & first) / len(swapped),
        listed=len(check.doubtful),
        right=len(swapped & {one.file for one in check.doubtful}),
        feature_seconds=computed - begun,
        seconds=ended - computed,
    )


def main(
    data: Annotated[list[Path], typer.Argument(help="Folders of photos, a folder a class.")],
    share: Annotated[float, typer.Option(min=0.001, max=0.5, help="Of labels swapped.")] = 0.05,
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions.")] = 3,
) -> None:
    """Swap labels, and count how many of them are found."""
    table = figures_table(
        "", "photos", "swapped", f"in first {LOOKED_AT * share:.1%}", "listed", "right", "seconds"
    )
    with tempfile.TemporaryDirectory() as cache:
        for folder in data:
            for seed in range(seeds):
                found = measure(folder, share=share, seed=seed, cache=Path(cache) / "cache")
                table.add_row(
                    "-".join(folder.resolve().parts[-2:]),
                    str(found.photos),
                    str(found.swapped),
                    f"{found.first:.1%}",
                    str(found.listed),
                    str(found.right),
                    f"{found.seconds:.1f} (+ {found.feature_seconds:.1f})",
                )
    console().print(table)


if __name__ == "__main__":
    run_command(main)
