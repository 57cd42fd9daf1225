"""Which files are pictures and which are videos."""

from pathlib import Path, PurePath

from edgetl.edge.model.picture_format import HEAD_BYTES, picture_format


def _suffixes(names: str) -> frozenset[str]:
    return frozenset("." + name for name in names.split())


PICTURE_SUFFIXES = _suffixes(
    "jpg jpeg jpe jif jfif mpo png apng gif bmp dib webp tif tiff ppm pgm pbm pnm "
    "jp2 j2k j2c jpc jpf jpx avif avifs heic heif heics heifs hif"
)
VIDEO_SUFFIXES = _suffixes(
    "mp4 mov avi mkv webm m4v mpg mpeg mpe mjpeg mjpg wmv asf 3gp 3g2 flv f4v ogv ts mts m2ts "
    "h264 264 h265 265 hevc"
)
# TypeScript's files bear the name of MPEG's transport streams, whose packets of 188 bytes begin so.
_TRANSPORT_STREAM, _PACKET_BYTES, _SYNC = ".ts", 188, b"G"

# Files that lie beside photos and need not be looked into. Cameras' raw files would pass for TIFF,
# with a thumbnail for a picture.
_OTHER_SUFFIXES = _suffixes(
    "txt md rst html htm css js csv tsv json jsonl xml xmp yaml yml toml ini cfg log sql db sqlite "
    "pdf doc docx odt xls xlsx ods ppt pptx rtf eps ps svg ai psd xcf ico icns "
    "py pyc ipynb sh bat exe dll so c h cpp java "
    "zip tar gz tgz bz2 xz zst 7z rar iso dmg npy npz pkl pt pth h5 keras tflite onnx pb tfrecord "
    "parquet mat bin dat lnk url aae thm tmp part crdownload bak "
    "mp3 wav flac ogg m4a aac opus lrv "
    "dng cr2 cr3 nef nrw arw sr2 srf orf rw2 raf pef srw raw x3f 3fr iiq"
)


def is_picture_name(name: str) -> bool | None:
    """Whether a file is a picture by its suffix; None if that says nothing."""
    suffix = PurePath(name).suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return True
    return False if suffix in VIDEO_SUFFIXES or suffix in _OTHER_SUFFIXES else None


def is_video_name(name: str) -> bool:
    """Whether a file is a video by its suffix, which .ts is too."""
    return PurePath(name).suffix.lower() in VIDEO_SUFFIXES


def is_picture_file(path: Path) -> bool:
    """Whether a file is a picture: by its suffix, or where that says nothing, by its first bytes.

    A file that cannot be opened to see is taken for a picture, so that what reads it says why.
    """
    by_name = is_picture_name(path.name)
    if by_name is not None:
        return by_name
    try:
        # Not what waits for a writer, as a named pipe does.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return picture_format(file.read(HEAD_BYTES)) is not None
    except OSError:
        return True


def is_video_file(path: Path) -> bool:
    """Whether a file is a video, by its name; of .ts, which is TypeScript's too, by its content.

    A .ts file that cannot be opened to see is taken for one, so that what reads it says why.
    """
    suffix = path.suffix.lower()
    if suffix != _TRANSPORT_STREAM:
        return suffix in VIDEO_SUFFIXES
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            packets = file.read(_PACKET_BYTES + 1)
    except OSError:
        return True
    return packets[:1] == packets[_PACKET_BYTES:] == _SYNC
