"""The paths of a service's options, and another system's file tree."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.options import Options, Setting

_Some = TypeVar("_Some", bound=Options)


def absolute(path: Path | str) -> Path:
    """A path as it was typed, from the root on.

    Raises:
        SettingError: the folder we are in is gone.
    """
    try:
        # systemd takes no ".." in a path, and a link to the model of the day must stay one.
        return Path(os.path.normpath(Path(path).absolute()))
    except OSError as error:  # the folder we are in was deleted
        raise SettingError(f"{quoted(path)}: the folder here is gone; give a whole path") from error


def with_absolute_paths(options: _Some) -> _Some:
    """The options of a command, which a service starts in another folder.

    Raises:
        SettingError: no model is named, which would be looked for here; or as `absolute`.
    """
    given: Any = options
    if given.model is None:
        raise SettingError("a service needs --model FILE: it starts in another folder")
    found = {setting.name: absolute(path) for setting, path in _paths(options)}
    return replace(given, **found)  # type: ignore[no-any-return]


def named_paths(options: Options) -> list[tuple[str, Path]]:
    """The paths that options name, each behind its option, as "--model"."""
    return [(setting.shown_name, path) for setting, path in _paths(options)]


def inside(root: Path, path: Path | PurePosixPath) -> Path:
    """An absolute path of another system's file tree, as a path of this one."""
    return root / Path(path).relative_to("/")


def _paths(options: Options) -> Iterator[tuple[Setting, Path]]:
    for setting in options.settings():
        path = getattr(options, setting.name)
        if setting.type is Path and path is not None:
            yield setting, path
