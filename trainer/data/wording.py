"""Numbers and lists of names, as sentences have them."""

from collections.abc import Sequence

SHOWN_NAMES = 3


def some(names: Sequence[str], shown: int = SHOWN_NAMES) -> str:
    first = ", ".join(names[:shown])
    return first if len(names) <= shown else f"{first} and {len(names) - shown} more"


def counted(number: int, noun: str) -> str:
    plural = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{plural}"
