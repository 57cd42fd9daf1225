"""Files of moves: which photos go from one class's folder to another's, as CSV for people to edit.

Columns file, from, to and probability; the file that undoes moves also has moved_to, as a photo
gets back the name that it had.
"""

import csv
import io
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import DataError, RunFolderError, SettingError, quoted, reason
from edgetl.edge.system.files import replacing, sync_folder, why_no_file
from edgetl.trainer.data.csv_files import csv_rows, csv_text
from edgetl.trainer.doubtful.confident_learning import DoubtfulLabel

_NEEDED = ("file", "from", "to")
COLUMNS = (*_NEEDED, "probability")
_TARGET = "moved_to"


@dataclass(frozen=True)
class Move:
    """A photo, the class it lies in, and that whose folder it goes to.

    Attributes:
        file: below DATA, "/" between parts.
        label: the class it lies in.
        to: the class it goes to.
        probability: of that class, "" where it is not known; nothing depends on it.
        target: what it will be below DATA, "" where that is not decided.
    """

    file: str
    label: str
    to: str
    probability: str = ""
    target: str = ""

    @property
    def undone(self) -> "Move":
        """The move back."""
        return Move(self.target, self.to, self.label, target=self.file)


def suggested_moves(doubtful: Iterable[DoubtfulLabel], *, below: str = "") -> Iterator[Move]:
    """The moves of photos with doubtful labels to the classes suggested.

    `below` is where the dataset's root is below DATA.
    """
    prefix = f"{below}/" if below not in ("", ".") else ""
    for one in doubtful:
        yield Move(f"{prefix}{one.file}", one.label, one.suggested, f"{one.probability:.4f}")


def moving_command(data: Path, option: str, path: Path) -> str:
    """What writes a file of moves, option "--moves", or carries them out, "--apply"."""
    typed = f"edgetl inspect {option} {shlex.quote(str(path))}"
    dashes = "-- " if str(data).startswith("-") else ""
    return quoted(f"{typed} {dashes}{shlex.quote(str(data))}")


def check_moves_path(path: Path) -> None:
    """See that moves may be written there: a new file, or one of moves.

    Raises:
        SettingError: its name does not end in .csv, or it holds something else.
    """
    if path.suffix.lower() != ".csv":
        raise SettingError(
            f"--moves {quoted(path)}: its name does not end in .csv; a file of that name would be "
            f"overwritten"
        )
    if path.exists():
        try:
            read_moves(path)
        except DataError as error:
            raise SettingError(
                f"--moves {quoted(path)}: is there, and no file of moves, so it is not "
                f"overwritten; give another name"
            ) from error


def write_moves(path: Path, moves: Iterable[Move]) -> None:
    """Write moves as UTF-8, whole or not at all; they are on disk when this returns.

    A name that is no UTF-8 keeps its bytes.

    Raises:
        RunFolderError: the file cannot be written.
    """
    rows = [(m.file, m.label, m.to, m.probability, m.target) for m in moves]
    exact = any(row[-1] for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(row if exact else row[:-1] for row in [(*COLUMNS, _TARGET), *rows])
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))
        sync_folder(path.parent)
    except OSError as error:
        raise RunFolderError(
            f"{quoted(path)}: cannot be written: {reason(error)}; choose another folder"
        ) from error


def read_moves(path: Path) -> tuple[Move, ...]:
    """The moves of a file, as it was written or as a spreadsheet saved it.

    Raises:
        DataError: there is no such file, it cannot be read, or it has not these columns.
    """
    anew = f"write one with: edgetl inspect DATA --moves {quoted(path.name)}"
    if why := why_no_file(path):
        raise DataError(f"{quoted(path)}: {why}; {anew}")
    try:
        with csv_text(path) as file:
            rows = list(csv_rows(file))
    except OSError as error:
        raise DataError(f"{quoted(path)}: {reason(error)}; make it readable") from error
    except (UnicodeError, csv.Error) as error:
        raise DataError(f"{quoted(path)}: is no CSV file ({error}); {anew}") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if missing := [name for name in _NEEDED if name not in header]:
        raise DataError(
            f"{quoted(path)}: is no file of moves, it has no column {', '.join(missing)}; {anew}"
        )
    columns = {name: header.index(name) for name in (*COLUMNS, _TARGET) if name in header}
    return tuple(
        _move({name: row[at] if at < len(row) else "" for name, at in columns.items()})
        for row in rows[1:]
        if any(cell.strip() for cell in row)
    )


def _move(cells: dict[str, str]) -> Move:
    return Move(
        cells["file"],
        cells["from"],
        cells["to"],
        cells.get("probability", ""),
        cells.get(_TARGET, ""),
    )
