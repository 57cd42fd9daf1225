"""How much of an index a run did: its part of the shards, and what it counted there."""

from collections.abc import Iterator
from dataclasses import dataclass

from edgetl.edge.shards.engine import ShardDone
from edgetl.edge.shards.options import Part
from edgetl.edge.shards.progress import Progress


@dataclass(frozen=True)
class IndexOutcome:
    """How a run went.

    Attributes:
        rows: pictures of the shards it was asked for.
        errors: how many of them could not be read.
        new: how many were done by this run.
        shards: that were asked for.
    """

    rows: int
    errors: int
    new: int
    shards: int


def numbers_of(part: Part | None, shards: int) -> range:
    """The numbers of the shards in a part of all."""
    return range(shards) if part is None else range(part.number, shards, part.count)


def outcome_of(found: Iterator[ShardDone], progress: Progress, *, reported: bool) -> IndexOutcome:
    """Go through shards, and count them.

    Args:
        found: does a shard each time it is asked for the next one.
        progress: shows how many are done.
        reported: whether who does them reports their pictures to it already.
    """
    rows = errors = new = shards = 0
    for done in found:
        shards += 1
        rows += done.rows
        errors += done.errors
        if done.before:
            progress.add(done.rows, skipped=True)
        else:
            new += done.rows
            if not reported:
                progress.add(done.rows)
    return IndexOutcome(rows, errors, new, shards)
