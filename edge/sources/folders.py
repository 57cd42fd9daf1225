"""Folders and files among pictures that nobody put there as pictures: the system's and edgetl's."""

from pathlib import Path

# Thumbnails, waste baskets and notes that systems, cameras and file servers leave, in lower case.
_SYSTEM_FOLDERS = frozenset(
    {
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "@__thumb",
        "@eadir",
        "@recently-snapshot",
        "@recycle",
        "@tmp",
        "__macosx",
        "found.000",
        "lost+found",
        "network trash folder",
        "recycler",
        "system volume information",
        "temporary items",
    }
)
_SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})

# A run is known by config.json with one of the others beside it; any program may write one alone.
_RUN_CONFIG = "config.json"
_OF_A_RUN = ("split.json", "model.keras", "labels.txt", "checkpoints")
# Where the built-in demo pictures are drawn, with the demo's runs beside them.
_DEMO_FOLDER = "edgetl-demo"


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, as names with a dot in front and Thumbs.db are."""
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


def is_system_folder(name: str) -> bool:
    """Whether a folder is of a system or file server, by its name."""
    return name.lower() in _SYSTEM_FOLDERS


def is_own_folder(folder: Path) -> bool:
    """Whether edgetl made a folder: a run, finished or not, or the demo."""
    if folder.name == _DEMO_FOLDER:
        return True
    return (folder / _RUN_CONFIG).is_file() and any((folder / name).exists() for name in _OF_A_RUN)
