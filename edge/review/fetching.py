"""Pictures fetched from a device with rsync over ssh, without those that were reviewed before."""

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from edgetl.edge.errors import SourceError, plural, quoted, reason
from edgetl.edge.review.remote import Remote
from edgetl.edge.system.files import read_regular_file
from edgetl.edge.system.messages import logger

# The names that were reviewed, each with a zero byte behind it; hidden, so that it is no picture.
REVIEWED = ".reviewed"
_MOST_NAME_BYTES = 256_000_000
_LARGEST = "200M"
# What ssh and rsync say, and what helps. In this order: the first that fits.
_REASONS = (
    (r"rsync: (command )?not found|rsync: No such file", "has no rsync; type there: "
     "sudo apt install rsync"),
    (r"Permission denied \(", "refuses this user, key or password; try: ssh {address}"),
    (r"Host key verification failed|REMOTE HOST IDENTIFICATION", "is a host whose key is not "
     "known, or has changed; look at it with: ssh {address}"),
    (r"Could not resolve hostname|Name or service not known", "is no host that is known here; "
     "give its address, or its name with .local"),
    (r"change_dir .* failed: No such file|link_stat .* failed: No such file",
     "has no such folder"),
    (r"(change_dir|opendir) .* failed: Permission denied", "may not read that folder"),
    (r"timed out|No route to host|Connection refused", "does not answer; is it on, and does it "
     "run ssh?"),
)  # fmt: skip


def fetch(remote: Remote, folder: Path) -> None:
    """Fetch the pictures of a remote folder; those that are here or were reviewed stay there.

    Ssh asks for what it needs, as a password, on the terminal; RSYNC_RSH, rsync's own variable,
    names another ssh or gives it options.

    Raises:
        SourceError: there is no rsync, or it cannot fetch them; the message says why.
    """
    if shutil.which("rsync") is None:
        raise SourceError("rsync is not installed here; type: sudo apt install rsync")
    new_folders = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        excluded = b"".join(_pattern(name) + b"\0" for name in reviewed(folder))
    except OSError as error:
        raise SourceError(f"{quoted(folder)}: {reason(error)}; choose --fetched DIR") from error
    logger.info(f"fetching {quoted(remote.source)} into {quoted(folder)}")
    try:
        done = subprocess.run(
            [
                *("rsync", "--recursive", "--times", "-s", "--out-format=%n"),
                *("--prune-empty-dirs", "--timeout=60", f"--max-size={_LARGEST}", "--exclude=.*"),
                *("--from0", "--exclude-from=-", "--", remote.source, f"{folder.absolute()}/"),
            ],
            input=excluded,
            env={"RSYNC_RSH": "ssh -o ConnectTimeout=15", **os.environ, "LC_ALL": "C"},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise SourceError(_why(remote, done.stderr.decode(errors="replace")))
    except BaseException:
        # By Ctrl-C too. One with a picture in it stays, and so do those around it.
        with contextlib.suppress(OSError):
            for one in new_folders:
                one.rmdir()
        raise
    new = sum(not name.endswith(b"/") for name in done.stdout.splitlines())
    logger.info(f"{plural(new, 'new picture')} fetched")


def reviewed(folder: Path) -> list[bytes]:
    """The names, below the folder, that were reviewed before.

    Raises:
        OSError: the list cannot be read.
    """
    path = folder / REVIEWED
    if not path.exists():
        return []
    return [name for name in read_regular_file(path, at_most=_MOST_NAME_BYTES).split(b"\0") if name]


def note_reviewed(folder: Path, files: list[str]) -> None:
    """Add names, below the folder, to those that were reviewed.

    Raises:
        OSError: the list cannot be written.
    """
    with (folder / REVIEWED).open("ab") as list_:
        list_.write(b"".join(os.fsencode(file) + b"\0" for file in files))


def _pattern(name: bytes) -> bytes:
    """What matches this name alone: in a pattern with none of * ? [ a backslash is one."""
    if re.search(rb"[*?[]", name):
        name = re.sub(rb"([\\*?[])", rb"\\\1", name)
    return b"/" + name


def _why(remote: Remote, said: str) -> str:
    for words, help_ in _REASONS:
        if re.search(words, said):
            return f"{quoted(remote.source)}: {help_.format(address=quoted(remote.address))}"
    lines = [line for line in said.splitlines() if line.strip()]
    # The last line of rsync is a sum; the first says what happened.
    return f"{quoted(remote.source)}: rsync failed: {quoted(lines[0]) if lines else 'no reason'}"
