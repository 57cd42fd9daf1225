"""Pictures in object stores and on servers, by fsspec: their bytes, fetched ahead of their turn."""

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import fsspec

from edgetl.edge.errors import EdgetlError, SettingError, SourceError, quoted, reason
from edgetl.edge.shards.manifest import Entry
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.system.masking import masked

# Each picture waits for the network: several do so at a time, and a few more lie ready.
_THREADS = 16
_AHEAD = 32
_MOST_BYTES = 2**28
_TRIES = 3
_WAIT_SECONDS = 1.0

# What is said of one picture, while the rest goes on; any other error is the store's.
_OF_ONE = (FileNotFoundError, PermissionError, IsADirectoryError)

_T = TypeVar("_T")


def is_url(photos: str) -> bool:
    """Whether it is a URL, and not a folder."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", photos) is not None


def opened_store(url: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, and the path in it, without a slash at its end.

    Raises:
        SettingError: there is no such kind of URL, or it is not one of a folder.
        EdgetlError: a package is missing that reads this kind.
    """
    shown = quoted(masked(url))
    protocol = url.partition("://")[0]
    try:
        # Listings that are kept would fill the memory.
        store, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        package = "s3fs" if protocol in ("s3", "s3a") else _package(str(error))
        raise EdgetlError(
            f"{shown}: {protocol}:// needs the Python package {package}, which is not installed "
            f"here; install it with: pip install {package}"
        ) from error
    except (ValueError, TypeError) as error:
        raise SettingError(f"{shown}: {' '.join(str(error).split())}; name a folder") from error
    return store, str(path).rstrip("/")


def _package(message: str) -> str:
    found = re.search(r"[Ii]nstall (\S+)", message)
    return found[1] if found else "of fsspec for it"


def retried(asked: Callable[[], _T], *, of: str) -> _T:
    """What a store answers, asked for three times.

    Args:
        asked: asks.
        of: what is asked for, for messages.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: that there is no such thing.
        SourceError: the store fails.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            return asked()
        except _OF_ONE:
            raise
        except Exception as error:  # each store has errors of its own
            if attempt == _TRIES:
                words = " ".join(str(error).split()) or type(error).__name__
                raise SourceError(
                    f"{quoted(masked(of))}: {words}; run the same command again to continue"
                ) from error
            time.sleep(_WAIT_SECONDS * attempt)
    raise AssertionError("unreachable")


def fetched(root: str, entries: Iterable[Entry]) -> Iterator[Item | Problem]:
    """The bytes of pictures below a URL, in their order; 32 are fetched ahead, in 16 threads.

    One that is not there, or is larger than 256 MB, is a Problem.

    Raises:
        SourceError: the store fails.
        SettingError, EdgetlError: as `opened_store`.
    """
    store, folder = opened_store(root)
    waiting = iter(entries)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="fetch")
    try:
        under_way: deque[Future[Item | Problem]] = deque(
            pool.submit(_fetch, store, folder, root, entry) for entry in islice(waiting, _AHEAD)
        )
        while under_way:
            yield under_way.popleft().result()
            for entry in islice(waiting, 1):
                under_way.append(pool.submit(_fetch, store, folder, root, entry))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _fetch(store: Any, folder: str, root: str, entry: Entry) -> Item | Problem:
    source = f"{root.rstrip('/')}/{entry.path}"
    shown = quoted(masked(source))
    if entry.size > _MOST_BYTES:
        return Problem(f"{shown}: larger than {_MOST_BYTES // 2**20} MB")
    try:
        content = retried(lambda: store.cat_file(f"{folder}/{entry.path}"), of=source)
    except OSError as error:
        return Problem(f"{shown}: {reason(error) if error.errno else 'no such picture any more'}")
    return Item(masked(source), bytes(content))
