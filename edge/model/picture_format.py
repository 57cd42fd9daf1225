"""Which format a picture is in, by its first bytes: a file's name may say another, or none."""

from typing import Literal, TypeAlias

# As many as tell the formats apart; the brands of a HEIC or AVIF file take the most.
HEAD_BYTES = 64

PictureFormat: TypeAlias = Literal[
    "JPEG", "PNG", "GIF", "WebP", "BMP", "TIFF", "JPEG 2000", "PNM", "HEIC", "AVIF"
]

# (offset, bytes): all must be there. BMP's two letters begin many a text, its zeros none.
_SIGNATURES: tuple[tuple[PictureFormat, tuple[tuple[int, bytes], ...]], ...] = (
    ("JPEG", ((0, b"\xff\xd8\xff"),)),
    ("PNG", ((0, b"\x89PNG\r\n\x1a\n"),)),
    ("GIF", ((0, b"GIF87a"),)),
    ("GIF", ((0, b"GIF89a"),)),
    ("WebP", ((0, b"RIFF"), (8, b"WEBP"))),
    ("BMP", ((0, b"BM"), (6, b"\0\0\0\0"))),
    ("TIFF", ((0, b"II*\0"),)),
    ("TIFF", ((0, b"MM\0*"),)),
    ("TIFF", ((0, b"II+\0"),)),
    ("TIFF", ((0, b"MM\0+"),)),
    ("JPEG 2000", ((0, b"\0\0\0\x0cjP  \r\n\x87\n"),)),
    ("JPEG 2000", ((0, b"\xff\x4f\xff\x51"),)),
)
_WHITESPACE = b" \t\r\n"

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
# mif1 and msf1 are any codec's; AVIF's files have its own brand beside.
_HEIC_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


def picture_format(head: bytes) -> PictureFormat | None:
    """The format of a picture that begins with these bytes; None where they are no picture's.

    Args:
        head: the first HEAD_BYTES of the file, or all of a shorter one.
    """
    for found, parts in _SIGNATURES:
        if all(head[at : at + len(part)] == part for at, part in parts):
            return found
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in _WHITESPACE and head[2:]:
        return "PNM"
    brands = _brands(head)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else None


def _brands(head: bytes) -> set[bytes]:
    """The brands of an ISO base media file; none of any other file."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12]} | {head[at : at + 4] for at in range(16, end - 3, 4)}
