"""`edgetl runs use`."""

from edgetl.command import command
from edgetl.edge.errors import quoted
from edgetl.edge.system.messages import logger
from edgetl.trainer.run.options import UseOptions


def use(options: UseOptions) -> None:
    from edgetl.edge.model.latest import LATEST
    from edgetl.trainer.run.folder import use_run

    run = use_run(options)
    logger.info("%s is %s now", quoted(run.path.parent / LATEST), quoted(run.path.name))


COMMAND = command(use, epilog="Example: edgetl runs use runs/2026-11-30-120000")
