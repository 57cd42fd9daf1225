"""What a preview does to classification, and its owner waits for, under a flood of connections."""

import http.client
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import numpy as np
import typer

from edgetl.benchmarks.dev.command_line import console, figures_table, print_json, run_command
from edgetl.benchmarks.dev.frame_age import loopback_camera

_ASKING_SECONDS = 0.25
_STARTING_SECONDS = 5.0


@dataclass(frozen=True)
class Phase:
    """What was measured while something was done to the preview.

    Attributes:
        name: what was done.
        frames_a_second: that were classified and written.
        answers, refused: requests of the owner's, and those that had no answer.
        median, p95: seconds until the owner had the page.
        connections: of the flood.
    """

    name: str
    seconds: float
    frames_a_second: float
    answers: int
    refused: int
    median: float
    p95: float
    connections: int


@dataclass(frozen=True)
class Flood:
    """A quiet time and a flood, and the messages of the classifier meanwhile."""

    phases: tuple[Phase, ...]
    messages: tuple[str, ...]


def measure(model: Path, *, seconds: float, rate: float, slow: int) -> Flood:
    """Classify a camera of 30 frames a second with a preview, in quiet and under a flood."""
    with tempfile.TemporaryDirectory() as folder, loopback_camera() as camera:
        output = Path(folder, "results.jsonl")
        command = [sys.executable, "-m", "edgetl", "classify", "--camera", camera]
        command += ["--model", str(model), "--output", str(output), "--preview", "0.0.0.0:0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr
            try:
                link = next(line for line in process.stderr if "preview: " in line)
                url = urlsplit(link.split("preview: ")[1].strip())
                time.sleep(_STARTING_SECONDS)
                port = url.port or 0
                page = f"/?{url.query}"
                quiet = _phase("quiet", output, port, page, seconds=seconds)
                attack = [sys.executable, "-m", "edgetl.benchmarks.dev.flood", "127.0.0.1"]
                attack += [str(port), str(seconds + 2), str(rate), str(slow)]
                with subprocess.Popen(attack, stdout=subprocess.PIPE, text=True) as flood:
                    time.sleep(1)
                    flooded = _phase("flood", output, port, page, seconds=seconds)
                    opened = int(flood.communicate()[0])
            finally:
                process.terminate()
            messages = tuple(process.stderr.read().splitlines())
    return Flood((quiet, Phase(**(asdict(flooded) | {"connections": opened}))), messages)


def _phase(name: str, output: Path, port: int, page: str, *, seconds: float) -> Phase:
    began, before = time.monotonic(), _lines(output)
    waited: list[float] = []
    refused = 0
    while time.monotonic() < began + seconds:
        asked = time.monotonic()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", page)
            refused += connection.getresponse().status != 200
        except OSError:
            refused += 1
        finally:
            connection.close()
        waited.append(time.monotonic() - asked)
        time.sleep(max(0.0, _ASKING_SECONDS - waited[-1]))
    took = time.monotonic() - began
    return Phase(
        name=name,
        seconds=round(took, 1),
        frames_a_second=round((_lines(output) - before) / took, 2),
        answers=len(waited),
        refused=refused,
        median=float(np.median(waited)),
        p95=float(np.percentile(waited, 95)),
        connections=0,
    )


def _lines(output: Path) -> int:
    return output.read_bytes().count(b"\n")


def main(
    model: Annotated[Path, typer.Argument(help="A .tflite file.")],
    seconds: Annotated[float, typer.Option(help="Of each phase.")] = 60.0,
    rate: Annotated[float, typer.Option(help="Connections a second.")] = 2000.0,
    slow: Annotated[int, typer.Option(help="Connections that send a byte a second.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a preview under a flood of connections without a key."""
    found = measure(model, seconds=seconds, rate=rate, slow=slow)
    if as_json:
        print_json(found)
        return
    headings = ("", "s", "frames/s", "asked", "refused", "median s", "p95 s", "connections")
    table = figures_table("A preview and its owner", *headings)
    for one in found.phases:
        figures = (one.seconds, one.frames_a_second, one.answers, one.refused)
        waits = (f"{one.median:.3f}", f"{one.p95:.3f}", str(one.connections))
        table.add_row(one.name, *map(str, figures), *waits)
    console().print(table)
    for message in found.messages:
        console().print(json.dumps(message, ensure_ascii=False))


if __name__ == "__main__":
    run_command(main)
