"""Options with an optional value: Typer has none."""

from collections.abc import Callable, Sequence


def with_value(
    arguments: Sequence[str], option: str, default: str, *, is_value: Callable[[str], object]
) -> list[str]:
    """Command-line arguments in which each `option` without a value is followed by `default`.

    Args:
        arguments: as they were typed; what comes after "--" is left alone.
        option: such as "--preview".
        default: its value where none is given.
        is_value: whether what follows the option, "" for nothing, is its value.
    """
    completed: list[str] = []
    for index, argument in enumerate(arguments):
        if argument == "--":
            return [*completed, *arguments[index:]]
        completed.append(argument)
        following = arguments[index + 1] if index + 1 < len(arguments) else ""
        if argument == option and not is_value(following):
            completed.append(default)
    return completed
