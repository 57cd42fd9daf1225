"""How many frames of several cameras one process classifies, and how old they are then.

    python -m edgetl.benchmarks.dev.several_cameras MODEL --cameras 2 --seconds 60

Each camera is a stream of 30 frames a second on the loopback network, from a process of its own.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from edgetl.benchmarks.dev.command_line import console, figures_table, print_json, run_command
from edgetl.benchmarks.dev.frame_age import loopback_camera
from edgetl.benchmarks.dev.loopback_camera import read_frame
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.pipeline.inference import results
from edgetl.edge.results.result import Result
from edgetl.edge.sources.camera import Camera
from edgetl.edge.sources.several import Cameras

# FFmpeg looks at a stream's first frames for longer, and hands them on late.
_BEGINNING = 2.0


@dataclass(frozen=True)
class OfCamera:
    """What was classified of one camera.

    Attributes:
        a_second: frames that were classified.
        sent_a_second: frames that it sent meanwhile.
        age: milliseconds from sending a frame to its result, the median.
        age_p95_first_half, age_p95_second_half: the 95th percentile in halves of the time.
    """

    camera: str
    a_second: float
    sent_a_second: float
    age: float
    age_p95_first_half: float
    age_p95_second_half: float


def measure(model: Path, *, cameras: int, seconds: float, slowed: float = 0.0) -> list[OfCamera]:
    """Classify the streams of so many cameras.

    Args:
        model: a .tflite file.
        cameras: how many, 1 or more.
        seconds: for how long, after the first two.
        slowed: milliseconds that a frame takes at least, as with a larger model.
    """
    classifier = Classifier(model)
    with ExitStack() as stack:
        urls = {f"camera{n + 1}": stack.enter_context(loopback_camera()) for n in range(cameras)}
        openers = [partial(Camera, url, called=name) for name, url in urls.items()]
        both = stack.enter_context(Cameras(openers))
        # When it was classified, the frame's number, and its age in milliseconds.
        seen: dict[str, list[tuple[float, int, float]]] = {name: [] for name in urls}
        began = time.monotonic() + _BEGINNING
        for result in results(both, classifier, top_k=1):
            assert isinstance(result, Result)
            time.sleep(max(0.0, (slowed - result.milliseconds) / 1000))
            now = time.monotonic()
            number, sent = read_frame(np.asarray(result.picture))
            if now > began:
                seen[result.source].append((now - began, number, 1000 * (now - sent)))
            if now > began + seconds:
                break
    return [_of_camera(name, found, seconds) for name, found in seen.items()]


def _of_camera(name: str, found: list[tuple[float, int, float]], seconds: float) -> OfCamera:
    when, numbers, ages = np.array(found).T
    spent = when[-1] - when[0]
    return OfCamera(
        camera=name,
        a_second=float((len(when) - 1) / spent),
        sent_a_second=float((numbers[-1] - numbers[0]) / spent),
        age=float(np.median(ages)),
        age_p95_first_half=float(np.percentile(ages[when <= seconds / 2], 95)),
        age_p95_second_half=float(np.percentile(ages[when > seconds / 2], 95)),
    )


def main(
    model: Annotated[Path, typer.Argument(help="A .tflite file.")],
    cameras: Annotated[int, typer.Option(min=1, help="How many.")] = 2,
    seconds: Annotated[float, typer.Option(min=1, help="For how long.")] = 60.0,
    slowed: Annotated[float, typer.Option(help="Milliseconds a frame takes at least.")] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure, and print a line for each camera."""
    found = measure(model, cameras=cameras, seconds=seconds, slowed=slowed)
    if json:
        for one in found:
            print_json(one)
        return
    table = figures_table("", "frames/s", "of", "age ms", "p95, first half", "second half")
    for one in found:
        table.add_row(
            one.camera,
            f"{one.a_second:.1f}",
            f"{one.sent_a_second:.1f}",
            f"{one.age:.0f}",
            f"{one.age_p95_first_half:.0f}",
            f"{one.age_p95_second_half:.0f}",
        )
    console().print(table)


if __name__ == "__main__":
    run_command(main)
