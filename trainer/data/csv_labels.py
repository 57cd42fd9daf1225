"""CSV files that name each picture's class, as Kaggle and Roboflow have them."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

from edgetl.edge.errors import DataError, quoted, reason
from edgetl.trainer.data.dataset import Example, Split
from edgetl.trainer.data.split_names import split_of, splits_of
from edgetl.trainer.data.walking import Folder, pictures_below
from edgetl.trainer.data.wording import counted, some

# Columns by their names in lower case, the surest first.
_FILES = (
    "filename file_name filenames file filepath filepaths file_path image_path image_name image "
    "img image_id imageid img_id photo picture path id_code id"
)
_LABELS = (
    "label labels class_name classname label_name class category target breed species diagnosis dx"
)
_SPLIT_COLUMNS = ("split", "subset", "data_set")
# A table with one of these is of boxes, and of no classes of whole pictures.
_BOX_COLUMNS = {"xmin", "x_min", "xmax", "bbox", "bboxes", "encodedpixels", "rle"}
_ONE_HOT = {"0": False, "1": True, "0.0": False, "1.0": True, "": False}

# Of each file as a table names it, its classes, and its split where it has one.
_Rows = dict[str, tuple[frozenset[str], Split | None]]


@dataclass(frozen=True)
class LabelTable:
    """A CSV file of labels: its name, with that of the split folder it lies in, and its rows.

    Its pictures lie in `folder`; `split` is the one that it is named after, or lies in.
    """

    file: str
    folder: Folder
    split: Split | None
    rows: _Rows


@dataclass(frozen=True)
class _Columns:
    file: int
    labels: tuple[int, ...]
    split: int | None
    names: tuple[str, ...]


def label_tables(base: Folder, root: Path) -> list[LabelTable]:
    """The CSV files of labels in `base`, a folder of photos at `root`, and in its split folders.

    Tables without labels are none: Kaggle's test.csv, sample_submission.csv, and those of boxes.

    Raises:
        DataError: a table cannot be read.
    """
    names = splits_of(folder.name for folder in base.full_folders)
    by_split: dict[Split, Folder] = {names[f.name]: f for f in base.full_folders if f.name in names}
    places: list[tuple[str, Folder, Split | None]] = []
    for name in _csv_files(base):
        split = split_of(name.rpartition(".")[0])
        places.append((name, by_split.get(split, base) if split else base, split))
    for split, folder in by_split.items():
        places += [(f"{folder.name}/{name}", folder, split) for name in _csv_files(folder)]
    return [
        LabelTable(file, folder, split, rows)
        for file, folder, split in places
        if (rows := _rows(root / file)) is not None
    ]


def has_label_table(folder: Folder, root: Path) -> bool:
    """Whether a CSV file right in the folder has columns of files and of labels."""
    return any(_rows(root / name) is not None for name in _csv_files(folder))


def labels_of(tables: Sequence[LabelTable]) -> set[str]:
    """All classes that tables name."""
    return {label for table in tables for labels, _ in table.rows.values() for label in labels}


def labelled_pictures(
    tables: Sequence[LabelTable], base: Folder, root: Path
) -> tuple[list[Example], list[str]]:
    """The pictures of `base`, a folder at `root`, that tables name, and what is left out, in words.

    A table names pictures by path, by name, or by name without suffix. One that names no picture
    that is there counts for nothing.

    Raises:
        DataError: pictures have several classes, or a name could be that of several pictures.
    """
    cut = len(base.path) + 1 if base.path else 0
    splits = splits_of(folder.name for folder in base.full_folders)
    labels: dict[str, set[str]] = {}
    split_by_file: dict[str, Split | None] = {}
    notes: list[str] = []
    for table in tables:
        found, missing = _matched(table, root, cut)
        if not found:
            notes.append(f"{quoted(table.file)}: not used, none of its files is there")
            continue
        if missing:
            notes.append(
                f"{quoted(table.file)}: {counted(len(missing), 'file')} named there and not found "
                f"({some([quoted(name) for name in missing])})"
            )
        for file, (classes, split) in found.items():
            if classes:
                labels.setdefault(file, set()).update(classes)
                split_by_file[file] = split or table.split or splits.get(file.partition("/")[0])
    _check_single(labels, root)
    examples = [
        Example(file, min(labels[file]), split_by_file[file])
        for file in (path[cut:] for path in pictures_below(base))
        if file in labels
    ]
    if without := base.count - len(examples):
        notes.append(
            f"left out: {counted(without, 'picture')} of no class in "
            f"{some([quoted(table.file) for table in tables])}"
        )
    return examples, notes


def _check_single(labels: Mapping[str, set[str]], root: Path) -> None:
    several = sorted(file for file, classes in labels.items() if len(classes) > 1)
    if several:
        named = [f"{quoted(f)} ({', '.join(sorted(labels[f]))})" for f in several]
        raise DataError(
            f"{quoted(root)}: {counted(len(several), 'picture')} of several classes, "
            f"{some(named)}; a picture has one class here: leave these out of the table, or "
            f"decide for one class"
        )


def _csv_files(folder: Folder) -> Iterator[str]:
    for name in folder.others:
        if name.lower().endswith((".csv", ".tsv")) and "submission" not in name.lower():
            yield name


def _rows(path: Path) -> _Rows | None:
    """The table's rows; None if it is no table of labels."""
    try:
        # Bytes that are no UTF-8 are kept: such a table may be none of labels.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = file.readline()
            delimiter = max(",;\t", key=first.count)
            reader = csv.reader(chain([first], file), delimiter=delimiter, skipinitialspace=True)
            columns = _columns(next(reader, []))
            return None if columns is None else _read(reader, columns)
    except OSError as error:
        raise DataError(f"{quoted(path)}: {reason(error)}; make it readable") from error
    except csv.Error:
        return None


