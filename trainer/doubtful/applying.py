"""Moves are carried out: all of them are checked first, and how to undo them is on disk before.

An interruption loses nothing: the same file again goes on where it stopped, and the file that
undoes takes back what was moved.
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from edgetl.edge.errors import DataError, plural, quoted, reason
from edgetl.edge.system.files import sync_folder
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.archives import unpacked_folder
from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.wording import some
from edgetl.trainer.doubtful.moves import Move, moving_command, read_moves, write_moves

_CSV_NOTE = "classes are from "


@dataclass(frozen=True)
class Applied:
    """What was moved.

    Attributes:
        moved: the moves that were made now, with what each photo is now.
        before: how many an interrupted run had made.
        undo: the file of moves that undoes all of them.
    """

    moved: tuple[Move, ...]
    before: int
    undo: Path


def apply_moves(data: Path, path: Path) -> Applied:
    """Move photos to the folders of other classes, in the split folder that each lies in.

    Names are kept unless they are taken; nothing is overwritten. The file that undoes it is written
    beside `path`.

    Args:
        data: a folder of photos.
        path: of a file of moves.

    Raises:
        DataError: there is no such folder, or a row is not as the file says: nothing was moved. Or
            the system refused a move: some may have been made.
        RunFolderError: the file that undoes them cannot be written; nothing was moved.
    """
    if not data.is_dir() or unpacked_folder(data):
        raise DataError(
            f"{quoted(data)}: is no folder of yours, and photos are moved in such only; unpack the "
            f"archive, and name the folder that has its photos"
        )
    moves = read_moves(path)
    if not moves:
        raise DataError(f"{quoted(path)}: names no photo, so that there is nothing to move")
    faults = _Faults(path, data)
    faults.add(_faults_of_names(data, moves))
    faults.stop()
    recorded = _recorded(data, path, moves)
    undo, planned = recorded or _with_undo(path, _planned(data, moves, faults))
    waiting = [move for move in planned if not _is_done(data, move)]
    faults.add(_faults_of_paths(data, waiting))
    faults.stop()
    if not waiting:
        back = f"; move them back with: {moving_command(data, '--apply', undo)}" if recorded else ""
        raise DataError(f"{quoted(path)}: all of its photos are moved already{back}")
    if not recorded:
        write_moves(undo, (move.undone for move in planned))
    with _interrupted(data, path, undo):
        _move_all(data, path, undo, waiting)
    return Applied(tuple(waiting), len(planned) - len(waiting), undo)


def applied_lines(data: Path, applied: Applied) -> Iterator[str]:
    """What `edgetl inspect --apply` prints: what was moved, new names, and how to undo it."""
    before = f", {applied.before} had been" if applied.before else ""
    yield f"moved      {plural(len(applied.moved), 'photo')}{before}"
    for move in applied.moved:
        if PurePosixPath(move.file).name != PurePosixPath(move.target).name:
            yield f"renamed    {quoted(move.file)} is now {quoted(move.target)}"
    yield f"undo       {moving_command(data, '--apply', applied.undo)}"


def applied_json(applied: Applied) -> dict[str, Any]:
    """The same as values for JSON."""
    moved = [{"file": m.file, "target": m.target} for m in applied.moved]
    return {"moved": moved, "before": applied.before, "undo": str(applied.undo)}


class _Faults:
    """What is wrong with the rows of a file, gathered so that all of it is said at once."""

    def __init__(self, path: Path, data: Path) -> None:
        self._path, self._data = path, data
        self._found: list[str] = []

    def add(self, found: Iterator[str]) -> None:
        self._found += found

    def stop(self) -> None:
        if self._found:
            rows = "this row" if len(self._found) == 1 else "these rows"
            raise DataError(
                f"{quoted(self._path)}: nothing was moved, as {some(self._found)}; put {rows} "
                f"right or delete {'it' if len(self._found) == 1 else 'them'}"
            )


def _faults_of_names(data: Path, moves: Sequence[Move]) -> Iterator[str]:
    seen: set[str] = set()
    for move in moves:
        for name in filter(None, (move.file, move.target)):
            if not _is_inside(data, name):
                yield f"{quoted(name)} lies outside of {quoted(data)}"
        if not move.file:
            yield "a row names no file"
        elif move.file in seen:
            yield f"{quoted(move.file)} is named twice"
        seen.add(move.file)


def _is_inside(data: Path, name: str) -> bool:
    """Whether a path stays below the folder, links to folders followed; a photo may be a link."""
    path = Path(name)
    if path.drive or path.is_absolute() or ".." in path.parts or "\0" in name:
        return False
    return (data / name).parent.resolve().is_relative_to(data.resolve())


def _recorded(
    data: Path, path: Path, moves: Sequence[Move]
) -> tuple[Path, tuple[Move, ...]] | None:
    """The file that undoes the moves and what it undoes, where they were begun in this folder.

    One of which nothing is done here may be of another folder, where other names were taken.
    """
    for undo in itertools.takewhile(os.path.lexists, _undo_names(path)):
        before = _undone_by(undo)
        targets = {(move.file, move.label, move.to): move.target for move in before}
        if (
            targets.keys() == {(move.file, move.label, move.to) for move in moves}
            and all(move.target in ("", targets[move.file, move.label, move.to]) for move in moves)
            and any(_is_done(data, move) for move in before)
        ):
            return undo, before
    return None


def _with_undo(path: Path, planned: tuple[Move, ...]) -> tuple[Path, tuple[Move, ...]]:
    """Planned moves with the file that is to undo them: one that does just that, or a free name.

    That of other moves is kept: it is the only record of where photos were.
    """
    same = tuple(move.undone.undone for move in planned)
    for undo in _undo_names(path):
        if not os.path.lexists(undo) or _undone_by(undo) == same:
            return undo, planned
    raise AssertionError("numbers do not end")


def _undo_names(path: Path) -> Iterator[Path]:
    for number in itertools.count(1):
        ending = ".undo.csv" if number == 1 else f".undo-{number}.csv"
        yield path.with_name(f"{path.name.removesuffix('.csv')}{ending}")


def _undone_by(undo: Path) -> tuple[Move, ...]:
    """The moves that a file undoes; none if it is no file of moves."""
    try:
        return tuple(move.undone for move in read_moves(undo))
    except DataError:
        return ()


def _planned(data: Path, moves: Sequence[Move], faults: _Faults) -> tuple[Move, ...]:
    """The moves with the target of each; those that say it need no class to be there any more."""
    if all(move.target for move in moves):
        return tuple(moves)
    found = scan(data)
    if not found.folders:
        from_csv = next(note for note in found.notes if note.startswith(_CSV_NOTE))
        raise DataError(
            f"{quoted(found.root)}: {from_csv}; change them there, as moving photos would not"
        )
    below = found.root.relative_to(data)
    labels = {(below / example.file).as_posix(): example.label for example in found.examples}
    faults.add(_faults_of_classes(data, moves, labels, found.labels))
    faults.stop()
    taken: set[str] = set()
    planned = []
    for move in moves:
        target = move.target or _free_name(data, _target(move, found, below), taken)
        taken.add(target.casefold())
        planned.append(replace(move, target=target))
    return tuple(planned)


def _faults_of_classes(
    data: Path, moves: Sequence[Move], label_of: dict[str, str], labels: Sequence[str]
) -> Iterator[str]:
    for move in moves:
        label = label_of.get(move.file)
        if label is None:
            there = os.path.lexists(data / move.file)
            yield f"{quoted(move.file)} is {'no photo of a class' if there else 'not there'}"
        elif label != move.label:
            yield f"{quoted(move.file)} is in the class {label!r} and not in {move.label!r}"
        elif move.to == label:
            yield f"{quoted(move.file)} is in the class {label!r} already"
        elif move.to not in labels:
            known = some([repr(label) for label in labels])
            yield f"{quoted(move.file)} would go to {move.to!r}, which is no class here ({known})"


def _target(move: Move, found: Dataset, below: Path) -> PurePosixPath:
    """Right in the other class's folder of the same split.

    The subfolders of a class are not made in the other one: classes with the same subfolders are
    refused in training.
    """
    file = PurePosixPath(move.file)
    own = next(f for f in found.folders if file.is_relative_to((below / f.path).as_posix()))
    beside = (f.path for f in found.folders if (f.label, f.split) == (move.to, own.split))
    folder = next(beside, None) or (PurePosixPath(own.path).parent / move.to).as_posix()
    return PurePosixPath((below / folder).as_posix(), file.name)


def _free_name(data: Path, target: PurePosixPath, taken: set[str]) -> str:
    """The target's name, with a number where something is called so or will be."""
    name = target
    for number in itertools.count(2):
        if str(name).casefold() not in taken and not os.path.lexists(data / name):
            return str(name)
        name = target.with_name(f"{target.stem}-{number}{target.suffix}")
    raise AssertionError("numbers do not end")


