"""DATA that is a web address, from a real server."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edgetl.edge.errors import RunFolderError
from edgetl.trainer.data import archives, downloads
from edgetl.trainer.data.archives import data_folder
from tests.serving import answering
from tests.trainer.packed import BIG, files_of, refused, sha256, write_zip


@dataclass
class Server:
    """A real server of one file. `requests` are the headers of each request to it."""

    content: bytes = b""
    address: str = ""
    etag: str = '"one"'
    modified: str = ""
    ranges: bool = True  # whether Range is heeded
    if_range: bool = True
    conditions: bool = True  # whether If-None-Match and If-Modified-Since are heeded
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
        versions = (handler.headers.get("If-None-Match"), handler.headers.get("If-Modified-Since"))
        if self.conditions and any(one and one in (self.etag, self.modified) for one in versions):
            handler.send_response(304)
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

    with answering(Quiet(("127.0.0.1", 0), Handler)) as where:
        served.address = f"http://{where}"
        yield served


@pytest.fixture
def big_zip(tmp_path: Path, server: Server) -> Path:
    archive = write_zip(tmp_path / "big.zip", BIG)
    server.content = archive.read_bytes()
    return archive


def part_of(cache: Path) -> Path:
    (part,) = (cache / "downloads").rglob("*.part")
    return part


MONDAY, TUESDAY = (f"{day} Jan 2024 00:00:00 GMT" for day in ("Mon, 01", "Tue, 02"))


@pytest.mark.parametrize("conditions", [True, False])
@pytest.mark.parametrize(("etag", "modified"), [('"one"', ""), ('W/"one"', MONDAY), ("", MONDAY)])
def test_what_has_not_changed_is_not_downloaded_again(
    cache: Path, server: Server, big_zip: Path, caplog: pytest.LogCaptureFixture,
    etag: str, modified: str, conditions: bool,
) -> None:  # fmt: skip
    server.etag, server.modified, server.conditions = etag, modified, conditions
    url = f"{server.address}/some/pets.zip"
    folder = data_folder(url, cache=cache)
    assert files_of(folder) == BIG
    assert server.requests[0]["User-Agent"].startswith("edgetl/")
    (file,) = (cache / "downloads").rglob("file-*")
    assert file.name == "file-pets.zip"
    made = file.stat()
    assert data_folder(url, cache=cache) == folder
    assert server.requests[1].get("If-None-Match") == (etag or None)
    assert server.requests[1].get("If-Modified-Since") == (modified or None)
    assert file.stat() == made
    assert caplog.messages == []


@pytest.mark.parametrize(("etag", "modified"), [('"two"', ""), ('W/"two"', TUESDAY), ("", TUESDAY)])
def test_what_has_changed_is_downloaded_again(
    tmp_path: Path, cache: Path, server: Server, big_zip: Path, etag: str, modified: str
) -> None:
    if modified:
        server.etag, server.modified = etag.replace("two", "one"), MONDAY
    url = f"{server.address}/d.zip"
    assert files_of(data_folder(url, cache=cache)) == BIG
    server.content = write_zip(tmp_path / "new.zip", {**BIG, "dogs/2.jpg": b"new"}).read_bytes()
    server.etag, server.modified = etag, modified
    for _ in range(2):
        assert files_of(data_folder(url, cache=cache)) == {**BIG, "dogs/2.jpg": b"new"}
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [404, 503, None])
def test_without_the_network_what_is_there_is_used_and_it_is_said(
    cache: Path, server: Server, big_zip: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch, status: int | None,
) -> None:  # fmt: skip
    url = f"{server.address}/d.zip"
    folder = data_folder(url, cache=cache)
    server.status = status or 200
    if status is None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "")
    assert data_folder(url, cache=cache) == folder
    (line,) = caplog.messages
    assert line.startswith(f"{url}: ")
    assert line.endswith(f"what was downloaded on {time.strftime('%Y-%m-%d')} is used")


def test_a_server_that_tells_no_versions_is_said(
    cache: Path, server: Server, big_zip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.etag = ""
    url = f"{server.address}/d.zip"
    assert data_folder(url, cache=cache) == data_folder(url, cache=cache)
    (line,) = caplog.messages
    assert "does not say whether it has changed" in line
    (file,) = (cache / "downloads").rglob("file-*")
    assert f"remove {file}" in line


def test_a_file_that_is_the_one_asked_for_is_not_asked_for_again(
    cache: Path, server: Server, big_zip: Path
) -> None:
    url = f"{server.address}/d.zip"
    folder = data_folder(url, cache=cache)
    server.content, server.etag = b"another", '"two"'
    assert data_folder(url, cache=cache, sha256=sha256(big_zip)) == folder
    assert len(server.requests) == 1


def test_the_newest_downloads_are_kept(cache: Path, server: Server, big_zip: Path) -> None:
    for number in range(6):
        data_folder(f"{server.address}/{number}.zip", cache=cache)
    kept = {path.name for path in (cache / "downloads").rglob("file-*")}
    assert kept == {f"file-{number}.zip" for number in range(2, 6)}


def test_two_that_download_the_same_do_so_once(cache: Path, server: Server, big_zip: Path) -> None:
    url = f"{server.address}/d.zip"
    program = (
        "import sys, pathlib; from edgetl.trainer.data.archives import data_folder\n"
        "print(data_folder(sys.argv[1], cache=pathlib.Path(sys.argv[2])))"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, url, str(cache)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    first, second = (process.communicate()[0] for process in both)
    assert first == second
    assert files_of(Path(first.strip())) == BIG
    assert len(server.requests) == 2
    assert sum("If-None-Match" in request for request in server.requests) == 1


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


def test_a_server_without_ranges_is_asked_again(cache: Path, server: Server, big_zip: Path) -> None:
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
def test_what_the_server_answers_is_reported(cache: Path, server: Server, status: int) -> None:
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


def test_a_server_that_is_not_there_is_reported_at_once(cache: Path, server: Server) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        line = refused(f"http://127.0.0.1:{unused.getsockname()[1]}/d.zip", cache)
    assert "cannot be downloaded: connection refused; check the address and the network" in line
    https = server.address.replace("http:", "https:")
    assert "cannot be downloaded: " in refused(f"{https}/d.zip", cache)
    assert "cannot be downloaded: " in refused("http://no-such-host.invalid/d.zip", cache)


def test_a_server_that_says_nothing_is_not_waited_for_indefinitely(
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
