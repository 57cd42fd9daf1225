"""Which folders in a folder of photos are splits, and which are classes."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import DataError, plural, quoted
from edgetl.trainer.data.dataset import SPLITS, Split
from edgetl.trainer.data.detection_sets import are_content_folders
from edgetl.trainer.data.split_names import split_of, splits_of
from edgetl.trainer.data.walking import Folder
from edgetl.trainer.data.wording import SHOWN_FAULTS, some

# Subfolders that dates name, or cameras, are no classes: 2021, 2022-05-31, 100APPLE.
_NO_CLASS = re.compile(r"(19|20)\d\d([-_. ]?[01]\d([-_. ]?[0-3]\d)?)?|\d{3}\w{5}")


@dataclass(frozen=True)
class ClassFolder:
    """A folder with the pictures of one class, in the split that the folder around it names."""

    split: Split | None
    folder: Folder


@dataclass(frozen=True)
class Layout:
    """The class folders, by split and name, and sentences of what is left out.

    `missing` says where the pictures lie instead if there are no class folders, else it is "".
    """

    classes: tuple[ClassFolder, ...]
    notes: tuple[str, ...] = ()
    missing: str = ""


def is_wrapper(folder: Folder) -> bool:
    """Whether all pictures lie in one subfolder, in folders in it that may be classes or splits."""
    full = folder.full_folders
    if len(full) != 1 or folder.pictures or split_of(full[0].name) == "train":
        return False
    return any(not _NO_CLASS.fullmatch(inner.name) for inner in full[0].full_folders)


def class_folders(base: Folder, root: Path) -> Layout:
    """The folders of each class in `base`, a folder at `root`, or in its train/, val/ and test/.

    Raises:
        DataError: folders named like splits among others, two folders for one split, none for
            training, or the same subfolders in several classes: with what to do about it.
    """
    named = splits_of(folder.name for folder in base.full_folders)
    layout = _with_splits(base, root, named) if named else _without_splits(base)
    train = [item for item in layout.classes if item.split in (None, "train")]
    _check_names(root, [item.folder.name for item in train])
    _check_levels(root, base, train)
    return Layout(layout.classes, (*layout.notes, *_deeper(train)), layout.missing)


def _without_splits(base: Folder) -> Layout:
    classes = tuple(ClassFolder(None, folder) for folder in base.full_folders)
    if classes or not base.pictures:
        return Layout(classes, tuple(_loose(base, "at the top")))
    return Layout((), (), f"its {_lying(base)} in no class folders")


def _lying(folder: Folder, where: str = "") -> str:
    return f"{plural(folder.count, 'picture')}{where} {'lies' if folder.count == 1 else 'lie'}"


def _with_splits(base: Folder, root: Path, named: dict[str, Split]) -> Layout:
    splits: dict[Split, Folder] = {}
    for folder in (folder for folder in base.full_folders if folder.name in named):
        other = splits.setdefault(named[folder.name], folder)
        if other is not folder:
            raise DataError(
                f"{quoted(root)}: has both {quoted(other.name)}/ and {quoted(folder.name)}/; "
                f"keep one of them"
            )
    opened: dict[Split, tuple[Folder, ...]] = {}
    for split in (split for split in SPLITS if split in splits):
        known = {folder.name.lower() for folder in opened.get("train", ())}
        opened[split] = _unwrapped(splits[split], known).full_folders
    full = [split for split in opened if opened[split]]
    rest = [folder for folder in base.full_folders if folder.name not in named]
    if rest and not ("train" in full and len(full) > 1):
        raise _mixed(root, list(splits.values()), rest)
    if "train" not in splits:
        raise DataError(
            f"{quoted(root)}: {_listed(list(splits.values()))} named like a split, and no folder "
            f"is named train; name one so, or name classes otherwise"
        )
    if "train" not in full:
        lying = _lying(splits["train"], f" in {quoted(splits['train'].name)}/")
        return Layout((), (), f"the {lying} in no class folders")
    trained = {folder.name.lower() for folder in opened["train"]}
    for folder in rest:
        if trained & {inner.name.lower() for inner in folder.full_folders}:
            raise DataError(
                f"{quoted(root)}: {quoted(folder.name)}/ holds classes as train/ does, and is "
                f"named like no split; rename it to train, val or test, or move it out of there"
            )
    classes = tuple(ClassFolder(s, folder) for s in opened for folder in opened[s])
    notes = []
    for folder in (splits[split] for split in full):
        notes += _loose(folder, f"in {quoted(folder.name)}/")
    flat = [splits[split] for split in opened if split not in full]
    notes += [
        f"left out: {quoted(folder.name)}/ has no class folders ({plural(folder.count, 'picture')})"
        for folder in (*flat, *rest)
    ]
    return Layout(classes, (*_loose(base, "at the top"), *notes))


def _unwrapped(folder: Folder, known: set[str]) -> Folder:
    """The folder in a split that holds the classes: Kaggle packs seg_train/seg_train/."""
    while len(folder.full_folders) == 1 and not folder.pictures:
        (inner,) = folder.full_folders
        if inner.name.lower() in known or not (is_wrapper(folder) or inner.name == folder.name):
            break
        folder = inner
    return folder


def _loose(folder: Folder, where: str) -> list[str]:
    """What is said of the pictures beside class folders."""
    if not folder.pictures:
        return []
    names = some([quoted(name) for name in folder.pictures])
    number = plural(len(folder.pictures), "picture")
    return [f"left out: {number} {where}, in no class folder ({names})"]


def _mixed(root: Path, splits: Sequence[Folder], rest: Sequence[Folder]) -> DataError:
    inside = {inner.name.lower() for split in splits for inner in split.full_folders}
    if all(folder.name.lower() in inside for folder in rest):
        moved = " ".join(shlex.quote(folder.name) for folder in rest)
        return DataError(
            f"{quoted(root)}: {_listed(splits)} named like a split and holds the same classes as "
            f"the folders beside; put these into train/: "
            f"cd {shlex.quote(str(root))} && mkdir train && mv -- {moved} train"
        )
    others = " ".join(shlex.quote(folder.name) for folder in (*rest, *splits))
    command = (
        f"cd {shlex.quote(str(root))} && mkdir .all && mv -- {others} .all && mv .all train"
        if len(rest) + len(splits) <= SHOWN_FAULTS
        else "make a folder train/ and move all of them into it"
    )
    return DataError(
        f"{quoted(root)}: {_listed(splits)} named like a split, and "
        f"{some([f'{quoted(folder.name)}/' for folder in rest])} beside not; if these are all "
        f"classes, put them into one folder train/ ({command}); if not, move the others into the "
        f"split they belong to, or out of there"
    )


def _listed(folders: Sequence[Folder]) -> str:
    names = " and ".join(f"{quoted(folder.name)}/" for folder in folders)
    return f"{names} {'is' if len(folders) == 1 else 'are'}"


def _check_names(root: Path, names: Sequence[str]) -> None:
    if are_content_folders(names):
        raise DataError(
            f"{quoted(root)}: {some([f'{quoted(name)}/' for name in names])} are named after what "
            f"a set for segmentation or detection holds, and not after classes; put each class's "
            f"pictures in a folder of its own"
        )


def _check_levels(root: Path, base: Folder, classes: Sequence[ClassFolder]) -> None:
    """Refuse classes with the same subfolders: one of the two levels is no class."""
    holders: dict[str, list[Folder]] = {}
    for item in classes:
        for inner in item.folder.full_folders:
            if not _NO_CLASS.fullmatch(inner.name):
                holders.setdefault(inner.name, []).append(item.folder)
    shared = sorted(name for name, folders in holders.items() if len(folders) > 1)
    if len(shared) < 2 and not any(split_of(name) for name in shared):
        return
    tops = list(dict.fromkeys(folder.name for name in shared for folder in holders[name]))
    raise DataError(
        f"{quoted(root)}: {some([f'{quoted(name)}/' for name in tops])} have the same subfolders "
        f"({some([quoted(name) for name in shared])}); a class is one folder: if the subfolders "
        f"are what is to be told apart, put them on top and train on the result: "
        f"{_swapped(root, base, classes)}; if not, move the pictures out of them, or "
        f"give them different names"
    )


def _swapped(root: Path, base: Folder, classes: Sequence[ClassFolder]) -> str:
    """The command that copies A/B/ to B/A-B/, in a folder beside `root`.

    A-B and not A: else the classes would have the same subfolders again.
    """
    below = classes[0].folder.path.removeprefix(base.path).strip("/").count("/")
    new = shlex.quote(f"../{root.resolve().name}-by-class")
    split = '/"$(dirname "$(dirname "$d")")"' if below else ""
    to = f'{new}{split}/"$(basename "$d")"'
    return (
        f"cd {shlex.quote(str(root))} && for d in {'*/' * (below + 2)}; do mkdir -p {to} && "
        f'cp -R "${{d%/}}" {to}/"$(basename "$(dirname "$d")")-$(basename "$d")"; done'
    )


def _deeper(classes: Sequence[ClassFolder]) -> list[str]:
    """What is said of classes whose pictures lie in subfolders with names of their own."""
    named = []
    for item in classes:
        subs = [f.name for f in item.folder.full_folders if not _NO_CLASS.fullmatch(f.name)]
        if len(subs) > 1:
            named.append(f"{quoted(item.folder.name)!r} ({some([quoted(sub) for sub in subs])})")
    if not named:
        return []
    return [f"subfolders are no classes, their pictures are of the class {some(named)}"]
