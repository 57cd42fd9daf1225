"""What is said of a training that goes on from an earlier run."""

import shlex

from edgetl.edge.errors import plural, quoted
from edgetl.edge.system.messages import logger
from edgetl.trainer.comparison import RunComparison, comparison_lines
from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.retraining.starting import GoingOn
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import RunConfig


def log_going_on(going_on: GoingOn, dataset: Dataset, config: RunConfig) -> None:
    """Say which photos are the earlier run's, and where phase two starts."""
    known = going_on.known
    there = [example.file for example in dataset.examples]
    new = sum(file not in known.before for file in there)
    counted = [
        f"{len(there) - new:,} of its photos",
        f"{new:,} new",
        f"{len(known.moved):,} in another class",
        f"{len(known.changed):,} changed",
        f"{known.gone:,} gone",
    ]
    logger.info(f"from       {quoted(going_on.earlier.path)}: {', '.join(counted)}")
    if not (new or known.moved or known.changed or known.gone):
        logger.warning(
            f"the photos and their classes are those of {quoted(going_on.earlier.path)}: there is "
            f"nothing new to learn"
        )
    if going_on.why_not:
        logger.info(f"phase two starts from nothing: {going_on.why_not}")
    else:
        # Epochs or steps that were asked for are taken.
        fewer = "epochs" in config.asked and not config.recipe.steps and going_on.steps < 1
        steps = f", and takes {going_on.steps:.0%} of the steps" if fewer else ""
        logger.info(f"phase two starts from its fine-tuning{steps}")


def log_comparison(run: RunFolder, going_on: GoingOn, comparison: RunComparison | None) -> None:
    """Show both models side by side, and say where `latest` points if the new one is worse."""
    earlier = going_on.earlier.path
    if comparison is None:
        logger.info(f"compared   with {quoted(earlier)}: no photo that neither learned from")
        return
    logger.info(f"compared   with {quoted(earlier)}, on photos that neither learned from")
    for line in comparison_lines(comparison):
        logger.info(line)
    if comparison.unknown_before:
        names = ", ".join(map(quoted, comparison.unknown_before))
        logger.info(f"It does not know {names}, so that it has none of these right.")
    if comparison.left_out:
        photos = plural(comparison.left_out, "photo")
        logger.info(f"Not compared: {photos} that it learned from, or may have.")
    if comparison.worse:
        typed = f"edgetl runs use {shlex.quote(str(run.path))}"
        logger.warning(
            f"{quoted(run.path)} is worse than {quoted(earlier)} by more than chance, so latest "
            f"stays where it is; to use it all the same: {quoted(typed)}"
        )
