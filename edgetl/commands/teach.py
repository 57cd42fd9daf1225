"""`edgetl teach`."""

import typer

from edgetl.command import command
from edgetl.edge.errors import quoted
from edgetl.edge.system.messages import logger
from edgetl.edge.teach.options import TeachOptions


def teach(options: TeachOptions) -> None:
    from edgetl.edge.teach.rendering import print_taught
    from edgetl.edge.teach.teaching import teach as taught

    found = taught(options)
    print_taught(found)
    if found.gate.why:
        logger.warning(f"{quoted(found.path.name)}: {found.gate.why}")
    if found.gate.verdict == "rejected":
        raise typer.Exit(1)
    logger.info(
        f"next    copy {quoted(options.photos)} to the other photos on your computer, so that the "
        f"next edgetl train --from RUN learns from them too"
    )


COMMAND = command(teach, epilog="Example: edgetl teach corrections --model model.int8.tflite")
