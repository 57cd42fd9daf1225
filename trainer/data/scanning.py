"""A data folder's classes and pictures; nothing is decoded."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from edgetl.edge.errors import DataError, plural, quoted
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.sources.folders import is_run
from edgetl.trainer.data.class_names import class_labels
from edgetl.trainer.data.csv_labels import (
    LabelTable,
    has_label_table,
    label_tables,
    labelled_pictures,
    labels_of,
    why_unused,
)
from edgetl.trainer.data.dataset import (
    Dataset,
    Example,
    Excluded,
    LabelFolder,
    check_classes,
)
from edgetl.trainer.data.detection_sets import detection_format
from edgetl.trainer.data.layouts import ClassFolder, class_folders, is_wrapper
from edgetl.trainer.data.split_names import split_of
from edgetl.trainer.data.walking import (
    Folder,
    Walked,
    others_below,
    pictures_below,
    suffixes,
    walk,
)
from edgetl.trainer.data.wording import SHOWN_FAULTS, some


def scan(root: Path) -> Dataset:
    """Find the classes and pictures of a data folder; nothing is decoded.

    `root` holds a folder for each class, or folders named like splits, each with a folder for each
    class, or CSV files that name each picture's class; docs/photos.md says what is taken for what.
    Where all of that lies in one folder in `root`, the dataset's root is that folder. What is
    passed over or assumed is in the dataset's notes.

    Raises:
        DataError: the folder, or one in it, cannot be read; there are no classes, one class only,
            or one with too few pictures; or it cannot be told what the classes are.
    """
    if is_run(Path(root)):
        raise DataError(
            f"{quoted(root)}: is a run of edgetl; name the photos, or continue it with: "
            f"edgetl train --resume --out {quoted(root)}"
        )
    walked = walk(Path(root))
    base, top = walked.top, Path(root)
    while is_wrapper(base) and not has_label_table(base, top):
        base = base.full_folders[0]
        top = top / base.name
    notes = _passed_over(walked, base)
    if base is not walked.top:
        notes.insert(0, f"the classes are looked for in {quoted(base.path)}/")
    dataset = _labelled(base, top) or _foldered(base, top, walked.top)
    if len(dataset.labels) < 2 and (found := detection_format(walked.top)):
        raise _for_detection(top, found)
    dataset = replace(dataset, notes=(*notes, *dataset.notes))
    try:
        check_classes(dataset)
    except DataError as error:
        if not notes:
            raise
        raise DataError(f"{error} ({'; '.join(notes)})") from error
    return dataset


def _labelled(base: Folder, root: Path) -> Dataset | None:
    """The dataset that CSV files describe; None where there are none, or folders say the same."""
    tables = label_tables(base, root)
    if not tables:
        return None
    examples, notes = labelled_pictures(tables, base, root)
    if not examples or _is_by_folder(examples):
        return None
    folders = {f.name for f in base.full_folders} | {
        inner.name for folder in base.full_folders for inner in folder.full_folders
    }
    if both := sorted(labels_of(tables) & folders):
        raise DataError(
            f"{quoted(root)}: {_files(tables)} and the folders disagree about the classes "
            f"({some(both)}); move {_files(tables)} out of there, or the pictures out of the "
            f"folders"
        )
    _check_table_labels(tables, examples, root)
    by_split: dict[str, set[str]] = {}
    for example in sorted(examples, key=lambda e: e.split != "train"):
        by_split.setdefault(example.split or "", set()).add(example.label)
    labels, same = class_labels(
        {split: sorted(names) for split, names in by_split.items()}, where=quoted(root)
    )
    _check_trained(by_split, labels, root)
    return _dataset(
        root,
        [replace(example, label=labels[example.label]) for example in examples],
        (),
        [f"classes are from {_files(tables)}", *notes, *same],
    )


def _check_table_labels(
    tables: Sequence[LabelTable], examples: Sequence[Example], root: Path
) -> None:
    """Refuse classes that are no text of one line, and a guess where folders may be the classes."""
    for table in tables:
        for label in sorted(labels_of([table])):
            where = quoted(root / table.file)
            if any("\ud800" <= char <= "\udfff" for char in label):
                raise DataError(f"{where}: is no UTF-8 (class {quoted(label)}); save it as UTF-8")
            if len(label.splitlines()) > 1:
                raise DataError(
                    f"{where}: the class that begins {label.splitlines()[0]!r} has a line break in "
                    f"it; look whether a quotation mark is missing there"
                )
    paths = {example.file.rpartition("/")[0] for example in examples}
    folders = sorted(path for path in paths if path and not split_of(path.rpartition("/")[2]))
    guesses = [table for table in tables if table.guessed]
    if guesses and len(folders) > 1:
        raise DataError(
            f"{quoted(root)}: either the column {quoted(guesses[0].guessed)!r} of "
            f"{quoted(guesses[0].file)} or the folders ({some([f'{quoted(f)}/' for f in folders])})"
            f" could be the classes; rename the column to label, or move the file out of there"
        )


def _is_by_folder(examples: Sequence[Example]) -> bool:
    """Whether each folder holds pictures of one class only, so that the folders are the classes."""
    pairs = {(example.file.rpartition("/")[0], example.label) for example in examples}
    folders = {folder for folder, _ in pairs}
    return len(pairs) == len(folders) > 1


def _foldered(base: Folder, root: Path, everything: Folder) -> Dataset:
    layout = class_folders(base, root)
    if layout.missing:
        if found := detection_format(everything):
            raise _for_detection(root, found)
        where = ", and ".join(filter(None, (layout.missing, why_unused(base, root))))
        raise DataError(
            f"{quoted(root)}: {where}; put each class's pictures in a folder of its own, or name "
            f"their classes in a file labels.csv with the columns filename and label"
        )
    by_split: dict[str, list[str]] = {}
    for item in layout.classes:
        by_split.setdefault(item.split or "", []).append(item.folder.name)
    labels, same = class_labels(by_split, where=quoted(root))
    _check_trained(by_split, labels, root)
    cut = len(base.path) + 1 if base.path else 0
    examples: list[Example] = []
    excluded: list[Excluded] = []
    folders: list[LabelFolder] = []
    for item in layout.classes:
        label = labels[item.folder.name]
        folders.append(LabelFolder(item.folder.path[cut:], label, item.split))
        examples.extend(
            Example(path[cut:], label, item.split) for path in pictures_below(item.folder)
        )
        excluded.extend(_not_pictures(item, cut, root))
    dataset = _dataset(root, examples, excluded, [*layout.notes, *same])
    return replace(dataset, folders=tuple(folders))


def _dataset(
    root: Path, examples: Iterable[Example], excluded: Iterable[Excluded], notes: Iterable[str]
) -> Dataset:
    found = tuple(examples)
    # "unknown" is the last, as in exported files.
    labels = tuple(sorted({e.label for e in found}, key=lambda label: (label == UNKNOWN, label)))
    return Dataset(root, labels, found, tuple(excluded), tuple(notes))


def _check_trained(
    by_split: dict[str, list[str]] | dict[str, set[str]], labels: dict[str, str], root: Path
) -> None:
    """Every class of another split must have pictures to train on."""
    if not any(split in by_split for split in ("validation", "test")):
        return
    trained = {labels[name] for name in by_split.get("train", by_split.get("", ()))}
    for split in ("validation", "test"):
        unknown = sorted({labels[name] for name in by_split.get(split, ())} - trained)
        if unknown:
            classes = "class" if len(unknown) == 1 else "classes"
            raise DataError(
                f"{quoted(root)}: {split} has the {classes} "
                f"{some([repr(name) for name in unknown], SHOWN_FAULTS)}, of which there are no "
                f"pictures to train on; add some to train, or take "
                f"{'it' if len(unknown) == 1 else 'them'} out of {split}"
            )


def _not_pictures(item: ClassFolder, cut: int, root: Path) -> Iterable[Excluded]:
    for path in others_below(item.folder):
        file = path[cut:]
        if (root / file).is_file():
            yield Excluded(file, _not_a_picture(Path(file)), "not_a_picture")
        else:
            yield Excluded(file, "a link to nothing, or no regular file")


def _not_a_picture(path: Path) -> str:
    return f"not a picture by its name ({path.suffix or 'no suffix'})"


def _passed_over(walked: Walked, base: Folder) -> list[str]:
    """Sentences of the folders that are passed over."""
    own, linked = walked.passed_over["own"], walked.passed_over["linked_twice"]
    empty = [
        f"{quoted(folder.path)}/" + (f" ({kinds})" if (kinds := suffixes(folder)) else "")
        for folder in _empty_folders(base)
        if not _holds_one_of(folder, own)
    ]
    system = [path.rpartition("/")[2] for path in walked.passed_over["system"]]
    sentences = (
        (own, f"made by edgetl: {_folders(own)}"),
        (
            system,
            f"{plural(len(system), 'folder')} of the system ({_folders(sorted(set(system)))})",
        ),
        (empty, f"no pictures in {some(empty)}"),
        (linked, f"linked more than once: {_folders(linked)}"),
    )
    return [f"passed over: {sentence}" for folders, sentence in sentences if folders]


def _folders(paths: Sequence[str]) -> str:
    return some([f"{quoted(path)}/" for path in paths])


def _empty_folders(folder: Folder) -> Iterable[Folder]:
    """The topmost folders without pictures where classes and splits may be: two levels."""
    for inner in folder.folders:
        if not inner.count:
            yield inner
        else:
            yield from (deeper for deeper in inner.folders if not deeper.count)


def _holds_one_of(folder: Folder, paths: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder.path}/") for path in paths)


def _files(tables: Sequence[LabelTable]) -> str:
    return some([quoted(table.file) for table in tables])


def _for_detection(root: Path, found: str) -> DataError:
    return DataError(
        f"{quoted(root)}: is a set for object detection ({found}), with boxes and no class for a "
        f"whole picture; export it for classification instead, as a folder for each class or with "
        f"a CSV file of filename and label"
    )
