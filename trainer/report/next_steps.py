"""What to do next about a run, by what it shows, each with what to type."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from edgetl.edge.errors import plural, quoted
from edgetl.edge.model.intervals import wilson
from edgetl.edge.model.learning_curve import LearningCurve
from edgetl.edge.results.probability import percent
from edgetl.trainer.metrics import SplitMetrics
from edgetl.trainer.report.labels import DoubtfulPhotos
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import RunConfig, RunMetrics

# An interval that is wider says little: at 90 % that is one of fewer than 400 photos.
_WIDE = 0.06
# What a class is recognized less often than the others, 0..1, is no matter up to this.
_WEAKER = 0.05
# A class with less than this share of what the others have is short of photos.
_SHORT = 0.5
# What more photos bring is not worth a step below that, 0..1.
_WORTH = 0.003
# Where fewer photos of each class are there, more are worth more than any setting.
_FEW = 50


@dataclass(frozen=True)
class NextStep:
    """What to do, why that follows from the run, and what to type: a command a line.

    Attributes:
        until_exported: whether it is done once there is an exported file.
    """

    what: str
    why: str
    commands: tuple[str, ...]
    until_exported: bool = False


def next_steps(
    run: RunFolder,
    config: RunConfig,
    metrics: RunMetrics,
    pictures: Mapping[str, int],
    doubtful: DoubtfulPhotos | None,
) -> list[NextStep]:
    """The next steps, the ones for every run first.

    Args:
        pictures: how many training pictures each class has.
        doubtful: None where they were not looked for.
    """
    return [
        *_uses(run),
        *_doubtful(doubtful),
        *_classes(run, config, metrics, pictures),
        *_more_photos(run, config, metrics.learning_curve),
        *_measuring(run, metrics),
    ]


def training_command(run: RunFolder) -> str:
    """What trains with the same settings on the same folder."""
    # Slashes are understood on Windows too, where a backslash would only call for quotes.
    return f"edgetl train --config {shlex.quote(run.config.as_posix())}"


def retraining_commands(run: RunFolder, config: RunConfig) -> tuple[str, ...]:
    """What trains again on the same folder, with what was added to it."""
    if config.data.index is None:
        return (f"edgetl train --from {shlex.quote(run.path.as_posix())}",)
    photos = shlex.quote(quoted(config.data.path))
    return (
        f"edgetl index {photos} --out NEW_INDEX",
        f"{training_command(run)} --features-from NEW_INDEX --features NEW_FEATURES",
    )


def export_command(run: RunFolder) -> str:
    """What exports an int8 file."""
    return f"edgetl export {shlex.quote(run.path.as_posix())} --quantize int8"


def _uses(run: RunFolder) -> Iterator[NextStep]:
    yield NextStep(
        "Export it for a device",
        "An int8 file is a quarter as large and faster; it is compared with Keras on the photos of "
        "this run, and this page then says how it did.",
        (export_command(run),),
        until_exported=True,
    )
    model = shlex.quote((run.exports / "model.int8.tflite").as_posix())
    yield NextStep(
        "Classify photos or a camera with it",
        "Photos that nobody chose show best what it is worth.",
        (f"edgetl classify --model {model} PHOTOS", f"edgetl classify --model {model} --camera 0"),
    )


def _doubtful(doubtful: DoubtfulPhotos | None) -> Iterator[NextStep]:
    if doubtful and doubtful.count:
        yield NextStep(
            f"Look at {plural(doubtful.count, 'doubtful label')}",
            f"Of {doubtful.checked:,} training photos so many look like another class to models "
            f"that did not learn from them. Delete the rows of doubtful.csv whose label is right, "
            f"move the others with this, and train again.",
            (doubtful.command,),
        )


def _classes(
    run: RunFolder, config: RunConfig, metrics: RunMetrics, pictures: Mapping[str, int]
) -> Iterator[NextStep]:
    again = retraining_commands(run, config)
    quoted_figures = metrics.splits[metrics.quoted]
    weak = _weakest(quoted_figures) if quoted_figures else None
    if weak and quoted_figures:
        label, recall, confused, times = weak
        count = quoted_figures.per_class[label].pictures
        yield NextStep(
            f"Add photos of {_name(label)}, above all such as look like {_name(confused)}",
            f"Of {plural(count, 'photo')} of {_name(label)} it recognizes {percent(recall)}, fewer "
            f"than of the others by more than chance; {times} are taken for {_name(confused)}. Put "
            f"them beside the others in {quoted(config.data.path)}.",
            again,
        )
    short = _short(pictures)
    if short and (not weak or short != weak[0]):
        others = sorted(count for label, count in pictures.items() if label != short)
        yield NextStep(
            f"Add photos of {_name(short)}",
            f"It has {plural(pictures[short], 'training photo')}, and half of the other classes "
            f"{others[len(others) // 2]:,} or more: a class is learned from its photos.",
            again,
        )
    elif pictures and max(pictures.values()) < _FEW:
        yield NextStep(
            "Add photos of every class",
            f"The largest class has {plural(max(pictures.values()), 'training photo')}: with so "
            f"few, more photos gain more than any setting does.",
            again,
        )


def _more_photos(
    run: RunFolder, config: RunConfig, curve: LearningCurve | None
) -> Iterator[NextStep]:
    if curve is None or curve.gain_of_twice < _WORTH:
        return
    errors = ", ".join(f"{percent(point.error)} with {point.photos:,}" for point in curve.points)
    wanted = [
        f"{need.more:,} of {_name(label)}" for label, need in curve.classes.items() if need.more
    ]
    named = f"{', '.join(wanted[:-1])} and {wanted[-1]}" if len(wanted) > 1 else "".join(wanted)
    goal = (
        f" For {percent(curve.recall_wanted)} of a class to be recognized: about {named} more."
        if wanted
        else ""
    )
    yield NextStep(
        f"Add photos: twice as many would bring about {100 * curve.gain_of_twice:.1f} points",
        f"A head that learned from a part of the photos is wrong on {errors}, and it goes on like "
        f"that as a rule, if they are as different from one another.{goal}",
        retraining_commands(run, config),
    )


def _measuring(run: RunFolder, metrics: RunMetrics) -> Iterator[NextStep]:
    figures = metrics.splits[metrics.quoted]
    if figures is None:
        return
    low, high = figures.interval or (0.0, 1.0)
    reasons = []
    if metrics.quoted != "test":
        reasons.append(
            "No photo was kept from all decisions of the training, so its figure is a little "
            "optimistic"
        )
    if high - low > _WIDE:
        reasons.append(
            f"Its interval is {100 * (high - low):.0f} percentage points wide, as it is of "
            f"{plural(figures.pictures, 'photo')}; four times as many halve it"
        )
    if reasons:
        yield NextStep(
            "Measure it on new photos",
            f"{'. '.join(reasons)}. Take them where it will be used, into a folder of each class.",
            (f"edgetl benchmark {shlex.quote(run.path.as_posix())} --data NEW_PHOTOS",),
        )


def _weakest(figures: SplitMetrics) -> tuple[str, float, str, int] | None:
    """The class of the lowest recall, that, what it is taken for most, and how often.

    None where its recall is not below that of the other classes by more than chance, and 5 points.
    """
    # Of many classes one is far below the others by chance alone (Bonferroni).
    z = NormalDist().inv_cdf(1 - 0.025 / max(len(figures.confusion), 1))
    lowest: tuple[float, str] | None = None
    for label, row in figures.confusion.items():
        count, right = sum(row.values()), row.get(label, 0)
        others = figures.pictures - count
        if not count or not others or right == count:
            continue
        found = sum(r.get(name, 0) for name, r in figures.confusion.items()) - right
        highest = wilson(right / count, count, z)[1]
        by_chance = highest >= wilson(found / others, others, z)[0]
        if not by_chance and found / others - right / count > _WEAKER:
            lowest = min(lowest or (1.0, label), (right / count, label))
    if lowest is None:
        return None
    recall, label = lowest
    row = {name: n for name, n in figures.confusion[label].items() if name != label}
    confused = max(row, key=row.__getitem__)
    return label, recall, confused, row[confused]


def _short(pictures: Mapping[str, int]) -> str | None:
    """The class with the fewest photos, if half of the others have twice as many."""
    if len(pictures) < 2:
        return None
    fewest = min(pictures, key=pictures.__getitem__)
    others: Sequence[int] = sorted(n for label, n in pictures.items() if label != fewest)
    return fewest if pictures[fewest] < _SHORT * others[len(others) // 2] else None


def _name(label: str) -> str:
    return f"“{quoted(label)}”"
