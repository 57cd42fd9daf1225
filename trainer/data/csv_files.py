"""CSV files as people's programs write them: in UTF-8 or UTF-16, with one delimiter or another."""

import csv
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from edgetl.edge.system.files import read_regular_file

# A million photos' names and labels.
_MOST_BYTES = 200 * 10**6


def csv_text(path: Path) -> TextIO:
    """The text of a CSV file: UTF-16 where a byte order mark says so, as PowerShell and Excel write
    it, else UTF-8. Bytes that are neither are kept as Python keeps those of file names.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than 200 MB.
    """
    content = read_regular_file(path, at_most=_MOST_BYTES)
    encoding = "utf-16" if content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8-sig"
    return io.TextIOWrapper(
        io.BytesIO(content), encoding=encoding, errors="surrogateescape", newline=""
    )


def csv_rows(file: TextIO, **form: Any) -> Iterator[list[str]]:
    """The rows of a CSV file, with the delimiter that its first line has most of.

    `form` is what csv.reader takes.
    """
    first = file.readline()
    delimiter = max(",;\t|", key=first.count)
    return csv.reader(chain([first], file), delimiter=delimiter, **form)