def _columns(header: Sequence[str]) -> _Columns | None:
    names = [name.strip().lower().replace(" ", "_") for name in header]
    if _BOX_COLUMNS & set(names):
        return None
    places = {name: i for i, name in enumerate(names)}
    file = next((places[name] for name in _FILES.split() if name in places), None)
    if file is None:
        return None
    split = next((places[name] for name in _SPLIT_COLUMNS if name in places), None)
    label = next((places[name] for name in _LABELS.split() if name in places), None)
    # A column without a name is pandas' index.
    rest = tuple(
        i for i, name in enumerate(names) if i not in (file, split) and name not in ("", "index")
    )
    chosen = rest if label is None else (label,)
    return _Columns(file, chosen, split, tuple(map(str.strip, header))) if chosen else None


def _read(reader: Iterator[list[str]], columns: _Columns) -> _Rows | None:
    rows: _Rows = {}
    for row in reader:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        cells += [""] * (len(columns.names) - len(cells))
        if len(columns.labels) > 1:
            if any(cells[i] not in _ONE_HOT for i in columns.labels):
                return None
            classes = frozenset(columns.names[i] for i in columns.labels if _ONE_HOT[cells[i]])
        else:
            classes = frozenset({cells[columns.labels[0]]} - {""})
        file = cells[columns.file].replace("\\", "/").removeprefix("./")
        split = split_of(cells[columns.split]) if columns.split is not None else None
        before = rows.get(file, (frozenset(), None))[0]
        rows[file] = (classes | before, split)
    return rows or None


def _matched(table: LabelTable, root: Path, cut: int) -> tuple[_Rows, list[str]]:
    """What a table says of each picture, by its path below `root`, and the names not found."""
    index: dict[str, list[str]] = {}
    for path in pictures_below(table.folder):
        name = PurePosixPath(path).name
        index.setdefault(name, []).append(path[cut:])
        index.setdefault(_stem(name), []).append(path[cut:])
    found: _Rows = {}
    missing: list[str] = []
    unclear: list[str] = []
    for file, what in table.rows.items():
        candidates = _candidates(file, index)
        if len(candidates) == 1:
            before = found.get(candidates[0], (frozenset(), None))[0]
            found[candidates[0]] = (what[0] | before, what[1])
        else:
            (unclear if candidates else missing).append(file)
    if unclear:
        raise DataError(
            f"{quoted(root)}: {quoted(table.file)} names {some([quoted(f) for f in unclear])}, and "
            f"several pictures are called so; write their paths there, or give them different names"
        )
    return found, missing


def _candidates(file: str, index: Mapping[str, list[str]]) -> list[str]:
    name = file.rpartition("/")[2]
    found = index.get(name) or index.get(_stem(name)) or []
    if len(found) < 2:
        return found
    exact = [path for path in found if f"/{path}".endswith(f"/{file}")]
    exact = exact or [path for path in found if f"/{_stem(path)}".endswith(f"/{file}")] or found
    in_train = [path for path in exact if split_of(path.partition("/")[0]) == "train"]
    return in_train if len(in_train) == 1 else exact


def _stem(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and suffix.isalnum() and "/" not in suffix else name
