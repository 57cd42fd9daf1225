"""Photos are moved between class folders: all or none, undoable, and never over another photo."""

import json
import os
from pathlib import Path

import pytest

from edgetl.edge.errors import DataError, RunFolderError
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.doubtful import applying
from edgetl.trainer.doubtful.applying import applied_lines, apply_moves
from edgetl.trainer.doubtful.moves import COLUMNS, read_moves
from tests.conftest import Cli, assert_one_clear_line

posix = pytest.mark.skipif(os.name != "posix", reason="links")
PLAIN = {"cat": 4, "dog": 3}


def made(folder: Path, classes: dict[str, int]) -> Path:
    """Photos 0.jpg, 1.jpg, ... in folders; the bytes of each are its first path."""
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            (folder / name / f"{number}.jpg").write_text(f"{name}/{number}.jpg")
    return folder


def files(folder: Path) -> dict[str, str]:
    """What lies where."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def moves_file(folder: Path, *rows: str, name: str = "moves.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    return path


def refused(data: Path, path: Path) -> str:
    before = files(data)
    with pytest.raises(DataError) as error:
        apply_moves(data, path)
    assert files(data) == before
    assert "\n" not in str(error.value)
    return str(error.value)


def test_photos_are_moved_within_their_split_and_moved_back(tmp_path: Path) -> None:
    data = made(
        tmp_path / "data", {f"{s}/{c}": 4 for s in ("Train", "val") for c in ("cat", "dog")}
    )
    (data / "Train" / "cat" / "x.jpg").write_text("x")
    (data / "Train" / "cat" / "at home").mkdir()
    (data / "Train" / "cat" / "at home" / "y.jpg").write_text("y")
    before = files(data)
    path = moves_file(
        tmp_path,
        "Train/cat/x.jpg,cat,dog,0.9",
        "Train/cat/at home/y.jpg,cat,dog,0.9",
        "Train/cat/1.jpg,cat,dog,0.9",
        "Train/dog/1.jpg,dog,cat,0.9",
        "val/dog/2.jpg,dog,cat,0.9",
    )
    applied = apply_moves(data, path)
    after = files(data)
    assert len(after) == len(before)
    assert after["Train/dog/x.jpg"] == "x"
    assert after["Train/dog/y.jpg"] == "y"
    # Both names are taken while the moves are checked.
    assert after["Train/dog/1-2.jpg"] == "Train/cat/1.jpg"
    assert after["Train/cat/1-2.jpg"] == "Train/dog/1.jpg"
    assert after["val/cat/2-2.jpg"] == "val/dog/2.jpg"
    lines = list(applied_lines(data, applied))
    assert lines[0] == "moved      5 photos"
    assert "Train/cat/1.jpg is now Train/dog/1-2.jpg" in lines[1]
    assert lines[-1].startswith("undo       edgetl inspect --apply ")
    assert applied.undo == tmp_path / "moves.undo.csv"
    assert "are moved already; move them back with" in refused(data, path)
    back = apply_moves(data, applied.undo)
    assert files(data) == before
    apply_moves(data, back.undo)
    assert files(data) == after


def test_what_undoes_earlier_moves_is_kept(tmp_path: Path) -> None:
    data = made(tmp_path / "data", PLAIN)
    before = files(data)
    first = apply_moves(data, moves_file(tmp_path, "cat/3.jpg,cat,dog,0.9"))
    second = apply_moves(data, moves_file(tmp_path, "cat/2.jpg,cat,dog,0.9"))
    assert second.undo.name == "moves.undo-2.csv"
    apply_moves(data, second.undo)
    apply_moves(data, first.undo)
    assert files(data) == before


def test_the_same_moves_in_another_folder_get_names_that_are_free_there(tmp_path: Path) -> None:
    path = moves_file(tmp_path, "cat/3.jpg,cat,dog,0.9")
    first = apply_moves(made(tmp_path / "data", PLAIN), path)
    other = made(tmp_path / "other", {"cat": 4, "dog": 4})
    before = files(other)
    second = apply_moves(other, path)
    assert files(other)["dog/3-2.jpg"] == "cat/3.jpg"
    assert second.undo != first.undo
    apply_moves(other, second.undo)
    assert files(other) == before
    apply_moves(tmp_path / "data", first.undo)
    again = apply_moves(tmp_path / "data", path)
    assert again.undo == first.undo, "it says the same"


def test_files_of_moves_among_the_photos_are_no_tables_of_labels(tmp_path: Path) -> None:
    data = made(tmp_path / "data", PLAIN)
    undo = apply_moves(data, moves_file(data, "cat/3.jpg,cat,dog,0.9")).undo
    assert undo.parent == data
    assert scan(data).labels == ("cat", "dog")
    apply_moves(data, undo)
    assert scan(data).labels == ("cat", "dog")


def test_photos_of_a_class_that_is_emptied_come_back(tmp_path: Path) -> None:
    data = made(tmp_path / "data", {"cat": 2, "dog": 3})
    before = files(data)
    path = moves_file(tmp_path, "cat/0.jpg,cat,dog,0.9", "cat/1.jpg,cat,dog,0.9")
    undo = apply_moves(data, path).undo
    (data / "cat").rmdir()
    apply_moves(data, undo)
    assert files(data) == before


def test_a_class_without_a_folder_in_the_split_gets_one(tmp_path: Path) -> None:
    data = made(tmp_path / "data", {"train/cat": 3, "train/dog": 3, "test/cat": 3})
    apply_moves(data, moves_file(tmp_path, "test/cat/0.jpg,cat,dog,0.9"))
    assert files(data)["test/dog/0.jpg"] == "test/cat/0.jpg"


def test_paths_are_below_data_where_the_classes_lie_in_a_folder_of_it(tmp_path: Path) -> None:
    data = made(tmp_path / "data", {"pets/cat": 3, "pets/dog": 3})
    apply_moves(data, moves_file(tmp_path, "pets/cat/2.jpg,cat,dog,0.9"))
    assert files(data)["pets/dog/2-2.jpg"] == "pets/cat/2.jpg"


@pytest.mark.parametrize("stops_at", [0, 1, 2])
@pytest.mark.parametrize("then", ["go on", "move back"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), PermissionError(13, "Permission denied")])
def test_an_interruption_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops_at: int, then: str, error: BaseException
) -> None:
    data = made(tmp_path / "data", PLAIN)
    before = files(data)
    path = moves_file(tmp_path, *(f"cat/{n}.jpg,cat,dog,0.9" for n in (0, 1, 3)))
    undo = tmp_path / "moves.undo.csv"
    rename, made_so_far = Path.rename, []

    def interrupted(source: Path, target: Path) -> Path:
        assert len(read_moves(undo)) == 3  # before the first move
        if len(made_so_far) == stops_at:
            raise error
        made_so_far.append(source)
        return rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", interrupted)
        with pytest.raises((KeyboardInterrupt, DataError)) as raised:
            apply_moves(data, path)
    if isinstance(raised.value, DataError):
        words = f"cat/{(0, 1, 3)[stops_at]}.jpg: permission denied; {stops_at} of 3 photos moved"
        assert words in str(raised.value)
        assert "move back with: edgetl inspect --apply" in str(raised.value)
    if then == "go on":
        applied = apply_moves(data, path)
        assert (len(applied.moved), applied.before) == (3 - stops_at, stops_at)
        assert ("had been" in next(applied_lines(data, applied))) == (stops_at > 0)
        assert files(data)["dog/3.jpg"] == "cat/3.jpg"
    if then == "go on" or stops_at:
        apply_moves(data, undo)
    else:
        assert refused(data, undo).endswith("all of its photos are moved already")
    assert files(data) == before


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("cat/9.jpg,cat,dog,0.9", "'cat/9.jpg' is not there"),
        ("dog/1.jpg,cat,dog,0.9", "'dog/1.jpg' is in the class 'dog' and not in 'cat'"),
        ("cat/1.jpg,cat,cat,0.9", "'cat/1.jpg' is in the class 'cat' already"),
        ("cat/1.jpg,cat,cow,0.9", "'cat/1.jpg' would go to 'cow', which is no class here"),
        ("cat/notes.txt,cat,dog,0.9", "'cat/notes.txt' is no photo of a class"),
        ("../x.jpg,cat,dog,0.9", "'../x.jpg' lies outside of"),
        ("cat/../../x.jpg,cat,dog,0.9", "lies outside of"),
        ("/etc/passwd,cat,dog,0.9", "'/etc/passwd' lies outside of"),
        (",cat,dog,0.9", "a row names no file"),
        ("cat/0.jpg,cat,dog,0.9", "'cat/0.jpg' is named twice"),
    ],
)
def test_a_row_that_is_not_as_the_file_says_stops_all(tmp_path: Path, row: str, words: str) -> None:
    data = made(tmp_path / "data", PLAIN)
    (data / "cat" / "notes.txt").write_text("x")
    (tmp_path / "x.jpg").write_text("x")
    path = moves_file(tmp_path, "cat/0.jpg,cat,dog,0.9", row)
    line = refused(data, path)
    assert words.replace("'", "") in line.replace("'", "")
    assert "nothing was moved" in line
    assert "put this row right or delete it" in line
    assert not (tmp_path / "moves.undo.csv").exists()


def test_several_faults_are_said_at_once(tmp_path: Path) -> None:
    rows = [f"cat/{number}.jpg,cat,cow,0.9" for number in range(4)] + ["cat/8.jpg,cat,dog,0.9"]
    line = refused(made(tmp_path / "data", PLAIN), moves_file(tmp_path, *rows))
    assert "and 2 more; put these rows right or delete them" in line


def test_a_target_that_is_taken_since_is_not_overwritten(tmp_path: Path) -> None:
    data = made(tmp_path / "data", PLAIN)
    undo = apply_moves(data, moves_file(tmp_path, "cat/3.jpg,cat,dog,0.9")).undo
    (data / "cat" / "3.jpg").write_text("new")
    assert "cat/3.jpg is there already, and nothing is overwritten" in refused(data, undo)


@posix
def test_links_out_of_the_folder_are_refused_and_linked_photos_are_moved(tmp_path: Path) -> None:
    outside = made(tmp_path / "outside", {"cow": 3})
    data = made(tmp_path / "data", PLAIN)
    (data / "cow").symlink_to(outside / "cow")
    (data / "cat" / "l.jpg").symlink_to(outside / "cow" / "0.jpg")
    (data / "cat" / "deep").mkdir()
    (data / "cat" / "deep" / "r.jpg").symlink_to("../0.jpg")
    for row, words in (
        ("cow/1.jpg,cow,cat,0.9", "cow/1.jpg lies outside of"),
        ("cat/1.jpg,cat,cow,0.9", "is a link out of"),
        ("cat/deep/r.jpg,cat,dog,0.9", "is a link that leads nowhere"),
    ):
        assert words in refused(data, moves_file(tmp_path, row))
    apply_moves(data, moves_file(tmp_path, "cat/l.jpg,cat,dog,0.9"))
    assert (data / "dog" / "l.jpg").is_symlink()
    assert (data / "dog" / "l.jpg").read_text() == "cow/0.jpg"


def test_where_a_csv_file_names_the_classes_it_says_so(tmp_path: Path) -> None:
    data = made(tmp_path / "data", {"images": 4})
    rows = "".join(f"{number}.jpg,{label}\n" for number, label in enumerate(["a", "a", "b", "b"]))
    (data / "labels.csv").write_text(f"filename,label\n{rows}")
    line = refused(data, moves_file(tmp_path, "images/1.jpg,a,b,0.9"))
    assert "classes are from labels.csv; change them there" in line


def test_what_is_no_folder_or_an_archives_is_refused(tmp_path: Path) -> None:
    path = moves_file(tmp_path, "cat/1.jpg,cat,dog,0.9")
    cached = made(tmp_path / "runs" / ".cache" / "archives" / "0123", PLAIN)
    assert "unpack the archive" in refused(cached, path)
    (tmp_path / "photos.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="unpack the archive"):
        apply_moves(tmp_path / "photos.zip", path)
    assert "names no photo" in refused(made(tmp_path / "data", PLAIN), moves_file(tmp_path))


def test_nothing_is_moved_where_it_could_not_be_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made(tmp_path / "data", PLAIN)
    before = files(data)

    def full(path: Path, moves: object) -> None:
        raise RunFolderError(f"{path}: cannot be written")

    monkeypatch.setattr(applying, "write_moves", full)
    with pytest.raises(RunFolderError):
        apply_moves(data, moves_file(tmp_path, "cat/1.jpg,cat,dog,0.9"))
    assert files(data) == before


def test_the_command_moves_says_how_to_undo_it_and_loads_no_tensorflow(cli: Cli) -> None:
    made(cli.folder / "data", PLAIN)
    moves_file(cli.folder, "cat/3.jpg,cat,dog,0.9")
    shown = cli.here("inspect", "--apply", "moves.csv")
    assert shown.stdout.splitlines() == [
        "moved      1 photo",
        "undo       edgetl inspect --apply moves.undo.csv data",
    ]
    assert not (cli.folder / "inspect.html").exists()
    undone = cli.here("inspect", "data", "--apply", "moves.undo.csv", "--json")
    assert json.loads(undone.stdout) == {
        "moved": [{"file": "dog/3.jpg", "target": "cat/3.jpg"}],
        "before": 0,
        "undo": "moves.undo.undo.csv",
    }
    line = cli.here("inspect", "data", "--apply", "nothere.csv", check=2)
    assert_one_clear_line(line, "nothere.csv: no such file")
    line = cli.here("inspect", "data", "--apply", "moves.csv", "--labels", check=2)
    assert_one_clear_line(line, "--apply", "leave --labels and --moves out")
