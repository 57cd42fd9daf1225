"""Why OpenCV, which does not say so, could not open a stream: what its server answers."""

import re
import socket
import urllib.request
from difflib import get_close_matches
from urllib.parse import unquote, urlsplit, urlunsplit

from edgetl.edge.errors import SourceError
from edgetl.edge.sources.capture import FRAME_SECONDS
from edgetl.edge.sources.http_source import content_type, why_no_connection, why_status

# Of those that FFmpeg reads, and the ports of the ones over TCP.
_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}
_SCHEMES = (*_PORTS, "udp", "rtp", "srt", "tcp", "mms", "mmsh", "hls", "file", "ftp")

_NO_CODEC = (
    "this OpenCV may lack the codec, or it is no stream of pictures; let the camera send H.264 or "
    "motion JPEG"
)
_MOST_BYTES = 2**16


def why_not_opened(url: str) -> str:
    """Why a stream cannot be opened, in words; "" where that is not known.

    It asks the server once more, by itself: it takes up to 10 seconds where that is silent.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "its host or port is not valid; give it like rtsp://host:554/path"
    if parts.scheme in ("http", "https"):
        return _why_http(url)
    if parts.scheme not in _SCHEMES:
        near = get_close_matches(parts.scheme, _PORTS, 1)
        hint = f"did you mean {near[0]}://?" if near else "rtsp:// and http:// are"
        return f"{parts.scheme}:// is no protocol that OpenCV reads; {hint}"
    if not (parts.hostname and port):
        return ""
    try:
        with socket.create_connection((parts.hostname, port), FRAME_SECONDS) as connection:
            return _why_rtsp(connection, url) if parts.scheme == "rtsp" else ""
    except OSError as error:
        return why_no_connection(error)
    except ValueError:  # a host that is no name, or a way to log in that is not known here
        return ""


def _why_http(url: str) -> str:
    try:
        found = content_type(url)
    except SourceError as error:
        return str(error).rpartition("cannot be opened: ")[2]
    if found == "text/html":
        return "it answers with a web page; look up the address of its stream"
    return f"it answers with {found}; {_NO_CODEC}"


def _why_rtsp(connection: socket.socket, url: str) -> str:
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=host))
    head, body = _described(connection, bare, 1)
    challenge = re.search(r"^WWW-Authenticate:\s*(.+?)\s*$", head, re.MULTILINE | re.IGNORECASE)
    if _status(head)[0] == 401 and login and challenge:
        head, body = _described(connection, bare, 2, _authorization(head, bare, login))
    code, words = _status(head)
    if code != 200:
        return why_status(code, words, with_login=bool(login)) if code else ""
    codecs = ", ".join(dict.fromkeys(re.findall(r"^a=rtpmap:\d+ ([\w.+-]+)", body, re.MULTILINE)))
    return f"it answers and offers {codecs or 'no stream'}; {_NO_CODEC}"


def _described(
    connection: socket.socket, url: str, number: int, authorization: str = ""
) -> tuple[str, str]:
    """The head and body of the answer to DESCRIBE (RFC 2326)."""
    lines = [f"DESCRIBE {url} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp"]
    lines += [f"Authorization: {authorization}"] if authorization else []
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    content = b""
    while len(content) < _MOST_BYTES:
        head, end, body = content.partition(b"\r\n\r\n")
        length = re.search(rb"^Content-Length:\s*(\d+)", head, re.MULTILINE | re.IGNORECASE)
        if end and len(body) >= (int(length[1]) if length else 0):
            break
        chunk = connection.recv(4096)
        if not chunk:
            break
        content += chunk
    head, _, body = content.partition(b"\r\n\r\n")
    return head.decode("utf-8", "replace"), body.decode("utf-8", "replace")


def _status(head: str) -> tuple[int, str]:
    found = re.match(r"RTSP/\d\.\d (\d{3}) ?([^\r\n]*)", head)
    return (int(found[1]), found[2]) if found else (0, "")


def _authorization(head: str, url: str, login: str) -> str:
    """What answers a challenge, as HTTP has it too."""
    challenges = re.findall(r"^WWW-Authenticate:\s*(.+?)\s*$", head, re.MULTILINE | re.IGNORECASE)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    user, _, password = map(unquote, login.partition(":"))
    digest = next((one for one in challenges if one.lower().startswith("digest")), None)
    if digest is None:
        from base64 import b64encode

        return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    passwords.add_password(None, "http://camera/", user, password)
    request = urllib.request.Request("http://camera/", method="DESCRIBE")
    request.selector = url
    fields = urllib.request.parse_keqv_list(
        urllib.request.parse_http_list(digest.partition(" ")[2])
    )
    handler = urllib.request.HTTPDigestAuthHandler(passwords)
    return f"Digest {handler.get_authorization(request, fields)}"
