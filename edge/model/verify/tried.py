"""Trying each model file once on a machine; what passed is remembered, so that starts are fast.

A small file for each stands in `edgetl/tried-models` of the user's cache folder. Only what this
user owns, and nobody else may read or write, is believed; a damaged or unwritable cache means that
files are tried again.
"""

import contextlib
import hashlib
import os
import platform
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from edgetl import __version__
from edgetl.edge.model.runtime import Runtime
from edgetl.edge.system.files import write_text

if TYPE_CHECKING:
    from edgetl.edge.model.model_file import ModelFile

# Two a model and runtime, of a hundred bytes each; beyond, the oldest go.
_MOST = 500
_STRUCTURE = "structure"

_tried_here: set[str] = set()


def try_once(model: "ModelFile", runtime: Runtime, *, threads: int) -> None:
    """Run a model in a subprocess, unless one of the same content has passed that here.

    Raises:
        ModelFileError, RuntimeError, EdgetlError: as `edgetl.edge.model.verify.sandbox.load_check`.
    """
    if _is_remembered(_entry(model.content_sha256, runtime)):
        return
    from edgetl.edge.model.verify.sandbox import load_check

    load_check(model, runtime, threads=threads)
    remember(model.content_sha256, runtime)


def remember(content_sha256: str, runtime: Runtime) -> None:
    """Remember that a file with this SHA-256 has a sound structure and runs on this runtime."""
    for entry in (_entry(content_sha256, None), _entry(content_sha256, runtime)):
        _tried_here.add(entry)
        # A nightly build says no version, and is not the same tomorrow.
        if "(unknown" not in entry:
            with contextlib.suppress(OSError):
                _write(entry)


def has_sound_structure(content_sha256: str) -> bool:
    """Whether a file with this SHA-256 passed the check of its structure here, and was tried."""
    return _is_remembered(_entry(content_sha256, None))


def _entry(content_sha256: str, runtime: Runtime | None) -> str:
    # Another edgetl may check more, and another processor run other kernels.
    what = f"{runtime.name} {runtime.version}" if runtime else _STRUCTURE
    return f"{content_sha256} {what}, edgetl {__version__}, {platform.machine()}\n"


def _is_remembered(entry: str) -> bool:
    if entry in _tried_here:
        return True
    folder = _folder()
    if folder is None:
        return False
    try:
        file = folder / _name(entry)
        if not (_is_private(file.lstat()) and file.read_bytes() == entry.encode()):
            return False
    except OSError:
        return False
    _tried_here.add(entry)
    return True


def _write(entry: str) -> None:
    folder = _folder()
    if folder is None or _is_of_another_user(folder):
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_private(folder.lstat()):
        return
    write_text(folder / _name(entry), entry, mode=0o600)
    entries = sorted(folder.iterdir(), key=lambda path: path.lstat().st_mtime)
    for old in entries[:-_MOST]:
        old.unlink(missing_ok=True)


def _folder() -> Path | None:
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        return None
    return Path(cache, "edgetl", "tried-models")


def _name(entry: str) -> str:
    return hashlib.sha256(entry.encode()).hexdigest()


def _is_private(status: os.stat_result) -> bool:
    # Windows has neither these owners nor these modes; its cache folder is the user's own.
    if os.name != "posix":
        return True
    # A link has no modes of its own: whoever made it, it is not private.
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077


def _is_of_another_user(folder: Path) -> bool:
    """Whether root would make the folder in another user's home, who then could not write there."""
    if os.name != "posix" or os.geteuid() != 0:
        return False
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return nearest.stat().st_uid != 0
