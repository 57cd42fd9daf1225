"""A camera's HTTP server: what it serves at a URL, or why it does not."""

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from edgetl.edge.errors import reason
from edgetl.edge.sources.capture import FRAME_SECONDS, cannot_be_opened
from edgetl.edge.system.masking import masked, secrets_of

_STATUSES = {
    401: "it wants a user and a password (401); give them as in SCHEME://USER:PASSWORD@HOST/...",
    403: "it refuses access (403); look into the users and rights that the camera knows",
    404: "there is nothing at this path (404); look up the path of the stream for this camera",
}
_WRONG_LOGIN = (
    "it refuses this user and password (401); write special characters in them as %XX, such as %40 "
    "for @"
)


@contextmanager
def answer(url: str) -> Iterator[Any]:
    """The server's answer, as of urllib.request, to be read in the block.

    Raises:
        SourceError: it does not answer, or refuses; also where reading fails in the block.
    """
    try:
        with closing(_asked(url)) as answered:
            yield answered
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise cannot_be_opened(url, _why(error, url)) from None


def content_type(url: str) -> str:
    """What a URL's server says that it serves, as "image/jpeg".

    Raises:
        SourceError: it does not answer, or refuses.
    """
    with answer(url) as answered:
        return str(answered.headers.get_content_type())


def is_picture(url: str) -> bool:
    """Whether a URL is that of a still picture, by what its server says.

    Raises:
        SourceError: it does not answer, or refuses.
    """
    return content_type(url).startswith("image/")


def why_status(code: int, words: str, *, with_login: bool) -> str:
    """What a status of HTTP or RTSP says of a camera that gave it."""
    if code == 401 and with_login:
        return _WRONG_LOGIN
    return _STATUSES.get(code) or f"it answers {code} {words}".rstrip()


def why_no_connection(error: BaseException) -> str:
    """What an error of a socket says of the camera at its other end."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; nothing listens there, so check the port, and whether it is on"
    if isinstance(error, TimeoutError):
        return f"no answer within {FRAME_SECONDS:g} s; check the address, and whether it is on"
    if isinstance(error, socket.gaierror):
        return "no such host; check its name, or give its address"
    return reason(error) if isinstance(error, OSError) else " ".join(str(error).split())


def _why(error: Exception, url: str) -> str:
    if isinstance(error, urllib.error.HTTPError):
        with_login = bool(urlsplit(url).netloc.rpartition("@")[0])
        return why_status(error.code, str(error.reason), with_login=with_login)
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, BaseException):
        return masked(why_no_connection(inner), secrets_of(url))
    return masked(str(inner), secrets_of(url))


def _asked(url: str) -> Any:
    scheme, place, path, query, _ = urlsplit(url)
    login, _, host = place.rpartition("@")
    bare = urlunsplit((scheme, host, path, query, ""))
    # FFmpeg asks for no certificate either, and cameras have none that anybody has signed.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    handlers: list[Any] = [urllib.request.HTTPSHandler(context=context)]
    if login:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        user, _, password = login.partition(":")
        passwords.add_password(None, bare, unquote(user), unquote(password))
        handlers += [
            urllib.request.HTTPDigestAuthHandler(passwords),
            urllib.request.HTTPBasicAuthHandler(passwords),
        ]
    return urllib.request.build_opener(*handlers).open(bare, timeout=FRAME_SECONDS)
