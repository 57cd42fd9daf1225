"""The options of actions. Importing them loads neither NumPy nor OpenCV."""

import re
import shlex
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeAlias

from edgetl.edge.actions.webhook_url import webhook_text
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.options import Option

# What the header of a Raspberry Pi has, by Broadcom's numbers.
_LAST_PIN = 27

_action = partial(Option, group="Actions", common=False)


@dataclass(frozen=True)
class PinLabel:
    """A pin, by its BCM number, and a label that it is on for."""

    pin: int
    label: str

    def __str__(self) -> str:
        return f"{self.pin}={self.label}"


def parse_pin_label(text: str) -> PinLabel:
    """PIN=LABEL.

    Raises:
        SettingError: it is none, or the header has no such pin.
    """
    match = re.fullmatch(r"\s*(\d{1,3})\s*=\s*(.+?)\s*", text, re.ASCII | re.DOTALL)
    if not match:
        raise SettingError(f"--gpio {quoted(text)}: write PIN=LABEL, as in --gpio 17=open")
    if int(match[1]) > _LAST_PIN:
        raise SettingError(
            f"--gpio {quoted(text)}: pins go by their BCM numbers, 0 to {_LAST_PIN}; see: pinout"
        )
    return PinLabel(int(match[1]), match[2])


def program_words(text: str) -> list[str]:
    """The program that --exec names, and its arguments, split as a shell would; none is run.

    Raises:
        SettingError: a quote is not closed, or there is no program.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SettingError(f"--exec {quoted(text)}: {str(error).lower()}; close it") from None
    if not words or not words[0]:
        raise SettingError("--exec: empty; name a program, or leave it out")
    return words


def _program_text(text: str) -> str:
    program_words(text)
    return text


WebhookOption: TypeAlias = Annotated[
    str | None,
    _action(
        "POST each result as JSON to http[s]://host/path, too.", metavar="URL", parse=webhook_text
    ),
]
ExecOption: TypeAlias = Annotated[
    str | None,
    _action(
        "Run a program when the label changes; it finds label and probability in EDGETL_LABEL and "
        "EDGETL_PROBABILITY.",
        metavar="CMD",
        parse=_program_text,
    ),
]
GpioOption: TypeAlias = Annotated[
    tuple[PinLabel, ...],
    _action(
        "Pin, by its BCM number, that is on while the label is LABEL. Repeatable.",
        metavar="PIN=LABEL",
        parse=parse_pin_label,
    ),
]
