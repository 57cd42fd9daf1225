"""What is trained and on what, where variants of training are compared."""

import tempfile
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from edgetl.edge.errors import DataError, RunFolderError, quoted, reason
from edgetl.trainer.data.dataset import Dataset, counts
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.recipe import RECIPES, Recipe


class Variant(StrEnum):
    """A variant of training, in a process of its own.

    The notebook; the same recipe through edgetl, computing everything in every epoch ("plain") or
    what the frozen layers give only once ("reuse"); and edgetl as it comes.
    """

    notebook = "notebook"
    plain = "plain"
    reuse = "reuse"
    default = "default"


EDGETL_OPTIONS: dict[Variant, tuple[str, ...]] = {
    Variant.plain: ("--recipe", "reference", "--no-reuse"),
    Variant.reuse: ("--recipe", "reference"),
    Variant.default: (),
}
DEFAULT_VARIANTS = (Variant.notebook, Variant.reuse, Variant.default)


def check_layout(data: Path) -> Dataset:
    """The data folder, if every variant would train and validate on the same pictures of it.

    Raises:
        DataError: it has not train/ and validation/ alone, each with a folder for each class.
    """
    dataset = scan(data)
    splits = sorted({example.split or "" for example in dataset.examples})
    # The notebook asks for the folders by name; edgetl would take val/ for validation/ too.
    if splits != ["train", "validation"] or not (data / "validation").is_dir():
        raise DataError(
            f"{quoted(data)}: has not train/ and validation/ alone, each with a folder for each "
            f"class; the variants are compared on that layout"
        )
    for label, count in counts(dataset, "validation").items():
        if not count:
            raise DataError(f"{quoted(data)}: class {label!r} has no pictures in validation/")
    return dataset


def check_out(path: Path) -> None:
    """Find out before hours of training that their figures could not be written.

    Raises:
        RunFolderError: the file's folder is not there or cannot be written.
    """
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise RunFolderError(f"{quoted(path)}: cannot be written: {reason(error)}") from error
    if path.is_dir():
        raise RunFolderError(f"{quoted(path)}: cannot be written: is a directory")


def changed_recipe(name: str, *, image_size: int | None = None, **settings: int | None) -> Recipe:
    """The recipe of that name with the settings that are given.

    Raises:
        SettingError: a value is out of range.
    """
    given: dict[str, Any] = {key: value for key, value in settings.items() if value is not None}
    if image_size is not None:
        given.update(height=image_size, width=image_size)
    return replace(RECIPES[name], **given)
