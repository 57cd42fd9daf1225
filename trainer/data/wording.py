"""Lists of names as sentences have them, and sentences that several modules say."""

from collections.abc import Sequence

SHOWN_NAMES = 3
# Of what must be put right before anything goes on: all that a person would do by hand.
SHOWN_FAULTS = 20

# Where data is unpacked and decoded is beside --out, which `edgetl inspect` has not.
ANOTHER_DISK = "choose another disk (train: --out; inspect: start it in a folder there)"


def some(names: Sequence[str], most: int = SHOWN_NAMES) -> str:
    """The names, the first `most` of them and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
