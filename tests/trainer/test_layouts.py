"""Folders of photos as people have them, and what each is taken for: a table."""

import io
import os
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from edgetl.edge.errors import DataError
from edgetl.trainer.data.archives import data_folder
from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.data.scanning import scan
from tests.trainer.packed import write_zip

posix = pytest.mark.skipif(os.name != "posix", reason="links and bytes in names")
NFC, NFD = unicodedata.normalize("NFC", "Müsli"), unicodedata.normalize("NFD", "Müsli")


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "png")
    return file.getvalue()


PNG = _png()


@dataclass(frozen=True)
class Row:
    """A folder, and what it is taken for.

    `pictures` are how many 0.png, 1.png, ... a folder holds; `files` are other files with their
    text. `found` are the pictures by "split label", with "-" where the split is not decided yet;
    `notes` are words of notes, of which there are no others; `error` are words of the one line.
    """

    name: str
    pictures: Mapping[str, int]
    files: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()
    error: tuple[str, ...] = ()


def both(prefix: str, number: int = 3) -> dict[str, int]:
    return {f"{prefix}cats": number, f"{prefix}dogs": number}


PLAIN = {"- cats": 3, "- dogs": 3}
THREE = {
    f"{split} {label}": 3 for split in ("train", "validation", "test") for label in ("cats", "dogs")
}
TRAIN_TEST = {k: n for k, n in THREE.items() if not k.startswith("validation")}
RUN = {"config.json": "{}", "labels.txt": "a\n", "split.json": "{}"}
ROBOFLOW = "filename, Cat, Dog\n0.png, 1, 0\n1.png, 0, 1\n2.png, 0, 1\n3.png, 1, 0\n"
KAGGLE = "id,label\n0,cat\n1,dog\n2,cat\n3,dog\n"
CAT_DOG = {"- cat": 2, "- dog": 2}

