import gzip
import hashlib
import io
import os
import re
import socket
import stat
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edgetl.edge.errors import DataError, EdgetlError, RunFolderError, SettingError
from edgetl.trainer.data import archives, downloads
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


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


# Folders and files


def test_a_folder_and_what_does_not_exist_are_given_back(tmp_path: Path, cache: Path) -> None:
    for data in (tmp_path, tmp_path / "nothing", Path("x" * 5000)):
        assert data_folder(str(data), cache=cache) == data
    assert not cache.exists()


def test_an_archive_that_does_not_exist_is_named(tmp_path: Path, cache: Path) -> None:
    assert "none.zip: no such file" in refused(tmp_path / "none.zip", cache)


def test_a_checksum_is_for_archives_and_has_64_digits(tmp_path: Path, cache: Path) -> None:
    assert "--sha256" in refused(tmp_path, cache, SettingError, sha256="0" * 64)
    assert "64 hex" in refused(tmp_path / "a.zip", cache, SettingError, sha256="0" * 63)


@pytest.mark.parametrize(
    ("name", "write"),
    [("d.zip", write_zip), ("d.tar.gz", write_tar), ("d.tgz", write_tar), ("misnamed", write_zip)],
)
def test_an_archive_is_unpacked_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, write: Callable[[Path, dict[str, bytes]], Path],
) -> None:  # fmt: skip
    archive = write(tmp_path / name, FILES)
    folder = data_folder(str(archive), cache=cache)
    assert folder == cache / sha256(archive)[:24]
    assert files_of(folder) == FILES
    monkeypatch.setattr(archives, "_unpack", None)
    assert data_folder(str(archive), cache=cache, sha256=sha256(archive).upper()) == folder
    assert [path.name for path in cache.iterdir()] == [folder.name]


def test_files_are_plain_whatever_the_archive_says(tmp_path: Path, cache: Path) -> None:
    info = zipfile.ZipInfo("a/1.jpg")
    info.external_attr = (stat.S_IFREG | 0o4777) << 16
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr(info, b"x")
    path = data_folder(str(tmp_path / "d.zip"), cache=cache) / "a" / "1.jpg"
    assert path.stat().st_mode & 0o7111 == 0


@pytest.mark.parametrize(
    ("prefix", "extra", "top"),
    [
        ("", {}, ""),
        ("pets/", {}, "pets"),
        ("a/b c/", {"a/.DS_Store": b"", "__MACOSX/a/._b": b"", ".hidden": b""}, "a/b c"),
        ("train/", {}, ""),
        ("pets/train/", {}, "pets"),
        ("pets/", {"README": b"x"}, ""),
    ],
)
def test_the_single_top_folder_is_the_data(
    tmp_path: Path, cache: Path, prefix: str, extra: dict[str, bytes], top: str
) -> None:
    files = {f"{prefix}{name}": content for name, content in FILES.items()}
    archive = write_zip(tmp_path / "d.zip", {**extra, **files})
    folder = data_folder(str(archive), cache=cache)
    assert folder == cache / sha256(archive)[:24] / top
    assert not list(cache.rglob("__MACOSX"))


def test_a_single_class_is_not_taken_for_a_wrapping(tmp_path: Path, cache: Path) -> None:
    archive = write_zip(tmp_path / "d.zip", {"cats/1.jpg": b"1", "cats/2.jpg": b"2"})
    assert data_folder(str(archive), cache=cache).name == sha256(archive)[:24]


def test_empty_classes_are_kept_for_scan_to_name(tmp_path: Path, cache: Path) -> None:
    archive = write_zip(tmp_path / "d.zip", {**FILES, "emus/": b""})
    assert (data_folder(str(archive), cache=cache) / "emus").is_dir()


def test_names_in_utf8_without_the_flag_are_read(tmp_path: Path, cache: Path) -> None:
    archive = write_zip(tmp_path / "d.zip", {"x" * 9 + "/1.jpg": b"1", "y/1.jpg": b"2"})
    archive.write_bytes(archive.read_bytes().replace(b"x" * 9, "żółwie".encode()))
    folder = data_folder(str(archive), cache=cache)
    assert sorted(path.name for path in folder.iterdir()) == ["y", "żółwie"]


# Refused archives


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
    assert "something else than deflate" in refused(archive, cache)


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
            yield archives._Entry(e.name, e.is_folder, 1, e.place, e.refused, e.open)

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


