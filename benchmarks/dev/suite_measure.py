"""What a model reaches on a training's test photos, the same figures for every variant of training.

    python -m edgetl.benchmarks.dev.suite_measure RUN --out figures.json

measures a run of edgetl, in a process of its own after the training.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgetl.benchmarks.dev.command_line import run_command
from edgetl.edge.sources.file_kinds import is_picture_file
from edgetl.edge.system.files import write_json
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.trainer import metrics
from edgetl.trainer.calibration import calibration, ece_by_chance
from edgetl.trainer.run.folder import FinishedRun, RunFolder, read_run

RIGHT, WRONG, LEFT_OUT = "1", "0", "-"


@dataclass(frozen=True)
class Measured:
    """Figures on the test photos.

    Attributes:
        accuracy: 0..1.
        loss: the cross-entropy in nats.
        ece: the expected calibration error in 15 bins, 0..1.
        ece_by_chance: what the same probabilities would have, on as many photos, if they meant
            exactly what they say.
        test_pictures: how many photos were measured.
        right: a character for each photo in test/, in the order of the paths below it: "1" where
            the most probable class is the true one, "0" where not, "-" for a file that was left
            out, such as one that cannot be read.
    """

    accuracy: float
    loss: float
    ece: float
    ece_by_chance: float
    test_pictures: int
    right: str


def measured_on_test(
    folder: Path,
    paths: Sequence[Path],
    probabilities: metrics.Probabilities,
    targets: metrics.Classes,
) -> Measured:
    """Compute them.

    Args:
        folder: test/, with a folder for each class.
        paths: the files that were measured, below `folder`.
        probabilities: float32 [pictures, classes] of these files.
        targets: the class of each.
    """
    correct = probabilities.argmax(axis=1) == targets
    calibrated = calibration(probabilities, targets)
    of_file = {
        path.relative_to(folder): bool(yes) for path, yes in zip(paths, correct, strict=True)
    }
    files = sorted(p.relative_to(folder) for p in folder.glob("*/*") if is_picture_file(p))
    marks = {True: RIGHT, False: WRONG, None: LEFT_OUT}
    return Measured(
        accuracy=metrics.accuracy(probabilities, targets),
        loss=metrics.log_loss(probabilities, targets),
        ece=calibrated.ece,
        ece_by_chance=ece_by_chance(calibrated),
        test_pictures=len(targets),
        right="".join(marks[of_file.get(file)] for file in files),
    )


def measure_run(run: FinishedRun, *, cache: Path) -> Measured:
    """The figures of a run on its test/ folder.

    Raises:
        RunFolderError: the model is damaged.
    """
    with hidden_native_log():
        from edgetl.trainer.network.model import class_probabilities
        from edgetl.trainer.network.plain_model import load_model
    from edgetl.trainer.data.picture_cache import decode_pictures

    examples = [run.dataset.examples[i] for i in run.dataset.of("test")]
    paths = [run.dataset.path(example) for example in examples]
    pixels = decode_pictures(paths, run.input_size, cache=cache).pixels
    probabilities = class_probabilities(load_model(run.folder.model), pixels)
    targets = run.dataset.classes_of(examples)
    return measured_on_test(run.dataset.root / "test", paths, probabilities, targets)


def command(
    run: Annotated[Path, typer.Argument(help="A finished run on data with test/.")],
    out: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")],
) -> None:
    """Measure a run of edgetl on its test photos."""
    folder = RunFolder(run)
    write_json(out, asdict(measure_run(read_run(folder), cache=folder.cache / "test")))


if __name__ == "__main__":
    run_command(command)
