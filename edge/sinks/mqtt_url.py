"""Which broker and topic mqtt[s]://user:pass@host:port/topic names."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from edgetl.edge.errors import SettingError, quoted

PASSWORD_VARIABLE = "EDGETL_MQTT_PASSWORD"

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_EXAMPLE = "mqtt://user@host:1883/home/door"


@dataclass(frozen=True)
class Broker:
    """Where results are published. `name` is for messages: it is without the password.

    With `tls` the broker must show a certificate that this system trusts.
    """

    host: str
    port: int
    topic: str
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        scheme = "mqtts" if self.tls else "mqtt"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return quoted(f"{scheme}://{host}:{self.port}/{self.topic}")


def parse_mqtt_url(url: str, *, password: str | None = None) -> Broker:
    """The broker and topic of a URL; user and password in it are percent-decoded.

    Args:
        password: for a user whose URL has none, so that it need not be on a command line.

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
    if any(char in topic for char in "+#\0") or "?" in url or "#" in url:
        raise SettingError(
            f"--mqtt: a topic with + # or ? in it cannot be published to; give it like {_EXAMPLE}"
        )
    user = unquote(parts.username) if parts.username else None
    given = unquote(parts.password) if parts.password is not None else password
    return Broker(
        host=host,
        port=port or _PORTS[parts.scheme],
        topic=topic,
        tls=parts.scheme == "mqtts",
        user=user,
        password=given if user else None,
    )
