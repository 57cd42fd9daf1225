"""Files downloaded from a web address; an interrupted download is resumed.

A file that is there is downloaded again only if the server says that it has changed.
"""

import base64
import hashlib
import http.client
import json
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from edgetl import __version__
from edgetl.edge.errors import DataError, RunFolderError, quoted, reason
from edgetl.edge.system.files import write_json, write_text
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.cache_entries import alone_with, prune, remove
from edgetl.trainer.data.wording import ANOTHER_DISK
from edgetl.trainer.progress import bytes_bar

TIMEOUT_SECONDS = 30.0  # to connect, and to wait for the next bytes
RETRY_PAUSES = (1.0, 3.0, 9.0)  # seconds, after an interrupted download
# Anything larger must be downloaded by hand.
MAX_DOWNLOAD_BYTES = 100 * 10**9
KEPT_DOWNLOADS = 4
_CHUNK_BYTES = 2**20


# The headers that tell versions of a file, and those that ask for another version only.
_CONDITIONS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


@dataclass(frozen=True)
class _Wanted:
    """What a server is asked for.

    Attributes:
        have: the bytes that are there of an interrupted download.
        validator: their version, as `_validator` gives it.
        known: the version that is there whole, as `_validators` gives it; it is not sent again.
    """

    have: int
    validator: str
    known: Mapping[str, str]

    def from_the_start(self) -> "_Wanted":
        return replace(self, have=0, validator="")


class _DownloadError(Exception):
    """A failed download that another attempt may resume. The message is only the reason."""


def downloaded(data: str, downloads: Path, sha256: str | None = None) -> tuple[str, Path]:
    """The name of the address in messages, without passwords and tokens, and the file.

    Args:
        data: the address.
        downloads: a folder of ours, with a folder a file; it keeps the newest KEPT_DOWNLOADS.
        sha256: what the file's SHA-256 must be; a file that is there and has it is not asked for.

    Raises:
        DataError: it cannot be downloaded, and was not before.
        RunFolderError: it does not fit on the disk.
    """
    as_is = "!$&'()*+,;=:@/?%[]~"
    try:
        scheme, netloc, path, query, _ = urlsplit(data)
        login, _, host = netloc.rpartition("@")
        url = urlunsplit((scheme, host, quote(path, safe=as_is), quote(query, safe=as_is), ""))
        key = hashlib.sha256(url.encode()).hexdigest()[:24]
    except ValueError as error:
        raise DataError("DATA is not a valid web address; check it") from error
    name = quoted(f"{scheme}://{host}{path}{'?...' if query else ''}")
    base = re.sub(r"[^A-Za-z0-9_.-]+", "_", path.rpartition("/")[2])[-60:]
    whole = downloads / key / f"file-{base}"

    def waiting() -> None:
        logger.info(f"{name}: another training downloads it; waiting for that")

    with alone_with(whole.parent, waiting):
        if sha256 is None or not whole.is_file() or _sha256(whole) != sha256.lower():
            _download(url, unquote(login), whole, name)
    prune(downloads, keep=KEPT_DOWNLOADS)
    return name, whole


def forget(whole: Path) -> None:
    """Remove a downloaded file, so that it is downloaded again."""
    remove(whole.parent)


def _download(url: str, login: str, whole: Path, name: str) -> None:
    """Make `whole` what the server has, or leave it where that cannot be known."""
    date = time.strftime("%Y-%m-%d", time.localtime(_modified(whole)))
    try:
        validators = _fetched(url, login, whole, name)
    except DataError as error:
        if not whole.is_file():
            raise
        logger.warning(f"{error}; until then what was downloaded on {date} is used")
        return
    if validators is None:
        if not _known(whole):
            logger.warning(
                f"{name}: the server does not say whether it has changed; using what was "
                f"downloaded on {date} (remove {quoted(whole)} to download it again)"
            )
        return
    # In this order: validators that are too old only lead to another download.
    _part(whole).replace(whole)
    write_json(_validators_file(whole), validators)
    _validator_file(_part(whole)).unlink(missing_ok=True)


