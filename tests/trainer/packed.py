"""Archives that tests pack, and how they are refused."""

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from edgetl.edge.errors import DataError, EdgetlError
from edgetl.trainer.data.archives import data_folder

FILES = {"cats/1.jpg": b"cat one", "cats/2.jpg": b"cat two", "dogs/1.jpg": b"dog"}
BIG = {**FILES, "dogs/noise.jpg": os.urandom(3 * 2**20)}


def write_zip(path: Path, files: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:  # type: ignore[arg-type]
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: dict[str, bytes], *more: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in more:
            archive.addfile(member)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refused(
    data: Path | str, cache: Path, kind: type[EdgetlError] = DataError, **options: str
) -> str:
    """The one line that `data` is refused with; nothing is left in the cache that is used later."""
    with pytest.raises(kind) as caught:
        data_folder(str(data), cache=cache, **options)  # type: ignore[arg-type]
    line = str(caught.value)
    assert "\n" not in line
    assert [path for path in cache.glob("*") if path.name != "downloads"] == []
    return line
