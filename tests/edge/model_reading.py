"""Reading model files that are to be refused."""

from pathlib import Path

import pytest

from edgetl.edge.errors import ModelFileError
from edgetl.edge.model.model_file import read_model_file


def refusal(path: Path, labels: tuple[str, ...] | None = None) -> str:
    """The message of the ModelFileError that reading `path` gives: one line that names it."""
    with pytest.raises(ModelFileError) as caught:
        read_model_file(path, labels=labels)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def outcome(path: Path, content: bytes, labels: tuple[str, ...] | None = None) -> str:
    """What reading `content` comes to: "read", or the message; another exception is a failure."""
    path.write_bytes(content)
    try:
        read_model_file(path, labels=labels)
    except ModelFileError as error:
        return str(error)
    return "read"
