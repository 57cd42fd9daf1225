"""What variants of training took and reached, summed up over their seeds and as a table."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rich.table import Table

from edgetl.benchmarks.dev.command_line import figures_table
from edgetl.benchmarks.dev.processes import Ended
from edgetl.benchmarks.measured import Failure, Machine
from edgetl.benchmarks.report.tables import condition_words, machine_words

# The order in which stages are shown; any other that a variant names comes after them.
_STAGES = ("start", "load", "decode", "figures", "activations", "head", "fine_tune", "evaluate")
_OUTSIDE = "outside_stages"


@dataclass(frozen=True)
class Figures:
    """What a model reaches on one part of the data."""

    accuracy: float
    loss: float
    pictures: int


@dataclass(frozen=True)
class Outcome:
    """A process that finished: the whole of it, and by its own clock each stage."""

    variant: str
    seed: int
    wall_seconds: float
    peak_bytes: int
    stages: Mapping[str, float]
    validation: Figures
    test: Figures | None

    @property
    def held_out(self) -> float:
        """Accuracy on the validation and test pictures together."""
        parts = [part for part in (self.validation, self.test) if part]
        return sum(p.accuracy * p.pictures for p in parts) / sum(p.pictures for p in parts)

    @property
    def line(self) -> str:
        """All of it in one line."""
        test = f", test {self.test.accuracy:.2%}" if self.test else ""
        return (
            f"{self.variant}, seed {self.seed}: {self.wall_seconds:.1f} s, "
            f"validation {self.validation.accuracy:.2%}{test}, peak {self.peak_bytes / 1e9:.2f} GB"
        )


@dataclass(frozen=True)
class Spread:
    """Values of several seeds; `deviation` is the sample's standard one, None of one value."""

    mean: float
    deviation: float | None
    lowest: float
    highest: float


@dataclass(frozen=True)
class Summary:
    """A variant over its seeds. Seconds are medians.

    Attributes:
        times_faster: how many times its wall-clock seconds go into the first variant's, the median
            of ratios taken seed by seed; None without a seed that both finished.
        percentage_points: its validation accuracy less the first variant's, the mean of
            differences taken seed by seed; None likewise.
        held_out: accuracy on validation and test pictures together, which are the same pictures
            in every variant, but for files that edgetl excludes, and divided otherwise in each.
        peak_bytes: the highest.
    """

    variant: str
    seeds: list[int]
    stages: dict[str, float]
    wall_seconds: float
    times_faster: float | None
    validation: Spread
    percentage_points: float | None
    test: Spread | None
    held_out: Spread
    peak_bytes: int


@dataclass(frozen=True)
class Comparison:
    """What has been measured so far: its lists grow. `pictures` is how many each folder holds."""

    machine: Machine
    pictures: dict[str, int]
    outcomes: list[Outcome] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def read_outcome(written: Mapping[str, Any], variant: str, seed: int, ended: Ended) -> Outcome:
    """An outcome from what the process wrote: the notebook's figures, or a run's metrics.json.

    What passed outside the stages that are named (Python, the imports, the end) is a stage itself.
    """
    splits = written.get("splits", written)
    stages = {
        name: seconds
        for name, seconds in written.get("seconds", {}).items()
        if name != "total" and seconds
    }
    stages[_OUTSIDE] = max(0.0, ended.seconds - sum(stages.values()))
    return Outcome(
        variant=str(variant),
        seed=seed,
        wall_seconds=ended.seconds,
        peak_bytes=ended.peak_bytes,
        stages=stages,
        validation=_figures(splits["validation"]),
        test=_figures(splits["test"]) if splits["test"] else None,
    )


def _figures(written: Mapping[str, Any]) -> Figures:
    return Figures(written["accuracy"], written["loss"], written["pictures"])


def spread(values: Sequence[float]) -> Spread:
    """The mean of one value or more, and how far they lie apart."""
    return Spread(
        mean=statistics.fmean(values),
        deviation=statistics.stdev(values) if len(values) > 1 else None,
        lowest=min(values),
        highest=max(values),
    )


