"""What the suite found: variants beside one another, with intervals of their differences.

Differences are of one variant less the first, in percentage points of accuracy, always of trainings
with the same photos: the same set, photos a class and seed. Two intervals say how far they hold:

- Over all sets, for data sets that nobody has tried: of each set the mean difference is taken, over
  its sizes and seeds, and these means are one sample. Its interval is Student's t with as many
  degrees of freedom as there are sets, less one. Seeds of one set are no further data sets, so they
  are averaged first.
- Of one set, for other photos of the same kind: of each test photo the mean difference is taken,
  right less right, over trainings, and these are one sample, with Student's t too. Photos that all
  trainings agree on count as no difference. It is the interval of McNemar's problem with several
  trainings for each variant; what another drawing of training photos would change is in it only as
  far as the seeds have averaged it out.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from edgetl.benchmarks.dev.command_line import figures_table
from edgetl.benchmarks.dev.suite_measure import LEFT_OUT, RIGHT
from edgetl.benchmarks.dev.suite_plan import Photos, Variant, size_key
from edgetl.benchmarks.dev.suite_results import Finished
from edgetl.edge.errors import RecordError, plural
from edgetl.edge.model.intervals import student_t_quantile


@dataclass(frozen=True)
class Difference:
    """A mean of differences in percentage points, with its 95 % interval.

    `interval` is None of one value, which says nothing of others. `values` is how many there were.
    """

    mean: float
    interval: tuple[float, float] | None
    values: int

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True)
class Cell:
    """A variant on one set with one number of photos a class; means over its seeds.

    Attributes:
        set, photos, variant: which.
        seeds: those that finished.
        accuracy: 0..1.
        loss: the cross-entropy in nats.
        ece: 0..1.
        ece_by_chance: the ECE of probabilities that mean exactly what they say, on as many photos.
        seconds: of the whole process.
        over_first: the difference from the first variant on the same test photos, over the seeds
            that both finished; None without such a seed, and of the first variant itself.
    """

    set: str
    photos: Photos
    variant: str
    seeds: list[int]
    accuracy: float
    loss: float
    ece: float
    ece_by_chance: float
    seconds: float
    over_first: Difference | None


@dataclass(frozen=True)
class Overall:
    """A variant over everything: each set's mean over sizes and seeds, and the mean of the sets.

    All figures but `over_first`, whose trainings are those that this variant and the first
    finished, are of the trainings that every variant finished; `trainings` is how many these are.
    """

    variant: str
    trainings: int
    accuracy: float
    loss: float
    ece: float
    ece_by_chance: float
    seconds: float
    over_first: Difference | None


@dataclass(frozen=True)
class SetVerdict:
    """How the probe compares with edgetl's default on one set, all sizes and seeds together."""

    set: str
    test_pictures: int
    trainings: int
    probe_over_default: Difference

    @property
    def words(self) -> str:
        """Whether the default is below the probe by more than noise."""
        if not self.probe_over_default.beyond_noise:
            return "within noise"
        return "default below" if self.probe_over_default.mean > 0 else "default above"


@dataclass(frozen=True)
class SuiteSummary:
    """All of it. `variants` are those with results; the others are compared with the first."""

    variants: list[str]
    image_size: int
    versions: list[str]
    cells: list[Cell]
    overall: list[Overall]
    verdicts: list[SetVerdict]


Pair = tuple[Finished, Finished]


def summarize_suite(results: Sequence[Finished], variants: Sequence[str]) -> SuiteSummary:
    """Sum up the results of some variants, in that order, at one image size; there is one at least.

    Raises:
        RecordError: a set had other test photos in one training than in another.
    """
    shown = [
        variant
        for variant in variants
        if any(result.trial.variant == variant for result in results)
    ]
    results = [result for result in results if result.trial.variant in shown]
    cells = []
    for name in dict.fromkeys(result.trial.set for result in results):
        sizes = {result.trial.photos for result in results if result.trial.set == name}
        for photos in sorted(sizes, key=size_key):
            some = [r for r in results if (r.trial.set, r.trial.photos) == (name, photos)]
            cells += [_cell(some, variant, shown[0]) for variant in shown if _of(some, variant)]
    return SuiteSummary(
        variants=shown,
        image_size=results[0].trial.image_size,
        versions=sorted({result.edgetl for result in results}),
        cells=cells,
        overall=_overall(results, shown),
        verdicts=_verdicts(results),
    )


