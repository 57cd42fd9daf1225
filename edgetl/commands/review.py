"""`edgetl review`."""

import shlex

from edgetl.command import command
from edgetl.edge.errors import quoted
from edgetl.edge.review.options import ReviewOptions
from edgetl.edge.system.messages import logger


def review(options: ReviewOptions) -> None:
    from edgetl.edge.model.latest import LATEST, RUNS, latest_run
    from edgetl.edge.review.reviewing import review as reviewed

    done = reviewed(options)
    for label, count in done.sorted.items():
        print(f"{quoted(label)}  {count}")
    if done.discarded:
        print(f"discarded  {done.discarded}")
    if done.left:
        print(f"left  {done.left}")
    if done.sorted:
        begins = "" if latest_run() is None else f" --from {RUNS / LATEST}"
        logger.info("next    edgetl train %s%s", shlex.quote(quoted(options.into)), begins)


COMMAND = command(review, epilog="Example: edgetl review seen --into photos")
