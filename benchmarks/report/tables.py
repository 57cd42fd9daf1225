"""What was measured, as tables for a terminal of 80 columns and as Markdown, with the method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgetl.benchmarks.measured import (
    NOISY_SPREAD,
    Case,
    Condition,
    Latency,
    Machine,
    Measured,
    engine_family,
)
from edgetl.benchmarks.process.worker import STEADY_WITHIN, UNCOUNTED_CALLS
from edgetl.edge.errors import plural, quoted
from edgetl.edge.system.tables import table_console

_WIDTH = 80


@dataclass(frozen=True)
class _Column:
    """A column: its heading, what a case says in it, and whether only Markdown has room for it."""

    heading: str
    text: Callable[[Case], str]
    wide: bool = False


def tables(measured: Measured) -> list[Table]:
    """What is lost and what is gained: quality, where pictures have classes, and speed."""
    made = []
    for title, columns in _sections(measured):
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0)
        # The end of a long name is what distinguishes it.
        table.add_column(title, overflow="fold")
        narrow = [column for column in columns if not column.wide]
        for column in narrow:
            table.add_column(column.heading, justify="right", no_wrap=True)
        for case in measured.cases:
            table.add_row(_name(case, measured), *(c.text(case) for c in narrow))
        made.append(table)
    return made


def print_measured(measured: Measured) -> None:
    """Print the tables and the fine print on stdout."""
    console = table_console()
    for table in tables(measured):
        console.print(table)
    for line in fine_print(measured):
        console.print(line, soft_wrap=True)


def fine_print(measured: Measured) -> list[str]:
    """What a reader of the tables must know, in three lines of 80 columns at most.

    `method` has all of it.
    """
    count, machine = len(measured.targets), measured.machine
    elsewhere = {case.elsewhere: None for case in measured.cases if case.elsewhere}
    lines = (
        (
            f"{plural(count, 'picture')} ({measured.split})" if count else "only timed",
            f"{plural(measured.rounds, 'round')} of {measured.calls} calls",
            f"threads: {threads}" if (threads := _threads(measured)) else "",
            f"{machine.cpu}, {plural(machine.cores, 'core')}",
        ),
        (
            "~, noisy: not to be quoted",
            *(f"*: measured on {name}" for name in elsewhere),
            "faster: times Keras' p50",
        ),
        ("How it was measured, and more figures: --report DIR or --markdown",),
    )
    # Machines have long names, and a pack brings one from elsewhere.
    return [_joined(*map(quoted, parts)) for parts in lines]


def _joined(first: str, *others: str) -> str:
    """The first, and those of the others that there is room for."""
    line = first
    for part in filter(None, others):
        if len(line) + len(part) + 2 <= _WIDTH:
            line += f"; {part}"
    return line


def markdown(measured: Measured) -> str:
    """The same and more as Markdown, the method with it."""
    lines = []
    for title, columns in _sections(measured):
        lines += [
            f"| {title} | " + " | ".join(column.heading for column in columns) + " |",
            "|---|" + "---:|" * len(columns),
        ]
        for case in measured.cases:
            cells = [_cell(_name(case, measured)), *(c.text(case) for c in columns)]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    lines += [f"- {_cell(failure.line)}" for failure in measured.failures]
    lines += [f"- {_cell(line)}" for line in method(measured)]
    return "\n".join(lines)


def method(measured: Measured) -> list[str]:
    """How and on what it was measured, in sentences."""
    machine = measured.machine
    count = len(measured.targets)
    lines = []
    if measured.stopped:
        lines.append(f"{measured.stopped}; the figures are of what was finished.")
    lines += [f"{note}." for note in measured.notes]
    lines += [
        f"{case.name} on {case.engine} (*): measured on {case.elsewhere}; its times are not "
        f"compared with the others'."
        for case in measured.cases
        if case.elsewhere
    ]
    if count:
        lines.append(
            f"Quality on {count} pictures ({measured.split}), in percent: accuracy with its 95 % "
            f"interval (Wilson), macro F1, share given Keras' class, and McNemar's exact p: small "
            f"where accuracy differs from Keras' by more than chance. ECE, 0 to 1: the expected "
            f"calibration error."
        )
    else:
        lines.append(
            "Only timed, on drawn pictures; --data with a folder a class gives the accuracy."
        )
    lines += [
        f"Each case in a fresh process; warmed up until two batches of calls agree within "
        f"{STEADY_WITHIN:.0%}; then {plural(measured.rounds, 'round')} of {measured.calls} calls "
        f"of each kind, all cases in each, {UNCOUNTED_CALLS} calls of each case not counted; "
        f"threads: {_threads(measured)}.",
        "Milliseconds for one picture: p50, p90 and p99 over all calls from pixels to "
        "probabilities; JPEG from the file's bytes, and pictures a second so. load: from path to "
        "ready, libraries imported. MB: peak of the process.",
        "faster: times Keras' p50, the median of ratios taken round by round; Keras in its "
        "fastest variant of model(x), predict and tf.function; noisy where the interquartile range "
        f"of these ratios is above {NOISY_SPREAD:.0%} of their median. ~: that of the rounds' "
        "medians is: such times are noisy too, and not to be quoted.",
        machine_words(machine),
        f"Before: {condition_words(machine.before)}. After: {condition_words(machine.after)}.",
    ]
    # A pack brings names from elsewhere.
    return [quoted(line) for line in lines]


def machine_words(machine: Machine) -> str:
    """A machine and what is installed on it, in a sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    return (
        f"{machine.name}: {machine.cpu}, {machine.cores} cores, "
        f"{machine.memory_bytes / 2**30:.1f} GiB; {machine.system}; Python {machine.python}, "
        f"{versions}."
    )


