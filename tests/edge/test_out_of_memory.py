"""Errors of too little memory, whoever met it."""

import errno

import pytest

from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.out_of_memory import advice, shortage


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libx.so: failed to map segment from shared object"),
        OSError("libx.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
    ],
    ids=repr,
)
def test_too_little_memory_is_recognized_and_what_it_became(error: Exception) -> None:
    assert shortage(error) is error
    became = EdgetlError("does not load")
    became.__cause__ = error
    assert shortage(became) is error
    assert advice().endswith(("allow more", "give this one more"))


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "no space"), RuntimeError("bad"), ImportError("no libGL")]
)
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert shortage(error) is None
