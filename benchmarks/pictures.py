"""The pictures that a benchmark's models are asked about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from edgetl.edge.errors import DataError, quoted
from edgetl.edge.model.input_size import InputSize
from edgetl.trainer.data.dataset import Dataset, Example
from edgetl.trainer.data.picture_cache import DecodedPictures, decode_pictures, file_digests
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.run.folder import FinishedRun
from edgetl.trainer.run.photos import refuse_different, run_photos
from edgetl.trainer.run.split_record import read_digests

_DRAWN = 20
_DRAWN_SIZE = (640, 480)


_TRAINED_NOTE = (
    "the run learned from all its photos, and is measured on them: that shows how the files "
    "differ, and not how right they are on new photos, which --data names"
)


@dataclass(frozen=True)
class Pictures:
    """Pictures of known classes, or drawn ones of none.

    Attributes:
        split: "test", "validation", "train", "folder", or "drawn" for noise that only latency is
            measured on.
        labels: the classes.
        paths: the files.
        targets: the class of each, () for drawn ones.
    """

    split: str
    labels: tuple[str, ...]
    paths: tuple[Path, ...]
    targets: tuple[int, ...]

    def of(self, indices: Sequence[int]) -> "Pictures":
        """Some of them."""
        return replace(
            self,
            paths=tuple(self.paths[index] for index in indices),
            targets=tuple(self.targets[index] for index in indices) if self.targets else (),
        )


def held_out_pictures(run: FinishedRun, data: Path | None) -> tuple[Pictures, list[str]]:
    """The pictures that a run has not been trained on, or those of another folder, and notes.

    Args:
        run: the run.
        data: where its photos are now, or other pictures, a folder a class; None where they were.
            It is other pictures if more than a tenth of the run's are not there as they were.

    Raises:
        RunFolderError: without `data`, more than a tenth of the pictures are missing or changed.
        DataError: `data` cannot be read, or has a class that the run does not know.
    """
    split = run.dataset.held_out
    examples = [run.dataset.examples[index] for index in run.dataset.of(split)]
    root = data or run.dataset.root
    photos = run_photos(examples, read_digests(run.folder.split), root)
    if data is None:
        refuse_different(photos, root)
    if data is None or photos.enough:
        notes = [photos.note] if photos.note else []
        if split == "train":
            notes.append(_TRAINED_NOTE)
        return _pictures(split, run.labels, root, photos.same), notes
    notes = []
    if len(photos.changed) > len(photos.missing):
        notes.append(
            f"{quoted(data)} has files of the names of the run's {split} pictures, but "
            f"{len(photos.changed)} of {len(examples)} are other pictures: measured on the folder's"
        )
    return folder_pictures(scan(data), run.labels), notes


def without_trained(pictures: Pictures, run: FinishedRun) -> tuple[Pictures, list[str]]:
    """The pictures that a run was neither trained on nor chosen by, and notes on the others.

    Raises:
        DataError: there are none.
    """
    recorded = read_digests(run.folder.split)
    if not recorded:
        note = "the run is of an older edgetl: which pictures it was trained on is not known"
        return pictures, [note]
    held_out = {"test", run.dataset.held_out} - {"train"}
    seen = {recorded[e.file] for e in run.dataset.examples if e.split not in held_out}
    digests = file_digests(pictures.paths)
    left = [index for index, digest in enumerate(digests) if digest not in seen]
    if len(left) == len(digests):
        return pictures, []
    if not left:
        raise DataError(
            f"{quoted(pictures.paths[0])}: the run was trained on this picture, and on every other "
            f"one of --data; name other pictures, or measure on these with --trained-photos"
        )
    note = (
        f"left out {len(digests) - len(left)} of {len(digests)} pictures, which the run was "
        f"trained on; --trained-photos takes them too"
    )
    return pictures.of(left), [note]


def folder_pictures(dataset: Dataset, labels: Sequence[str] | None = None) -> Pictures:
    """The pictures of a folder: test/, else validation/, where it has splits, else all.

    `labels` are the classes that are known; default those of the folder.

    Raises:
        DataError: there are no pictures, or a class that is not among `labels`.
    """
    known = tuple(labels) if labels is not None else dataset.labels
    unknown = [label for label in dataset.labels if label not in known]
    if unknown:
        few = ", ".join(map(quoted, known[:5])) + (", ..." if len(known) > 5 else "")
        raise DataError(
            f"{quoted(dataset.root)}: has the class {unknown[0]!r}, which the models do not know "
            f"({few}); name its folder as the models do, or take it out"
        )
    named = {example.split for example in dataset.examples}
    split = next((name for name in ("test", "validation") if name in named), None)
    examples = [e for e in dataset.examples if split is None or e.split == split]
    return _pictures("folder", known, dataset.root, examples)


def drawn_pictures(folder: Path, labels: tuple[str, ...]) -> Pictures:
    """JPEGs of smooth noise, as slow to decode as photos of 640x480, written into `folder`."""
    folder.mkdir()
    random = np.random.default_rng(0)
    paths = tuple(folder / f"{number:02}.jpg" for number in range(_DRAWN))
    for path in paths:
        noise_photo(random, _DRAWN_SIZE, cells=(16, 12)).save(path, quality=90)
    return Pictures("drawn", labels, paths, ())


def noise_photo(
    random: np.random.Generator, size: tuple[int, int], *, cells: tuple[int, int]
) -> Image.Image:
    """Smooth noise with grain, whose JPEG is as slow to decode as a photo's.

    `size` and `cells` are width and height, in pixels and in colours.
    """
    rough = random.integers(0, 256, (cells[1], cells[0], 3), np.uint8)
    smooth = cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = random.normal(0, 6, (size[1], size[0], 1)).astype(np.int16)
    return Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))


def megapixels(path: Path) -> float:
    """How many a picture's file has."""
    with Image.open(path) as image:
        return image.width * image.height / 1e6


def balanced(targets: Sequence[int], most: int) -> list[int]:
    """The indices of `most` pictures at most, as many of each class as can be, evenly taken."""
    if len(targets) <= most:
        return list(range(len(targets)))
    by_class: dict[int, list[int]] = {}
    for index, label in enumerate(targets):
        by_class.setdefault(label, []).append(index)
    chosen: list[int] = []
    # The smallest classes first: what they cannot give, the larger ones do.
    groups = sorted(by_class.values(), key=len)
    for number, group in enumerate(groups):
        share = min(len(group), (most - len(chosen)) // (len(groups) - number))
        chosen.extend(group[len(group) * taken // share] for taken in range(share))
    return sorted(chosen)


def decoded(pictures: Pictures, input_size: InputSize, folder: Path) -> DecodedPictures:
    """The pictures decoded for one input size, below `folder`.

    Raises:
        RunFolderError: the disk is full.
    """
    name = f"{input_size.height}x{input_size.width}-{input_size.resize_mode}"
    return decode_pictures(pictures.paths, input_size, cache=folder / name)


def _pictures(
    split: str, labels: tuple[str, ...], root: Path, examples: Sequence[Example]
) -> Pictures:
    if not examples:
        raise DataError(f"{quoted(root)}: no pictures to benchmark on; name others with --data")
    return Pictures(
        split=split,
        labels=labels,
        paths=tuple((root / example.file).absolute() for example in examples),
        targets=tuple(labels.index(example.label) for example in examples),
    )
