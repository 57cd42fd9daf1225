"""The option --pack, whose value can be left out: apart, because --help is to be there at once."""

from collections.abc import Sequence

from edgetl.optional_value import with_value

DEFAULT_NAME = "pack.zip"


def with_pack_name(arguments: Sequence[str]) -> list[str]:
    """Command-line arguments in which each lone `--pack` is followed by DEFAULT_NAME.

    What follows `--pack` is its file if it ends in .zip, and else no part of it.
    """
    return with_value(
        arguments, "--pack", DEFAULT_NAME, is_value=lambda text: text.lower().endswith(".zip")
    )
