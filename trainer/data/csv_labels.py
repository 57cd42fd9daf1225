"""CSV files that name each picture's class, as Kaggle and Roboflow have them."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgetl.edge.errors import DataError, plural, quoted, reason
from edgetl.trainer.data.csv_files import csv_rows, csv_text
from edgetl.trainer.data.dataset import Example, Split
from edgetl.trainer.data.split_names import split_of, splits_of
from edgetl.trainer.data.walking import Folder, pictures_below
from edgetl.trainer.data.wording import some

# Columns by their names in lower case, the surest first.
_FILES = (
    "filename file_name filenames file filepath filepaths file_path image_path image_name image "
    "img image_id imageid img_id photo picture path id_code id"
)
_LABELS = (
    "label labels class_name classname label_name class category target breed species diagnosis dx"
)
_FILE_COLUMNS = _FILES.split()
_LABEL_COLUMNS = _LABELS.split()
_SHOWN_HEADER = 80  # characters of a header in a message
_SPLIT_COLUMNS = ("split", "subset", "data_set")
# A table with one of these is of boxes, and of no classes of whole pictures.
_BOX_COLUMNS = {"xmin", "x_min", "xmax", "bbox", "bboxes", "encodedpixels", "rle"}
_ONE_HOT = {"0": False, "1": True, "0.0": False, "1.0": True, "": False}
_ONE_HOT |= {"false": False, "true": True}

# Of each file as a table names it, its classes, and its split where it has one.
_Rows = dict[str, tuple[frozenset[str], Split | None]]


@dataclass(frozen=True)
class LabelTable:
    """A CSV file of labels.

    Attributes:
        file: its name, with that of the split folder it lies in.
        folder: where its pictures lie.
        split: the split it is named after, or lies in.
        rows: of each file as the table names it, its classes, and its split where it has one.
        guessed: the column that is taken for the classes for want of another, or "".
    """

    file: str
    folder: Folder
    split: Split | None
    rows: Mapping[str, tuple[frozenset[str], Split | None]]
    guessed: str = ""


@dataclass(frozen=True)
class _Columns:
    file: int
    labels: tuple[int, ...]
    split: int | None
    names: tuple[str, ...]
    named: bool

    @property
    def guessed(self) -> str:
        return "" if self.named or self.one_hot else self.names[self.labels[0]]

    @property
    def one_hot(self) -> bool:
        return len(self.labels) > 1


def label_tables(base: Folder, root: Path) -> list[LabelTable]:
    """The CSV files of labels in a folder of photos and in its split folders.

    Tables without labels are none: Kaggle's test.csv, sample_submission.csv, and those of boxes.

    Args:
        base: the folder.
        root: where that is.

    Raises:
        DataError: a table cannot be read, or names a split that is none.
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
        LabelTable(file, folder, split, *table)
        for file, folder, split in places
        if (table := _table(root / file)) is not None
    ]


def has_label_table(folder: Folder, root: Path) -> bool:
    """Whether a CSV file right in the folder has columns of files and of labels."""
    return any(_table(root / name) is not None for name in _csv_files(folder))


def why_unused(folder: Folder, root: Path) -> str:
    """Why the CSV files right in a folder name no picture's class; "" if there are none."""
    reasons = []
    for name in _csv_files(folder):
        if (table := _table(root / name)) is not None:
            reasons.append(
                f"none of the files that {quoted(name)} names is there ({some(_shown(table[0]))})"
            )
        elif (root / name).is_file():
            with csv_text(root / name) as file:
                header = file.readline(_SHOWN_HEADER).rstrip("\r\n")
            reasons.append(
                f"{quoted(name)} is not read as labels, as no row under its header names a file "
                f"and a class, or the header ({quoted(header)!r}) has no such columns"
            )
    return "; ".join(reasons)


def _shown(names: Iterable[str]) -> list[str]:
    return [quoted(name) for name in names]


def labels_of(tables: Sequence[LabelTable]) -> set[str]:
    """All classes that tables name."""
    return {label for table in tables for labels, _ in table.rows.values() for label in labels}


