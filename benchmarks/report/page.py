"""The page of a benchmark's report: what it says, without drawing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgetl.benchmarks.measured import NOISY_SPREAD, Case, Condition, Latency, Machine, Measured
from edgetl.benchmarks.process.worker import STEADY_WITHIN, UNCOUNTED_CALLS
from edgetl.benchmarks.report.figures import (
    confusion_difference,
    milliseconds,
    row_names,
)
from edgetl.edge.errors import plural
from edgetl.trainer.report import page

_NOISY = '<span class="mark">noisy</span>'
_SHOWN_CONFUSIONS = 8


def benchmark_page(measured: Measured, figures: Mapping[str, Path]) -> str:
    """The whole page.

    Args:
        figures: the PNGs that there are, by their names without ".png"; they become part of the
            page.

    Raises:
        OSError: a figure cannot be read.
    """
    sections = {"Results": _results(measured)}
    if "accuracy-latency" in figures:
        sections["Accuracy and latency"] = page.figure(
            figures["accuracy-latency"],
            "Accuracy of each row by its latency from JPEG to probabilities, a bubble as large as "
            "its file. The table above has the numbers.",
            "Up and to the left is better. Lines are 95 % Wilson intervals of the accuracy: rows "
            "on the same pictures differ less than their intervals suggest, which is what the "
            "table's comparison with Keras is for.",
            wide=True,
        )
    if "latency" in figures:
        sections["Latency"] = page.figure(
            figures["latency"],
            "Single calls of each row, of the model alone and end to end, with their medians. "
            "The table above has the numbers.",
            "A dot is one call, the dark line the median, the two thin ones 90 % and 99 % of all "
            "calls.",
            wide=True,
        )
    sections["Confusions"] = _confusions(measured, figures.get("confusion-difference"))
    sections["Machine"] = _machine(measured)
    sections["Method"] = _method(measured)
    title = f"edgetl benchmark on {measured.machine.name}"
    return page.document(title, _header(measured), sections)


def _header(measured: Measured) -> str:
    machine = measured.machine
    warned = [_stopped(measured)] if measured.stopped or _unfinished(measured) else []
    if measured.failures:
        count = plural(len(measured.failures), "row")
        warned.append(f"{count} could not be measured")
    restless = sum(row.noisy for row in measured.cases)
    if restless:
        warned.append(f"{plural(restless, 'row')} too noisy to be quoted")
    lines = "".join(f'\n<p class="warned"><a href="#results">{words}</a></p>' for words in warned)
    return f"""<header>