ROWS = [
    # Class folders
    Row("a folder a class", both(""), found=PLAIN),
    Row("photos at the root", {**both(""), ".": 2}, found=PLAIN,
        notes=("left out: 2 pictures at the top, in no class folder (0.png, 1.png)",)),
    Row("a README beside classes", both(""), {"README.md": "x"}, found=PLAIN),
    Row("no folders", {".": 4}, error=("its 4 pictures lie in no class folders", "labels.csv")),
    Row("one photo", {".": 1}, error=("its 1 picture lies in no class folders",)),
    Row("nothing", {}, error=("no pictures found",)),
    Row("one class, flat", {"cats": 3}, error=("only one class (cats)",)),
    Row("one class, by year", {"cats/2021": 3, "cats/2022": 3}, error=("only one class (cats)",)),
    # Wrapped
    Row("one wrapping folder", both("pets/"), found=PLAIN, notes=("looked for in pets/",)),
    Row("two, and a README", both("a/b c/"), {"README": "x"}, found=PLAIN,
        notes=("looked for in a/b c/",)),
    Row("splits in a wrapping folder", {**both("pets/Train/"), **both("pets/Test/")},
        found=TRAIN_TEST, notes=("looked for in pets/",)),
    Row("Kaggle's doubled folders",
        {**both("seg_train/seg_train/"), **both("seg_test/seg_test/"), "seg_pred/seg_pred": 3},
        found=TRAIN_TEST, notes=("left out: seg_pred/ has no class folders (3 pictures)",)),
    Row("training_set/training_set",
        {**both("training_set/training_set/"), **both("test_set/test_set/")}, found=TRAIN_TEST),
    # Splits
    Row("train, val, test", {**both("train/"), **both("val/"), **both("test/")}, found=THREE),
    Row("train, valid, test", {**both("train/"), **both("valid/"), **both("test/")}, found=THREE),
    Row("Training, Dev, Testing", {**both("Training/"), **both("Dev/"), **both("Testing/")},
        found=THREE),
    Row("training, validation, evaluation",
        {**both("training/"), **both("validation/"), **both("evaluation/")}, found=THREE),
    Row("train2017, val2017", {**both("train2017/"), **both("val2017/")},
        found={k: n for k, n in THREE.items() if not k.startswith("test")}),
    Row("a word in common",
        {**both("asl_alphabet_train/"), **both("asl_alphabet_test/")}, found=TRAIN_TEST),
    Row("train alone", both("train/"), found={"train cats": 3, "train dogs": 3}),
    Row("a flat test", {**both("train/"), "test": 4}, found={"train cats": 3, "train dogs": 3},
        notes=("left out: test/ has no class folders (4 pictures)",)),
    Row("photos beside the classes in train", {**both("train/"), "train": 1},
        found={"train cats": 3, "train dogs": 3}, notes=("1 picture in train/, in no class",)),
    Row("more beside train and test", {**both("train/"), **both("test/"), "unlabelled": 5},
        found=TRAIN_TEST, notes=("left out: unlabelled/ has no class folders (5 pictures)",)),
    Row("train and test flat", {"train": 3, "test": 3},
        error=("the 3 pictures in train/ lie in no class folders",)),
    Row("val and validation", {**both("train/"), **both("val/"), **both("validation/")},
        error=("both val/ and validation/", "keep one")),
    Row("no train", {**both("val/"), **both("test/")}, error=("no folder is named train",)),
    Row("a split of another name", {**both("train/"), **both("test/"), **both("extra/")},
        error=("extra/ holds classes as train/ does", "rename it to train, val or test")),
    Row("a class named like a split", {"train": 3, "bus": 3},
        error=("train/ is named like a split", "bus/", "mv .all train")),
    Row("test beside classes", {**both(""), **both("test/")},
        error=("test/ is named like a split", "mkdir train && mv -- cats dogs train")),
    Row("flat test beside classes", {**both(""), "test": 3}, error=("test/ is named like a",)),
    Row("words that hold split words", {"bus station": 3, "train station": 3, "testers": 3},
        found={"- bus station": 3, "- train station": 3, "- testers": 3}),
    Row("every class that only test has", {**both("train/"), "test/a": 2, "test/b": 2},
        error=("test has the classes 'a', 'b'",)),
    # What is passed over
    Row("thumbnails of a NAS",
        {**both(""), "cats/@eaDir/0.png": 2, "dogs/@eaDir/0.png": 2, "#recycle/cats": 3,
         "$RECYCLE.BIN": 1, "System Volume Information": 1, "lost+found": 1, "__MACOSX/cats": 1},
        found=PLAIN,
        notes=("passed over: 7 folders of the system (#recycle/, $RECYCLE.BIN/, @eaDir/ and 3",)),
    Row("folders without pictures", both(""),
        {"logs/a.log": "x", "__pycache__/a.pyc": "x", "emus/1.mov": "x", "emus/2.mov": "x"},
        found=PLAIN,
        notes=("no pictures in __pycache__/ (1 .pyc), emus/ (2 .mov), logs/ (1 .log)",)),
    Row("runs beside classes", {**both(""), "runs/2025-01-01/figures": 3, "edgetl-demo/a": 2},
        {f"runs/2025-01-01/{name}": text for name, text in RUN.items()}, found=PLAIN,
        notes=("made by edgetl: edgetl-demo/, runs/2025-01-01/",)),
    Row("a run stopped early, and one class", {"cats": 3, "old/figures": 1},
        {"old/config.json": "{}", "old/checkpoints/last.npz": "x"},
        error=("only one class (cats)", "made by edgetl: old/")),
    Row("hidden and Thumbs.db", {**both(""), ".thumbnails": 2},
        {"cats/Thumbs.db": "x", "cats/.DS_Store": "x"}, found=PLAIN),
    # Names
    Row("two Unicode forms in one folder", {NFC: 2, NFD: 1, "b": 2},
        found={f"- {NFC}": 3, "- b": 2},
        notes=("two Unicode forms",)),
    Row("two Unicode forms in two splits",
        {f"train/{NFD}": 2, "train/b": 2, f"test/{NFC}": 2, "test/b": 2},
        found={f"train {NFC}": 2, "train b": 2, f"test {NFC}": 2, "test b": 2},
        notes=("two Unicode forms",)),
    Row("case differs between splits", {"train/Fish": 2, "train/b": 2, "test/fish": 2},
        found={"train Fish": 2, "train b": 2, "test Fish": 2},
        notes=("test: 'fish' is taken for the class 'Fish'",)),
    Row("a class called as an uncertain picture is", {"cat": 2, "unsure": 2},
        found={"- cat": 2, "- unsure": 2}, notes=("unsure: a class of this name",)),
    Row("case differs side by side", {"Fish": 2, "fish": 2, "Ape": 2, "ape": 2},
        error=("'Ape' and 'ape', 'Fish' and 'fish'", "merge each pair under one name")),
    Row("a space behind a name", {"cat": 2, "cat ": 2, "dog": 2},
        error=("differ only in case or spaces, 'cat' and 'cat '",)),
    Row("names with line breaks", {"a\nb": 2, "c\rd": 2, "e": 2},
        error=(r"folders 'a\nb', 'c\rd' have names with a line break",)),
    # Deeper
    Row("by year",
        {"cats/2021": 1, "cats/2022": 2, "dogs/2021": 2, "dogs/2022-05": 1}, found=PLAIN),
    Row("images in each class", {"cats/images": 3, "dogs/images": 3}, found=PLAIN),
    Row("one level more", {"mammals/cat": 2, "mammals/dog": 1, "birds/owl": 3},
        found={"- birds": 3, "- mammals": 3},
        notes=("subfolders are no classes, their pictures are of the class 'mammals' (cat, dog)",)),
    Row("cameras on top", {f"camera{n}/{label}": 3 for n in "12" for label in ("open", "closed")},
        error=("camera1/, camera2/ have the same subfolders (closed, open)", "for d in */*/;")),
    Row("splits in each class", {f"{c}/{s}": 3 for c in ("cats", "dogs") for s in ("train", "val")},
        error=("cats/, dogs/ have the same subfolders (train, val)",)),
    # CSV labels
    Row("Roboflow's one column a class", {"train": 4, "valid": 4, "test": 4},
        {f"{split}/_classes.csv": ROBOFLOW for split in ("train", "valid", "test")},
        found={f"{s} {c}": 2 for s in ("train", "validation", "test") for c in ("Cat", "Dog")},
        notes=("from test/_classes.csv, train/_classes.csv, valid/_classes.csv",)),
    Row("Roboflow with several classes a picture", {"train": 2},
        {"train/_classes.csv": "filename, Cat, Dog\n0.png, 1, 1\n1.png, 0, 1\n"},
        error=("1 picture of several classes, train/0.png (Cat, Dog)",)),
    Row("Kaggle's train.csv, ids without suffix", {"train": 4, "test": 2},
        {"train.csv": KAGGLE, "test.csv": "id\n0\n1\n",
         "sample_submission.csv": "id,label\n0,cat\n"},
        found={"train cat": 2, "train dog": 2},
        notes=("classes are from train.csv", "left out: 2 pictures of no class in train.csv")),
    Row("labels.csv and two folders of images", {"part_1": 2, "part_2": 0},
        {"labels.csv": "image_id;label\na;cat\nb;dog\n0;cat\n1;dog\ngone;dog\n",
         "part_2/a.png": "png", "part_2/b.png": "png"},
        found=CAT_DOG, notes=("1 file named there and not found (gone)", "from labels.csv")),
    Row("two columns of any name, images/", {"images": 4}, {"all.csv": "id,mood\n" + KAGGLE[9:]},
        found=CAT_DOG, notes=("classes are from all.csv",)),
    Row("a column of splits", {"images": 4},
        {"labels.csv": "path,label,split\nimages/0.png,a,train\nimages\\1.png,b,Train\n"
                       "images/2.png,a,train\n/old/3.png,b,test\n" },
        error=("class 'b' has one readable picture outside test/",)),
    Row("a table that says what the folders say", both(""),
        {"labels.csv": "file,label\n" + "".join(f"{c}/{n}.png,{c}\n" for c in ("cats", "dogs")
                                                for n in range(3))}, found=PLAIN),
    Row("a table and folders that disagree", both(""),
        {"labels.csv": "file,label\ncats/0.png,dogs\ncats/1.png,cats\ndogs/1.png,dogs\n"},
        error=("labels.csv and the folders disagree about the classes (cats, dogs)",)),
    Row("a name of several pictures", {"a": 1, "b": 1}, {"labels.csv": "file,label\n0.png,x\n"},
        error=("labels.csv names 0.png, and several pictures are called so",)),
    Row("a column that is no split's in some rows", {".": 4},
        {"labels.csv": "file,label,split\n0.png,a,train\n1.png,b,quiz\n2.png,a,\n3.png,b,test\n"},
        error=("labels.csv: the column of splits holds '', 'quiz'; write train, val or test",)),
    Row("widths beside class folders", both(""),
        {"meta.csv": "file,width\ncats/0.png,9\ncats/1.png,8\ndogs/0.png,8\ndogs/1.png,9\n"},
        error=("either the column 'width' of meta.csv or the folders (cats/, dogs/)",)),
    Row("a table without a header", {".": 2}, {"labels.csv": "0.png,a\n1.png,b\n"},
        error=("2 pictures lie in no class folders, and labels.csv is not read as labels",
               "('0.png,a')")),
    Row("a table of other files", {".": 2}, {"labels.csv": "file,label\nx.png,a\ny.png,b\n"},
        error=("none of the files that labels.csv names is there (x.png, y.png)",)),
    Row("one column a class, true and false", {".": 4},
        {"a.csv": "image,cat,dog\n0,True,False\n1,False,True\n2,true,false\n3,FALSE,TRUE\n"},
        found=CAT_DOG, notes=("classes are from a.csv",)),
    Row("columns between bars", {".": 4}, {"a.csv": KAGGLE.replace(",", "|")},
        found=CAT_DOG, notes=("classes are from a.csv",)),
    Row("classes that differ in case in a table", {".": 2},
        {"a.csv": "id,label\n0,cat\n1,Cat\n"}, error=("'Cat' and 'cat'", "under one name")),
    Row("a quotation mark that is not closed", {".": 4},
        {"a.csv": 'id,label\n0,"cat\n1,dog\n2,cat\n3,dog\n'},
        error=("a.csv: the class that begins 'cat' has a line", "a quotation mark is missing")),
    # Sets for detection and segmentation
    Row("COCO of Roboflow", {"train": 3, "valid": 3}, {"train/_annotations.coco.json": "{}"},
        error=("is a set for object detection (COCO)", "export it for classification")),
    Row("YOLO", {"train/images": 2, "valid/images": 2},
        {"data.yaml": "x", "train/labels/0.txt": "0 1 1 1 1", "valid/labels/0.txt": "0 1 1 1 1"},
        error=("object detection (YOLO)",)),
    Row("YOLO, splits below", {"images/train": 2, "images/val": 2},
        {"labels/train/0.txt": "0 1 1 1 1", "labels/val/0.txt": "0 1 1 1 1"},
        error=("object detection (YOLO)",)),
    Row("VOC", {"JPEGImages": 2}, {"Annotations/0.xml": "<a/>", "Annotations/1.xml": "<a/>"},
        error=("object detection (VOC)",)),
    Row("VOC, flat", {"train": 2}, {"train/0.xml": "<a/>", "train/1.xml": "<a/>"},
        error=("object detection (VOC)",)),
    Row("boxes in a CSV", {"train": 2},
        {"train/_annotations.csv": "filename,width,height,class,xmin,ymin,xmax,ymax\n"},
        error=("object detection (Roboflow)",)),
    Row("images and masks", {"images": 3, "masks": 3}, error=("images/, masks/ are named after",)),
]  # fmt: skip


