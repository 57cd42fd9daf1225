"""The errors a user can cause: one tree, caught once, in edgetl.py."""

from pathlib import Path

_NOT_SHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # Unicode categories
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class EdgetlError(Exception):
    """Something the user can fix. The message is one line that names the thing and the fix."""

    exit_code = 2


class PictureError(EdgetlError):
    """A file, bytes or frame that cannot be read as a picture."""


class MissingDecoderError(PictureError):
    """A picture of a format that a package would read which is not installed."""


class InferenceError(PictureError):
    """A picture that a model fails on. The message names the model, and not the picture."""


class DataError(EdgetlError):
    """A folder of training pictures that cannot be trained on."""


class ModelFileError(EdgetlError):
    """A .tflite file that is damaged, is no image classifier, or does not fit its labels."""


class RunFolderError(EdgetlError):
    """A run folder that is missing, incomplete or cannot be written."""


class SourceError(EdgetlError):
    """A camera, video or list of files that cannot be opened."""


class SinkError(EdgetlError):
    """An output that results cannot be written to, or no longer."""


class SettingError(EdgetlError):
    """An option whose value is out of range or does not fit the others."""


class RecordError(EdgetlError):
    """A file of a benchmark's figures that is missing, damaged or of a newer format."""


class MissingExtraError(EdgetlError):
    """A command's optional dependencies are not installed."""

    def __init__(self, *, needs: str, package: str, extra: str) -> None:
        super().__init__(
            f"{needs} needs the Python package {package}, which is not installed here; "
            f"install it with: pip install 'edgetl[{extra}]'"
        )


def reason(error: OSError) -> str:
    """The operating system's own words for `error`, without its number and path."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def newer(path: Path | str) -> str:
    """What a person is told of a file whose format this edgetl does not know yet."""
    return f"{quoted(path)}: written by a newer edgetl; upgrade with: pip install -U edgetl"


def plural(count: int, noun: str) -> str:
    """A count with its noun: "1 thread", "2,000 threads", "3 classes"."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def quoted(path: Path | str) -> str:
    """`path` as it is shown in a message: on one line whatever its name holds.

    Control characters, line separators, those that turn the direction of what follows, and bytes
    that are no UTF-8 are shown as escapes.
    """
    text = str(path)
    if text.isprintable():
        return text
    # Few names need it, and it takes as long to import as a small picture to classify.
    from unicodedata import category

    return "".join(
        char.encode("unicode_escape").decode()
        if category(char) in _NOT_SHOWN or char in _TURNING
        else char
        for char in text
    )
