"""`edgetl train`."""

import shlex
from typing import Annotated, Any

import typer

from edgetl.command import Given, command
from edgetl.edge.errors import plural, quoted
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.messages import logger
from edgetl.trainer.options import TrainOptions
from edgetl.trainer.recipe import Recipe


# No option has its default here: a recipe gives it, and what is typed must be told apart from what
# is not.
def train(
    options: Annotated[dict[str, Any], Given(TrainOptions)],
    settings: Annotated[dict[str, Any], Given(Recipe)],
) -> None:
    need_extra("train", needs="edgetl train")
    if "shard" in options:
        _compute_features(options | settings)
        return
    from edgetl.trainer.run.records import RunMetrics, read_record
    from edgetl.trainer.training import train as train_run

    run = train_run(**options, **settings)
    logger.info("report  %s", quoted(run.report))
    logger.info("next    edgetl export %s", shlex.quote(quoted(run.path)))
    print(quoted(run.path))
    if not read_record(run.metrics, RunMetrics).replaces:
        raise typer.Exit(1)


def _compute_features(options: dict[str, Any]) -> None:
    from edgetl.trainer.training import compute_features

    done = compute_features(**options)
    errors = f", {plural(done.errors, 'error')}" if done.errors else ""
    shards = plural(done.shards, "shard")
    print(f"{plural(done.rows, 'picture')} in {shards}{errors} ({done.new:,} by this run)")


COMMAND = command(train, epilog="Example: edgetl train photos --image-size 224 --out runs/big")
