"""The newest result of each source in a terminal, redrawn in place."""

import math
import time
from functools import partial
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from edgetl.edge.errors import quoted
from edgetl.edge.results.probability import percent
from edgetl.edge.results.rate import Rate
from edgetl.edge.results.result import Result
from edgetl.edge.sources.per_source import PerSource
from edgetl.edge.system.throttling import CPU_TEMPERATURE, celsius

# Seconds between drawings: faster cannot be read, and takes time from classifying.
_SECONDS = 0.125
_BAR, _SHORT_BAR = 30, 10
# Of a name or label, which may be longer.
_SHORTEST = 16


class LiveSink:
    """The newest result as bars, with frames a second, milliseconds and the CPU's temperature.

    Of several sources each has a line, with the bar of its best class.
    """

    def __init__(self, console: Console, *, temperature: Path = CPU_TEMPERATURE) -> None:
        """Begin to draw at the lower end of a terminal.

        Args:
            console: the terminal.
            temperature: a file with the CPU's temperature in thousandths of a degree Celsius; it is
                shown where there is such a file.
        """
        self._live = Live(console=console, auto_refresh=False)
        self._temperature = temperature
        self._rates = PerSource(partial(Rate, seconds=math.inf))
        self._newest: PerSource[Result | None] = PerSource(lambda: None)
        self._drawn = 0.0
        self._last: Result | None = None
        self._live.start()

    def write(self, result: Result) -> None:
        now = time.monotonic()
        self._rates.of(result).add(now=now)
        self._newest.keep(result, result)
        self._last = result
        if now - self._drawn >= _SECONDS:
            self._drawn = now
            self._live.update(self._view(result), refresh=True)

    def close(self) -> None:
        if self._last:
            self._live.update(self._view(self._last), refresh=True)
        self._live.stop()

    def _view(self, result: Result) -> Group:
        newest = [one for one in self._newest.states() if one]
        return self._lines(newest) if len(newest) > 1 else self._bars(result)

    def _bars(self, result: Result) -> Group:
        frame = "" if result.frame is None else f"  frame {result.frame}"
        facts = [f"{quoted(result.source)}{frame}", f"{result.milliseconds:.1f} ms"]
        rate = self._rates.of(result).per_second()
        if rate is not None:
            facts.insert(1, f"{rate:.1f} fps")
        bars = Table.grid(padding=(0, 2))
        for prediction in result.predictions:
            bars.add_row(
                Text(quoted(prediction.label)),
                _bar(prediction.probability, width=_BAR),
                Text(f"{percent(prediction.probability):>6}"),
            )
        label = Text(quoted(result.label), style="bold")
        return Group(Text("  ".join([*facts, *self._degrees()]), style="dim"), label, bars)

    def _lines(self, newest: list[Result]) -> Group:
        lines = Table.grid(padding=(0, 2))
        # The figures, and the space between, take 44 columns: all fits into 80.
        names = max(_SHORTEST, self._live.console.width - 44 - _SHORTEST)
        for most in (names, _SHORTEST):
            lines.add_column(no_wrap=True, overflow="ellipsis", max_width=most)
        lines.add_column(width=_SHORT_BAR)
        for _ in range(3):
            lines.add_column(justify="right", no_wrap=True)
        for one in sorted(newest, key=lambda result: result.source):
            best, rate = one.predictions[0].probability, self._rates.of(one).per_second()
            lines.add_row(
                Text(quoted(one.source), style="dim"),
                Text(quoted(one.label), style="bold"),
                _bar(best, width=_SHORT_BAR),
                Text(percent(best)),
                Text("" if rate is None else f"{rate:.1f} fps"),
                Text(f"{one.milliseconds:.1f} ms"),
            )
        return Group(lines, *(Text(words, style="dim") for words in self._degrees()))

    def _degrees(self) -> list[str]:
        temperature = celsius(self._temperature)
        return [] if temperature is None else [f"{temperature:.0f} °C"]


def _bar(probability: float, *, width: int) -> ProgressBar:
    return ProgressBar(total=1.0, completed=min(1.0, max(0.0, probability)), width=width)
