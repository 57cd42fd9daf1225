"""The option --pack, whose value can be left out: apart, because --help is to be there at once."""

from collections.abc import Sequence

DEFAULT_NAME = "pack.zip"


def with_pack_name(arguments: Sequence[str]) -> list[str]:
    """Command-line arguments in which each lone `--pack` is followed by DEFAULT_NAME.

    What follows `--pack` is its file if it ends in .zip, and else no part of it.
    """
    completed: list[str] = []
    for place, argument in enumerate(arguments):
        if argument == "--":
            return [*completed, *arguments[place:]]
        completed.append(argument)
        following = arguments[place + 1] if place + 1 < len(arguments) else ""
        if argument == "--pack" and not following.lower().endswith(".zip"):
            completed.append(DEFAULT_NAME)
    return completed
