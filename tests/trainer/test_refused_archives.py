"""Archives that are damaged or not safe to unpack."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgetl.edge.errors import RunFolderError
from edgetl.trainer.data import archives
from edgetl.trainer.data.archives import data_folder
from tests.trainer.packed import (
    BIG,
    FILES,
    refused,
    special,
    write_tar,
    write_zip,
)


@pytest.mark.parametrize(
    "name",
    ["../out.jpg", "a/../../out.jpg", "/out.jpg", "C:/out.jpg", "C:out.jpg", "..\\out.jpg",
     "\\\\host\\share\\out.jpg", "d/" * 1500 + "1.jpg"],
)  # fmt: skip
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_no_name_leads_outside(
    tmp_path: Path, cache: Path, name: str, write: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    line = refused(write(tmp_path / "evil.zip", {**FILES, name: b"x"}), cache)
    assert "evil.zip: the entry " in line
    assert repr(name)[1:9] in line
    assert len(line) < 600
    assert not list(tmp_path.rglob("out.jpg"))


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (special("cats/s.jpg", tarfile.SYMTYPE, "1.jpg"), "'cats/s.jpg' is a link"),
        (special("cats/s.jpg", tarfile.SYMTYPE, "/etc/passwd"), "'cats/s.jpg' is a link"),
        (special("cats/h.jpg", tarfile.LNKTYPE, "cats/1.jpg"), "'cats/h.jpg' is a link"),
        (special("cats/p.jpg", tarfile.FIFOTYPE), "'cats/p.jpg' is a device"),
        (special("cats/c.jpg", tarfile.CHRTYPE), "'cats/c.jpg' is a device"),
    ],
)
def test_links_and_devices_are_refused(
    tmp_path: Path, cache: Path, member: tarfile.TarInfo, words: str
) -> None:
    assert words in refused(write_tar(tmp_path / "d.tgz", FILES, member), cache)


def test_a_link_in_a_zip_is_refused(tmp_path: Path, cache: Path) -> None:
    info = zipfile.ZipInfo("cats/link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "'cats/link.jpg' is a link" in refused(tmp_path / "d.zip", cache)


def test_encrypted_entries_and_odd_compressions_are_refused(tmp_path: Path, cache: Path) -> None:
    archive = write_zip(tmp_path / "d.zip", {"a/1.jpg": b"x"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(content)
    assert "'a/1.jpg' is encrypted" in refused(archive, cache)
    archive = write_zip(tmp_path / "e.zip", {"a/1.jpg": b"x"}, compression=zipfile.ZIP_BZIP2)
    assert "another method than deflate" in refused(archive, cache)


@pytest.mark.parametrize("names", [("a/1.jpg", "a/1.jpg"), ("a", "a/1.jpg"), ("a/1.jpg", "a")])
def test_names_that_clash_are_refused(tmp_path: Path, cache: Path, names: tuple[str, str]) -> None:
    with tarfile.open(tmp_path / "d.tgz", "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert f"d.tgz: the entry {names[1]!r} cannot be" in refused(tmp_path / "d.tgz", cache)


def test_a_name_that_is_too_long_is_refused(tmp_path: Path, cache: Path) -> None:
    assert "name too long" in refused(write_tar(tmp_path / "d.tgz", {"a" * 300: b""}), cache)


@pytest.mark.parametrize("name", ["d.zip", "d.tgz"])
@pytest.mark.parametrize("how", ["cut", "last bytes", "flipped"])
def test_a_damaged_archive_is_named(tmp_path: Path, cache: Path, name: str, how: str) -> None:
    archive = tmp_path / name
    (write_zip if name == "d.zip" else write_tar)(archive, BIG)
    content = bytearray(archive.read_bytes())
    if how == "flipped":
        content[len(content) // 2] ^= 0xFF
    else:
        del content[len(content) // 2 if how == "cut" else -4 :]
    archive.write_bytes(content)
    assert f"{name}: is damaged or cut off (" in refused(archive, cache)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8\xff", b"<html>Sign in</html>", b"BZh91AY&SY", b"\0" * 10240]
)
def test_other_files_are_refused(tmp_path: Path, cache: Path, content: bytes) -> None:
    (tmp_path / "d.zip").write_bytes(content)
    assert "d.zip: is neither .zip nor .tar.gz" in refused(tmp_path / "d.zip", cache)


def test_a_model_is_no_archive_of_photos(tmp_path: Path, cache: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(b"\x1c\0\0\0TFL3" + write_zip(tmp_path / "labels.zip", FILES).read_bytes())
    assert "model.tflite: is a model, not photos" in refused(model, cache)


def test_a_tar_with_an_unreadable_header_is_not_half_read(tmp_path: Path, cache: Path) -> None:
    archive = write_tar(tmp_path / "d.tgz", FILES)
    content = gzip.decompress(archive.read_bytes())
    archive.write_bytes(gzip.compress(content.replace(b"cats/2.jpg", b"cats/3.jpg")))
    assert "a header is unreadable" in refused(archive, cache)


def test_odd_bytes_in_a_zip_are_damage(tmp_path: Path, cache: Path) -> None:
    archive = write_zip(tmp_path / "d.zip", FILES)
    content = archive.read_bytes()
    first = content.index(b"PK\1\2")
    unnamed = bytearray(content)
    unnamed[first + 46] = 0
    archive.write_bytes(unnamed)
    refused(archive, cache)
    far = bytearray(content)
    far[content.index(b"PK\5\6") + 19] = 0x7F  # where the directory begins
    archive.write_bytes(far)
    assert "is damaged" in refused(archive, cache)


def test_a_gz_that_is_no_tar_and_an_empty_archive_are_refused(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "d.gz").write_bytes(gzip.compress(b"hello"))
    assert "is damaged" in refused(tmp_path / "d.gz", cache)
    assert "holds no files" in refused(write_zip(tmp_path / "d.zip", {}), cache)
    assert "holds no files" in refused(write_tar(tmp_path / "d.tgz", {}), cache)


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.tgz"])
def test_a_bomb_is_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bomb, files = tmp_path / name, {"a/1.jpg": bytes(2 * 10**6)}
    if name == "bomb.zip":
        write_zip(bomb, files, compression=zipfile.ZIP_DEFLATED)
    else:
        write_tar(bomb, files)
    assert data_folder(str(bomb), cache=tmp_path / "small is fine").is_dir()
    monkeypatch.setattr(archives, "RATIO_FROM_BYTES", 10**6)
    assert "unpacks to more than" in refused(bomb, cache)
    monkeypatch.setattr(archives, "MAX_RATIO", 10**9)
    assert data_folder(str(bomb), cache=tmp_path / "ratio").is_dir()
    monkeypatch.setattr(archives, "MAX_BYTES", 10**6)
    assert "unpacks to more than" in refused(bomb, cache)


def test_what_is_written_is_counted_and_not_only_what_is_declared(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_tar(tmp_path / "d.tgz", {"a/1.jpg": bytes(3 * 2**20)})
    true_entries = archives._tar_entries

    def understated(path: Path) -> Iterator[archives._Entry]:
        for e in true_entries(path):
            yield archives._Entry(e.name, e.is_folder, 1, e.end, e.refused, e.open)

    monkeypatch.setattr(archives, "_tar_entries", understated)
    monkeypatch.setattr(archives, "MAX_BYTES", 2 * 2**20)
    assert "unpacks to more than" in refused(archive, cache)


def test_a_zip_that_understates_its_sizes_is_damaged(tmp_path: Path, cache: Path) -> None:
    archive = write_zip(
        tmp_path / "d.zip", {"a/1.jpg": bytes(10**6)}, compression=zipfile.ZIP_DEFLATED
    )
    true_size = (10**6).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(true_size, (10).to_bytes(4, "little")))
    assert "is damaged" in refused(archive, cache)


def test_too_many_entries_and_too_long_headers_are_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2)
    assert "more than 2 files" in refused(write_zip(tmp_path / "d.zip", FILES), cache)
    long = tarfile.TarInfo("a/1.jpg")
    long.pax_headers = {"comment": "x" * 20 * 2**20}
    archive = write_tar(tmp_path / "d.tgz", {}, long)
    assert "a header is too long" in refused(archive, cache)


def test_a_full_disk_is_reported_and_leaves_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_tar(tmp_path / "d.tgz", BIG)
    usage = type(archives.shutil.disk_usage(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(archives.shutil, "disk_usage", lambda _: usage(1, 1, 2**20))
        assert "are free" in refused(archive, cache, RunFolderError)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archives, "_unpack", full)
    assert "no space left on device" in refused(archive, cache, RunFolderError)
