"""CSV files as people's programs write them: in UTF-8 or UTF-16, with one delimiter or another."""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TextIO


def encoding_of(path: Path) -> str:
    """UTF-16 where a byte order mark says so, as PowerShell and Excel write it; else UTF-8."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8-sig"


def csv_rows(file: TextIO, **form: Any) -> Iterator[list[str]]:
    """The rows of a CSV file, with the delimiter that its first line has most of.

    `form` is what csv.reader takes.
    """
    first = file.readline()
    delimiter = max(",;\t|", key=first.count)
    return csv.reader(chain([first], file), delimiter=delimiter, **form)