<p class="faint">edgetl benchmark</p>
<h1>{page.text(machine.name)}</h1>
<p class="faint">{page.text(machine.cpu)}, {plural(machine.cores, "core")}; \
<time datetime="{page.plain(measured.created)}">{page.when(measured.created)}</time>, edgetl \
{page.text(measured.edgetl)}</p>{lines}
<dl class="headline">
{"".join(_headlines(measured))}</dl>
</header>"""


def _unfinished(measured: Measured) -> bool:
    return measured.rounds < measured.rounds_asked


def _stopped(measured: Measured) -> str:
    why = f": {page.text(measured.stopped)}" if measured.stopped else ""
    return f"ended early{why} ({measured.rounds:,} of {measured.rounds_asked:,} rounds)"


def _headlines(measured: Measured) -> list[str]:
    names = dict(zip(map(id, measured.cases), row_names(measured.cases), strict=True))
    here = [row for row in measured.cases if not row.elsewhere and not row.noisy]
    files = [row for row in here if not row.is_keras]
    shown = []
    if files:
        fastest = min(files, key=lambda row: row.end_to_end.p50)
        against = ""
        if fastest.ratio and not fastest.ratio.noisy:
            against = f"; the model alone {_times(fastest.ratio.median)} as fast as Keras"
        shown.append(
            page.headline(
                "Fastest, end to end",
                f"{milliseconds(fastest.end_to_end.p50)} ms",
                f"{page.text(names[id(fastest)])}: {fastest.pictures_per_second:,.0f} pictures a "
                f"second{against}.",
            )
        )
    answered = [row for row in files if row.quality]
    if answered:
        best = max(answered, key=lambda row: row.quality.accuracy if row.quality else 0.0)
        assert best.quality
        low, high = best.quality.accuracy_interval
        shown.append(
            page.headline(
                "Most accurate file",
                page.percent(best.quality.accuracy),
                f"{page.text(names[id(best)])}: 95 % interval {page.percent(low)} to "
                f"{page.percent(high)} of {len(measured.targets):,} pictures.",
            )
        )
    if files:
        smallest = min(files, key=lambda row: row.bytes)
        shown.append(
            page.headline(
                "Smallest file",
                f"{smallest.bytes / 1e6:.2f} MB",
                f"{page.text(names[id(smallest)])}.",
            )
        )
    known = [row for row in files if row.peak_bytes]
    if known:
        least = min(known, key=lambda row: row.peak_bytes)
        shown.append(
            page.headline(
                "Least memory",
                f"{_peak(least)} MB",
                f"{page.text(names[id(least)])}: the peak of its whole process.",
            )
        )
    return shown


def _peak(row: Case) -> str:
    return f"{row.peak_bytes / 1e6:,.0f}" if row.peak_bytes else page.NONE


def _results(measured: Measured) -> str:
    parts = []
    if measured.stopped or _unfinished(measured) or measured.failures:
        items = "".join(f"<li>{page.text(failure.line)}</li>" for failure in measured.failures)
        early = ""
        if measured.stopped or _unfinished(measured):
            early = f"<li>The benchmark {_stopped(measured)}.</li>"
        parts.append(f'<div class="warnings"><h3>Not measured</h3>\n<ul>{early}{items}</ul></div>')
    if measured.notes:
        items = "".join(f"<li>{page.text(note)}</li>" for note in measured.notes)
        parts.append(f'<div class="warnings"><h3>To know</h3>\n<ul>{items}</ul></div>')
    if not measured.cases:
        return "\n".join([*parts, "<p>No row was measured.</p>"])
    names = row_names(measured.cases, brief=True)
    parts.append(_latency_table(measured, names))
    if any(row.quality for row in measured.cases):
        parts.append(_quality_table(measured, names))
    parts.append(_cost_table(measured, names))
    if any(row.noisy or (row.ratio and row.ratio.noisy) for row in measured.cases):
        parts.append(
            f'<p class="faint">{_NOISY} The middle half of the rounds\' medians, or of their '
            f"ratios to Keras', spreads over more than {NOISY_SPREAD:.0%} of their median: measure "
            f"again on a quieter machine before you quote them. A machine that slows down slows "
            f"Keras too, so that times can be noisy where their ratio is not.</p>"
        )
    return "\n".join(parts)


def _heads(*names: str) -> str:
    return "".join(f'<th scope="col">{name}</th>' for name in names)


def _name_cell(row: Case, name: str) -> str:
    mark = f" {_NOISY}" if row.noisy else ""
    way = f", {page.text(row.variant)}" if row.variant else ""
    return (
        f'<th scope="row">{page.text(name)}{mark}<span class="under">{page.text(row.engine)}{way}, '
        f"{plural(row.threads, 'thread')}</span></th>"
    )


def _latency_table(measured: Measured, names: Sequence[str]) -> str:
    groups = "".join(
        f'<th scope="colgroup" colspan="3">{name}</th>'
        for name in ("model alone, ms", "end to end, ms")
    )
    head = (
        f'<tr><th scope="col" rowspan="2">row</th>{groups}<th scope="col" rowspan="2">pictures/s'
        f'</th><th scope="col" rowspan="2">beside Keras</th></tr>\n'
        f"<tr>{_heads('median', '90 %', '99 %') * 2}</tr>"
    )
    rows = []
    for row, name in zip(measured.cases, names, strict=True):
        cells = "".join(map(_latency_cells, (row.invoke, row.end_to_end)))
        rows.append(
            f"<tr>{_name_cell(row, name)}{cells}<td>{row.pictures_per_second:,.1f}</td>"
            f"<td>{_ratio(row)}</td></tr>"
        )
    return page.table("Latency of one picture", head, rows)


def _latency_cells(latency: Latency) -> str:
    values = (latency.p50, latency.p90, latency.p99)
    style = ' class="doubtful"' if latency.noisy else ""
    return "".join(f"<td{style}>{milliseconds(value)}</td>" for value in values)


def _times(ratio: float) -> str:
    digits = 2 if ratio < 1 else 1 if ratio < 100 else 0
    return f"{ratio:,.{digits}f}{page.TIMES}"


def _ratio(row: Case) -> str:
    if not row.ratio:
        return page.NONE
    if row.ratio.noisy:
        return _NOISY
    return (
        f"{_times(row.ratio.median)}"
        f'<span class="under">{_times(row.ratio.low)} to {_times(row.ratio.high)}</span>'
    )


def _quality_table(measured: Measured, names: Sequence[str]) -> str:
    rows = []
    for row, name in zip(measured.cases, names, strict=True):
        found = row.quality
        if not found:
            continue
        low, high = found.accuracy_interval
        agreement = page.share(found.agreement)
        p = page.NONE if found.mcnemar_p is None else f"{found.mcnemar_p:.2g}"
        largest = (
            page.NONE if found.largest_difference is None else _small(found.largest_difference)
        )
        rows.append(
            f"<tr>{_name_cell(row, name)}<td>{page.percent(found.accuracy)}"
            f'<span class="under">{page.percent(low)} to {page.percent(high)}</span></td>'
            f"<td>{page.percent(found.macro_f1)}</td><td>{agreement}</td><td>{p}</td>"
            f"<td>{largest}</td></tr>"
        )
    heads = _heads("row", "accuracy", "macro F1", "as Keras", "McNemar p", "largest difference")
    table = page.table(
        f"Quality on {plural(len(measured.targets), 'picture')} of {_split(measured)}",
        f"<tr>{heads}</tr>",
        rows,
    )
    return f"""{table}
