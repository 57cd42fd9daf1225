"""What was measured, as tables for a terminal of 80 columns and as Markdown, with the method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgetl.benchmarks.measured import (
    NOISY_SPREAD,
    Condition,
    Latency,
    Measured,
    Row,
    engine_family,
)
from edgetl.benchmarks.process.worker import STEADY_WITHIN, UNCOUNTED_CALLS
from edgetl.edge.errors import quoted

_NOISY = "noisy"


@dataclass(frozen=True)
class _Column:
    """A column: its heading, what a row says in it, and whether only Markdown has room for it."""

    heading: str
    text: Callable[[Row, Measured], str]
    wide: bool = False


def tables(measured: Measured) -> list[Table]:
    """What is lost and what is gained: quality, where pictures have classes, and speed."""
    made = []
    for title, columns in _sections(measured):
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0)
        # The end of a long name is what tells it from others.
        table.add_column(title, overflow="fold")
        narrow = [column for column in columns if not column.wide]
        for column in narrow:
            table.add_column(column.heading, justify="right", no_wrap=True)
        for row in measured.rows:
            table.add_row(_name(row, measured), *(c.text(row, measured) for c in narrow))
        made.append(table)
    return made


def markdown(measured: Measured) -> str:
    """The same and more as Markdown, the method with it."""
    lines = []
    for title, columns in _sections(measured):
        lines += [
            f"| {title} | " + " | ".join(column.heading for column in columns) + " |",
            "|---|" + "---:|" * len(columns),
        ]
        for row in measured.rows:
            cells = [_cell(_name(row, measured)), *(c.text(row, measured) for c in columns)]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    lines += [f"- {_cell(failure.line)}" for failure in measured.failures]
    lines += [f"- {_cell(line)}" for line in method(measured)]
    return "\n".join(lines)


def method(measured: Measured) -> list[str]:
    """How and on what it was measured, in sentences."""
    machine = measured.machine
    count = len(measured.truth)
    lines = []
    if measured.stopped:
        lines.append(f"{measured.stopped}; the figures are of what was finished.")
    lines += [f"{note}." for note in measured.notes]
    lines += [
        f"{row.name} on {row.engine} (*): measured on {row.elsewhere}; its times are not beside "
        f"the others'."
        for row in measured.rows
        if row.elsewhere
    ]
    if count:
        lines.append(
            f"Quality on {count} pictures ({measured.split}), in percent: accuracy with its 95 % "
            f"interval (Wilson), macro F1, share given Keras' class, and McNemar's exact p: small "
            f"where accuracy differs from Keras' by more than chance."
        )
    else:
        lines.append(
            "Only timed, on drawn pictures; --data with a folder a class tells the accuracy."
        )
    threads = sorted({row.threads for row in measured.rows if not row.elsewhere})
    lines += [
        f"Each row in a fresh process; warmed up until two batches of calls agree within "
        f"{STEADY_WITHIN:.0%}; "
        f"then {measured.rounds} rounds of {measured.calls} calls of each kind, the rows in turn, "
        f"{UNCOUNTED_CALLS} calls of each turn not counted; "
        f"threads: {', '.join(map(str, threads))}.",
        "Milliseconds for one picture: p50, p90 and p99 over all calls from pixels to "
        "probabilities; JPEG from the file's bytes, and pictures a second so. load: from path to "
        "ready, libraries imported. MB: peak of the process.",
        "faster: times Keras' p50, the median of ratios taken round by round; Keras in its "
        "fastest way of model(x), predict and tf.function; noisy where the interquartile range of "
        f"these ratios is above {NOISY_SPREAD:.0%} of their median. ~: that of the rounds' "
        "medians is: such times are noisy too, and not to be quoted.",
        f"{machine.name}: {machine.cpu}, {machine.cores} cores, "
        f"{machine.memory_bytes / 2**30:.1f} GiB; {machine.system}; Python {machine.python}, "
        + ", ".join(f"{name} {number}" for name, number in machine.versions.items())
        + ".",
        f"Before: {_condition(machine.before)}. After: {_condition(machine.after)}.",
    ]
    # A pack brings names from elsewhere.
    return [quoted(line) for line in lines]


def _condition(now: Condition) -> str:
    facts = [
        ("load", None if now.load_average is None else f"{now.load_average:.2f}"),
        (
            "temperature",
            None if now.temperature_celsius is None else f"{now.temperature_celsius:.0f} °C",
        ),
        ("governor", now.governor),
        ("clock", None if now.megahertz is None else f"{now.megahertz:.0f} MHz"),
        (
            "throttling",
            None if now.throttled is None else ", ".join(now.throttled) or "none",
        ),
    ]
    return ", ".join(f"{name} {value or 'not told'}" for name, value in facts)


def _sections(measured: Measured) -> list[tuple[str, Sequence[_Column]]]:
    sections = [("speed, ms", _SPEED)]
    return [("quality, %", _QUALITY), *sections] if measured.truth else sections


def _name(row: Row, measured: Measured) -> str:
    # Versions are below the tables: with them these would not fit.
    engine = row.way if row.is_keras else engine_family(row.engine)
    counts = {other.threads for other in measured.rows if not other.elsewhere}
    threads = f" x{row.threads}" if len(counts) > 1 else ""
    return quoted(f"{row.name} {engine}{threads}{'*' if row.elsewhere else ''}")


def _faster(row: Row, _: Measured) -> str:
    if not row.ratio:
        return "-"
    return _NOISY if row.ratio.noisy else f"{row.ratio.median:.1f}x"


def _faster_range(row: Row, _: Measured) -> str:
    return f"{row.ratio.low:.2f}-{row.ratio.high:.2f}" if row.ratio else "-"


def _milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _median(latency: Latency) -> str:
    return ("~" if latency.noisy else "") + _milliseconds(latency.p50)


def _spread(latency: Latency) -> str:
    return f"{100 * latency.spread:.0f} %"


def _of_quality(text: Callable[..., str]) -> Callable[[Row, Measured], str]:
    return lambda row, _: text(row.quality) if row.quality else "-"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _megabytes(row: Row, _: Measured) -> str:
    return f"{row.bytes / 1e6:.2f}"


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
    _Column("file MB", _megabytes),
)

_SPEED = (
    _Column("load", lambda row, _: _milliseconds(row.load_ms)),
    _Column("first", lambda row, _: _milliseconds(row.first_ms)),
    _Column("p50", lambda row, _: _median(row.invoke)),
    _Column("p90", lambda row, _: _milliseconds(row.invoke.p90)),
    _Column("p99", lambda row, _: _milliseconds(row.invoke.p99)),
    _Column("spread", lambda row, _: _spread(row.invoke), wide=True),
    _Column("JPEG", lambda row, _: _median(row.end_to_end)),
    _Column("JPEG p90", lambda row, _: _milliseconds(row.end_to_end.p90), wide=True),
    _Column("JPEG p99", lambda row, _: _milliseconds(row.end_to_end.p99), wide=True),
    _Column("JPEG spread", lambda row, _: _spread(row.end_to_end), wide=True),
    _Column("/s", lambda row, _: f"{row.pictures_per_second:.0f}"),
    _Column("MB", lambda row, _: f"{row.peak_bytes / 1e6:.0f}" if row.peak_bytes else "-"),
    _Column("faster", _faster),
    _Column("quartiles", _faster_range, wide=True),
    _Column("engine", lambda row, _: _cell(row.engine), wide=True),
    _Column("threads", lambda row, _: str(row.threads), wide=True),
)


def _cell(text: str) -> str:
    return quoted(text.replace("\n", " ")).replace("|", "\\|")
