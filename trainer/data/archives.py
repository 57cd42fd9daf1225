"""DATA that is an archive or a web address: downloaded once, unpacked once, then a folder.

An archive is not trusted: its names must stay inside the folder, only regular files are written,
and the bytes written are counted, whatever sizes it declares.
"""

import errno
import gzip
import hashlib
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import IO

from edgetl.edge.errors import DataError, RunFolderError, SettingError, quoted, reason
from edgetl.edge.model.verify.schema import MODEL_IDENTIFIER
from edgetl.edge.sources.folders import is_system_folder
from edgetl.edge.system.files import why_no_file
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.cache_entries import CACHE_NAME, hold_until_next, new_entry, prune
from edgetl.trainer.data.downloads import downloaded, forget
from edgetl.trainer.data.wording import ANOTHER_DISK
from edgetl.trainer.progress import bytes_bar

ARCHIVE_SUFFIXES = (".zip", ".tar.gz", ".tgz")

# What an archive may unpack to. Pictures are packed hardly smaller than they are, so that a ratio
# far above 1 is a bomb; small archives may hold text, which packs well.
MAX_BYTES = 100 * 10**9
MAX_RATIO = 200
RATIO_FROM_BYTES = 10**9
MAX_ENTRIES = 2_000_000
MAX_DEPTH = 100
# tarfile reads headers into memory whole, whatever length they declare.
MAX_TAR_HEADER_BYTES = 16 * 2**20

# Where `train` keeps archives, beside its runs.
ARCHIVE_CACHE = (CACHE_NAME, "archives")
# Archives whose photos stay unpacked, those used last: runs on them are exported and resumed.
KEPT_ARCHIVES = 8

_CHUNK_BYTES = 2**20

# What a reader of archives raises at a damaged one, and the numbers of such OSErrors: none for
# gzip's own, EINVAL of an offset before the file's beginning.
_DAMAGED_NUMBERS = (None, errno.EINVAL)
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    NotImplementedError,
    OverflowError,
    ValueError,
    struct.error,
    zlib.error,
)