def summarize(outcomes: Sequence[Outcome], variants: Sequence[str]) -> list[Summary]:
    """A summary of each variant that has outcomes, compared with the first of `variants`."""
    first = [outcome for outcome in outcomes if outcome.variant == variants[0]]
    summaries = []
    for variant in variants:
        mine = [outcome for outcome in outcomes if outcome.variant == variant]
        if not mine:
            continue
        pairs = [(theirs, ours) for theirs in first for ours in mine if theirs.seed == ours.seed]
        ratios = [theirs.wall_seconds / ours.wall_seconds for theirs, ours in pairs]
        gains = [ours.validation.accuracy - theirs.validation.accuracy for theirs, ours in pairs]
        names = {name for outcome in mine for name in outcome.stages}
        tested = [outcome.test.accuracy for outcome in mine if outcome.test]
        summaries.append(
            Summary(
                variant=variant,
                seeds=sorted(outcome.seed for outcome in mine),
                stages={
                    name: statistics.median(outcome.stages.get(name, 0.0) for outcome in mine)
                    for name in stage_order(names)
                },
                wall_seconds=statistics.median(outcome.wall_seconds for outcome in mine),
                times_faster=statistics.median(ratios) if ratios else None,
                validation=spread([outcome.validation.accuracy for outcome in mine]),
                percentage_points=100 * statistics.fmean(gains) if gains else None,
                test=spread(tested) if tested else None,
                held_out=spread([outcome.held_out for outcome in mine]),
                peak_bytes=max(outcome.peak_bytes for outcome in mine),
            )
        )
    return summaries


def stage_order(names: set[str]) -> list[str]:
    """Stages as they follow one another; time outside them last."""
    ordered = (*_STAGES, *sorted(names - {*_STAGES, _OUTSIDE}), _OUTSIDE)
    return [name for name in ordered if name in names]


def comparison_table(summaries: Sequence[Summary], first: str) -> Table:
    """A column for each variant; `first` is the one that the others are compared with."""
    table = figures_table("", *(summary.variant for summary in summaries))
    stages = stage_order({name for s in summaries for name in s.stages})
    sections: tuple[list[tuple[str, Callable[[Summary], str]]], ...] = (
        [("seeds", lambda s: ", ".join(map(str, s.seeds)))],
        [
            *((f"{name.replace('_', '-')}, s", partial(_stage, name)) for name in stages),
            ("in all, s", lambda s: f"{s.wall_seconds:.1f}"),
            (f"faster than {first}", lambda s: _shown(s.times_faster, ".2f", "x")),
        ],
        [
            ("validation accuracy", lambda s: _mean(s.validation)),
            ("  range", lambda s: _range(s.validation)),
            (f"  over {first}", lambda s: _shown(s.percentage_points, "+.2f", " pp")),
            ("test accuracy", lambda s: _mean(s.test)),
            ("  range", lambda s: _range(s.test)),
            ("both together", lambda s: _mean(s.held_out)),
            ("  range", lambda s: _range(s.held_out)),
        ],
        [("peak memory", lambda s: f"{s.peak_bytes / 1e9:.2f} GB")],
    )
    for section in sections:
        for name, text in section:
            table.add_row(name, *map(text, summaries))
        table.add_section()
    return table


def _stage(name: str, summary: Summary) -> str:
    return _shown(summary.stages.get(name), ".1f")


def _shown(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"


def _mean(value: Spread | None) -> str:
    if value is None:
        return "-"
    deviation = "" if value.deviation is None else f" \N{PLUS-MINUS SIGN} {value.deviation:.2%}"
    return f"{value.mean:.2%}{deviation}"


def _range(value: Spread | None) -> str:
    return "-" if value is None else f"{value.lowest:.2%}..{value.highest:.2%}"


def description(compared: Comparison) -> str:
    """What was measured and on what, in words."""
    pictures = compared.pictures
    parts = ", ".join(
        f"{o.variant} {o.validation.pictures} + {o.test.pictures if o.test else 0}"
        for o in {outcome.variant: outcome for outcome in compared.outcomes}.values()
    )
    return (
        f"Seconds are medians over the seeds, each a whole process; ratios and differences are "
        f"taken seed by seed. Accuracy is that of the epoch of the lowest validation loss: its "
        f"mean over the seeds with standard deviation, and its range. {pictures['train']} pictures "
        f"in train/, {pictures['validation']} in validation/, used as validation + test: {parts}. "
        f"Peak memory is the highest of a process. {machine_words(compared.machine)} "
        f"Before: {condition_words(compared.machine.before)}."
    )
