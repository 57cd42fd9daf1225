"""The access token of the preview, kept so that links and cookies stay valid after a restart."""

import contextlib
import os
import re
import secrets
from pathlib import Path

from edgetl.edge.system.files import read_regular_file, write_text

_FORM = re.compile(r"[A-Za-z0-9_-]{43}")  # what secrets.token_urlsafe(32) gives


def token_file() -> Path | None:
    """The path of this user's token; None where there is no home folder."""
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return Path(state, "edgetl", "preview-token")


def kept_token(path: Path | None) -> str:
    """The token in `path`, or a new one, which is written there if it can be.

    A file that others can read, or with other content, is replaced.
    """
    if path is None:
        return secrets.token_urlsafe(32)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        private = os.name != "posix" or not path.stat().st_mode & 0o077
        text = read_regular_file(path, at_most=1000).decode("ascii").strip()
        if private and _FORM.fullmatch(text):
            return text
    token = secrets.token_urlsafe(32)
    # Where it cannot be written (a read-only or full disk) it is valid for this run.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, token + "\n", mode=0o600)
    return token
