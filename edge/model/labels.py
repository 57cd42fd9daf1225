"""Files of labels: the names of a classifier's outputs, one a line."""

import re
from collections.abc import Sequence
from pathlib import Path

from edgetl.edge.errors import ModelFileError, quoted, reason
from edgetl.edge.system.files import read_regular_file

# The 21,000 classes of all of ImageNet take 0.6 MB.
MOST_BYTES = 4_000_000

_INDEXED = re.compile(r"\s*(\d{1,7})\s+(\S.*)")


def read_labels(path: str | Path) -> tuple[str, ...]:
    """Read a labels file: UTF-8, one label a line, blank lines at the end left out.

    Lines of "INDEX LABEL", as Teachable Machine and Coral write them, are put in order, and the
    labels are what is behind the index.

    Raises:
        ModelFileError: the file cannot be read, is too large or is not text.
    """
    try:
        return in_index_order(parse_labels(read_regular_file(Path(path), at_most=MOST_BYTES)))
    except OSError as error:
        raise ModelFileError(f"{quoted(path)}: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{quoted(path)}: not a text file of labels in UTF-8") from error


def labels_text(labels: Sequence[str]) -> str:
    """The text of a labels file: one label a line, in index order."""
    return "".join(f"{label}\n" for label in labels)


def parse_labels(data: bytes) -> tuple[str, ...]:
    """The labels in the bytes of a labels file, as they stand there.

    Raises:
        UnicodeDecodeError: it is no UTF-8.
        ValueError: it is too large.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"labels of {len(data)} bytes")
    # Not splitlines(): a label may hold any character but a line feed.
    lines = data.decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n").split("\n")
    return tuple(lines) if lines != [""] else ()


def in_index_order(lines: Sequence[str]) -> tuple[str, ...]:
    """Labels of lines "INDEX LABEL", if every line is one and the indices are 0 to their number.

    Otherwise the lines are the labels.
    """
    found = [_INDEXED.fullmatch(line) for line in lines]
    by_index = {int(match[1]): match[2].strip() for match in found if match}
    if not lines or sorted(by_index) != list(range(len(lines))):
        return tuple(lines)
    return tuple(by_index[index] for index in range(len(lines)))
