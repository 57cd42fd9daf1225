"""`edgetl classify`."""

from typing import Annotated, Any

import typer

from edgetl.command import Given, command
from edgetl.edge.errors import SettingError, SourceError, plural, quoted
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.shards.options import ClassifyIndexOptions
from edgetl.edge.system.messages import logger


def classify(
    given: Annotated[dict[str, Any], Given(ClassifyOptions)],
    of_index: Annotated[dict[str, Any], Given(ClassifyIndexOptions)],
) -> None:
    if "index" in of_index:
        _refuse(ClassifyOptions, given.keys() - of_index.keys(), "is not for --index; leave it out")
        _classify_index(ClassifyIndexOptions(**of_index))
        return
    _refuse(ClassifyIndexOptions, of_index.keys() - given.keys(), "is for --index DIR; give both")
    _classify(ClassifyOptions(**given))


def _refuse(options: type[Any], names: set[str], words: str) -> None:
    for setting in options.settings():
        if setting.name in names:
            raise SettingError(f"{setting.shown_name} {words}")


def _classify(options: ClassifyOptions) -> None:
    from edgetl.edge import pipeline

    outcome = pipeline.classify(options)
    if not outcome.classified:
        raise SourceError("nothing could be classified")
    if outcome.complete:
        logger.info(
            f"{outcome.classified} classified, median {outcome.milliseconds:.1f} ms each, "
            f"{outcome.parallel} at a time ({outcome.runtime}, {plural(outcome.threads, 'thread')})"
        )
    if outcome.problems or outcome.failed_sinks:
        raise typer.Exit(1)


def _classify_index(options: ClassifyIndexOptions) -> None:
    from edgetl.edge.system.extras import need_extra

    need_extra("shards", needs="classify --index")
    if options.ray is not None:
        need_extra("ray", needs="--ray")
    from edgetl.edge.shards.classifying import classify_index

    done = classify_index(options)
    errors = f", {plural(done.errors, 'error')}" if done.errors else ""
    new = "" if done.new == done.rows else f" ({done.new:,} by this run)"
    shards = plural(done.shards, "shard")
    print(f"{quoted(options.out)}  {plural(done.rows, 'picture')} in {shards}{errors}{new}")


COMMAND = command(
    classify, epilog="Example: edgetl classify photos holiday.mp4 --format jsonl | jq .label"
)
