"""What too little memory looks like, and what a person can do about it.

A limit of the address space (`ulimit -v`) is met by whatever asks first: a library that is loaded,
a thread that is started, an array. Each has an error of its own.
"""

import errno
from collections.abc import Iterator

_SIGNS = (
    "failed to map segment", "cannot allocate memory", "can't start new thread", "memoryerror",
    "(sigkill)",
)  # fmt: skip


def shortage(error: BaseException) -> BaseException | None:
    """What says, of `error` and what it came of, that there was too little memory; None if none."""
    return next(filter(_is_one, _chain(error)), None)


def tells_of_shortage(text: str) -> bool:
    """Whether words do: an error's, or those of how the kernel ended a process."""
    return any(sign in text.lower() for sign in _SIGNS)


def advice() -> str:
    """What to do about it, for the end of a line."""
    limit = _address_space()
    if limit is not None:
        return f"`ulimit -v` allows {limit // 10**6} MB; allow more"
    return "end other programs, or give this one more"


def _is_one(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    loads = isinstance(error, ImportError | OSError | RuntimeError)
    return loads and tells_of_shortage(str(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _address_space() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit
