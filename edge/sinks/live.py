"""The newest result in a terminal, redrawn in place."""

import math
import time
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
from edgetl.edge.system.throttling import CPU_TEMPERATURE, celsius

# Seconds between drawings: faster cannot be read, and takes time from classifying.
_SECONDS = 0.125
_BAR = 30


class LiveSink:
    """The newest result as bars, with frames a second, milliseconds and the CPU's temperature."""

    def __init__(self, console: Console, *, temperature: Path = CPU_TEMPERATURE) -> None:
        """Begin to draw at the lower end of a terminal.

        Args:
            console: the terminal.
            temperature: a file with the CPU's temperature in thousandths of a degree Celsius; it is
                shown where there is such a file.
        """
        self._live = Live(console=console, auto_refresh=False)
        self._temperature = temperature
        self._rate = Rate(seconds=math.inf)
        self._drawn = 0.0
        self._newest: Result | None = None
        self._live.start()

    def write(self, result: Result) -> None:
        now = time.monotonic()
        self._rate.add(now=now)
        self._newest = result
        if now - self._drawn >= _SECONDS:
            self._drawn = now
            self._live.update(self._view(result), refresh=True)

    def close(self) -> None:
        if self._newest:
            self._live.update(self._view(self._newest), refresh=True)
        self._live.stop()

    def _view(self, result: Result) -> Group:
        frame = "" if result.frame is None else f"  frame {result.frame}"
        facts = [f"{quoted(result.source)}{frame}", f"{result.milliseconds:.1f} ms"]
        rate = self._rate.per_second()
        if rate is not None:
            facts.insert(1, f"{rate:.1f} fps")
        temperature = celsius(self._temperature)
        if temperature is not None:
            facts.append(f"{temperature:.0f} °C")
        bars = Table.grid(padding=(0, 2))
        for prediction in result.predictions:
            share = min(1.0, max(0.0, prediction.probability))
            bars.add_row(
                Text(quoted(prediction.label)),
                ProgressBar(total=1.0, completed=share, width=_BAR),
                Text(f"{percent(prediction.probability):>6}"),
            )
        label = Text(quoted(result.label), style="bold")
        return Group(Text("  ".join(facts), style="dim"), label, bars)
