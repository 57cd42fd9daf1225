"""What was taught, as a table for a terminal of 80 columns."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgetl.edge.errors import quoted
from edgetl.edge.system.tables import table_console
from edgetl.edge.teach.teaching import Taught


def print_taught(taught: Taught) -> None:
    """Print what held-out photos say of each class before and now, how to read it, and the file."""
    console = table_console()
    gate = taught.gate
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("class", overflow="fold")
    for heading in ("sample", "taught", "before", "now", "unknown"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in gate.classes:
        counts = (str(one.sampled or "-"), str(one.taught or "-"))
        table.add_row(
            quoted(one.label), *counts, *map(_percent, (one.before, one.after, one.unknown))
        )
    console.print(table)
    console.print(
        "Percent of photos that heads which did not learn from them call so, before and\n"
        'now, and "unknown" now. The network was trained on the photos of the sample:\n'
        "their figures are for comparing, not for quoting."
    )
    if gate.difference:
        low, high = (100 * end for end in gate.difference.interval)
        console.print(
            f"{gate.verdict}: accuracy on {gate.difference.pictures} photos of the classes from "
            f"before\n{100 * gate.difference.difference:+.1f} percentage points ({low:+.1f} to "
            f"{high:+.1f}), "
            f"in {taught.seconds:.1f} s in all"
        )
    else:
        console.print(f"{gate.verdict}, in {taught.seconds:.1f} s in all")
    console.print(quoted(taught.path), soft_wrap=True)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