def _fetched(url: str, login: str, whole: Path, name: str) -> Mapping[str, str] | None:
    """Download `url` beside `whole`, in several attempts if need be.

    Returns:
        What tells this version from others; None if `whole` is that version, or may be.
    """
    part = _part(whole)
    for pause in (*RETRY_PAUSES, None):
        try:
            return _fetch(url, login, part, name, _known(whole) if whole.is_file() else None)
        except _DownloadError as error:
            # If nothing has arrived, the address is more likely wrong than the network unstable.
            arrived = part.is_file() and part.stat().st_size > 0
            if not arrived or pause is None:
                raise DataError(
                    f"{name}: cannot be downloaded: {quoted(str(error))}; check the address and "
                    f"the network, and try again"
                ) from error
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _fetch(
    url: str, login: str, part: Path, name: str, known: Mapping[str, str] | None
) -> Mapping[str, str] | None:
    """Download `url` to `part`, or the rest of it; None if its version is the `known` one."""
    validator_file = _validator_file(part)
    validator = validator_file.read_text(encoding="utf-8") if validator_file.is_file() else ""
    have = part.stat().st_size if part.is_file() and validator else 0
    answer = _answer(url, login, name, _Wanted(have, validator, known or {}))
    if answer is None:
        return None
    with closing(answer):
        validators = _validators(answer.headers)
        if known is not None and validators == known:  # some servers ignore If-None-Match
            return None
        if answer.status == 200:
            have = 0
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else None
        free = shutil.disk_usage(part.parent).free
        if total is not None and total - have > free:
            raise RunFolderError(
                f"{name}: {total / 1e9:.1f} GB are to be downloaded and {free / 1e9:.1f} GB are "
                f"free; free some, or {ANOTHER_DISK}"
            )
        with part.open("ab" if have else "wb") as file, bytes_bar("downloading", total) as show:
            if not have:  # the old bytes are gone now, so that the two always belong together
                write_text(validator_file, _validator(answer.headers))
            while chunk := _read(answer):
                file.write(chunk)
                have += len(chunk)
                show(have)
                if max(have, total or 0) > MAX_DOWNLOAD_BYTES:
                    raise DataError(
                        f"{name}: is larger than {MAX_DOWNLOAD_BYTES / 1e9:.0f} GB; download and "
                        f"unpack it by hand, and name the folder"
                    )
    if total is not None and have < total:
        raise _DownloadError(f"cut off after {have} of {total} bytes")
    return validators


def _answer(url: str, login: str, name: str, wanted: _Wanted) -> Any:
    """The server's answer: 200 with the whole file, or 206 with what follows `wanted.have` bytes.

    None if the server still has the version that is known.
    """
    request = _request(url, login, wanted)
    try:
        answer = _opener().open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304 and wanted.known:
            return None
        if error.code == 416 and wanted.have:
            return _answer(url, login, name, wanted.from_the_start())
        words = f"the server answered {error.code} {http.client.responses.get(error.code, '')}"
        if error.code < 500:
            raise DataError(f"{name}: {words}; check the address") from error
        raise _DownloadError(words) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _DownloadError(_network_reason(error)) from error
    if answer.status == 200 or _resumes(answer, wanted):
        return answer
    answer.close()
    if wanted.have:
        return _answer(url, login, name, wanted.from_the_start())
    raise DataError(
        f"{name}: the server answered {answer.status} without a file; check the address"
    )


def _request(url: str, login: str, wanted: _Wanted) -> urllib.request.Request:
    request = urllib.request.Request(url, headers={"User-Agent": f"edgetl/{__version__}"})
    if login:  # not sent to where the server redirects
        basic = base64.b64encode(login.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {basic}")
    for header, version in wanted.known.items():
        request.add_header(_CONDITIONS[header], version)
    if wanted.have:
        request.add_header("Range", f"bytes={wanted.have}-")
        request.add_header("If-Range", wanted.validator)
    return request


def _resumes(answer: Any, wanted: _Wanted) -> bool:
    """Whether a 206 has the bytes that were asked for; some servers ignore If-Range."""
    same = _validator(answer.headers) in ("", wanted.validator)
    start = answer.headers.get("Content-Range", "").startswith(f"bytes {wanted.have}-")
    return bool(wanted.have and answer.status == 206 and same and start)


def _validators(headers: Any) -> dict[str, str]:
    """The headers that tell versions of the file."""
    return {header: headers[header] for header in _CONDITIONS if header in headers}


def _known(whole: Path) -> Mapping[str, str]:
    """`_validators` of the file that is there; {} if the server gave none."""
    try:
        found = json.loads(_validators_file(whole).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    valid = isinstance(found, dict) and all(
        name in _CONDITIONS and isinstance(text, str) for name, text in found.items()
    )
    return found if valid else {}


def _validators_file(whole: Path) -> Path:
    return whole.with_name("validators.json")


def _part(whole: Path) -> Path:
    return whole.with_name(f"{whole.name}.part")


def _modified(path: Path) -> float:
    return path.stat().st_mtime if path.is_file() else 0.0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _validator(headers: Any) -> str:
    """The version of the file as If-Range takes it: a strong ETag or a date; else ""."""
    etag: str = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _validator_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.validator")


def _read(answer: Any) -> bytes:
    try:
        data: bytes = answer.read1(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _DownloadError(_network_reason(error)) from error
    return data


def _network_reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return reason(cause) if isinstance(cause, OSError) else str(cause) or type(cause).__name__


def _opener() -> urllib.request.OpenerDirector:
    """An opener for http and https alone: a redirect must not lead to ftp or to a file."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener
