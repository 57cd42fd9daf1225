"""`edgetl index`."""

import typer

from edgetl.command import command
from edgetl.edge.errors import plural, quoted
from edgetl.edge.shards.options import IndexOptions
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.messages import logger


def index(options: IndexOptions) -> None:
    """It streams the list, and continues where it was stopped."""
    need_extra("shards", needs="edgetl index")
    from edgetl.edge.shards.indexing import index as listed

    done = listed(options)
    manifest = done.manifest
    if done.videos:
        logger.warning("left out %s; give them to edgetl classify", plural(done.videos, "video"))
    if not done.new:
        logger.info("nothing is listed again; delete %s for that", quoted(options.out))
    shards = plural(manifest.shards, "shard")
    print(f"{quoted(options.out)}  {plural(manifest.rows, 'picture')} in {shards}")
    if done.problems:
        raise typer.Exit(1)


COMMAND = command(
    index, epilog="Example: edgetl index photos && edgetl classify --index index --out results"
)
