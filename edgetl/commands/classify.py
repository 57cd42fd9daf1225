"""`edgetl classify`."""

import typer

from edgetl.command import command
from edgetl.edge.errors import SourceError, plural
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.messages import logger


def classify(options: ClassifyOptions) -> None:
    # Looking for garbage among what is imported took a fifteenth of the time to a result.
    with gc_disabled():
        from edgetl.edge.pipeline import classification

    outcome = classification.classify(options)
    if not outcome.classified:
        raise SourceError("nothing could be classified")
    if outcome.complete:
        logger.info(
            f"{outcome.classified} classified, median {outcome.milliseconds:.1f} ms each, "
            f"{outcome.parallel} at a time ({outcome.runtime}, {plural(outcome.threads, 'thread')})"
        )
    if outcome.problems or outcome.failed_sinks:
        raise typer.Exit(1)


COMMAND = command(
    classify, epilog="Example: edgetl classify photos holiday.mp4 --format jsonl | jq .label"
)