def condition_words(now: Condition) -> str:
    """The condition of a machine, without a full stop."""
    facts = [
        ("load", None if now.load_average is None else f"{now.load_average:.2f}"),
        (
            "temperature",
            None if now.temperature_celsius is None else f"{now.temperature_celsius:.0f} °C",
        ),
        ("governor", now.governor),
        ("clock", None if now.megahertz is None else f"{now.megahertz:.0f} MHz"),
        ("throttling", None if now.throttled is None else ", ".join(now.throttled) or "none"),
    ]
    return ", ".join(f"{name} {value or 'unknown'}" for name, value in facts)


def _sections(measured: Measured) -> Sequence[tuple[str, Sequence[_Column]]]:
    sections = [("quality, %", _QUALITY), ("speed, ms", _SPEED)]
    return sections if measured.targets else sections[1:]


def _name(case: Case, measured: Measured) -> str:
    # Versions are below the tables: with them these would not fit.
    engine = case.variant if case.is_keras else engine_family(case.engine)
    threads = f" x{case.threads}" if "," in _threads(measured) else ""
    return quoted(f"{case.name} {engine}{threads}{'*' if case.elsewhere else ''}")


def _threads(measured: Measured) -> str:
    counts = {case.threads for case in measured.cases if not case.elsewhere}
    return ", ".join(map(str, sorted(counts)))


def _faster(case: Case) -> str:
    if not case.ratio:
        return "-"
    return "noisy" if case.ratio.noisy else f"{case.ratio.median:.1f}x"


def milliseconds(value: float) -> str:
    """With three figures, as far as they say anything."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _median(latency: Latency) -> str:
    return ("~" if latency.noisy else "") + milliseconds(latency.p50)


def _spread(latency: Latency) -> str:
    return f"{100 * latency.spread:.0f} %"


def _of_quality(text: Callable[..., str]) -> Callable[[Case], str]:
    return lambda case: text(case.quality) if case.quality else "-"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


_QUALITY = (
    _Column("acc.", _of_quality(lambda q: _percent(q.accuracy))),
    _Column("95 %", _of_quality(lambda q: "-".join(_percent(end) for end in q.accuracy_interval))),
    _Column("F1", _of_quality(lambda q: _percent(q.macro_f1))),
    _Column("agrees", _of_quality(lambda q: _percent(q.agreement))),
    _Column("p", _of_quality(lambda q: "-" if q.mcnemar_p is None else f"{q.mcnemar_p:.2f}")),
    _Column(
        "differs",
        _of_quality(
            lambda q: "-" if q.largest_difference is None else f"{q.largest_difference:.3f}"
        ),
        wide=True,
    ),
    _Column("ECE", _of_quality(lambda q: "-" if q.ece is None else f"{q.ece:.3f}"), wide=True),
    _Column("file MB", lambda case: f"{case.bytes / 1e6:.2f}"),
)

_SPEED = (
    _Column("load", lambda case: milliseconds(case.load_ms)),
    _Column("first", lambda case: milliseconds(case.first_ms)),
    _Column("p50", lambda case: _median(case.invoke)),
    _Column("p90", lambda case: milliseconds(case.invoke.p90)),
    _Column("p99", lambda case: milliseconds(case.invoke.p99)),
    _Column("spread", lambda case: _spread(case.invoke), wide=True),
    _Column("JPEG", lambda case: _median(case.end_to_end)),
    _Column("JPEG p90", lambda case: milliseconds(case.end_to_end.p90), wide=True),
    _Column("JPEG p99", lambda case: milliseconds(case.end_to_end.p99), wide=True),
    _Column("JPEG spread", lambda case: _spread(case.end_to_end), wide=True),
    _Column("/s", lambda case: f"{case.pictures_per_second:.0f}"),
    _Column("MB", lambda case: f"{case.peak_bytes / 1e6:.0f}" if case.peak_bytes else "-"),
    _Column("faster", _faster),
    _Column(
        "quartiles",
        lambda case: f"{case.ratio.low:.2f}-{case.ratio.high:.2f}" if case.ratio else "-",
        wide=True,
    ),
    _Column("engine", lambda case: _cell(case.engine), wide=True),
    _Column("threads", lambda case: str(case.threads), wide=True),
)


def _cell(text: str) -> str:
    return quoted(text.replace("\n", " ")).replace("|", "\\|")