def make(root: Path, pictures: Mapping[str, int], files: Mapping[str, str]) -> Path:
    root.mkdir(exist_ok=True)
    for folder, number in pictures.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for n in range(number):
            (root / folder / f"{n}.png").write_bytes(PNG)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PNG if text == "png" else text.encode())
    return root


def found(dataset: Dataset) -> dict[str, int]:
    return dict(Counter(f"{e.split or '-'} {e.label}" for e in dataset.examples))


def refused(root: Path) -> str:
    with pytest.raises(DataError) as error:
        scan(root)
    line = str(error.value)
    assert line.startswith(str(root))
    assert "\n" not in line
    return line


def assert_noted(dataset: Dataset, words: Iterable[str]) -> None:
    for one in words:
        assert any(one in note for note in dataset.notes), dataset.notes


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_folder_is_taken_for_what_it_is(tmp_path: Path, row: Row) -> None:
    if {"Fish", "fish"} <= set(row.pictures) and sys.platform in ("darwin", "win32"):
        pytest.skip("names that differ in case are one there")
    if "a\nb" in row.pictures and sys.platform == "win32":
        pytest.skip("no such names there")
    root = make(tmp_path / "data", row.pictures, row.files)
    if row.error:
        line = refused(root)
        assert [words for words in row.error if words not in line] == [], line
        return
    dataset = scan(root)
    assert found(dataset) == row.found
    assert dataset.labels == tuple(sorted({name.partition(" ")[2] for name in row.found or ()}))
    assert all(dataset.path(example).is_file() for example in dataset.examples)
    assert_noted(dataset, row.notes)
    assert len(dataset.notes) >= len(row.notes)
    if not row.notes:
        assert dataset.notes == () or row.name.startswith(("training_set", "a table that says"))


