"""`edgetl runs clean`."""

from edgetl.command import command
from edgetl.edge.errors import quoted
from edgetl.edge.system.messages import logger
from edgetl.trainer.run.options import CleanOptions


def clean(options: CleanOptions) -> None:
    from edgetl.trainer.run.cleaning import remove, unneeded

    found = unneeded(options)
    for item in found:
        print(f"{item.bytes / 1e6:10.1f} MB  {quoted(item.path)}: {item.why}")
    freed = f"{sum(item.bytes for item in found) / 1e6:.1f} MB"
    if not found:
        logger.info("nothing to remove")
    elif options.yes:
        remove(found)
        logger.info("freed %s", freed)
    else:
        logger.info("%s in all; add --yes to remove it", freed)


COMMAND = command(clean, epilog="Example: edgetl runs clean --keep 3 --yes")
