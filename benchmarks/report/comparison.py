"""What changed between two benchmarks, as JSON and as a table for people."""

import json
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgetl.benchmarks.compare import (
    SMALLEST_LATENCY_CHANGE,
    SMALLEST_MEMORY_CHANGE,
    AccuracyChange,
    CaseChange,
    Changes,
    LatencyChange,
    Side,
    Unmatched,
)
from edgetl.benchmarks.measured import engine_family
from edgetl.benchmarks.record import plain
from edgetl.edge.errors import plural, quoted
from edgetl.edge.system.tables import table_console

_STYLES = {"faster": "green", "better": "green", "less": "green", "slower": "red", "worse": "red",
           "more": "red", "noisy": "yellow", "too few rounds": "yellow"}  # fmt: skip
_NONE = "-"


def changes_to_json(changes: Changes) -> str:
    """All of `changes` as indented JSON, shares 0..1, milliseconds and bytes."""
    return json.dumps(plain(changes), indent=2, ensure_ascii=False)


def print_changes(changes: Changes) -> None:
    """Print on stdout what changed, what of it is beyond noise, and by what rule."""
    console = table_console()
    for name, side in (("A", changes.before), ("B", changes.after)):
        console.print(_side_line(name, side), soft_wrap=True)
    if changes.cases:
        for case in changes.cases:
            console.print(_case_table(case))
    else:
        console.print("\nno case is in both\n")
    for name, unmatched in (("A", changes.only_before), ("B", changes.only_after)):
        for one in unmatched:
            console.print(f"only in {name}: {_unmatched_line(name, one)}", soft_wrap=True)
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


def _case_table(case: CaseChange) -> Table:
    # All of the same widths, so that the tables of several cases are one to the eye.
    table = Table(
        title=Text(_case_name(case), style="bold", overflow="fold"), title_justify="left",
        box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True,
    )  # fmt: skip
    table.add_column("", width=17)
    for name in ("A", "B"):
        table.add_column(name, justify="right", width=8)
    table.add_column("change", width=27)
    table.add_column("", width=14)
    for *cells, verdict in _lines(case):
        table.add_row(*cells, Text(verdict, style=_STYLES.get(verdict, "")))
    return table


def _case_name(case: CaseChange) -> str:
    same = case.engine_before == case.engine_after
    engine = case.engine_before if same else engine_family(case.engine_before)
    return _described(case.name, engine, case.threads, case.elsewhere)


def _described(name: str, engine: str, threads: int, elsewhere: str | None) -> str:
    where = f", on {elsewhere}" if elsewhere else ""
    return quoted(f"{name}, {engine}, {plural(threads, 'thread')}{where}")


def _lines(case: CaseChange) -> Iterator[tuple[str, str, str, str, str]]:
    """What, before, after, the change and the verdict of each line of a case."""
    for what, latency in (("invoke", case.invoke), ("end to end", case.end_to_end)):
        yield (
            f"{what}, ms", _milliseconds(latency.before), _milliseconds(latency.after),
            _latency_words(latency), latency.verdict,
        )  # fmt: skip
    if case.accuracy:
        yield (
            "accuracy", f"{case.accuracy.before:.2%}", f"{case.accuracy.after:.2%}",
            _accuracy_words(case.accuracy), _accuracy_verdict(case.accuracy),
        )  # fmt: skip
    yield (
        "file, MB", f"{case.bytes_before / 1e6:.2f}", f"{case.bytes_after / 1e6:.2f}",
        "the same file" if case.same_file else _share(case.bytes_after / case.bytes_before),
        _amount_verdict(case.bytes_before, case.bytes_after),
    )  # fmt: skip
    yield "peak memory, MB", _peak(case.peak_before), _peak(case.peak_after), *_memory_words(case)


def _milliseconds(value: float) -> str:
    # With as many figures as the change beside it can be checked by.
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 1000 else f"{value:.1f}"


def _peak(size: int) -> str:
    return f"{size / 1e6:.0f}" if size else _NONE


def _memory_words(case: CaseChange) -> tuple[str, str]:
    if not case.peak_before or not case.peak_after:
        return _NONE, ""
    verdict = _amount_verdict(case.peak_before, case.peak_after)
    share = _share(case.peak_after / case.peak_before)
    return share, verdict if case.memory_changed else "within noise"


def _latency_words(change: LatencyChange) -> str:
    if change.ratio is None:
        return _NONE
    words = _share(change.ratio)
    if change.low is not None and change.high is not None:
        words += f" ({_share(change.low)} to {_share(change.high)})"
    return words


def _accuracy_words(change: AccuracyChange) -> str:
    words = f"{100 * (change.after - change.before):+.2f} pp"
    if change.low is not None and change.high is not None:
        return f"{words} ({100 * change.low:+.2f} to {100 * change.high:+.2f})"
    return f"{words} (+{change.gained}, -{change.lost}; p={change.p:.2g})"


def _accuracy_verdict(change: AccuracyChange) -> str:
    if not change.beyond_noise:
        return "within noise"
    return "better" if change.after > change.before else "worse"


def _amount_verdict(before: int, after: int) -> str:
    return "" if before == after else "less" if after < before else "more"


def _share(ratio: float) -> str:
    """A ratio as what is added to the whole or taken from it."""
    return f"{ratio:.1f}x" if ratio >= 10 else f"{100 * (ratio - 1):+.1f}%"


def _unmatched_line(name: str, case: Unmatched) -> str:
    other = {"A": "B", "B": "A"}[name]
    problem = quoted(f"; in {other}: {case.problem}") if case.problem else ""
    return _described(case.name, case.engine, case.threads, case.elsewhere) + problem


def _rule(changes: Changes) -> str:
    accuracy = ""
    if any(case.accuracy for case in changes.cases):
        accuracy = (
            "Both classified the same pictures, so accuracy is compared picture by picture "
            "(pictures gained and lost, McNemar's exact test, p below 0.05). "
            if changes.same_pictures
            else "They did not classify the same pictures of the same classes, so a difference of "
            "accuracy has the 95% interval of two independent shares (Newcombe). "
        )
    return (
        f"Latencies are the medians of the rounds' medians. One has changed where the change is "
        f"more than {SMALLEST_LATENCY_CHANGE:.0%} and its 99% interval (Mann-Whitney) is all on "
        f"one side of 0; a case whose rounds differ too much is noisy and never called changed. "
        f"{accuracy}Peak memory, which is measured once, has changed where it differs by more "
        f"than {SMALLEST_MEMORY_CHANGE:.0%}."
    )
