"""The address that results are posted to, as one URL."""

import base64
import string
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from edgetl.edge.errors import SettingError
from edgetl.edge.system.masking import MASK

_EXAMPLE = "https://host:port/path"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Webhook:
    """Where to post, and as whom.

    Attributes:
        tls: whether the connection is encrypted, and the server's certificate verified.
        target: path and query, as a request has them.
        authorization: the header of that name; None without a user.
    """

    host: str
    port: int
    tls: bool
    target: str
    authorization: str | None

    @property
    def name(self) -> str:
        """What it is called in messages: without path and query, which are often a key."""
        scheme = "https" if self.tls else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[scheme] else f":{self.port}"
        return f"--webhook {scheme}://{host}{port}"


def parse_webhook(url: str) -> Webhook:
    """`http[s]://[user[:password]@]host[:port][/path][?query]`.

    Raises:
        SettingError: it is no such URL. The message does not show it: there may be a key in it.
    """
    if any(char.isspace() or not char.isprintable() for char in url):
        raise SettingError(f"--webhook: has a space or control character in it; write {_EXAMPLE}")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
        host = host.encode("idna").decode()
    except ValueError:
        raise SettingError(
            f"--webhook: its host or port is not allowed; write {_EXAMPLE}, with special "
            f"characters of a password as %XX"
        ) from None
    if parts.scheme not in _PORTS or not host or port == 0:
        raise SettingError(f"--webhook: not an address of a web server; write {_EXAMPLE}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Webhook(
        host=host,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "https",
        target=quote(target, safe=string.punctuation),
        authorization=_basic(unquote(parts.username), unquote(parts.password or ""))
        if parts.username
        else None,
    )


def webhook_text(url: str) -> str:
    """`url`, if it is one; see `parse_webhook`."""
    parse_webhook(url)
    return url


def shown_webhook(url: str) -> str:
    """A URL of a webhook as it may be shown: its path is often the only key there is."""
    hook = parse_webhook(url)
    shown = hook.name.partition(" ")[2]
    return shown if hook.target == "/" else f"{shown}/{MASK}"


def _basic(user: str, password: str) -> str:
    """RFC 7617."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
