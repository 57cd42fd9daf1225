"""What changed between two benchmarks, as JSON and as a table for people."""

import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgetl.benchmarks.compare import (
    SMALLEST_LATENCY_CHANGE,
    SMALLEST_MEMORY_CHANGE,
    AccuracyChange,
    Changes,
    LatencyChange,
    RowChange,
    Side,
    Unmatched,
)
from edgetl.benchmarks.measured import engine_family
from edgetl.edge.errors import quoted

_WIDTH = 100
_NAME_WIDTH = 28
_STYLES = {"faster": "green", "better": "green", "less": "green", "slower": "red", "worse": "red",
           "more": "red", "noisy": "yellow", "too few rounds": "yellow"}  # fmt: skip
_NONE = "-"


def changes_to_json(changes: Changes) -> str:
    """All of `changes` as indented JSON, shares 0..1, milliseconds and bytes."""
    return json.dumps(dataclasses.asdict(changes), indent=2, ensure_ascii=False)


def print_changes(changes: Changes) -> None:
    """Print on stdout what changed, what of it is beyond noise, and by what rule."""
    console = Console(
        width=None if sys.stdout.isatty() else _WIDTH, highlight=False, markup=False, emoji=False
    )
    for name, side in (("A", changes.before), ("B", changes.after)):
        console.print(_side_line(name, side), soft_wrap=True)
    if changes.rows:
        console.print(_changes_table(changes.rows))
    else:
        console.print("\nno row is in both\n")
    for name, rows in (("A", changes.only_before), ("B", changes.only_after)):
        for row in rows:
            console.print(f"only in {name}: {_unmatched_line(name, row)}", soft_wrap=True)
    if changes.differences:
        table = Table("what else differs", "A", "B", box=SIMPLE_HEAD, pad_edge=False)
        for difference in changes.differences:
            sides = (difference.before, difference.after)
            table.add_row(
                Text(quoted(difference.what)), *(Text(quoted(side) or _NONE) for side in sides)
            )
        console.print(table)
    console.print(_rule(changes), style="dim")


def _side_line(name: str, side: Side) -> str:
    stopped = f", stopped early: {side.stopped}" if side.stopped else ""
    when = side.created[:16].replace("T", " ")
    return quoted(f"{name}: {side.machine}, {side.cpu}, edgetl {side.edgetl}, {when} UTC{stopped}")


def _changes_table(rows: Sequence[RowChange]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", min_width=_NAME_WIDTH)
    for name in ("A", "B"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("change")
    table.add_column("", no_wrap=True)
    for row in rows:
        table.add_row(Text(_row_name(row), style="bold", overflow="fold"))
        lines = list(_lines(row))
        for number, (what, before, after, change, verdict) in enumerate(lines, start=1):
            table.add_row(
                f"  {what}", before, after, change, Text(verdict, style=_STYLES.get(verdict, "")),
                end_section=number == len(lines),
            )  # fmt: skip
    return table


def _row_name(row: RowChange) -> str:
    same = row.engine_before == row.engine_after
    return _described(
        row.name,
        row.engine_before if same else engine_family(row.engine_before),
        row.threads,
        row.elsewhere,
    )


def _described(name: str, engine: str, threads: int, elsewhere: str | None) -> str:
    place = f", on {elsewhere}" if elsewhere else ""
    plural = "" if threads == 1 else "s"
    return quoted(f"{name}, {engine}, {threads} thread{plural}{place}")


def _lines(row: RowChange) -> Iterator[tuple[str, str, str, str, str]]:
    """What, before, after, the change and the verdict of each line of a row."""
    for what, latency in (("invoke", row.invoke), ("end to end", row.end_to_end)):
        yield (
            f"{what}, ms", f"{latency.before:.2f}", f"{latency.after:.2f}",
            _latency_words(latency), latency.verdict,
        )  # fmt: skip
    if row.accuracy:
        yield (
            "accuracy", f"{row.accuracy.before:.2%}", f"{row.accuracy.after:.2%}",
            _accuracy_words(row.accuracy), _accuracy_verdict(row.accuracy),
        )  # fmt: skip
    yield (
        "file, MB", f"{row.bytes_before / 1e6:.2f}", f"{row.bytes_after / 1e6:.2f}",
        "the same file" if row.same_file else _share(row.bytes_after / row.bytes_before),
        _amount_verdict(row.bytes_before, row.bytes_after),
    )  # fmt: skip
    yield "peak memory, MB", _peak(row.peak_before), _peak(row.peak_after), *_memory_words(row)


def _peak(size: int) -> str:
    return f"{size / 1e6:.0f}" if size else _NONE


def _memory_words(row: RowChange) -> tuple[str, str]:
    if not row.peak_before or not row.peak_after:
        return _NONE, ""
    verdict = _amount_verdict(row.peak_before, row.peak_after)
    share = _share(row.peak_after / row.peak_before)
    return share, verdict if row.memory_changed else "within noise"


def _latency_words(change: LatencyChange) -> str:
    if change.ratio is None:
        return _NONE
    words = _share(change.ratio)
    if change.low is not None and change.high is not None:
        words += f" ({_share(change.low)} to {_share(change.high)})"
    return words


def _accuracy_words(change: AccuracyChange) -> str:
    words = f"{100 * (change.after - change.before):+.2f} points"
    if change.low is not None and change.high is not None:
        return f"{words} ({100 * change.low:+.2f} to {100 * change.high:+.2f})"
    return f"{words} (+{change.gained}, -{change.lost}; p = {change.p:.2g})"


def _accuracy_verdict(change: AccuracyChange) -> str:
    if not change.beyond_noise:
        return "within noise"
    return "better" if change.after > change.before else "worse"


def _amount_verdict(before: int, after: int) -> str:
    return "" if before == after else "less" if after < before else "more"


def _share(ratio: float) -> str:
    """A ratio as what is added to the whole or taken from it."""
    return f"{ratio:.1f}x" if ratio >= 10 else f"{100 * (ratio - 1):+.1f}%"


def _unmatched_line(name: str, row: Unmatched) -> str:
    other = {"A": "B", "B": "A"}[name]
    problem = quoted(f"; in {other}: {row.problem}") if row.problem else ""
    return _described(row.name, row.engine, row.threads, row.elsewhere) + problem


def _rule(changes: Changes) -> str:
    accuracy = ""
    if any(row.accuracy for row in changes.rows):
        accuracy = (
            "Both classified the same pictures, so accuracy is compared picture by picture "
            "(pictures gained and lost, McNemar's exact test, p below 0.05). "
            if changes.same_pictures
            else "They did not classify the same pictures of the same classes, so a difference of "
            "accuracy has the 95% interval of two independent shares (Newcombe). "
        )
    return (
        f"Latency is compared by the medians of the rounds: it has changed where the change is "
        f"more than {SMALLEST_LATENCY_CHANGE:.0%} and its 99% interval (Mann-Whitney) is all on "
        f"one side of 0; a row whose rounds differ too much is noisy and never called changed. "
        f"{accuracy}Peak memory, which is measured once, has changed where it differs by more "
        f"than {SMALLEST_MEMORY_CHANGE:.0%}."
    )
