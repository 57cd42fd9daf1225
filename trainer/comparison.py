"""An earlier model beside a new one, on photos that neither learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.intervals import NORMAL, tango_interval
from edgetl.trainer import metrics

Right = npt.NDArray[np.bool_]
_MOST_SHOWN = 12  # classes


@dataclass(frozen=True)
class BeforeAndNow:
    """How many photos two models have right.

    Attributes:
        pictures: of both.
        before, now: those that the earlier model has right, and the new one.
        lost, gained: those that only the earlier model has right, and only the new one.
        interval: the 95 % interval of the difference of accuracies, now less before, -1..1:
            `tango_interval`, in which a group of near-copies counts as one photo.
    """

    pictures: int
    before: int
    now: int
    lost: int
    gained: int
    interval: tuple[float, float]

    @property
    def difference(self) -> float:
        """Of the accuracies, now less before, -1..1."""
        return (self.now - self.before) / self.pictures


@dataclass(frozen=True)
class RunComparison:
    """The model of an earlier run beside that of a run.

    Attributes:
        earlier: the earlier run's folder.
        all: on all photos that are compared. A class that the earlier model does not know is wrong.
        old: on those that the earlier run had; None without any.
        new: on the others; None without any.
        both_know: on those of classes that both models know; None without any.
        classes: on those of each class, in labels order; classes without photos are left out.
        unknown_before: the classes that the earlier model does not know.
        left_out: held-out photos that are not compared: the earlier model has, or may have, learned
            from them or from a near-copy.
    """

    earlier: str
    all: BeforeAndNow
    old: BeforeAndNow | None
    new: BeforeAndNow | None
    both_know: BeforeAndNow | None
    classes: Mapping[str, BeforeAndNow]
    unknown_before: Sequence[str]
    left_out: int

    @property
    def worse(self) -> bool:
        """Whether the new model is worse by more than chance, on classes that both know."""
        return self.both_know is not None and self.both_know.interval[1] < 0


def before_and_now(before: Right, now: Right, clusters: Sequence[str]) -> BeforeAndNow | None:
    """How two models do on the same photos; None without photos.

    Args:
        before: whether the earlier model has each right, bool [photos].
        now: whether the new one has.
        clusters: the name of each photo's cluster of near-copies.
    """
    count = len(now)
    if not count:
        return None
    lost, gained = int((before & ~now).sum()), int((now & ~before).sum())
    # Kish's effective number, as of `metrics.accuracy_interval`, for each photo.
    weight = count / metrics.squares_of_sizes(clusters)
    low, high = tango_interval(lost * weight, gained * weight, count * weight, z=NORMAL)
    return BeforeAndNow(count, int(before.sum()), int(now.sum()), lost, gained, (low, high))


def compare(
    earlier: str,
    before: Sequence[str],
    now: Sequence[str],
    true: Sequence[str],
    clusters: Sequence[str],
    is_new: Sequence[bool],
    *,
    labels: Sequence[str],
    known_before: Sequence[str],
    left_out: int,
) -> RunComparison | None:
    """Compare the classes that two models gave the same photos; None without photos.

    Args:
        earlier: the earlier run's folder.
        before, now: what the earlier model gave each photo, and the new one.
        true: its class today.
        clusters: the name of its cluster of near-copies.
        is_new: whether the earlier run did not have it.
        labels: the classes of today.
        known_before: those of the earlier model.
        left_out: held-out photos that are not compared.
    """
    classes, clustered, news = np.array(true), np.array(clusters), np.array(is_new, np.bool_)
    right_before, right_now = np.array(before) == classes, np.array(now) == classes

    def on(some: Right) -> BeforeAndNow | None:
        return before_and_now(right_before[some], right_now[some], clustered[some].tolist())

    everything = on(np.ones(len(classes), np.bool_))
    if everything is None:
        return None
    by_class = {label: on(classes == label) for label in labels}
    return RunComparison(
        earlier=earlier,
        all=everything,
        old=on(~news),
        new=on(news),
        both_know=on(np.isin(classes, list(known_before))),
        classes={label: found for label, found in by_class.items() if found},
        unknown_before=[label for label in labels if label not in known_before],
        left_out=left_out,
    )


def comparison_lines(found: RunComparison) -> list[str]:
    """The comparison as a table for a terminal, with lines of 80 columns at most."""
    rows = [("all", found.all), ("photos it had", found.old), ("new photos", found.new)]
    if found.unknown_before:
        rows.append(("classes both know", found.both_know))
    rows += _most_changed(found)
    lines = [f"{'':24}  photos   before      now  difference, 95 % interval"]
    return lines + [_line(name, one) for name, one in rows if one]


def _most_changed(found: RunComparison) -> list[tuple[str, BeforeAndNow]]:
    """The classes whose recall changed most, in labels order."""
    ranked = sorted(found.classes.items(), key=lambda item: -abs(item[1].difference))[:_MOST_SHOWN]
    return [item for item in found.classes.items() if item in ranked]


def _line(name: str, one: BeforeAndNow) -> str:
    short = name if len(name) <= 24 else f"{name[:23]}\N{HORIZONTAL ELLIPSIS}"
    before, now = (f"{100 * right / one.pictures:.1f} %" for right in (one.before, one.now))
    low, high = (100 * end for end in one.interval)
    difference = f"{100 * one.difference:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"{short:24}  {one.pictures:6,}  {before:>7}  {now:>7}  {difference}"
