"""How many near-copies are found, and how many unrelated photos are taken for some."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from edgetl.benchmarks.dev.camera_effects import EFFECTS
from edgetl.benchmarks.dev.command_line import console, run_command
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.sources.file_kinds import PICTURE_SUFFIXES
from edgetl.trainer.data.groups import near_copy_groups
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.data.picture_cache import decode_pictures

_SIZE = InputSize(160, 160, "crop")
# What is changed is no larger, so that effects take no longer than decoding.
_LARGEST = 800
_CELL = 120


def main(
    data: Annotated[list[Path], typer.Argument(help="Folders of photos.")],
    samples: Annotated[int, typer.Option(help="Photos of each that are changed.")] = 50,
    sheets: Annotated[Path | None, typer.Option(help="Folder for a picture of all groups.")] = None,
) -> None:
    """Count the groups of near-copies in real photos, and find simulated ones."""
    out = console()
    found = dict.fromkeys(EFFECTS, 0)
    changed = 0
    with tempfile.TemporaryDirectory() as cache:
        for folder in data:
            paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
            pixels = decode_pictures(paths, _SIZE, cache=Path(cache) / "decoded").pixels
            groups = near_copy_groups(pixels, paths)
            grouped, largest = sum(map(len, groups)), max(map(len, groups), default=0)
            out.print(
                f"{folder}: {len(groups)} groups of {grouped} photos in {len(paths)} "
                f"({grouped / len(paths):.2%}), the largest of {largest}"
            )
            if sheets and groups:
                sheets.mkdir(parents=True, exist_ok=True)
                name = "-".join(folder.resolve().parts[-2:])
                _sheet(pixels, groups).save(sheets / f"{name}.png")
            chosen = np.random.default_rng(0).permutation(len(paths))[:samples]
            changed += len(chosen)
            for index in chosen:
                for effect in _found(paths[index], Path(cache), int(index)):
                    found[effect] += 1
    for effect, number in found.items():
        out.print(f"{effect:40} {number / changed:6.1%} of {changed} found")


def _found(path: Path, cache: Path, seed: int) -> list[str]:
    """The effects after which a photo is in a group with itself."""
    random = np.random.default_rng(seed)
    with Image.open(path) as image:
        image.thumbnail((_LARGEST, _LARGEST))
        original = np.asarray(image.convert("RGB"))
    names = ["original", *EFFECTS]
    pictures = [original, *(effect(original, random) for effect in EFFECTS.values())]
    paths = [cache / f"{number}.png" for number in range(len(names))]
    for picture, file in zip(pictures, paths, strict=True):
        Image.fromarray(picture).save(file, compress_level=1)
    pixels = decode_pictures(paths, _SIZE, cache=cache / "changed").pixels
    return [
        name
        for row, name in enumerate(names[1:], 1)
        # Each with the original alone: in a group of all they would find one another.
        if near_copy_groups(_rows(pixels, [0, row], cache), [paths[0], paths[row]])
    ]


def _rows(pixels: MemoryMappedArray, rows: Sequence[int], cache: Path) -> MemoryMappedArray:
    chosen: Pixels = pixels[list(rows)]
    path = cache / "pair.npy"
    np.save(path, chosen)
    return MemoryMappedArray(path, chosen.shape, chosen.dtype)


def _sheet(pixels: MemoryMappedArray, groups: Sequence[Sequence[int]]) -> Image.Image:
    """A row for each group, its first photos in it."""
    shown = [group[:8] for group in groups]
    sheet = Image.new("RGB", (max(map(len, shown)) * _CELL, len(shown) * _CELL))
    for line, rows in enumerate(shown):
        for column, picture in enumerate(pixels[rows]):
            cell = Image.fromarray(picture).resize((_CELL - 4, _CELL - 4))
            sheet.paste(cell, (column * _CELL, line * _CELL))
    return sheet


if __name__ == "__main__":
    run_command(main)