def student_interval(values: Sequence[float]) -> Difference:
    """The mean of one value or more, with the 95 % interval of Student's t."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Difference(mean, None, len(values))
    reach = (
        student_t_quantile(0.975, len(values) - 1)
        * statistics.stdev(values)
        / math.sqrt(len(values))
    )
    return Difference(mean, (mean - reach, mean + reach), len(values))


def paired_difference(pairs: Sequence[Pair]) -> Difference:
    """Second less first of each pair, on the test photos that all of them measured.

    Of one set: the photo at an index of `right` is the same in every training.

    Raises:
        RecordError: it is not.
    """
    totals: dict[int, int] = {}
    skipped: set[int] = set()
    if len({len(result.test.right) for pair in pairs for result in pair}) > 1:
        name = pairs[0][0].trial.set
        raise RecordError(f"{name}: its test photos have changed; begin again with another --out")
    for first, second in pairs:
        for index, marks in enumerate(zip(first.test.right, second.test.right, strict=True)):
            if LEFT_OUT in marks:
                skipped.add(index)
            gain = (marks[1] == RIGHT) - (marks[0] == RIGHT)
            totals[index] = totals.get(index, 0) + gain
    return student_interval(
        [100 * total / len(pairs) for index, total in totals.items() if index not in skipped]
    )


def _of(results: Iterable[Finished], variant: str) -> list[Finished]:
    return [result for result in results if result.trial.variant == variant]


def _pairs(results: Sequence[Finished], first: str, second: str) -> list[Pair]:
    """Trainings of two variants with the same photos."""
    others = {_same(result): result for result in _of(results, first)}
    return [(others[_same(r)], r) for r in _of(results, second) if _same(r) in others]


def _same(result: Finished) -> tuple[str, Photos, int]:
    return result.trial.set, result.trial.photos, result.trial.seed


def _cell(results: Sequence[Finished], variant: str, first: str) -> Cell:
    mine = _of(results, variant)
    pairs = [] if variant == first else _pairs(results, first, variant)
    return Cell(
        set=mine[0].trial.set,
        photos=mine[0].trial.photos,
        variant=variant,
        seeds=sorted(result.trial.seed for result in mine),
        accuracy=statistics.fmean(result.test.accuracy for result in mine),
        loss=statistics.fmean(result.test.loss for result in mine),
        ece=statistics.fmean(result.test.ece for result in mine),
        ece_by_chance=statistics.fmean(result.test.ece_by_chance for result in mine),
        seconds=statistics.fmean(result.seconds for result in mine),
        over_first=paired_difference(pairs) if pairs else None,
    )


def _overall(results: Sequence[Finished], variants: Sequence[str]) -> list[Overall]:
    everywhere = set.intersection(
        *({_same(r) for r in _of(results, variant)} for variant in variants)
    )
    found = []
    for variant in variants:
        mine = [result for result in _of(results, variant) if _same(result) in everywhere]
        pairs = [] if variant == variants[0] else _pairs(results, variants[0], variant)
        gains = _means_by_set(
            (b.trial.set, 100 * (b.test.accuracy - a.test.accuracy)) for a, b in pairs
        )
        difference = student_interval(gains) if gains else None

        def mean(value: Callable[[Finished], float], some: Sequence[Finished] = mine) -> float:
            return statistics.fmean(_means_by_set((r.trial.set, value(r)) for r in some))

        if mine:
            found.append(
                Overall(
                    variant=variant,
                    trainings=len(mine),
                    accuracy=mean(lambda r: r.test.accuracy),
                    loss=mean(lambda r: r.test.loss),
                    ece=mean(lambda r: r.test.ece),
                    ece_by_chance=mean(lambda r: r.test.ece_by_chance),
                    seconds=mean(lambda r: r.seconds),
                    over_first=difference,
                )
            )
    return found


def _means_by_set(values: Iterable[tuple[str, float]]) -> list[float]:
    by_set: dict[str, list[float]] = {}
    for name, value in values:
        by_set.setdefault(name, []).append(value)
    return [statistics.fmean(some) for some in by_set.values()]


def _verdicts(results: Sequence[Finished]) -> list[SetVerdict]:
    by_set: dict[str, list[Pair]] = {}
    for pair in _pairs(results, Variant.default, Variant.probe):
        by_set.setdefault(pair[0].trial.set, []).append(pair)
    verdicts = []
    for name, pairs in by_set.items():
        difference = paired_difference(pairs)
        verdicts.append(SetVerdict(name, difference.values, len(pairs), difference))
    return verdicts


def accuracy_table(summary: SuiteSummary) -> Table:
    """A row for each set and number of photos a class, a column for each variant."""
    table = _table(
        f"accuracy in %, and the gain over {summary.variants[0]} in percentage points",
        "photos a class",
        summary.variants,
    )
    cells = {(cell.set, cell.photos, cell.variant): cell for cell in summary.cells}
    for name in dict.fromkeys(cell.set for cell in summary.cells):
        table.add_row(name)
        sizes = dict.fromkeys(cell.photos for cell in summary.cells if cell.set == name)
        for photos in sizes:
            row = [cells.get((name, photos, variant)) for variant in summary.variants]
            table.add_row(f"  {photos}", *map(_cell_text, row))
        table.add_section()
    return table


def overall_table(summary: SuiteSummary) -> Table:
    """A row for each variant."""
    headings = ("accuracy", "loss", "ECE", "chance", "s", "gain", "95 % interval")
    title = f"over all sets, and the gain over {summary.variants[0]} in percentage points"
    table = _table(title, "", headings)
    for row in summary.overall:
        table.add_row(
            row.variant, f"{row.accuracy:.2%}", f"{row.loss:.3f}", f"{row.ece:.3f}",
            f"{row.ece_by_chance:.3f}", f"{row.seconds:.1f}", *_difference_texts(row.over_first),
        )  # fmt: skip
    return table


def verdict_table(summary: SuiteSummary) -> Table:
    """A row for each set: the probe beside the default."""
    headings = ("tested", "gain", "95 % interval", "")
    table = _table("the gain of the probe over default, in percentage points", "", headings)
    for row in summary.verdicts:
        table.add_row(
            row.set, str(row.test_pictures), *_difference_texts(row.probe_over_default), row.words
        )  # fmt: skip
    return table


def description(summary: SuiteSummary) -> str:
    """How the tables are to be read, and what was measured."""
    most = max(len(cell.seeds) for cell in summary.cells)
    fewest = min(len(cell.seeds) for cell in summary.cells)
    seeds = plural(most, "seed") if fewest == most else f"{fewest} to {most} seeds"
    trainings = plural(summary.overall[0].trainings if summary.overall else 0, "training")
    return (
        f"Accuracy is on test/, the mean of {seeds}; * marks a gain whose 95 % interval over "
        f"the test photos leaves out 0. The means over all sets are of the {trainings} "
        f"of each variant that every variant has, each set counting alike; the interval there is "
        f"Student's t over the sets' means. Loss is cross-entropy in nats, ECE has 15 bins; under "
        f"chance is what exact probabilities have on as many photos. Seconds are of whole "
        f"processes. Input {summary.image_size} pixels; edgetl {', '.join(summary.versions)}."
    )


def _table(title: str, first: str, headings: Sequence[str]) -> Table:
    table = figures_table(first, *headings)
    table.columns[0].justify = "left"
    table.title, table.title_justify = title, "left"
    # A title is else broken where a table is narrower.
    table.min_width = len(title)
    return table


def _cell_text(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    text = f"{100 * cell.accuracy:.1f}"
    if cell.over_first:
        mark = "*" if cell.over_first.beyond_noise else " "
        text += f" {cell.over_first.mean:+5.1f}{mark}"
    return text


def _difference_texts(difference: Difference | None) -> tuple[str, str]:
    if difference is None:
        return "", ""
    if difference.interval is None:
        return f"{difference.mean:+.1f}", "-"
    low, high = difference.interval
    return f"{difference.mean:+.1f}", f"{low:+.1f}..{high:+.1f}"
