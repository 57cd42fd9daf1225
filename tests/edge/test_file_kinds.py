"""Which files are pictures: by suffix, or where that says nothing, by the first bytes."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from edgetl.edge.sources.file_kinds import is_picture_file, is_video_file
from edgetl.edge.sources.files import Item, files

HEIC = Path(__file__).with_name("heic") / "upright.heic"


def encoded(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, form)
    return buffer.getvalue()


CONTENTS = {form: encoded(form) for form in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")}
VIDEO = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(64)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        *((f"IMG_{form}", content, True) for form, content in CONTENTS.items()),
        ("download.jpg_large", CONTENTS["JPEG"], True),
        ("download.php", CONTENTS["PNG"], True),
        ("IMG_0001", HEIC.read_bytes(), True),
        ("IMG_0001.HEIC", b"anything", True),
        ("a.hif", b"", True),
        ("README", b"BMW is a make of cars, as text has it", False),
        ("LICENSE", b"P2P software", False),
        ("clip", VIDEO, False),
        ("raw.dng", CONTENTS["TIFF"], False),
        ("notes.txt", CONTENTS["JPEG"], False),
        ("labels.csv", b"a,b", False),
        ("empty", b"", False),
    ],
)
def test_a_picture_is_known_by_its_suffix_or_its_content(
    tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_picture_file(tmp_path / name) is expected


def test_a_known_suffix_is_not_opened() -> None:
    assert is_picture_file(Path("/nowhere/a.jpg"))
    assert not is_picture_file(Path("/nowhere/a.txt"))
    assert not is_picture_file(Path("/nowhere/a"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not is_picture_file(tmp_path / "pipe")


def test_classify_finds_a_photo_without_a_suffix_in_a_folder_and_below(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "IMG_7").write_bytes(CONTENTS["JPEG"])
    (tmp_path / "sub" / "README").write_text("no photo")
    found = list(files([str(tmp_path)]))
    assert [Path(item.source).name for item in found if isinstance(item, Item)] == ["IMG_7"]


PACKETS = (b"G" + bytes(187)) * 3


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        *((f"clip.{suffix}", b"", True) for suffix in ("h264", "MTS", "m2ts", "3gp", "flv", "mp4")),
        ("clip.ts", PACKETS, True),
        ("code.ts", b"GET();" + bytes(300), False),
        ("code.ts", b"import { a } from 'b';\n" * 20, False),
        ("empty.ts", b"", False),
        ("a.jpg", CONTENTS["JPEG"], False),
    ],
)
def test_a_video_is_known_by_its_suffix_and_a_transport_stream_by_its_packets(
    tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_video_file(tmp_path / name) is expected
