"""Progress on stderr: bars on a terminal, log lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from edgetl.edge.errors import quoted
from edgetl.edge.system.messages import logger


@contextmanager
def progress(description: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar, on a terminal only, that is gone when the block ends.

    The block advances it by calling what it is given, for one item or with a number of them.
    """
    with _bar(MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(quoted(description), total=total)
        yield lambda done=1: bar.advance(task, done)


@contextmanager
def bytes_bar(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """The same for bytes; the block calls what it is given with the number done so far."""
    with _bar(DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(quoted(description), total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def epoch_display(
    title: str, *, steps: int, epochs_left: int, before: str
) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """A bar over one epoch, with its metrics so far and the time left in the phase.

    Args:
        title: the phase and the epoch.
        steps: batches an epoch.
        epochs_left: of the phase, this one among them; the time left is for all of them.
        before: what the last epoch's validation gave, or nothing.

    The block calls what it is given after each batch, with the metrics so far.
    """
    # With its figures, and a title as "fine-tune 12/14", it fits 80 columns.
    with _bar(TextColumn("{task.fields[figures]}", markup=False), width=6) as bar:
        began = time.perf_counter()
        task = bar.add_task(title, total=steps, figures=before)
        done = 0

        def show(logs: Mapping[str, float]) -> None:
            nonlocal done
            done += 1
            left = (time.perf_counter() - began) / done * (steps * epochs_left - done)
            names = {"loss": "loss", "accuracy": "acc."}
            figures = [f"{shown} {logs[name]:.4f}" for name, shown in names.items() if name in logs]
            text = " ".join([*figures, before, f"{timedelta(seconds=round(left))} left"])
            bar.update(task, completed=done, figures=text)

        yield show


@contextmanager
def whole_display() -> Iterator[Callable[[str, float], None]]:
    """A bar over all of several kinds of work, with the time left; gone when the block ends.

    The block calls what it is given with what is being done now and the seconds that all the rest
    will take. Where there is no terminal, each new thing to be done is a log line.
    """
    before = ""
    with _bar(TextColumn("{task.fields[left]}", markup=False)) as bar:
        began = time.perf_counter()
        task = bar.add_task("", total=None, left="")

        def show(doing: str, ahead: float) -> None:
            nonlocal before
            behind = time.perf_counter() - began
            left = f"{timedelta(seconds=round(ahead))} left"
            bar.update(
                task, description=quoted(doing), completed=behind, total=behind + ahead, left=left
            )
            if doing != before and bar.disable:
                logger.info(f"{doing}, about {left}")
            before = doing

        yield show


def _bar(*columns: ProgressColumn, width: int = 40) -> Progress:
    return Progress(
        # A name may hold what rich takes for a style.
        TextColumn("{task.description}", markup=False),
        BarColumn(width),
        *columns,
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
