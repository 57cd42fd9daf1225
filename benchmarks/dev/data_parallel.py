"""Phase two on Keras' JAX backend, in two processes, beside TensorFlow: an experiment (issue 23).

    python -m edgetl.benchmarks.dev.data_parallel PHOTOS --out FILE

PHOTOS has train/ and validation/ with two class folders each. Every variant trains the same weights
on the same cached features in the same order, in processes of its own, alternately, so that a
machine that slows down slows them all. Needs JAX, which is no extra of edgetl: jax 0.7.1 is the
last that goes with NumPy 1.26. Needs Linux and two cores.
"""

import importlib.util
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from edgetl.benchmarks.dev import data_parallel_worker
from edgetl.benchmarks.dev.baselines import find_jpegs
from edgetl.benchmarks.dev.command_line import console, figures_table, run_command
from edgetl.benchmarks.dev.data_parallel_team import ONE, TENSORFLOW, TWO, Killed, train
from edgetl.benchmarks.dev.data_parallel_worker import CLASSES, PIXELS, START, TARGETS, Share
from edgetl.benchmarks.dev.training_plan import check_out
from edgetl.benchmarks.machine import condition, this_machine
from edgetl.benchmarks.measured import Machine
from edgetl.edge.errors import DataError, EdgetlError, quoted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.system.files import write_json
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.exporting.conversion import Conversion, convert, export_graph
from edgetl.trainer.exporting.interpreting import probabilities_of
from edgetl.trainer.exporting.parity import Parity, parity
from edgetl.trainer.fitting.checkpoint import Array, restore, values_of
from edgetl.trainer.fitting.inputs import Pictures, training_inputs
from edgetl.trainer.fitting.solving import solved_head
from edgetl.trainer.metrics import Classes
from edgetl.trainer.network.model import (
    build_model,
    class_probabilities,
    logits_to_probabilities,
    set_head,
)
from edgetl.trainer.run.folder import RunFolder

# Of the head's penalty; cross-validation would choose it.
_STRENGTH = 1e-2
_CALIBRATION = 100
# Of the validation photos, those that JAX predicts too, one operation after the other.
_FEW = slice(None, None, 20)


@dataclass(frozen=True)
class Trained:
    """What one variant gave.

    Attributes:
        milliseconds: of wall-clock time a step, in each round; of all its processes together in
            `processor_milliseconds`.
        ratio: of the time to TensorFlow's on one core, the median of ratios round by round.
        losses: of each epoch, the first of which compiled too and was not timed.
        loss_difference: the largest, of an epoch, from the losses of `TENSORFLOW`; from those of
            `ONE` in `loss_difference_jax`.
        weight_difference, weight_difference_jax: the same of a weight at the end.
        probability_difference: the largest between what it predicts and what its weights do in
            TensorFlow; None of several processes.
        accuracy: on validation photos, in TensorFlow.
    """

    milliseconds: Sequence[float]
    processor_milliseconds: Sequence[float]
    ratio: float
    losses: Sequence[float]
    loss_difference: float
    loss_difference_jax: float
    weight_difference: float
    weight_difference_jax: float
    probability_difference: float | None
    accuracy: float


@dataclass(frozen=True)
class Report:
    """All that one run measured; `int8` is the weights of two processes, exported."""

    photos: int
    moved: float
    trained: Mapping[str, Trained]
    int8: Parity
    killed: Killed
    machine: Machine


