"""Where the preview listens: HOST:PORT, its socket, and the URL that leads to it."""

import errno
import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from edgetl.edge.errors import SettingError, SinkError, quoted, reason
from edgetl.edge.preview.options import LOCAL

_LOCAL_HOST, _, _PORT = LOCAL.partition(":")
_HINT = f"write --preview HOST:PORT, such as --preview {LOCAL} or --preview 0.0.0.0:{_PORT}"

# Suffixes that home routers and mDNS add to a machine's name. They cannot be registered as domains.
_LOCAL_SUFFIXES = ("", ".local", ".lan", ".home.arpa", ".internal")

# The kernel closes a connection whose other end is gone, or reads nothing, for so long.
_SILENT_MILLISECONDS = 20_000


@dataclass(frozen=True)
class Address:
    """A host, without brackets, and a port, 0 for any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_address(text: str) -> bool:
    """Whether what follows `--preview` is its address: it ends in a port."""
    return re.fullmatch(r"([^/]*:)?\d+", text) is not None


def parse_address(text: str) -> Address:
    """HOST:PORT, [IPv6]:PORT, PORT or HOST.

    Raises:
        SettingError: it is none of these, or the port is out of range.
    """
    match = re.fullmatch(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:\s/\[\]]*))(?::(?P<port>\d+))?", text)
    if text.isdecimal():
        host, port = _LOCAL_HOST, int(text)
    elif match and (match["six"] or match["host"]):
        host, port = match["six"] or match["host"], int(match["port"] or _PORT)
    else:
        raise SettingError(f"--preview {quoted(text)}: no address and port; {_HINT}")
    if port > 65535:
        raise SettingError(f"--preview {quoted(text)}: ports go up to 65535; {_HINT}")
    return Address(host, port)


def listen(address: Address) -> socket.socket:
    """A bound socket for the server; nothing listens on it yet.

    Raises:
        SettingError: the host is no address of this machine.
        SinkError: the port is taken or not allowed.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise SettingError(
            f"--preview {quoted(str(address))}: no such address here; {_HINT}"
        ) from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # A port can be reused at once. On Windows it would allow two programs on it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Connections inherit it. It frees the memory of pictures that a viewer does not read.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MILLISECONDS)
        listener.bind(where)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise SettingError(
                f"--preview {quoted(str(address))}: no address of this machine; {_HINT}"
            ) from None
        if error.errno == errno.EADDRINUSE:
            another = Address(address.host, address.port % 65535 + 1)
            raise SinkError(
                f"port {address.port} is taken by another program (perhaps another preview); "
                f"choose one with --preview HOST:PORT, such as --preview {another}"
            ) from None
        raise SinkError(
            f"--preview {quoted(str(address))}: cannot listen there: {reason(error)}"
        ) from None
    return listener


def is_loopback(listener: socket.socket) -> bool:
    """Whether only programs on this machine can reach the socket."""
    return _ip(listener.getsockname()[0]).is_loopback


def parse_prefix(text: str) -> str:
    """The prefix of all paths behind a reverse proxy: "/pi1", from "pi1", "/pi1" or "/pi1/".

    Raises:
        SettingError: it is no path of letters, digits and "-._~".
    """
    parts = text.strip("/").split("/")
    if not all(re.fullmatch(r"(?!\.\.?$)[A-Za-z0-9._~-]+", part) for part in parts):
        raise SettingError(
            f"--preview-prefix {quoted(text)}: no path of letters, digits and -._~; write /NAME"
        )
    return "/" + "/".join(parts)


def parse_host_name(text: str) -> str:
    """A name that the page may be asked for under, without a port.

    Raises:
        SettingError: it is no host name.
    """
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", text):
        raise SettingError(
            f"--preview-host {quoted(text)}: not a host name; write the name alone, without "
            f"http:// and port, such as cam.example.org"
        )
    return text


def link(address: Address, listener: socket.socket, *, token: str | None, prefix: str) -> str:
    """The URL of the page, with the token if there is one; `prefix` is as `parse_prefix` has it."""
    host, port = address.host, listener.getsockname()[1]
    if _ip(listener.getsockname()[0]).is_unspecified:
        host = _own_address() or f"{socket.gethostname()}.local"
    query = f"?token={token}" if token else ""
    return f"http://{Address(host, port)}{prefix}/{query}"


def is_our_name(host: str, *, names: Iterable[str], reached: str) -> bool:
    """Whether a Host header names this machine. If not, it may be DNS rebinding by a web page.

    Args:
        host: the header: a name or address, with or without a port.
        names: that this machine goes by, besides its own: the host that the server was told to
            listen on, and those that a person allowed.
        reached: the address of this machine that the connection came to.
    """
    match = re.fullmatch(r"(?:\[(?P<six>[^\]]+)\]|(?P<name>[^:]+))(?::\d{1,5})?", host)
    if not match:
        return False
    name = (match["six"] or match["name"]).lower().removesuffix(".")
    ours = {"localhost", *(name.lower() for name in names)}
    ours |= {socket.gethostname().lower() + ending for ending in _LOCAL_SUFFIXES}
    if name in ours:
        return True
    try:
        return _ip(name).is_loopback or _ip(name) == _ip(reached)
    except ValueError:
        return False


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address; an IPv4-mapped IPv6 address as its IPv4 address.

    Raises:
        ValueError: it is no address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _own_address() -> str | None:
    """This machine's address on its network; None without one. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # An address reserved for documentation: this only selects the route.
            probe.connect(("192.0.2.1", 9))
            own: str = probe.getsockname()[0]
        except OSError:
            return None
    return own
