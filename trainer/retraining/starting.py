"""Where a training starts that goes on from an earlier run, and why it may."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edgetl.edge.errors import plural, quoted
from edgetl.trainer.data.dataset import Dataset, Split
from edgetl.trainer.fitting.fine_tuned import FINAL, FineTuned, read_changes
from edgetl.trainer.fitting.folds import NONE
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.retraining.earlier import EarlierRun, Recognized

# Of the steps that a training from nothing takes, those that one takes which goes on, besides as
# large a share as its photos are new (measured: docs/retraining.md).
_SHARE_OF_STEPS = 0.25


@dataclass(frozen=True)
class GoingOn:
    """From which run a training goes on, and where phase two of each model starts.

    Attributes:
        earlier: that run.
        known: the photos that it had.
        changes: what the earlier fine-tuning changed, by fold, and FINAL; none where all start
            after phase one.
        steps: the share of phase two's steps that are left, 0..1.
        why_not: why nothing starts there, "" where it does.
    """

    earlier: EarlierRun
    known: Recognized
    changes: Mapping[int, FineTuned] = field(default_factory=lambda: MappingProxyType({}))
    steps: float = 1.0
    why_not: str = ""


def kept_splits(dataset: Dataset, known: Recognized, earlier: EarlierRun) -> dict[str, Split]:
    """The splits of recognized photos, by today's file; none of a run that held none out."""
    if not earlier.run.dataset.of("validation"):
        return {}
    found = {}
    for example in dataset.examples:
        before = known.before.get(example.file)
        if before and (split := earlier.split_of(before) if before in earlier.examples else None):
            found[example.file] = split
    return found


def kept_folds(known: Recognized, earlier: EarlierRun, recipe: Recipe) -> dict[str, int]:
    """The folds of recognized photos, by today's file; none where their number is another."""
    if recipe.folds != earlier.recipe.folds:
        return {}
    return dict(known.back) | {
        file: earlier.folds[before]
        for file, before in known.before.items()
        if before in earlier.folds
    }


def going_on_from(
    dataset: Dataset,
    folds: Mapping[str, int],
    held_out: Iterable[int],
    known: Recognized,
    earlier: EarlierRun,
    trained: Iterable[str],
) -> GoingOn:
    """Where models may start: from one of the earlier run that learned nothing they are judged by.

    All of them or none: the folds' models tell what the last one is worth, and learn as it does.

    Args:
        dataset: every photo in its split.
        folds: of the training photos, by file; empty where others validate.
        held_out: the folds that are.
        known: the photos that the earlier run had.
        earlier: that run.
        trained: the paths of the backbone's variables that phase two trains.
    """
    wanted = [*held_out, FINAL]
    if why := _leaks(dataset, folds, known, earlier):
        return GoingOn(earlier, known, why_not=why)
    changes = {fold: read_changes(earlier.run.folder.fine_tuned(fold)) for fold in wanted}
    found = {fold: one for fold, one in changes.items() if one is not None}
    if len(found) < len(wanted):
        missing = FINAL if FINAL not in found else min(set(wanted) - set(found))
        what = "its fine-tuning" if missing == FINAL else f"that of fold {missing + 1}"
        return GoingOn(earlier, known, why_not=f"the run has not kept {what}")
    variables = set(trained)
    if not all(variables >= set(one.backbone) for one in found.values()):
        return GoingOn(earlier, known, why_not="it fine-tuned layers that are frozen now")
    return GoingOn(earlier, known, found, _steps(dataset, known))


def _steps(dataset: Dataset, known: Recognized) -> float:
    """The share of steps that is left: a quarter, and as much as is new."""
    examples = [dataset.examples[index] for index in dataset.of("train")]
    news = sum(
        e.file not in known.before or e.file in known.moved | known.changed for e in examples
    )
    return min(1.0, _SHARE_OF_STEPS + news / max(1, len(examples)))


def _leaks(
    dataset: Dataset, folds: Mapping[str, int], known: Recognized, earlier: EarlierRun
) -> str:
    """Why a model of the earlier run may have learned what one of today is judged by; "" if not."""
    if not known.tells_new:
        return (
            f"{known.gone} of its {plural(known.of, 'photo')} are gone, and new ones may be copies"
        )
    for example in dataset.examples:
        before = known.before.get(example.file, "")
        was_in = earlier.folds.get(before, known.back.get(example.file, NONE))
        learned = example.file in known.back or earlier.trained(before)
        if learned and example.split != "train":
            return f"{quoted(example.file)} is held out now, and it learned from it"
        # Of the earlier model that did without another fold: it learned from it.
        fold = folds.get(example.file, NONE)
        if learned and fold not in (NONE, was_in):
            return f"{quoted(example.file)} is in another fold"
    return ""
