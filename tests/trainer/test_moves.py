"""Files of moves: written, edited by people and spreadsheets, and read again."""

import os
from pathlib import Path

import pytest

from edgetl.edge.errors import DataError, SettingError
from edgetl.trainer.doubtful.confident_learning import DoubtfulLabel
from edgetl.trainer.doubtful.moves import (
    Move,
    check_moves_path,
    moving_command,
    read_moves,
    suggested_moves,
    write_moves,
)

HEADER = "file,from,to,probability\n"


def test_moves_are_written_and_read_again_whatever_names_hold(tmp_path: Path) -> None:
    path = tmp_path / "moves.csv"
    names = ["cat/a, b.jpg", 'cat/"x".jpg', "cat/ü.jpg", "cat/a\nb.jpg", "cat/ 1.jpg", "cat/=1.jpg"]
    if os.name == "posix":
        names.append(os.fsdecode(b"cat/\xe9.jpg"))
    doubtful = [DoubtfulLabel(name, "cat", "dög", 0.98765) for name in names]
    moves = tuple(suggested_moves(doubtful))
    write_moves(path, moves)
    assert path.read_bytes().startswith(HEADER.encode())
    assert read_moves(path) == moves
    assert moves[0] == Move("cat/a, b.jpg", "cat", "dög", "0.9877")
    assert next(suggested_moves(doubtful, below="pets")).file == "pets/cat/a, b.jpg"
    assert next(suggested_moves(doubtful, below=".")).file == "cat/a, b.jpg"


def test_a_move_back_says_what_the_photo_becomes(tmp_path: Path) -> None:
    path = tmp_path / "undo.csv"
    move = Move("cat/1.jpg", "cat", "dog", "0.9", "dog/1-2.jpg")
    write_moves(path, [move.undone])
    assert path.read_text() == (
        "file,from,to,probability,moved_to\ndog/1-2.jpg,dog,cat,,cat/1.jpg\n"
    )
    assert read_moves(path) == (move.undone,)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_a_spreadsheet_saves_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "moves.csv"
    text = "File;From;To;Probability\r\n\r\ncat/ü.jpg;cat;dog;0,98\r\n;;;\r\ncat/2.jpg;cat;dog\r\n"
    path.write_bytes(text.encode(encoding))
    assert read_moves(path) == (
        Move("cat/ü.jpg", "cat", "dog", "0,98"),
        Move("cat/2.jpg", "cat", "dog"),
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            None,
            "moves.csv: no such file or directory; write one with: edgetl inspect DATA --moves ",
        ),
        (b"", "has no column file, from, to;"),
        (b"file,to\na,b\n", "has no column from;"),
        (b"\x00\x01\xff\xfe\x80", "moves.csv"),
        (b"\xff\xfea", "is no CSV file"),
    ],
)
def test_what_is_no_file_of_moves_is_one_line(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "moves.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_moves(path)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_only_a_file_of_moves_is_overwritten(tmp_path: Path) -> None:
    check_moves_path(tmp_path / "new.csv")
    labels = tmp_path / "labels.csv"
    labels.write_text("filename,label\n1.jpg,cat\n")
    for path, words in ((labels, "no file of moves"), (tmp_path / "1.jpg", "does not end in .csv")):
        with pytest.raises(SettingError, match=words):
            check_moves_path(path)
    ours = tmp_path / "moves.csv"
    ours.write_text(HEADER)
    check_moves_path(ours)


def test_the_command_is_one_to_copy() -> None:
    typed = moving_command(Path("my photos"), "--apply", Path("moves.csv"))
    assert typed == "edgetl inspect --apply moves.csv 'my photos'"
    assert moving_command(Path("-x"), "--moves", Path("m.csv")).endswith("m.csv -- -x")