# The system's errors for names in an archive that clash, or are not allowed on this system.
_BAD_NAMES = (errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


@dataclass(frozen=True)
class _Entry:
    """An entry of an archive.

    `refused` is the reason why it is not unpacked, "" if it is. `end` is about how many bytes of
    the archive lie before its end.
    """

    name: str
    is_folder: bool
    size: int
    end: int
    refused: str
    open: Callable[[], IO[bytes]]


def data_folder(data: str, *, cache: Path, sha256: str | None = None) -> Path:
    """The folder of pictures that DATA names.

    Args:
        data: a folder, a .zip, .tar.gz or .tgz file, or the http(s) address of one. A path that
            does not exist is returned, for `edgetl.trainer.data.scanning.scan` to report.
        cache: a folder of ours: downloads go to cache/downloads/, an archive's files to
            cache/KEY/, where KEY is from its content. Both are reused the next time.
        sha256: what the archive's SHA-256 must be.

    Raises:
        DataError: the archive cannot be downloaded, is not the one `sha256` means, is damaged, or
            holds something that is not safe to unpack.
        RunFolderError: the cache cannot be written, or the disk is full.
        SettingError: `sha256` is no SHA-256, or DATA is a folder.
    """
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise SettingError(f"--sha256 {quoted(sha256)}: a SHA-256 is 64 hexadecimal digits")
    is_url = re.match(r"(?i)https?://", data) is not None
    try:
        if is_url:
            name, archive = downloaded(data, cache / "downloads", sha256)
        elif scheme := re.match(r"(?i)[a-z][a-z0-9+.-]+://", data):
            raise DataError(
                f"{scheme[0]}...: only http:// and https:// addresses are downloaded; "
                f"download it by hand and name the file"
            )
        else:
            name, archive = quoted(data), Path(data)
            # Where we may not look, and of a name that is too long, Path.is_file raises.
            is_folder, is_file = os.path.isdir(archive), os.path.isfile(archive)  # noqa: PTH112, PTH113
            if is_folder and sha256 is not None:
                raise SettingError(f"--sha256: {name} is a folder; leave --sha256 out")
            if not (is_folder or is_file) and data.lower().endswith(ARCHIVE_SUFFIXES):
                raise DataError(f"{name}: {why_no_file(archive)}; check the path")
            if not is_file:
                keep_unpacked(archive)
                return archive
        try:
            folder = _unpacked(archive, name, cache, sha256)
        except DataError:
            if is_url:  # else the same file would be refused again each time
                forget(archive)
            raise
        # Errors of what is in the archive name this folder.
        logger.info(f"unpacked   {name} to {quoted(folder)}")
        return folder
    except OSError as error:
        raise RunFolderError(
            f"{quoted(cache)}: cannot keep the data there: {reason(error)}; "
            f"free some space, or {ANOTHER_DISK}"
        ) from error


def keep_unpacked(photos: Path) -> None:
    """If a folder is an archive's in a cache, let no other process remove it, until this one ends.

    Runs know their photos by the folder that they were unpacked to.
    """
    if folder := unpacked_folder(photos):
        hold_until_next(folder)


def unpacked_folder(photos: Path) -> Path | None:
    """The folder that an archive is unpacked to in a cache and this one is in; None outside."""
    above = (photos.absolute(), *photos.absolute().parents)
    ends = len(ARCHIVE_CACHE)
    return next((f for f in above if f.parent.parts[-ends:] == ARCHIVE_CACHE), None)


def _unpacked(archive: Path, name: str, cache: Path, sha256: str | None) -> Path:
    try:
        digest = _digest(archive)
    except OSError as error:
        raise DataError(f"{name}: {reason(error)}; it must be a file you can read") from error
    if sha256 is not None and digest != sha256.lower():
        raise DataError(
            f"{name}: its SHA-256 begins {digest[:12]}, and --sha256 {sha256[:12].lower()}; "
            f"it is another file or was changed: download it again, or correct --sha256"
        )
    entry = cache / digest[:24]
    if hold_until_next(entry):
        return entry
    try:
        with new_entry(entry) as building:
            _unpack(archive, name, building)
            if hasattr(os, "sync"):
                os.sync()  # at once: a call for each of thousands of photos would take minutes
    except (OSError, *_DAMAGED) as error:
        if isinstance(error, OSError) and error.errno not in _DAMAGED_NUMBERS:
            raise
        words = quoted(str(error) or type(error).__name__)
        raise DataError(
            f"{name}: is damaged or cut off ({words}); download or copy it again"
        ) from error
    hold_until_next(entry)
    for removed in prune(cache, keep=KEPT_ARCHIVES):
        logger.warning(
            f"{quoted(removed)}: removed, as only the newest {KEPT_ARCHIVES} unpacked archives are "
            f"kept; to export a run of these photos, give --data"
        )
    return entry


def _digest(archive: Path) -> str:
    digest = hashlib.sha256()
    with archive.open("rb") as file, bytes_bar("reading", archive.stat().st_size) as show:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            show(file.tell())
    return digest.hexdigest()


def _unpack(archive: Path, name: str, into: Path) -> None:
    packed = archive.stat().st_size
    check_size = partial(_check_size, name, packed, shutil.disk_usage(into).free)
    files = declared = written = 0
    with bytes_bar("unpacking", packed) as show:
        for number, entry in enumerate(_entries(archive, name, check_size), 1):
            if number > MAX_ENTRIES:
                raise DataError(f"{name}: holds more than {MAX_ENTRIES} files; pack fewer")
            parts = _parts_inside(entry.name, name)
            if any(map(is_system_folder, parts)):  # as macOS's __MACOSX
                continue
            if entry.refused:
                raise DataError(
                    f"{name}: the entry {_shown(entry.name)} {entry.refused}, which is not "
                    f"unpacked; pack plain files, or unpack it by hand and name the folder"
                )
            declared += entry.size
            check_size(declared)
            target = into.joinpath(*parts)
            try:
                (target if entry.is_folder else target.parent).mkdir(parents=True, exist_ok=True)
                if entry.is_folder:
                    continue
                file = target.open("xb")
            except OSError as error:
                if error.errno not in _BAD_NAMES:
                    raise
                raise DataError(
                    f"{name}: the entry {_shown(entry.name)} cannot be unpacked "
                    f"({reason(error)}); pack each file once, under a plain name"
                ) from error
            with file, entry.open() as source:
                while chunk := source.read(_CHUNK_BYTES):
                    written += len(chunk)
                    check_size(written)
                    file.write(chunk)
            files += 1
            show(entry.end)
    if not files:
        raise DataError(f"{name}: holds no files; pack a folder of pictures")


def _shown(entry: str) -> str:
    return repr(entry if len(entry) <= 200 else f"{entry[:200]}...")


def _check_size(name: str, packed: int, free: int, total: int) -> None:
    if total > MAX_BYTES or (total > RATIO_FROM_BYTES and total > MAX_RATIO * packed):
        raise DataError(
            f"{name}: unpacks to more than {total / 1e9:.1f} GB from {packed / 1e9:.3f} GB, which "
            f"pictures do not; unpack it by hand and name the folder, if you trust it"
        )
    if total > free:
        raise RunFolderError(
            f"{name}: unpacks to more than {total / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; "
            f"free some, or {ANOTHER_DISK}"
        )


def _parts_inside(entry: str, name: str) -> tuple[str, ...]:
    # Windows' rules on every system: they know drives, and both kinds of slashes.
    path = PureWindowsPath(entry)
    if path.anchor or ".." in path.parts or len(path.parts) > MAX_DEPTH:
        raise DataError(
            f"{name}: the entry {_shown(entry)} would leave the folder it is unpacked in, or is "
            f"too deep; do not trust this archive, get another"
        )
    return path.parts


def _entries(archive: Path, name: str, check_size: Callable[[int], None]) -> Iterator[_Entry]:
    with archive.open("rb") as file:
        start = file.read(8)
    if start[4:] == MODEL_IDENTIFIER:
        # Its labels are zipped onto its end.
        raise DataError(f"{name}: is a model, not photos; name a folder of pictures")
    if start[:2] == b"\x1f\x8b":
        return _tar_entries(archive)
    if start[:4] == b"PK\3\4" or zipfile.is_zipfile(archive):
        return _zip_entries(archive, check_size)
    raise DataError(
        f"{name}: is neither .zip nor .tar.gz; name a folder of pictures or such an archive of one"
    )


def _zip_entries(archive: Path, check_size: Callable[[int], None]) -> Iterator[_Entry]:
    try:  # macOS writes UTF-8 without the flag for it
        packed = zipfile.ZipFile(archive, metadata_encoding="utf-8")
    except UnicodeDecodeError:
        packed = zipfile.ZipFile(archive)
    with packed:
        check_size(sum(info.file_size for info in packed.infolist()))
        end = 0
        for info in packed.infolist():
            end += info.compress_size
            kind = stat.S_IFMT(info.external_attr >> 16)
            refused = ""
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                refused = "is a link" if kind == stat.S_IFLNK else "is a device"
            elif info.flag_bits & 1:
                refused = "is encrypted"
            elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # zipfile reads other methods, where it can, without a bound on memory
                refused = "is compressed with another method than deflate"
            open_it = partial(packed.open, info)
            is_folder = info.filename.endswith("/")
            yield _Entry(info.filename, is_folder, info.file_size, end, refused, open_it)


def _tar_entries(archive: Path) -> Iterator[_Entry]:
    with (
        archive.open("rb") as file,
        _BoundedGzip(fileobj=file) as bounded,
        tarfile.open(fileobj=bounded, mode="r|") as tar,
    ):
        for member in tar:
            size = 0 if member.isdir() else max(0, member.size)
            bounded.left = MAX_TAR_HEADER_BYTES + size
            refused = ""
            if not (member.isreg() or member.isdir()):
                refused = "is a link" if member.issym() or member.islnk() else "is a device"
            open_it = partial(_tar_file, tar, member)
            yield _Entry(member.name, member.isdir(), size, file.tell(), refused, open_it)
        # tarfile takes an unreadable header for the end. After the real end there are only zeros,
        # and then gzip's checksum, which is checked only when it is read.
        assert tar.fileobj is not None
        while rest := tar.fileobj.read(_CHUNK_BYTES):
            if rest.strip(b"\0"):
                raise tarfile.ReadError("a header is unreadable")


def _tar_file(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    assert file is not None  # None is for what is not a regular file
    return file


class _BoundedGzip(gzip.GzipFile):
    """Reads no more than `left` bytes, which its owner sets again."""

    left = MAX_TAR_HEADER_BYTES

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.left -= len(data)
        if self.left < 0:
            raise tarfile.ReadError("a header is too long")
        return data
