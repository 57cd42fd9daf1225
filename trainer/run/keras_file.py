"""Writing a .keras file, which is a ZIP archive."""

import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

_FIRST = (1980, 1, 1, 0, 0, 0, 1, 1, 0)  # as time.localtime has it


def save_keras(model: Any, path: Path) -> None:
    """Save a Keras model as a .keras file, whatever the clock says.

    A machine without a battery for its clock is in 1970 until it hears of the time; no ZIP archive
    can say so, and Keras gives its members the present.

    Raises:
        OSError: it cannot be written.
    """
    with _a_year_that_zip_knows():
        model.save(path)


@contextmanager
def _a_year_that_zip_knows() -> Iterator[None]:
    if time.localtime().tm_year >= _FIRST[0]:
        yield
        return
    clock = SimpleNamespace(time=time.time, localtime=lambda _: time.struct_time(_FIRST))
    from_file = zipfile.ZipInfo.from_file
    with (
        patch.object(zipfile, "time", clock),
        patch.object(
            zipfile.ZipInfo,
            "from_file",
            lambda *given, **_: from_file(*given, strict_timestamps=False),
        ),
    ):
        yield