def test_tables_in_utf16_are_read_and_those_in_latin1_refused(tmp_path: Path) -> None:
    root = make(tmp_path / "data", {".": 4}, {})
    (root / "a.csv").write_bytes(KAGGLE.encode("utf-16"))
    assert found(scan(root)) == CAT_DOG
    (root / "a.csv").write_bytes(KAGGLE.replace("dog", "h\u00fcnd").encode("latin-1"))
    assert "a.csv: is no UTF-8 (class h\\udcfcnd); save it as UTF-8" in refused(root)


def test_a_name_cannot_turn_the_direction_of_a_message(tmp_path: Path) -> None:
    root = make(tmp_path / "data", {"a\u202eb": 3}, {})
    assert "\u202e" not in refused(root)


@posix
@pytest.mark.timeout(60)
def test_a_pipe_called_like_a_table_is_not_opened(tmp_path: Path) -> None:
    root = make(tmp_path / "data", both(""), {})
    os.mkfifo(root / "labels.csv")
    assert found(scan(root)) == PLAIN


def test_the_order_of_pictures_is_that_of_their_paths(tmp_path: Path) -> None:
    root = make(tmp_path, {"a/b": 2, "a": 2, "c": 2}, {"a/b.png": "png"})
    files = [example.file for example in scan(root).examples]
    assert files == [
        "a/0.png",
        "a/1.png",
        "a/b/0.png",
        "a/b/1.png",
        "a/b.png",
        "c/0.png",
        "c/1.png",
    ]