def test_a_full_disk_is_said_and_leaves_nothing(
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


def test_an_interrupted_unpacking_is_not_taken_for_a_whole_one(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_zip(tmp_path / "d.zip", FILES)

    def interrupted(archive: Path, name: str, into: Path) -> None:
        (into / "cats").mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_unpack", interrupted)
        patch.setattr(archives.shutil, "rmtree", lambda *_, **__: None)  # as if killed
        with pytest.raises(KeyboardInterrupt):
            data_folder(str(archive), cache=cache)
    assert len(list(cache.iterdir())) == 1
    assert files_of(data_folder(str(archive), cache=cache)) == FILES


def test_a_checksum_of_another_file_is_refused_and_the_file_kept(
    tmp_path: Path, cache: Path
) -> None:
    archive = write_zip(tmp_path / "d.zip", FILES)
    line = refused(archive, cache, sha256="ab" * 32)
    assert sha256(archive)[:12] in line
    assert "abababababab" in line
    assert archive.is_file()


# Downloads


@dataclass
class Server:
    """A real server of one file. `requests` are the headers of each request to it."""

    content: bytes = b""
    address: str = ""
    etag: str = '"one"'
    modified: str = ""
    ranges: bool = True  # whether Range is heeded
    if_range: bool = True
    cuts: int = 0  # how many answers break off half way
    after_cut: Callable[[], None] = lambda: None
    status: int = 200
    location: str = ""
    length: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append({**handler.headers})
        if handler.path.startswith("/redirect") or self.status != 200:
            handler.send_response(302 if self.status == 200 else self.status)
            handler.send_header("Location", self.location)
            handler.end_headers()
            return
        start = 0
        wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        same = handler.headers.get("If-Range") in (None, self.etag or self.modified)
        if wanted and self.ranges and (same or not self.if_range):
            start = int(wanted[1])
        if start >= len(self.content):
            handler.send_response(416)
            handler.end_headers()
            return
        rest = self.content[start:]
        handler.send_response(206 if start else 200)
        if start:
            size = len(self.content)
            handler.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if self.length:
            handler.send_header("Content-Length", str(len(rest)))
        if self.etag:
            handler.send_header("ETag", self.etag)
        if self.modified:
            handler.send_header("Last-Modified", self.modified)
        handler.end_headers()
        if self.cuts:
            self.cuts -= 1
            handler.wfile.write(rest[: len(rest) // 2])
            self.after_cut()
        else:
            handler.wfile.write(rest)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    served = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(downloads, "RETRY_PAUSES", (0.0, 0.0))
    monkeypatch.setenv("no_proxy", "*")

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """The client may hang up, as where it refuses a file for its size."""

    http = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.address = f"http://127.0.0.1:{http.server_port}"
    yield served
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def big_zip(tmp_path: Path, server: Server) -> Path:
    archive = write_zip(tmp_path / "big.zip", BIG)
    server.content = archive.read_bytes()
    return archive


def part_of(cache: Path) -> Path:
    (part,) = (cache / "downloads").glob("*.part")
    return part


def test_a_download_is_asked_for_once(cache: Path, server: Server, big_zip: Path) -> None:
    url = f"{server.address}/some/pets.zip"
    folder = data_folder(url, cache=cache)
    assert files_of(folder) == BIG
    assert data_folder(url, cache=cache, sha256=sha256(big_zip)) == folder
    assert len(server.requests) == 1
    assert server.requests[0]["User-Agent"].startswith("edgetl/")
    assert [path.name[24:] for path in (cache / "downloads").iterdir()] == ["-pets.zip"]


@pytest.mark.parametrize(
    ("etag", "modified"), [('"one"', ""), ('W/"one"', "Mon, 01 Jan 2024 00:00:00 GMT")]
)
def test_a_cut_off_download_goes_on(
    cache: Path, server: Server, big_zip: Path, etag: str, modified: str
) -> None:
    server.cuts, server.etag, server.modified = 1, etag, modified
    if modified:
        server.if_range = False
    assert files_of(data_folder(f"{server.address}/d.zip", cache=cache)) == BIG
    assert [request.get("Range") for request in server.requests] == [
        None, f"bytes={len(server.content) // 2}-",
    ]  # fmt: skip
    assert server.requests[1]["If-Range"] == (modified or etag)


def test_it_goes_on_in_a_later_start_too(cache: Path, server: Server, big_zip: Path) -> None:
    server.cuts = 3
    line = refused(f"{server.address}/d.zip", cache)
    assert "/d.zip: cannot be downloaded: cut off after " in line
    assert len(server.requests) == 3
    assert part_of(cache).stat().st_size > len(server.content) * 0.8
    assert files_of(data_folder(f"{server.address}/d.zip", cache=cache)) == BIG
    assert len(server.requests) == 4


def test_a_server_without_ranges_is_asked_anew(cache: Path, server: Server, big_zip: Path) -> None:
    server.cuts, server.ranges = 1, False
    assert files_of(data_folder(f"{server.address}/d.zip", cache=cache)) == BIG
    assert len(server.requests) == 2


@pytest.mark.parametrize("if_range", [True, False])
def test_a_changed_file_is_not_glued_to_an_old_half(
    tmp_path: Path, cache: Path, server: Server, big_zip: Path, if_range: bool
) -> None:
    new = write_zip(tmp_path / "new.zip", {**BIG, "dogs/2.jpg": b"new"}).read_bytes()

    def change() -> None:
        server.content, server.etag = new, '"two"'

    server.cuts, server.after_cut, server.if_range = 1, change, if_range
    folder = data_folder(f"{server.address}/d.zip", cache=cache)
    assert files_of(folder) == {**BIG, "dogs/2.jpg": b"new"}


def test_nothing_to_tell_a_changed_file_by_is_a_new_start(
    cache: Path, server: Server, big_zip: Path
) -> None:
    server.cuts, server.etag = 1, ""
    assert files_of(data_folder(f"{server.address}/d.zip", cache=cache)) == BIG
    assert [request.get("Range") for request in server.requests] == [None, None]


def test_a_kill_between_the_last_byte_and_the_renaming(
    cache: Path, server: Server, big_zip: Path
) -> None:
    server.cuts = 3
    refused(f"{server.address}/d.zip", cache)
    part_of(cache).write_bytes(server.content)
    assert files_of(data_folder(f"{server.address}/d.zip", cache=cache)) == BIG


def test_a_checksum_that_does_not_fit_removes_the_download(
    cache: Path, server: Server, big_zip: Path
) -> None:
    url = f"{server.address}/d.zip"
    line = refused(url, cache, sha256="0" * 64)
    assert url in line
    assert sha256(big_zip)[:12] in line
    assert "000000000000" in line
    assert list((cache / "downloads").iterdir()) == []
    assert files_of(data_folder(url, cache=cache, sha256=sha256(big_zip))) == BIG


def test_a_page_in_place_of_an_archive_is_not_kept(cache: Path, server: Server) -> None:
    server.content = b"<html>Sign in</html>"
    assert "/d.zip: is neither" in refused(f"{server.address}/d.zip", cache)
    assert list((cache / "downloads").iterdir()) == []


def test_a_cut_that_no_length_tells_is_a_damaged_archive(
    cache: Path, server: Server, big_zip: Path
) -> None:
    server.cuts, server.length = 1, False
    assert "/d.zip: is damaged or cut off" in refused(f"{server.address}/d.zip", cache)
    assert files_of(data_folder(f"{server.address}/d.zip", cache=cache)) == BIG


@pytest.mark.parametrize("status", [403, 404, 503])
def test_what_the_server_answers_is_said(cache: Path, server: Server, status: int) -> None:
    server.status = status
    line = refused(f"{server.address}/d.zip", cache)
    assert "/d.zip: " in line
    assert f"the server answered {status} " in line
    assert len(server.requests) == 1


def test_redirects_are_followed_without_the_password(
    cache: Path, server: Server, big_zip: Path
) -> None:
    server.location = "/d.zip"
    url = server.address.replace("://", "://me:secret@") + "/redirect?token=secret"
    assert files_of(data_folder(url, cache=cache)) == BIG
    assert server.requests[0]["Authorization"] == "Basic bWU6c2VjcmV0"
    assert "Authorization" not in server.requests[1]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/d.zip", "/redirect"])
def test_redirects_lead_to_the_web_only_and_end(cache: Path, server: Server, location: str) -> None:
    server.location = location
    line = refused(f"{server.address}/redirect", cache)
    assert "/redirect" in line
    assert "passwd" not in line


def test_no_password_or_token_is_printed(cache: Path, server: Server, big_zip: Path) -> None:
    url = server.address.replace("://", "://me:secret@") + "/a b/d.zip?token=secret two#secret"
    server.status = 404
    line = refused(url, cache)
    assert "secret" not in line
    assert f"{server.address}/a b/d.zip?...: the server answered 404" in line
    for odd in (
        "http://me:secret@host:port/d.zip",
        "http://me:secret@[bad/d.zip",
        "http://me:secret@/d.zip",
    ):
        assert "secret" not in refused(odd, cache)


def test_a_server_that_is_not_there_is_said_at_once(cache: Path, server: Server) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        line = refused(f"http://127.0.0.1:{unused.getsockname()[1]}/d.zip", cache)
    assert "cannot be downloaded: connection refused; check the address and the network" in line
    https = server.address.replace("http:", "https:")
    assert "cannot be downloaded: " in refused(f"{https}/d.zip", cache)
    assert "cannot be downloaded: " in refused("http://no-such-host.invalid/d.zip", cache)


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(
    cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT_SECONDS", 0.1)
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        line = refused(f"http://127.0.0.1:{silent.getsockname()[1]}/d.zip", cache)
    assert "timed out" in line
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("url", ["ftp://host/d.zip", "file:///etc/d.zip", "s3://me:secret@b/d.zip"])
def test_other_schemes_are_refused(cache: Path, url: str) -> None:
    line = refused(url, cache)
    assert "only http:// and https:// addresses" in line
    assert "secret" not in line


def test_a_download_that_does_not_fit_is_not_begun(
    tmp_path: Path, cache: Path, server: Server, big_zip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(archives.shutil.disk_usage(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(archives.shutil, "disk_usage", lambda _: usage(1, 1, 2**20))
        assert "are free" in refused(f"{server.address}/d.zip", cache, RunFolderError)
    monkeypatch.setattr(downloads, "MAX_DOWNLOAD_BYTES", 2**20)
    assert "is larger than" in refused(f"{server.address}/d.zip", cache)
