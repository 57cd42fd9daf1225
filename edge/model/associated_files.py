"""The zip archive behind a model's flatbuffer: TFLite Metadata keeps labels and the like in it."""

import io
import zipfile
from collections.abc import Mapping

# Of all files together. The labels of ImageNet take 10 kB.
_MAX_BYTES = 64 * 2**20


def read_associated_files(content: bytes) -> tuple[dict[str, bytes], int]:
    """The files of the archive by name, and where in `content` it begins.

    Without an archive, or with a damaged one, there are no files and it begins at the end.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _MAX_BYTES:
                return {}, len(content)
            start = min((entry.header_offset for entry in entries), default=len(content))
            return {entry.filename: _unpacked(archive, entry) for entry in entries}, start
    except Exception:
        # BadZipFile, or what a decompressor raises: zlib.error, OSError, ...
        return {}, len(content)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    # What other methods, or a read without a size, unpack a few bytes to has no bound.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"compression method {entry.compress_type}")
    with archive.open(entry) as file:
        return file.read(entry.file_size)


def with_files(model: bytes, files: Mapping[str, bytes]) -> bytes:
    """The model with a zip archive of `files` behind it, stored as the format requires.

    The same files give the same bytes: the archive holds no dates.
    """
    packed = io.BytesIO(model)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()