def _prepare(data: Path, photos: int, share: Share) -> tuple[Any, Pixels, Classes]:
    """Write what every process reads. The model, and the validation photos with their classes."""
    recipe = data_parallel_worker.recipe_of(share.epochs, share.dropout)
    names = sorted(path.name for path in (data / "train").iterdir() if path.is_dir())
    if len(names) != CLASSES:
        raise DataError(
            f"{quoted(data / 'train')}: has {len(names)} class folders, {CLASSES} asked"
        )
    paths: list[Path] = []
    targets: list[int] = []
    held = 0
    for split in ("validation", "train"):
        held = len(paths)
        for number, name in enumerate(names):
            found = find_jpegs(data / split / name, photos // CLASSES)
            paths += found
            targets += [number] * len(found)
    pixels = decode_pictures(paths, recipe.input_size, cache=share.folder / "decoded").pixels
    rows, classes = np.arange(len(paths)), np.array(targets)
    splits = {"validation": slice(held), "train": slice(held, None), "test": slice(0)}
    pictures = Pictures(
        pixels,
        {name: rows[some] for name, some in splits.items()},  # type: ignore[misc]
        {name: classes[some] for name, some in splits.items()},  # type: ignore[misc]
    )
    model = build_model(recipe, CLASSES)
    run = RunFolder(share.folder)
    run.activations.mkdir(parents=True)
    inputs = training_inputs(model, pictures, run, recipe)
    assert inputs.features
    head = solved_head(inputs.features, [1.0] * CLASSES, _STRENGTH)
    set_head(model, head.kernel, head.bias)
    arrays = {f"{number:03}": value for number, value in enumerate(values_of(model.weights))}
    np.savez(share.folder / START, **arrays)
    np.save(share.folder / TARGETS, classes[held:])
    shown = pixels[rows[:held]]
    np.save(share.folder / PIXELS, shown[_FEW])
    return model, shown, classes[:held]


def _weights(result: Path) -> tuple[list[Array], npt.NDArray[np.float32]]:
    with np.load(result) as file:
        return [file[name] for name in file.files if name != "logits"], file["logits"]


def _farthest(some: Sequence[Any], others: Sequence[Any]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(some, others, strict=True))


def measure(data: Path, photos: int, rounds: int, victim: int, share: Share) -> Report:
    """Everything, in one run.

    Args:
        data: train/ and validation/ with two class folders each.
        photos: of each, evenly taken.
        rounds: timed epochs of every variant, which together with a first one are `share.epochs`.
        victim: which of two processes is killed in the end.
        share: what all variants have in common.

    Raises:
        DataError: there are other classes, or no JPEG files.
        EdgetlError: a process failed.
    """
    before = condition()
    model, pixels, targets = _prepare(data, photos, share)
    start = values_of(model.weights)
    teams, took, killed = train(share, rounds, victim)
    ends = {variant: _weights(team.result) for variant, team in teams.items()}
    losses = {variant: [e[0]["loss"] for e in team.answers] for variant, team in teams.items()}
    trained = {}
    for variant, (weights, logits) in ends.items():
        restore(model.weights, weights)
        again = class_probabilities(model, pixels[_FEW])
        processor = [sum(p["processor_seconds"] for p in e) for e in teams[variant].answers[1:]]
        trained[variant] = Trained(
            milliseconds=[1000 * seconds / share.steps for seconds in took[variant]],
            processor_milliseconds=[1000 * seconds / share.steps for seconds in processor],
            ratio=statistics.median(np.divide(took[variant], took[TENSORFLOW])),
            losses=losses[variant],
            loss_difference=_farthest(losses[variant], losses[TENSORFLOW]),
            loss_difference_jax=_farthest(losses[variant], losses[ONE]),
            weight_difference=_farthest(weights, ends[TENSORFLOW][0]),
            weight_difference_jax=_farthest(weights, ends[ONE][0]),
            probability_difference=(
                _farthest([logits_to_probabilities(logits)], [again]) if len(logits) else None
            ),
            accuracy=float((class_probabilities(model, pixels).argmax(1) == targets).mean()),
        )
    restore(model.weights, ends[TWO][0])
    calibration = pixels[:: max(1, len(pixels) // _CALIBRATION)]
    int8 = convert(export_graph(model, None), Conversion("int8", "uint8"), calibration=calibration)
    return Report(
        photos=photos,
        moved=_farthest(start, ends[ONE][0]),
        trained=trained,
        int8=parity(
            probabilities_of(int8, pixels, range(len(pixels))),
            class_probabilities(model, pixels),
            targets,
        ),
        killed=killed,
        machine=this_machine(before, condition()),
    )


def command(
    data: Annotated[Path, typer.Argument(help="A folder with train/ and validation/.")],
    out: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")],
    photos: Annotated[int, typer.Option(min=40, help="To train on, and to validate on.")] = 320,
    rounds: Annotated[int, typer.Option(min=1, help="Timed epochs.")] = 9,
    steps: Annotated[int, typer.Option(min=1, help="Of an epoch.")] = 10,
    victim: Annotated[
        int, typer.Option(min=0, max=1, help="Which process is killed; 0 is where they meet.")
    ] = 1,
    dropout: Annotated[float, typer.Option(help="Backends draw it differently.")] = 0.0,
) -> None:
    """Train phase two on TensorFlow and JAX, in one process and in two."""
    check_out(out)
    if importlib.util.find_spec("jax") is None:
        raise EdgetlError("JAX is not installed; in an environment for it: pip install jax==0.7.1")
    with tempfile.TemporaryDirectory() as temporary:
        share = Share(
            folder=Path(temporary), result=Path(temporary), backend="jax", shifts=True, cores=(),
            processes=1, process=0, port=0, epochs=1 + rounds, steps=steps, dropout=dropout,
        )  # fmt: skip
        report = measure(data, photos, rounds, victim, share)
    write_json(out, asdict(report))
    _print(report)


def _print(report: Report) -> None:
    out = console()
    table = figures_table(
        "", "ms a step", "beside", "processor ms", "loss +-", "weights +-", "right"
    )
    for variant, one in report.trained.items():
        table.add_row(
            variant,
            f"{statistics.median(one.milliseconds):.0f}",
            f"{one.ratio:.2f}x",
            f"{statistics.median(one.processor_milliseconds):.0f}",
            f"{one.loss_difference:.1e}",
            f"{one.weight_difference:.1e}",
            f"{one.accuracy:.1%}",
        )
    out.print(table)
    killed, int8 = report.killed, report.int8
    out.print(
        f"process {killed.process} killed: the other {killed.ended} after "
        f"{killed.seconds:.1f} s ({killed.said[:200]})"
    )
    out.print(
        f"int8 of the two processes' weights: {int8.accuracy:.1%}, in Keras "
        f"{int8.keras_accuracy:.1%}, the same class for {int8.agreement:.1%}"
    )


if __name__ == "__main__":
    run_command(command)
