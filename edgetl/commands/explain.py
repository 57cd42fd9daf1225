"""`edgetl explain`."""

import typer

from edgetl.command import command
from edgetl.edge.errors import SourceError, quoted
from edgetl.edge.explain.options import ExplainOptions
from edgetl.edge.system.messages import logger


def explain(options: ExplainOptions) -> None:
    from edgetl.edge.explain.explaining import explain as explained
    from edgetl.edge.results.probability import percent
    from edgetl.edge.sources.files import Problem

    photos = problems = 0
    for one in explained(options):
        if isinstance(one, Problem):
            problems += 1
            logger.error(one.message)
            continue
        photos += 1
        best = one.explanation.predictions[0]
        share = percent(best.probability)
        print(f"{quoted(one.photo)}  {quoted(best.label)} {share}  {quoted(one.picture)}")
    if not photos:
        raise SourceError("nothing could be explained")
    if problems:
        raise typer.Exit(1)


COMMAND = command(explain, epilog="Example: edgetl explain photos/cat.jpg --model model.tflite")