<p class="faint">Accuracy with its 95 % Wilson interval. As Keras: the share of pictures that are \
given the class that Keras gives them. McNemar p: how likely a model no better and no worse than \
Keras would differ from it by this much or more on these pictures. Largest difference: of any \
probability to Keras', 0 to 1.</p>"""


def _small(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 or value == 0 else f"{value:.0e}"


def _cost_table(measured: Measured, names: Sequence[str]) -> str:
    rows = [
        f"<tr>{_name_cell(row, name)}<td>{row.bytes / 1e6:.2f}</td><td>{milliseconds(row.load_ms)}"
        f"</td><td>{milliseconds(row.first_ms)}</td><td>{_peak(row)}</td></tr>"
        for row, name in zip(measured.cases, names, strict=True)
    ]
    heads = _heads("row", "file, MB", "load, ms", "first call, ms", "peak memory, MB")
    return page.table("Size, start and memory", f"<tr>{heads}</tr>", rows)


def _confusions(measured: Measured, figure: Path | None) -> str:
    found = confusion_difference(measured)
    if not found or not figure:
        return (
            "<p>int8 is compared with Keras where both have classified the pictures; here one of "
            "them has not, or is not there.</p>"
        )
    difference, row = found
    moved = [
        (int(difference[true, given]), measured.labels[true], measured.labels[given])
        for true in range(len(measured.labels))
        for given in range(len(measured.labels))
        if true != given and difference[true, given]
    ]
    moved.sort(key=lambda item: (-abs(item[0]), -item[0]))
    items = "".join(
        f"<li>{page.text(true)} taken for {page.text(given)}: {abs(count):,} "
        f"{'more' if count > 0 else 'fewer'} than Keras</li>"
        for count, true, given in moved[:_SHOWN_CONFUSIONS]
    )
    listed = (
        f"<h3>Where they differ most</h3>\n<ul>{items}</ul>"
        if items
        else "<p>Each class is confused with each other just as often by both.</p>"
    )
    shown = page.figure(
        figure,
        f"Confusion matrix of {row.name} less that of Keras, in pictures",
        f"Pictures of each true class given each class by {page.text(row.name)}, "
        f"less those by Keras.",
        wide=len(measured.labels) > 12,
    )
    if len(measured.labels) > 12:
        return f"{shown}\n{listed}"
    return f'<div class="columns">{shown}\n<div>{listed}</div></div>'


def _split(measured: Measured) -> str:
    return "a folder" if measured.split == "folder" else f"the {page.plain(measured.split)} split"


def _machine(measured: Measured) -> str:
    machine = measured.machine
    named = {
        "name": machine.name,
        "processor": machine.cpu,
        "cores": str(machine.cores),
        "memory": f"{machine.memory_bytes / 1e9:.1f} GB",
        "system": machine.system,
        "Python": machine.python,
        **machine.versions,
    }
    elsewhere = sorted({row.elsewhere for row in measured.cases if row.elsewhere})
    others = (
        f'<p class="faint">Rows from elsewhere were measured on '
        f"{', '.join(map(page.text, elsewhere))}, and are compared with no row here.</p>"
        if elsewhere
        else ""
    )
    return f"""<div class="columns">
{page.pairs("What it was measured on", named)}
<div>{_conditions(machine)}{others}</div>
</div>"""


def _conditions(machine: Machine) -> str:
    before, after = _condition(machine.before), _condition(machine.after)
    rows = []
    for name in before:
        cells = "".join(
            f"<td>{page.NONE if shown is None else page.text(shown)}</td>"
            for shown in (before[name], after[name])
        )
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    heads = _heads("condition", "before", "after")
    return page.table("Its condition before and after", f"<tr>{heads}</tr>", rows)


def _condition(condition: Condition) -> dict[str, str | None]:
    def number(value: float | None, form: str) -> str | None:
        return None if value is None else form.format(value)

    throttled = condition.throttled
    return {
        "temperature": number(condition.temperature_celsius, "{:.1f} \N{DEGREE SIGN}C"),
        "governor": condition.governor,
        "clock": number(condition.megahertz, "{:,.0f} MHz"),
        "firmware's complaints": None if throttled is None else ", ".join(throttled) or "none",
        "load, a minute's average": number(condition.load_average, "{:.2f}"),
    }


def _method(measured: Measured) -> str:
    fingerprint = page.plain(measured.fingerprint[:16])
    return f"""<p>Each row has a fresh process of its own, which does nothing while another row \
has its turn, and its peak memory is that process's. It is warmed up until two batches of calls \
agree within {STEADY_WITHIN:.0%}. Keras is asked in the fastest of three ways, which its row \
names: model(x), predict and a compiled tf.function.</p>
<p>{measured.rounds:,} rounds, and in each of them {measured.calls:,} calls of every row in its \
turn, after {UNCOUNTED_CALLS} that are not counted; each round begins with another row, so that a \
machine that slows down slows all of them.{_throttled(measured)} Medians and percentiles are over \
all calls; ratios are taken round by round, and given as their median and quartiles.</p>
<p>Model alone: from the model's input pixels to probabilities. End to end: from a JPEG's bytes \
to probabilities, decoding and resizing included. Load: from the file's path to a model ready to \
be called, the libraries imported. One picture at a time.</p>
<p>Pictures: {len(measured.targets):,} of {_split(measured)}, of {len(measured.labels):,} classes; \
fingerprint <code>{fingerprint}</code>.</p>"""


def _throttled(measured: Measured) -> str:
    uncounted = measured.uncounted_rounds
    if not uncounted:
        return ""
    if len(uncounted) >= measured.rounds:
        return (
            " The machine was throttled in every round, so all of them count: the figures are a "
            "throttled machine's."
        )
    numbers = ", ".join(map(str, uncounted))
    return f" The machine was throttled in these rounds, which do not count: {numbers}."
