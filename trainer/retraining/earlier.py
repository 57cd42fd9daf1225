"""The run that a training goes on from, and which of its photos are still there.

Imports no TensorFlow.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from edgetl.edge.errors import RunFolderError, SettingError, quoted
from edgetl.trainer.data.dataset import Example, Split
from edgetl.trainer.fitting.folds import NONE
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import FinishedRun, find_run, read_run
from edgetl.trainer.run.photos import MOST_DIFFERENT
from edgetl.trainer.run.predictions import read_predictions
from edgetl.trainer.run.records import FromRecord, RunConfig
from edgetl.trainer.run.split_record import read_digests, read_folds, read_gone

# The starting weights and what they fit: a run with others has nothing to start from.
SAME_NETWORK = ("alpha", "weights")


@dataclass(frozen=True)
class EarlierRun:
    """A finished run.

    Attributes:
        run: as it was read.
        digests: the SHA-256 of its photos by file.
        folds: of its training photos by file, those that were held out or not; none where photos
            validated, and in a run of an older edgetl.
        predicted: the class that a model gave a photo which it had not learned from, by file; none
            in a run of an older edgetl.
        gone: the folds of photos that it had not, and that runs before it learned from which it
            went on from, by digest; NONE where it was none.
    """

    run: FinishedRun
    digests: Mapping[str, str]
    folds: Mapping[str, int]
    predicted: Mapping[str, str]
    gone: Mapping[str, int] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.run.folder.path

    @property
    def recipe(self) -> Recipe:
        """Its settings."""
        return self.run.config.recipe

    def record(self, why_not: str = "") -> FromRecord:
        """What config.json of a training that goes on from it holds."""
        return FromRecord(str(self.path.resolve()), self.run.config.created, why_not)

    @cached_property
    def examples(self) -> Mapping[str, Example]:
        """Its photos by file."""
        return {example.file: example for example in self.run.dataset.examples}

    def trained(self, file: str) -> bool:
        """Whether its models learned from one of its photos, if it is one."""
        return file in self.examples and self.split_of(file) == "train"

    def split_of(self, file: str) -> Split | None:
        """The split of one of its photos."""
        return self.examples[file].split


def read_earlier(path: Path) -> EarlierRun:
    """The run in a folder, or that which `latest` points to.

    Raises:
        RunFolderError: it is no finished run, damaged, or of an edgetl that recorded no photos.
    """
    run = read_run(find_run(path))
    if run.config.data.index:
        raise RunFolderError(
            f"{quoted(run.folder.path)}: learned from an index, and does not know most of its "
            f"photos; train with --features-from and without --from"
        )
    digests = read_digests(run.folder.split)
    if not digests:
        raise RunFolderError(
            f"{quoted(run.folder.path)}: an older edgetl wrote no digests of its photos, so that "
            f"they cannot be recognized; train once without --from"
        )
    folds, gone = read_folds(run.folder.split), read_gone(run.folder.split)
    return EarlierRun(run, digests, folds, read_predictions(run.folder.predictions), gone)


def refuse_other_network(earlier: EarlierRun, recipe: Recipe) -> None:
    """Refuse settings with which the earlier run has nothing to go on from.

    Raises:
        SettingError: the weights, or the width that they fit, are others.
    """
    for name in SAME_NETWORK:
        before, now = getattr(earlier.recipe, name), getattr(recipe, name)
        if before != now:
            shown = f"{now:g}" if isinstance(now, float) else quoted(now)
            raise SettingError(
                f"--{name} {shown}: {quoted(earlier.path)} has {quoted(str(before))}; leave "
                f"--{name} out, or train without --from"
            )


def settings_of(config: RunConfig) -> dict[str, object]:
    """The settings of a run for another training, those that training chose left to it again."""
    chosen = vars(config.recipe) | {"data": config.data.path}
    return chosen | ({"epochs": 0} if "epochs" in config.asked else {})


@dataclass(frozen=True)
class Recognized:
    """Photos of today that the earlier run had.

    Attributes:
        before: the earlier run's file of each, by today's file: that with the same content, else
            one of the same name, whose content has changed.
        changed: of today's files, those of which only the name is the same.
        moved: those that have another class today.
        gone: how many photos of the earlier run are not there any more.
        of: how many it had.
        back: the folds of today's photos, by file, that it had not and runs before it had learned
            from.
    """

    before: Mapping[str, str]
    changed: frozenset[str]
    moved: frozenset[str]
    gone: int
    of: int
    back: Mapping[str, int] = field(default_factory=dict)

    @property
    def tells_new(self) -> bool:
        """Whether a photo that is not recognized is new.

        Where many are gone, it may be one of them that was written anew: resized, or rotated.
        """
        return self.gone <= MOST_DIFFERENT * self.of


def recognized(
    examples: Iterable[Example], digests: Mapping[str, str], earlier: EarlierRun
) -> Recognized:
    """Recognize photos by what their files hold, wherever they lie now, else by their names.

    Args:
        examples: of today.
        digests: the SHA-256 of each one's file, by file.
        earlier: the run.
    """
    by_digest = {digest: file for file, digest in earlier.digests.items()}
    before: dict[str, str] = {}
    there = list(examples)
    for example in there:
        if file := by_digest.get(digests[example.file]):
            before[example.file] = file
    back = {
        e.file: earlier.gone[digests[e.file]]
        for e in there
        if e.file not in before and digests[e.file] in earlier.gone
    }
    left = set(earlier.digests) - set(before.values())
    changed = {e.file for e in there if e.file not in before | back and e.file in left}
    before |= {file: file for file in changed}
    moved = {
        e.file
        for e in there
        if e.file in before
        and before[e.file] in earlier.examples
        and earlier.examples[before[e.file]].label != e.label
    }
    gone = len(left - changed)
    return Recognized(
        before, frozenset(changed), frozenset(moved), gone, len(earlier.digests), back
    )


def gone_folds(digests: Iterable[str], earlier: EarlierRun) -> dict[str, int]:
    """The folds, by digest, of photos that are not there and that the earlier run's models, or
    those that these started from, learned from.

    `digests` are those of the photos that are there.
    """
    learned = {
        digest: earlier.folds.get(file, NONE)
        for file, digest in earlier.digests.items()
        if earlier.trained(file)
    }
    there = set(digests)
    return {d: fold for d, fold in {**earlier.gone, **learned}.items() if d not in there}
