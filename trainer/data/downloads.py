"""Files downloaded from a web address, once; an interrupted download is resumed."""

import base64
import hashlib
import http.client
import re
import shutil
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from edgetl import __version__
from edgetl.edge.errors import DataError, RunFolderError, quoted, reason
from edgetl.edge.system.files import write_text
from edgetl.trainer.progress import bytes_bar

TIMEOUT_SECONDS = 30.0  # to connect, and to wait for the next bytes
RETRY_PAUSES = (1.0, 3.0, 9.0)  # seconds, after an interrupted download
# Anything larger must be downloaded by hand.
MAX_DOWNLOAD_BYTES = 100 * 10**9
_CHUNK_BYTES = 2**20


class _DownloadError(Exception):
    """A failed download that another attempt may resume. The message is only the reason."""


def downloaded(data: str, downloads: Path) -> tuple[str, Path]:
    """The name of the address in messages, without passwords and tokens, and the file."""
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
    whole = downloads / f"{key}-{base}"
    if not whole.is_file():
        downloads.mkdir(parents=True, exist_ok=True)
        _download(url, unquote(login), whole, name)
    return name, whole


def _download(url: str, login: str, whole: Path, name: str) -> None:
    part = whole.with_name(f"{whole.name}.part")
    for pause in (*RETRY_PAUSES, None):
        try:
            _fetch(url, login, part, name)
            break
        except _DownloadError as error:
            # If nothing has arrived, the address is more likely wrong than the network unstable.
            arrived = part.is_file() and part.stat().st_size > 0
            if not arrived or pause is None:
                raise DataError(
                    f"{name}: cannot be downloaded: {quoted(str(error))}; check the address and "
                    f"the network, and try again"
                ) from error
            time.sleep(pause)
    part.replace(whole)
    _validator_file(part).unlink(missing_ok=True)


def _fetch(url: str, login: str, part: Path, name: str) -> None:
    """Download `url` to `part`, or the rest of it."""
    validator_file = _validator_file(part)
    validator = validator_file.read_text(encoding="utf-8") if validator_file.is_file() else ""
    have = part.stat().st_size if part.is_file() and validator else 0
    with closing(_answer(url, login, name, have, validator)) as answer:
        if answer.status == 200:
            have = 0
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else None
        free = shutil.disk_usage(part.parent).free
        if total is not None and total - have > free:
            raise RunFolderError(
                f"{name}: {total / 1e9:.1f} GB are to be downloaded and {free / 1e9:.1f} GB are "
                f"free; free some, or choose another disk with --out"
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


def _answer(url: str, login: str, name: str, have: int, validator: str) -> Any:
    """The server's answer: 200 with the whole file, or 206 with what follows `have` bytes."""
    request = urllib.request.Request(url, headers={"User-Agent": f"edgetl/{__version__}"})
    if login:  # not sent to where the server redirects
        basic = base64.b64encode(login.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {basic}")
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", validator)
    try:
        answer = _opener().open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:
            return _answer(url, login, name, 0, "")
        words = f"the server answered {error.code} {http.client.responses.get(error.code, '')}"
        if error.code < 500:
            raise DataError(f"{name}: {words}; check the address") from error
        raise _DownloadError(words) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _DownloadError(_network_reason(error)) from error
    if answer.status == 200 or (have and _resumes(answer, have, validator)):
        return answer
    answer.close()
    if have:
        return _answer(url, login, name, 0, "")
    raise DataError(
        f"{name}: the server answered {answer.status} without a file; check the address"
    )


def _resumes(answer: Any, have: int, validator: str) -> bool:
    """Whether a 206 has the bytes that were asked for; some servers ignore If-Range."""
    same = _validator(answer.headers) in ("", validator)
    start = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    return bool(answer.status == 206 and same and start)


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
