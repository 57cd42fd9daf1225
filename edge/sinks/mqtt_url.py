"""Which broker and topic mqtt[s]://user:pass@host:port/topic names; ws[s]:// for WebSockets."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgetl.edge.errors import SettingError, quoted

PASSWORD_VARIABLE = "EDGETL_MQTT_PASSWORD"

# Below the topic: "online" or "offline".
AVAILABILITY = "availability"

_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
# Bytes of UTF-8 that MQTT has room for, and what the names of sources, `availability_topic` and
# discovery add to a topic.
_LONGEST = 65535
_ADDED = 160
_EXAMPLE = "mqtt://user@host:1883/home/door"


@dataclass(frozen=True)
class Broker:
    """Where results are published. `name` is for messages: it is without the password.

    With `tls` the broker must show a certificate that this system trusts. With `websockets` it is
    spoken to through them, at the path /mqtt. `certificate` is a PEM file that this client shows,
    with `key` or the key in it.
    """

    host: str
    port: int
    topic: str
    tls: bool = False
    websockets: bool = False
    certificate: Path | None = None
    key: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        scheme = ("ws" if self.websockets else "mqtt") + ("s" if self.tls else "")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return quoted(f"{scheme}://{host}:{self.port}/{self.topic}")


def parse_mqtt_url(
    url: str,
    *,
    password: str | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Broker:
    """The broker and topic of a URL; user and password in it are percent-decoded.

    Args:
        password: for a user whose URL has none, so that it need not be on a command line.
        certificate, key: of this client; see `Broker`.

    Raises:
        SettingError: it is no such URL, or its topic cannot be published to. The message does not
            show the URL, which may contain a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
        host.encode("idna")
    except ValueError as error:
        # Python's message may show a part of the password, such as what it takes for the port.
        raise SettingError(
            f"--mqtt: its host or port is not allowed; give it like {_EXAMPLE}, with special "
            f"characters of a password as %XX or the password in {PASSWORD_VARIABLE}"
        ) from error
    topic = unquote(parts.path).strip("/")
    if any("\ud800" <= char <= "\udfff" for char in url):
        raise SettingError(f"--mqtt: has bytes that are not UTF-8; give it like {_EXAMPLE}")
    if parts.scheme not in _PORTS or not host or port == 0:
        raise SettingError(f"--mqtt: not an address of a broker; give it like {_EXAMPLE}")
    if not topic:
        raise SettingError(f"--mqtt: names no topic to publish to; give it like {_EXAMPLE}")
    if any(char in topic for char in "+#") or "?" in url or "#" in url:
        raise SettingError(
            f"--mqtt: a topic with + # or ? in it cannot be published to; give it like {_EXAMPLE}"
        )
    user = unquote(parts.username) if parts.username else None
    given = unquote(parts.password) if parts.password is not None else password
    _check_text("topic", topic, longest=_LONGEST - _ADDED)
    _check_text("user", user or "")
    _check_text("password", given or "", control=True)
    tls = parts.scheme in ("mqtts", "wss")
    if certificate is not None and not tls:
        raise SettingError(
            "--mqtt-cert is used with TLS only; let the address begin with mqtts:// or wss://"
        )
    return Broker(
        host=host,
        port=port or _PORTS[parts.scheme],
        topic=topic,
        tls=tls,
        websockets=parts.scheme.startswith("ws"),
        certificate=certificate,
        key=key,
        user=user,
        password=given if user else None,
    )


def _check_text(what: str, text: str, *, longest: int = _LONGEST, control: bool = False) -> None:
    """Check what a broker would close the connection for, each time. The text is not shown.

    Raises:
        SettingError: it is too long for MQTT, or has characters in it that brokers refuse.
    """
    size = len(text.encode(errors="surrogateescape"))
    if size > longest:
        raise SettingError(
            f"--mqtt: its {what} has {size} bytes, and MQTT takes {longest}; "
            f"give it like {_EXAMPLE}"
        )
    # NUL to U+001F, and DEL to U+009F
    if not control and any(char < " " or "\x7f" <= char <= "\x9f" for char in text):
        raise SettingError(
            f"--mqtt: its {what} has a control character in it; give it like {_EXAMPLE}"
        )