def _is_done(data: Path, move: Move) -> bool:
    return not os.path.lexists(data / move.file) and os.path.lexists(data / move.target)


def _faults_of_paths(data: Path, moves: Sequence[Move]) -> Iterator[str]:
    for move in moves:
        source, target = data / move.file, data / move.target
        if not _is_inside(data, move.target):
            yield f"the folder of {quoted(move.target)} is a link out of {quoted(data)}"
        elif not source.is_file():
            there = os.path.lexists(source)
            yield f"{quoted(move.file)} is {'no file' if there else 'not there'}"
        elif os.path.lexists(target):
            yield f"{quoted(move.target)} is there already, and nothing is overwritten"
        elif _would_break(source, target):
            yield f"{quoted(move.file)} is a link that leads nowhere from another folder"


def _would_break(source: Path, target: Path) -> bool:
    if not source.is_symlink():
        return False
    return (target.parent / source.readlink()).resolve() != source.resolve()


@contextmanager
def _interrupted(data: Path, path: Path, undo: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        logger.info(f"stopped; {_either(data, path, undo)}")
        raise


def _either(data: Path, path: Path, undo: Path) -> str:
    on, back = (moving_command(data, "--apply", moves) for moves in (path, undo))
    return f"go on with: {on}, or move back with: {back}"


def _move_all(data: Path, path: Path, undo: Path, moves: Sequence[Move]) -> None:
    made = 0
    try:
        for move in moves:
            source, target = data / move.file, data / move.target
            target.parent.mkdir(parents=True, exist_ok=True)
            # On POSIX rename overwrites.
            if os.path.lexists(target):
                raise FileExistsError(f"{quoted(move.target)} is there already")
            source.rename(target)
            made += 1
        for folder in {(data / name).parent for m in moves for name in (m.file, m.target)}:
            sync_folder(folder)
    except OSError as error:
        raise DataError(
            f"{quoted(move.file)}: {reason(error)}; {made} of {plural(len(moves), 'photo')} moved "
            f"so far: {_either(data, path, undo)}"
        ) from error
