"""Fewer frames than a camera or video has: one in so many seconds."""

from collections.abc import Callable, Iterable, Iterator

from edgetl.edge.errors import SourceError, quoted
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.sources.names import is_clip
from edgetl.edge.sources.opencv_capture import opened
from edgetl.edge.sources.per_source import PerSource
from edgetl.edge.sources.video_time import frame_rate

# What a camera gives; None is a frame that was left out.
Frame = Item | Problem | None

# From a frame to seconds.
Clock = Callable[[Item], float]

# A frame that is early by less is in time: rates are not exact.
_EARLY_SECONDS = 1e-6


def spaced(items: Iterable[Frame], seconds: float, *, clock: Clock) -> Iterator[Frame]:
    """The frames of each source that are `seconds` apart, and None for each that is left out.

    Frames that came late are not caught up with: two are half as far apart at least. Problems and
    frames left out before pass through.

    Args:
        items: frames of cameras, their parts, or videos.
        seconds: from a frame to the next, more than 0.
        clock: of these frames.
    """
    dues: PerSource[float | None] = PerSource(lambda: None)
    for item in items:
        if item is None or isinstance(item, Problem):
            yield item
            continue
        at, due = clock(item), dues.of(item)
        if due is not None and at < due - _EARLY_SECONDS:
            yield None
            continue
        following = at + seconds if due is None else due + seconds
        dues.keep(item, following if following >= at + seconds / 2 else at + seconds)
        yield item


def clock_of(source: str) -> Clock:
    """When a frame was seen: of a video file by its own time, else by the clock.

    Raises:
        SourceError: it is a video file and cannot be opened.
    """
    if not is_clip(source):
        return _arrival
    capture = opened(source)
    if capture is None:
        raise SourceError(f"{quoted(source)}: cannot be opened as a video")
    try:
        rate = frame_rate(capture)
    finally:
        capture.release()
    return lambda item: ((item.frame or 1) - 1) / rate


def _arrival(item: Item) -> float:
    assert item.arrived is not None
    return item.arrived
