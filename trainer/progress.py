"""What we say while we work: on stderr, a bar on a terminal, lines elsewhere."""

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


def say(line: str) -> None:
    """Print one line on stderr."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def progress(description: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar that the block advances by calling what it is given, once for each thing done or
    with how many were done; gone when the block ends.

    Shown on a terminal only: elsewhere the lines around it must do.
    """
    bar = _bar(MofNCompleteColumn(), TimeRemainingColumn())
    with bar:
        task = bar.add_task(description, total=total)
        yield lambda done=1: bar.advance(task, done)


@contextmanager
def bytes_bar(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar that the block sets to a number of bytes; on a terminal only, gone at the end."""
    bar = _bar(DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def epoch_display(
    title: str, *, steps: int, epochs_left: int, before: str
) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """A bar over one epoch with the loss and accuracy so far and the time that the phase needs yet.

    Args:
        title: the phase and the epoch.
        steps: batches an epoch.
        epochs_left: of the phase, this one among them; the time left is for all of them.
        before: what the last epoch's validation gave, or nothing.

    The block calls what it is given after each batch, with the figures so far.
    """
    bar = _bar(MofNCompleteColumn(), TextColumn("{task.fields[figures]}"))
    began = time.perf_counter()
    with bar:
        task = bar.add_task(title, total=steps, figures=before)
        done = 0

        def show(logs: Mapping[str, float]) -> None:
            nonlocal done
            done += 1
            left = (time.perf_counter() - began) / done * (steps * epochs_left - done)
            figures = [f"{name} {logs[name]:.4f}" for name in ("loss", "accuracy") if name in logs]
            text = "  ".join([*figures, before, f"{timedelta(seconds=round(left))} left"])
            bar.update(task, completed=done, figures=text)

        yield show


@contextmanager
def whole_display() -> Iterator[Callable[[str, float], None]]:
    """A bar over work of many kinds, all of it, with the time left; gone when the block ends.

    The block calls what it is given with what is being done now and the seconds that everything
    ahead will take. Elsewhere than on a terminal each new thing to be done is a line.
    """
    bar = _bar(TextColumn("{task.fields[left]}"))
    began = time.perf_counter()
    before = ""
    with bar:
        task = bar.add_task("", total=None, left="")

        def show(doing: str, ahead: float) -> None:
            nonlocal before
            behind = time.perf_counter() - began
            left = f"{timedelta(seconds=round(ahead))} left"
            bar.update(task, description=doing, completed=behind, total=behind + ahead, left=left)
            if doing != before and bar.disable:
                say(f"{doing}, about {left}")
            before = doing

        yield show


def _bar(*columns: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
