"""The picture in the body of a request: the body itself, or the file of a form."""

import re
from dataclasses import dataclass
from email.message import Message


@dataclass(frozen=True)
class Upload:
    """An encoded picture, and the name it was sent with."""

    content: bytes
    name: str = "picture"


def uploaded(content_type: str, body: bytes) -> Upload | None:
    """The picture of a request; None for a form without a file.

    A form is multipart/form-data (RFC 7578), and its first file counts. Any other type is taken for
    a picture's: what it is, its content says.
    """
    head = _head(f"Content-Type: {content_type}")
    if head.get_content_type() != "multipart/form-data":
        return Upload(body)
    boundary = head.get_boundary()
    if not boundary:
        return None
    # RFC 2046, 5.1.1: the line end in front of a boundary belongs to it.
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(errors="replace"))
    for part in parts[1:-1]:
        written, gap, content = part.partition(b"\r\n\r\n")
        name = _head(written.decode(errors="replace").strip()).get_filename()
        if gap and name is not None:
            return Upload(content, name or Upload.name)
    return None


def _head(text: str) -> Message:
    """Headers, a line each."""
    message = Message()
    for line in re.split(r"\r?\n", text):
        name, colon, value = line.partition(":")
        if colon:
            message[name.strip()] = value.strip()
    return message
