"""What a folder holds and is not classified: counted, not listed."""

import os
from collections import Counter

from edgetl.edge.errors import plural, quoted
from edgetl.edge.sources.folders import PassedOver

# How many suffixes are counted apart, so that memory is bounded whatever a folder holds.
_KINDS = 100
_SHOWN = 5


class LeftOut:
    """Counts files that are neither pictures nor videos, and folders that are not walked."""

    def __init__(self) -> None:
        self._files: Counter[str] = Counter()
        self._folders: Counter[str] = Counter()
        self._written = 0

    def add_file(self, name: str) -> None:
        """Count a file by its suffix."""
        _count(self._files, os.path.splitext(name)[1].lower() or "without suffix")  # noqa: PTH122

    def add_folder(self, name: str, why: PassedOver) -> None:
        """Count a folder of a system or of edgetl; a link leads to what is classified anyway."""
        if why in ("system", "own"):
            _count(self._folders, f"{name}/")
        self._written += why == "written"

    def words(self) -> str:
        """What was left out, "" if nothing."""
        parts = []
        if number := self._files.total():
            are = "is neither picture nor video" if number == 1 else "are no pictures or videos"
            parts.append(f"{plural(number, 'file')} that {are} ({_shown(self._files)})")
        if number := self._folders.total():
            folders = plural(number, "folder")
            parts.append(f"{folders} of the system or of edgetl ({_shown(self._folders)})")
        if self._written:
            parts.append("the folder that snapshots go to")
        return " and ".join(parts)


def _count(kinds: Counter[str], kind: str) -> None:
    kinds[kind if kind in kinds or len(kinds) < _KINDS else "other"] += 1


def _shown(kinds: Counter[str]) -> str:
    shown = ", ".join(f"{number:,} {quoted(kind)}" for kind, number in kinds.most_common(_SHOWN))
    return shown if len(kinds) <= _SHOWN else f"{shown}, ..."
