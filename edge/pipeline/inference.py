"""Source -> classifier -> results."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from edgetl.edge.errors import InferenceError, PictureError, quoted
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.pipeline.prefetch import Prefetched, Prefetcher, infer
from edgetl.edge.results.result import Result
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.sources.per_source import PerSource


def results(
    items: Iterable[Item | Problem] | Prefetcher,
    classifier: Classifier,
    *,
    top_k: int | None = None,
) -> Iterator[Result | Problem]:
    """Classify each item; one that cannot be read becomes a Problem and the rest go on.

    Args:
        items: what to classify: one by one, or by a `Prefetcher` several at a time.
        classifier: what classifies it.
        top_k: how many predictions a result has; default all.
    """
    if isinstance(items, Prefetcher):
        items.infer_with(classifier)
    failing = PerSource(lambda: False)
    for entry in items:
        if isinstance(entry, Problem):
            yield entry
            continue
        item = entry.item if isinstance(entry, Prefetched) else entry
        try:
            inferred = entry.result() if isinstance(entry, Prefetched) else infer(item, classifier)
        except InferenceError as error:
            # Of a camera or video once, until there is a result again.
            if not failing.of(item):
                frame = "" if item.frame is None else f" frame {item.frame}"
                yield Problem(f"{quoted(item.source)}{frame}: {error}")
            failing.keep(item, True)
            continue
        except PictureError as error:
            yield Problem(_named(item, error))
            continue
        failing.keep(item, False)
        yield Result(
            source=item.source,
            frame=item.frame,
            time=datetime.now(UTC),
            predictions=classifier.predictions(inferred.probabilities, top_k=top_k),
            milliseconds=inferred.milliseconds,
            probabilities=inferred.probabilities,
            picture=item.picture,
        )


def _named(item: Item, error: PictureError) -> str:
    """The error of an item's picture in a line; that of bytes does not know where they are from."""
    if not isinstance(item.picture, bytes):
        return str(error)
    return f"{quoted(item.source)}: {str(error).removeprefix('picture: ')}"
