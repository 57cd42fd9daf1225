"""Whether the photos of a run are still those that it read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import RunFolderError, plural, quoted
from edgetl.trainer.data.archives import keep_unpacked
from edgetl.trainer.data.dataset import Example
from edgetl.trainer.data.picture_cache import file_digests
from edgetl.trainer.data.wording import some

# Figures of more different photos than this share are not the run's.
MOST_DIFFERENT = 0.1


@dataclass(frozen=True)
class RunPhotos:
    """Photos of a run as they are now.

    Attributes:
        same: those whose files are as the run read them.
        digests: of these.
        missing, changed: the files of the others.
        note: what must be said of the others, "" if there is nothing.
    """

    same: tuple[Example, ...]
    digests: tuple[str, ...]
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    note: str

    @property
    def enough(self) -> bool:
        """Whether so few are missing or changed that figures of the rest are the run's."""
        different = len(self.missing) + len(self.changed)
        return bool(self.same) and different <= MOST_DIFFERENT * (different + len(self.same))


def run_photos(examples: Sequence[Example], recorded: Mapping[str, str], root: Path) -> RunPhotos:
    """Compare photos with what the run recorded.

    Args:
        examples: of the run.
        recorded: their digests by file, as `edgetl.trainer.run.split_record.read_digests` gives
            them. Those of photos that have none are not compared.
        root: the folder that the photos lie in now.

    Raises:
        DataError: the machine fails to read one that may be whole.
    """
    keep_unpacked(root)
    there: list[Example] = []
    missing: list[Example] = []
    changed: list[Example] = []
    for example in examples:
        (there if (root / example.file).is_file() else missing).append(example)
    same: list[tuple[Example, str]] = []
    digests = file_digests([root / example.file for example in there])
    for example, digest in zip(there, digests, strict=True):
        if recorded.get(example.file, digest) == digest:
            same.append((example, digest))
        else:
            changed.append(example)
    files = [example.file for example in (*missing, *changed)]
    note = ""
    if files:
        note = (
            f"{len(files)} of the run's {plural(len(examples), 'picture')} left out, missing or "
            f"changed since: {some([quoted(root / file) for file in files])}"
        )
    elif there and not recorded:
        note = "the run is of an older edgetl: whether its pictures have changed is not known"
    return RunPhotos(
        same=tuple(example for example, _ in same),
        digests=tuple(digest for _, digest in same),
        missing=tuple(example.file for example in missing),
        changed=tuple(example.file for example in changed),
        note=note,
    )


def refuse_different(photos: RunPhotos, root: Path) -> None:
    """Refuse figures of photos that are no longer the run's.

    Raises:
        RunFolderError: more than a tenth of them are missing or changed.
    """
    if photos.enough:
        return
    different = [*photos.missing, *photos.changed]
    what = (
        "the run's picture is no longer there" if photos.missing
        else "is no longer the picture that the run read"
    )  # fmt: skip
    raise RunFolderError(
        f"{quoted(root / different[0])}: {what} ({len(different)} of "
        f"{len(different) + len(photos.same)} are missing or changed); put the photos back, or "
        f"name the folder they are in now with --data"
    )
