"""What tables are printed with."""

from rich.console import Console

# Tables are made for these.
_COLUMNS = 80


def table_console() -> Console:
    """A console of 80 columns or more, that takes nothing in a name for a style.

    In a narrower terminal rich would leave out the ends of figures. The terminal only breaks lines.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = max(console.width, _COLUMNS)
    return console
