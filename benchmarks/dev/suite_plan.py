"""Which trainings the suite consists of, and the photos of each."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from edgetl.edge.errors import DataError, SettingError, quoted
from edgetl.trainer.data.scanning import scan


class Variant(StrEnum):
    """What is trained: edgetl as it comes, a linear probe, a plain notebook, and edgetl with the
    notebook's recipe.
    """

    default = "default"
    probe = "probe"
    notebook = "notebook"
    reference = "reference"


# Photos of each class that are trained on.
Photos = int | Literal["all"]
PHOTOS: tuple[Photos, ...] = (5, 20, 100, "all")
_DATA = Path(__file__).parents[3] / "shared" / "data"
# Classes that have as many photos are held out by the notebook, as edgetl's recipe does.
_VALIDATION_SHARE = 5


@dataclass(frozen=True)
class ImageSet:
    """A data set: the files of each class to train on and to test on, sorted."""

    name: str
    train: Mapping[str, Sequence[Path]]
    test: Mapping[str, Sequence[Path]]

    def drawn(self, photos: Photos, seed: int) -> dict[str, list[Path]]:
        """Of each class so many training photos, or as many as it has, in an order by the seed.

        A hash of names decides, so that a subset is the same on every machine and in every
        variant, and holds the smaller ones of its seed.
        """

        def key(label: str, path: Path) -> bytes:
            text = f"{seed}\0{self.name}\0{label}\0{path.name}"
            return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

        return {
            label: sorted(paths, key=lambda path: key(label, path))[: _number(photos)]
            for label, paths in self.train.items()
        }


@dataclass(frozen=True)
class Trial:
    """One training. `photos` are those of each class, `image_size` is in pixels."""

    set: str
    photos: Photos
    seed: int
    variant: str
    image_size: int

    def __str__(self) -> str:
        return f"{self.set}, {self.photos} a class, seed {self.seed}, {self.variant}"


def default_sets(data: Path = _DATA) -> list[Path]:
    """The suite's data sets and the reference data, beside the checkout.

    Raises:
        DataError: they are not there.
    """
    suite, reference = data / "suite", data / "cats_and_dogs_filtered"
    if missing := [folder for folder in (suite, reference) if not folder.is_dir()]:
        raise DataError(f"{quoted(missing[0])}: no such folder; name the data sets: suite SETS...")
    return [*sorted(folder.parent for folder in suite.glob("*/train")), reference]


def read_sets(folders: Sequence[Path]) -> list[ImageSet]:
    """The data sets, each known by its folder's name.

    Raises:
        DataError: a folder is no such set, or two have one name.
    """
    sets = [_read_set(folder) for folder in folders]
    names = [one.name for one in sets]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"two data sets are called {quoted(twice[0])!r}; rename one of them")
    return sets


def _read_set(folder: Path) -> ImageSet:
    """A folder with train/ and test/, or validation/ in its place."""
    dataset = scan(folder)
    splits = {example.split for example in dataset.examples}
    held_out = splits - {"train"}
    if "train" not in splits or len(held_out) != 1 or None in held_out:
        raise DataError(
            f"{quoted(folder)}: has not train/ and test/ (or validation/) alone, each with a "
            f"folder for each class"
        )
    files: dict[bool, dict[str, list[Path]]] = {True: {}, False: {}}
    for example in dataset.examples:
        files[example.split == "train"].setdefault(example.label, []).append(dataset.path(example))
    trained, tested = (
        {label: sorted(paths) for label, paths in sorted(files[split].items())}
        for split in (True, False)
    )
    for label, paths in trained.items():
        if label not in tested:
            raise DataError(f"{quoted(folder)}: class {label!r} has no pictures to test on")
        if len({path.name for path in paths}) < len(paths):
            raise DataError(f"{quoted(folder)}: two files of class {label!r} have one name")
    return ImageSet(folder.resolve().name, trained, tested)


def photos_of(given: Iterable[str]) -> list[Photos]:
    """Numbers of photos and "all", each an option's value or several with commas between.

    Raises:
        SettingError: one is neither; a class needs 2 photos at least.
    """
    found: set[Photos] = set()
    for word in ",".join(given).split(","):
        if word.strip() == "all":
            found.add("all")
        elif word.strip().isdecimal() and int(word) >= 2:
            found.add(int(word))
        else:
            raise SettingError(f"--photos {quoted(word)}: is neither a number from 2 on nor all")
    return sorted(found, key=size_key)


def size_key(photos: Photos) -> float:
    """By which sizes are sorted: all photos last."""
    return float("inf") if photos == "all" else photos


def trials(
    sets: Sequence[ImageSet],
    sizes: Sequence[Photos],
    *,
    seeds: int,
    variants: Sequence[str],
    image_size: int,
) -> Iterator[Trial]:
    """All trainings: a whole round with one seed, few photos first, before the next seed.

    Variants of the same photos follow one another, so that a machine that slows down slows them
    all. A size that no class of a set reaches is left out: it would be all photos once more.
    """
    for seed, photos, one in itertools.product(range(seeds), sizes, sets):
        if photos == "all" or photos <= max(map(len, one.train.values())):
            for variant in variants:
                yield Trial(one.name, photos, seed, variant, image_size)


def pictures_of(one: ImageSet, photos: Photos) -> int:
    """How many photos a training has in all."""
    return sum(len(paths[: _number(photos)]) for paths in one.train.values())


def link_photos(one: ImageSet, trial: Trial, folder: Path) -> tuple[Path, Path]:
    """Link a training's photos below `folder`.

    The data's folder has train/ and test/; for the notebook train/ and validation/, which are a
    fifth of each class's photos, one at least.

    Returns:
        The data's folder, and that of the test photos.
    """
    data, test = folder / "data", folder / "data" / "test"
    drawn = one.drawn(trial.photos, trial.seed)
    if trial.variant == Variant.notebook:
        test = folder / "test"
        held = {label: max(1, len(paths) // _VALIDATION_SHARE) for label, paths in drawn.items()}
        link_files(
            {label: paths[: held[label]] for label, paths in drawn.items()}, data / "validation"
        )
        drawn = {label: paths[held[label] :] for label, paths in drawn.items()}
    link_files(drawn, data / "train")
    link_files(one.test, test)
    return data, test


def link_files(files: Mapping[str, Sequence[Path]], to: Path) -> None:
    """Link the files of each class into a folder of its own below `to`."""
    # Symbolic links, which edgetl and Keras follow to files: hard ones end at the file system.
    for label, paths in files.items():
        (to / label).mkdir(parents=True)
        for path in paths:
            (to / label / path.name).symlink_to(path.resolve())


def _number(photos: Photos) -> int | None:
    return None if photos == "all" else photos
