"""The page of a benchmark's report: what templates/benchmark.html.j2 shows, gathered."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.benchmarks.measured import NOISY_SPREAD, Case, Condition, Measured
from edgetl.benchmarks.report.figures import case_names, confusion_difference
from edgetl.benchmarks.report.tables import method, milliseconds
from edgetl.trainer.report import page
from edgetl.trainer.report.drawing import short_name

_SHOWN_CONFUSIONS = 8
_SPLITS = {"folder": "a folder", "train": "the photos that the run learned from"}


def benchmark_page(measured: Measured, figures: Mapping[str, Path]) -> str:
    """The whole page; `figures`, PNGs by their names without ".png", become part of it.

    Raises:
        OSError: a figure cannot be read.
    """
    cases = measured.cases
    machine = measured.machine
    model = short_name(measured.labels) if measured.labels else "models"
    return page.render(
        "benchmark.html.j2",
        folders=[Path(__file__).with_name("templates")],
        title=f"{model} on {machine.name} - edgetl benchmark",
        model=model,
        measured=measured,
        machine=machine,
        cases=list(zip(cases, case_names(cases, brief=True), strict=True)),
        pictures=len(measured.targets),
        split=_SPLITS.get(measured.split, f"the {measured.split} split"),
        noisy_cases=sum(case.noisy for case in cases),
        noisy_spread=NOISY_SPREAD,
        best=_best(measured),
        unfinished=bool(measured.stopped) or measured.rounds < measured.rounds_asked,
        elsewhere=sorted({case.elsewhere for case in cases if case.elsewhere}),
        figures={name: page.picture(path.read_bytes()) for name, path in figures.items()},
        confusions=_confusions(measured),
        machine_facts={"name": machine.name, **machine.facts, **machine.versions},
        conditions=[_condition(machine.before), _condition(machine.after)],
        method=method(measured),
        milliseconds=milliseconds,
        small=_small,
        times=_times,
    )


def _best(measured: Measured) -> dict[str, tuple[Case, str] | None]:
    """The cases of the headline with their names: files measured here, the fastest not noisy."""
    files = [
        (case, name)
        for case, name in zip(measured.cases, case_names(measured.cases), strict=True)
        if not (case.elsewhere or case.is_keras)
    ]
    answered = [(pair[0].quality.accuracy, pair) for pair in files if pair[0].quality]
    quiet = [pair for pair in files if not pair[0].noisy]
    return {
        "fastest": min(quiet, key=lambda pair: pair[0].end_to_end.p50, default=None),
        "most_accurate": max(answered, key=lambda found: found[0])[1] if answered else None,
        "smallest": min(files, key=lambda pair: pair[0].bytes, default=None),
        "least_memory": min(
            (pair for pair in files if pair[0].peak_bytes),
            key=lambda pair: pair[0].peak_bytes,
            default=None,
        ),
    }


def _confusions(measured: Measured) -> dict[str, Any] | None:
    """The case that is compared with Keras, and the classes they confuse differently."""
    found = confusion_difference(measured)
    if not found:
        return None
    difference, case = found
    labels = measured.labels
    classes = [divmod(int(index), len(labels)) for index in np.flatnonzero(difference)]
    changed = sorted(
        (pair for pair in classes if pair[0] != pair[1]),
        key=lambda pair: (-abs(difference[pair]), -difference[pair]),
    )
    return {
        "name": case.name,
        "changed": [
            {"pictures": int(difference[pair]), "true": labels[pair[0]], "given": labels[pair[1]]}
            for pair in changed[:_SHOWN_CONFUSIONS]
        ],
    }


def _condition(condition: Condition) -> dict[str, str]:
    def number(value: float | None, form: str) -> str:
        return page.NONE if value is None else form.format(value)

    throttled = condition.throttled
    return {
        "temperature": number(condition.temperature_celsius, "{:.1f} \N{DEGREE SIGN}C"),
        "governor": page.NONE if condition.governor is None else condition.governor,
        "clock": number(condition.megahertz, "{:,.0f} MHz"),
        "throttling": page.NONE if throttled is None else ", ".join(throttled) or "none",
        "load, average of a minute": number(condition.load_average, "{:.2f}"),
    }


def _times(ratio: float) -> str:
    digits = 2 if ratio < 1 else 1 if ratio < 100 else 0
    return f"{ratio:,.{digits}f}{page.TIMES}"


def _small(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 or value == 0 else f"{value:.0e}"
