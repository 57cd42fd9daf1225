"""A precision as a threshold: the share of answers that is to be right, as it is typed."""

from dataclasses import dataclass

from edgetl.edge.errors import SettingError, quoted

# No lower precision can be asked for.
LOWEST_PRECISION = 0.5


@dataclass(frozen=True)
class Precision:
    """The share of answers that is to be right, from 0.5 to below 1.

    Raises:
        SettingError: it is none.
    """

    share: float

    def __post_init__(self) -> None:
        if not LOWEST_PRECISION <= self.share < 1:
            raise _no_precision(str(self.share))

    def __str__(self) -> str:
        """As it is typed."""
        return f"precision={self.share}"


def parse_threshold(text: str) -> float | Precision:
    """The threshold that is typed as a probability, 0.8, or as what it promises, precision=0.99.

    Raises:
        SettingError: it is neither.
    """
    name, sign, value = text.partition("=")
    if sign and name == "precision":
        try:
            share = float(value)
        except ValueError:
            raise _no_precision(value) from None
        return Precision(share)
    try:
        return float(text)
    except ValueError:
        raise SettingError(
            f"--threshold {quoted(text)!r}: give a probability, as 0.8, or the share of answers "
            f"that is to be right, as precision=0.99"
        ) from None


def _no_precision(value: str) -> SettingError:
    return SettingError(
        f"--threshold precision={quoted(value)}: give a share from {LOWEST_PRECISION} to below 1, "
        f"as precision=0.99"
    )
