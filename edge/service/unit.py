"""The text of a systemd unit that runs a command of edgetl all day, with few rights.

See systemd.service(5) and systemd.exec(5). Everything in it is known to systemd 252 (Debian 12).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from edgetl.edge.errors import SettingError, quoted

# Where StateDirectory= puts its folders.
_STATE = PurePosixPath("/var/lib")
_CACHE = PurePosixPath("/var/cache")

# A unit without it was written by someone else, and is not ours to change.
MARK = "# Written by `edgetl service install`; that command, typed again, changes it."

_GROWING_WAIT = ("RestartSec=5", "RestartSteps=5", "RestartMaxDelaySec=2min")

# As systemd.syntax(7) wants them inside double quotes.
_ESCAPES = {"\\": "\\\\", '"': '\\"', "%": "%%"}

# In a unit's line as it is: line ends among the control characters, and what Python has in file
# names for bytes that are no UTF-8.
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Service:
    """What is run, as whom, and what it may touch.

    Attributes:
        command: the program's absolute path and its arguments.
        description: what it does, for people.
        memory_max: what it may take, as systemd reads it: "1G", "50%".
        devices: what DeviceAllow= may name: "char-video4linux".
        groups: which of the system's it is in, besides its user's own.
        writable: folders it writes to, absolute.
        network: whether it talks to other machines, or is listened to by them.
        results_to_journal: whether what it prints is kept; errors always are.
        secrets: a file with variables that only root may read; None for none.
        state: a folder below /var/lib, made for it and its user, that outlives it; None for none.
        cache: the same below /var/cache.
        growing_wait: whether this systemd knows RestartSteps= (254 and later).
    """

    command: Sequence[str]
    user: str
    description: str = "edgetl"
    memory_max: str = "1G"
    devices: Sequence[str] = ()
    groups: Sequence[str] = ()
    writable: Sequence[PurePosixPath] = ()
    network: bool = False
    results_to_journal: bool = False
    secrets: PurePosixPath | None = None
    state: PurePosixPath | None = None
    cache: PurePosixPath | None = None
    growing_wait: bool = False


def unit_text(service: Service) -> str:
    """The unit file of `service`, whole.

    Raises:
        SettingError: a path has something in its name that systemd cannot read.
    """
    families = ["AF_UNIX"]
    families += ["AF_INET", "AF_INET6"] if service.network else []
    # libcamera hears from the kernel of the devices there are.
    families += ["AF_NETLINK"] if service.network or "char-media" in service.devices else []
    lines = [
        MARK,
        "[Unit]",
        f"Description={service.description}",
        "Documentation=man:systemd.service(5)",
        *(f"{key}=network-online.target" for key in ("Wants", "After") if service.network),
        # What it needs, such as a camera, may come hours later: starting is tried indefinitely.
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={_command(service.command)}",
        f"User={service.user}",
        *([f"SupplementaryGroups={' '.join(service.groups)}"] if service.groups else []),
        f"StandardOutput={'journal' if service.results_to_journal else 'null'}",
        "StandardError=journal",
        *([f"EnvironmentFile={_path(service.secrets)}"] if service.secrets else []),
        "",
        "# Ready once it works; silent for 30 seconds, it is ended and started again.",
        "TimeoutStartSec=5min",
        "TimeoutStopSec=20",
        "WatchdogSec=30",
        "WatchdogSignal=SIGTERM",
        "SuccessExitStatus=143",
        "Restart=on-failure",
        *(_GROWING_WAIT if service.growing_wait else ["RestartSec=10"]),
        f"MemoryMax={service.memory_max}",
        "",
        "# It sees what an option names, reads files and writes where one says; nothing else.",
        "DevicePolicy=closed",
        *(f"DeviceAllow={device} rw" for device in service.devices),
        *(["PrivateDevices=yes"] if not service.devices else []),
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        *(f"ReadWritePaths={_path(folder)}" for folder in service.writable),
        *(_kept("State", service.state, _STATE) if service.state else []),
        *(_kept("Cache", service.cache, _CACHE) if service.cache else []),
        "PrivateTmp=yes",
        f"RestrictAddressFamilies={' '.join(families)}",
        *(["IPAddressDeny=any"] if not service.network else []),
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "LockPersonality=yes",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "ProtectKernelTunables=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelLogs=yes",
        "ProtectControlGroups=yes",
        "ProtectClock=yes",
        "ProtectHostname=yes",
        "ProtectProc=invisible",
        "RemoveIPC=yes",
        "UMask=0077",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(lines) + "\n"


def word(text: str, *, variables: bool = True) -> str:
    """`text` as one word of a unit's line, taken by systemd as it is.

    It may hold all but NUL; bytes that are no UTF-8 are as Python has them in file names.
    `variables` is whether systemd looks for $VARIABLES there, as in ExecStart='s arguments.
    """
    escapes = _ESCAPES | ({"$": "$$"} if variables else {})
    return f'"{"".join(escapes.get(char) or _shown(char) for char in text)}"'


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def _command(command: Sequence[str]) -> str:
    # systemd looks for no variables in a program's path: a $ in it would arrive doubled.
    program, *arguments = command
    return " ".join([word(program, variables=False), *map(word, arguments)])


def _path(path: PurePosixPath) -> str:
    # A path is not unescaped as a command's words are: what is in its name stands there as it is.
    text = str(path)
    if _UNREADABLE.search(text):
        raise SettingError(
            f"{quoted(text)}: systemd takes no folder with a control character, or a byte that is "
            f"not UTF-8, in its name; choose another"
        )
    # EnvironmentFile= takes a path to the line's end; quotes would be a part of it.
    plain = all(char.isalnum() or char in "/._-" for char in text)
    return text if plain else f'"{"".join(_ESCAPES.get(char, char) for char in text)}"'


def _kept(
    kind: Literal["State", "Cache"], folder: PurePosixPath, below: PurePosixPath
) -> list[str]:
    return [
        f"{kind}Directory={folder.relative_to(below)}",
        f"{kind}DirectoryMode=0700",
        f"Environment=XDG_{kind.upper()}_HOME={folder}",
    ]