@pytest.mark.parametrize("wrapper", ["", "pets/", "a/b c/"])
def test_an_archive_is_taken_as_its_folder(tmp_path: Path, cache: Path, wrapper: str) -> None:
    folders = [f"{wrapper}{split}/{c}" for split in ("Train", "Test") for c in ("cats", "dogs")]
    names = [f"{folder}/{n}.png" for folder in folders for n in range(3)]
    archive = write_zip(tmp_path / "d.zip", {**dict.fromkeys(names, PNG), f"{wrapper}README": b""})
    dataset = scan(data_folder(str(archive), cache=cache))
    assert found(dataset) == TRAIN_TEST
    assert {example.file.count("/") for example in dataset.examples} == {2}


# The commands in errors do what they say


def command_in(line: str, begins: str, ends: str) -> str:
    start = line.index(begins)
    return line[start : line.index(ends, start) + len(ends)]


@pytest.mark.skipif(shutil.which("sh") is None, reason="a POSIX shell")
@pytest.mark.parametrize("splits", [[""], ["train/", "val/"]])
def test_the_command_that_swaps_levels_makes_it_right(tmp_path: Path, splits: list[str]) -> None:
    cameras = {
        f"{split}camera {n}/{label}": 3
        for split in splits
        for n in "12"
        for label in ("open", "it's closed")
    }
    root = make(tmp_path / "my data", cameras, {})
    command = command_in(refused(root), "cd ", "done")
    subprocess.run(["sh", "-c", command], check=True, cwd=tmp_path)
    dataset = scan(tmp_path / "my data-by-class")
    assert dataset.labels == ("it's closed", "open")
    assert len(dataset.examples) == 12 * len(splits)
    assert "the same subfolders" in refused(root)  # it is as it was


@pytest.mark.skipif(shutil.which("sh") is None, reason="a POSIX shell")
@pytest.mark.parametrize(
    ("pictures", "ends", "labels"),
    [
        ({"train": 3, "bus": 3, "test": 3}, "mv .all train", ("bus", "test", "train")),
        ({**both(""), **both("test/")}, "cats dogs train", ("cats", "dogs")),
    ],
)
def test_the_command_that_moves_classes_makes_it_right(
    tmp_path: Path, pictures: dict[str, int], ends: str, labels: tuple[str, ...]
) -> None:
    root = make(tmp_path / "my data", pictures, {})
    command = command_in(refused(root), "cd ", ends)
    subprocess.run(["sh", "-c", command], check=True, cwd=tmp_path)
    assert scan(root).labels == labels
