"""The options of `edgetl review`. Importing them loads neither NumPy nor OpenCV."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.options import Option, Options
from edgetl.edge.preview.options import (
    LOCAL,
    PreviewHostOption,
    PreviewOption,
    PreviewPrefixOption,
)
from edgetl.edge.review.remote import Remote, parse_remote


@dataclass(frozen=True)
class ReviewOptions(Options):
    """Which pictures are reviewed, and where those go that are accepted.

    Raises:
        SettingError: a value is not allowed, or does not fit the others.
    """

    folder: Annotated[
        str,
        Option(
            "Folder of pictures, or a device's, which rsync fetches.",
            argument=True,
            metavar="DIR|[USER@]HOST:DIR",
        ),
    ]
    into: Annotated[Path, Option("Folder of photos: a folder a class.", metavar="PHOTOS")]
    model: Annotated[
        Path | None,
        Option(
            "A .tflite file, which suggests classes and finds what is alike.",
            unset="the newest export, or only one here, or none",
        ),
    ] = None
    fetched: Annotated[
        Path | None,
        Option(
            "Where a device's pictures are fetched to.",
            unset="snapshots/HOST, beside PHOTOS",
            metavar="DIR",
        ),
    ] = None
    preview: PreviewOption = None
    preview_host: PreviewHostOption = ()
    preview_prefix: PreviewPrefixOption = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fetched is not None and self.remote is None:
            raise SettingError(
                f"--fetched is for a device's folder, as in pi@raspberrypi.local:seen; "
                f"{quoted(self.folder)} is one here"
            )
        here, photos = self.local.resolve(), self.into.resolve()
        if here == photos or here in photos.parents or photos in here.parents:
            raise SettingError(
                f"{quoted(self.local)} and --into {quoted(self.into)}: one lies in the other; "
                f"name a folder for photos beside it"
            )

    @property
    def remote(self) -> Remote | None:
        """The device's folder; None for one of this machine."""
        # Path.exists raises for names that are too long.
        there = os.path.exists(self.folder)  # noqa: PTH110
        return None if there else parse_remote(self.folder)

    @property
    def local(self) -> Path:
        """The folder of pictures on this machine."""
        remote = self.remote
        if remote is None:
            return Path(self.folder)
        return self.fetched or self.into.parent / "snapshots" / remote.name

    @property
    def address(self) -> str:
        """HOST:PORT of the page."""
        return self.preview or LOCAL
