"""A folder on a device, as it is typed: [USER@]HOST:DIR. Imports nothing heavy."""

import re
from dataclasses import dataclass

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.system.ssh_host import HOST, USER

_FORM = re.compile(rf"(?P<address>(?:{USER}@)?(?P<host>{HOST})):(?P<folder>.*)", re.DOTALL)
# rsync looks these up on the device, as a shell would.
_PATTERN = set("*?[\\")


@dataclass(frozen=True)
class Remote:
    """A folder on another machine.

    Attributes:
        address: [USER@]HOST, as ssh takes it.
        name: of the host, for a folder.
        folder: its path there, from the home folder where it does not begin with a slash.
    """

    address: str
    name: str
    folder: str

    @property
    def source(self) -> str:
        """What is in the folder, in rsync's words."""
        return f"{self.address}:{self.folder.rstrip('/')}/"


def parse_remote(text: str) -> Remote | None:
    """The remote folder that `text` names; None where it names one of this machine.

    As for rsync and scp, a colon before any slash makes it one: ./a:b is a folder here.

    Raises:
        SettingError: the path is none, or not a plain one.
    """
    if ":" not in text.partition("/")[0]:
        return None
    match = _FORM.fullmatch(text)
    # A drive of Windows is no host of one letter.
    if match and re.match(r"[A-Za-z]:[\\/]", text):
        return None
    if not match:
        raise SettingError(
            f"{quoted(text)} is not [USER@]HOST:DIR; give it like pi@raspberrypi.local:seen"
        )
    folder = match["folder"].removeprefix("~/")
    # To rsync, host::a and rsync://host are servers of its own.
    begins_well = folder and folder[0] not in "-~:" and not folder.startswith("//")
    if not begins_well or set(folder) & _PATTERN or not folder.isprintable():
        raise SettingError(
            f"{quoted(text)}: not a plain path of a folder; give it like "
            f"{quoted(match['address'])}:seen, from the home folder, or :/home/pi/seen"
        )
    return Remote(match["address"], re.sub(r"[^\w.-]", "_", match["host"]), folder)