def labelled_pictures(
    tables: Sequence[LabelTable], base: Folder, root: Path
) -> tuple[list[Example], list[str]]:
    """The pictures that tables name, and sentences of what is left out.

    A table names pictures by path, by name, or by name without suffix.

    Args:
        tables: of `label_tables`; one that names no picture that is there counts for nothing.
        base: the folder of photos.
        root: where that is, for messages.

    Raises:
        DataError: pictures have several classes, or a name could be that of several pictures.
    """
    cut = len(base.path) + 1 if base.path else 0
    splits = splits_of(folder.name for folder in base.full_folders)
    labels: dict[str, set[str]] = {}
    split_by_file: dict[str, Split | None] = {}
    notes: list[str] = []
    unlabelled: list[str] = []
    for table in tables:
        found, missing = _matched(table, root, cut)
        if not found:
            notes.append(f"{quoted(table.file)}: not used, none of its files is there")
            continue
        if missing:
            notes.append(
                f"{quoted(table.file)}: {plural(len(missing), 'file')} named there and not found "
                f"({some([quoted(name) for name in missing])})"
            )
        for file, (classes, split) in found.items():
            if not classes:
                unlabelled.append(file)
                continue
            labels.setdefault(file, set()).update(classes)
            split_by_file[file] = split or table.split or splits.get(file.partition("/")[0])
    _check_single(labels, root)
    examples = [
        Example(file, min(labels[file]), split_by_file[file])
        for file in (path[cut:] for path in pictures_below(base))
        if file in labels
    ]
    without = base.count - len(examples)
    if without:
        notes.append(
            f"left out: {plural(without, 'picture')} of no class in "
            f"{some([quoted(table.file) for table in tables])}"
        )
    return examples, notes


def _check_single(labels: Mapping[str, set[str]], root: Path) -> None:
    several = sorted(file for file, classes in labels.items() if len(classes) > 1)
    if several:
        named = [f"{quoted(f)} ({', '.join(sorted(labels[f]))})" for f in several]
        raise DataError(
            f"{quoted(root)}: {plural(len(several), 'picture')} of several classes, "
            f"{some(named)}; a picture has one class here: leave these out of the table, or "
            f"decide for one class"
        )


def _csv_files(folder: Folder) -> Iterator[str]:
    for name in folder.others:
        if name.lower().endswith((".csv", ".tsv")) and "submission" not in name.lower():
            yield name


def _table(path: Path) -> tuple[_Rows, str] | None:
    """The table's rows, and the column that is guessed; None if it is no table of labels."""
    if not path.is_file():  # a pipe would never end
        return None
    try:
        # Bytes that are no UTF-8 are kept: such a table may be none of labels.
        with csv_text(path) as file:
            reader = csv_rows(file, skipinitialspace=True)
            columns = _columns(next(reader, []))
            rows = None if columns is None else _read(reader, columns, path)
            return None if columns is None or rows is None else (rows, columns.guessed)
    except UnicodeError:
        return None
    except OSError as error:
        raise DataError(f"{quoted(path)}: {reason(error)}; make it readable") from error
    except csv.Error:
        return None


def _columns(header: Sequence[str]) -> _Columns | None:
    names = [name.strip().lower().replace(" ", "_") for name in header]
    if _BOX_COLUMNS & set(names):
        return None
    columns = {name: i for i, name in enumerate(names)}
    file = next((columns[name] for name in _FILE_COLUMNS if name in columns), None)
    if file is None:
        return None
    split = next((columns[name] for name in _SPLIT_COLUMNS if name in columns), None)
    label = next((columns[name] for name in _LABEL_COLUMNS if name in columns), None)
    # A column without a name is pandas' index.
    rest = tuple(
        i for i, name in enumerate(names) if i not in (file, split) and name not in ("", "index")
    )
    chosen = rest if label is None else (label,)
    titles = tuple(map(str.strip, header))
    return _Columns(file, chosen, split, titles, label is not None) if chosen else None


def _read(reader: Iterator[list[str]], columns: _Columns, path: Path) -> _Rows | None:
    rows: _Rows = {}
    splits: set[str] = set()
    for row in reader:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) < len(columns.names):
            cells += [""] * (len(columns.names) - len(cells))
        if columns.one_hot:
            if any(cells[i].lower() not in _ONE_HOT for i in columns.labels):
                return None
            classes = frozenset(
                columns.names[i] for i in columns.labels if _ONE_HOT[cells[i].lower()]
            )
        else:
            classes = frozenset(filter(None, (cells[i] for i in columns.labels)))
        file = cells[columns.file].replace("\\", "/").removeprefix("./")
        named = cells[columns.split] if columns.split is not None else ""
        splits.add(named)
        split = split_of(named)
        before = rows.get(file, (frozenset(), None))[0]
        rows[file] = (classes | before, split)
    _check_splits(splits, path)
    return rows or None


def _check_splits(named: set[str], path: Path) -> None:
    """Refuse a column split with values that are none: its rows would go to any split."""
    unknown = sorted(name for name in named if not split_of(name))
    if unknown and named != {""}:
        raise DataError(
            f"{quoted(path)}: the column of splits holds {some([repr(n) for n in unknown])}; write "
            f"train, val or test in each of its cells, or rename the column"
        )


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
    if not exact:
        exact = [path for path in found if f"/{_stem(path)}".endswith(f"/{file}")]
    in_train = [path for path in exact or found if split_of(path.partition("/")[0]) == "train"]
    return in_train if len(in_train) == 1 else exact or found


def _stem(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and suffix.isalnum() and "/" not in suffix else name
