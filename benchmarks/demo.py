"""The whole pipeline on pictures that edgetl draws itself: train, export, classify, benchmark."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.benchmarks.cases import plan
from edgetl.benchmarks.demo_options import DemoOptions
from edgetl.benchmarks.measure import measure
from edgetl.benchmarks.measured import Measured
from edgetl.benchmarks.options import BenchmarkOptions
from edgetl.edge.errors import RunFolderError, quoted
from edgetl.edge.model.classifier import Classifier, Prediction
from edgetl.edge.model.runtime import choose_runtime
from edgetl.edge.system.messages import logger
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.trainer.data.demo_pictures import write_demo_pictures
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.exporting.export import export
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder, new_run, read_run
from edgetl.trainer.stages import train_new

# Small pictures: the demo shows the pipeline in a minute, not the accuracy that is possible.
DEMO_RECIPE = Recipe(height=96, width=96, hold_out=True)
SHOWN_PICTURES = 6
# So small a model may lose some to int8: the table shows how many, and only a broken file is
# rejected.
DEMO_MAX_DROP = 10.0
# A benchmark as short as possible.
ROUNDS = 5
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Demo:
    """What the demo made: folders, figures, and held-out pictures as the device classifies them."""

    pictures: Path
    run: RunFolder
    report: Path
    measured: Measured
    classified: list[tuple[Path, list[Prediction]]]


def demo(options: DemoOptions) -> Demo:
    """Draw pictures, train both phases, export float32 and int8, classify and compare.

    Raises:
        EdgetlError: the folder cannot be written.
    """
    folder = options.out
    logger.info(f"drawing pictures in {folder / 'pictures'}")
    if (folder / "config.json").exists():
        raise RunFolderError(f"{quoted(folder)}: is a run; choose another folder with --out")
    pictures = write_demo_pictures(folder / "pictures")
    with new_run(None, runs=folder / "runs") as run:
        train_new(scan(pictures), run, DEMO_RECIPE, tensorboard=False)
    exported = export(run.path, quantize=("none", "int8"), max_drop=DEMO_MAX_DROP)
    dataset = read_run(run).dataset
    held_out = [dataset.examples[i] for i in dataset.of(dataset.held_out)]
    step = max(1, len(held_out) // SHOWN_PICTURES)
    with hidden_native_log():
        classifier = Classifier(exported[-1].path)
    paths = [pictures / example.file for example in held_out[::step][:SHOWN_PICTURES]]
    classified = [(path, classifier.classify(path)) for path in paths]
    with TemporaryDirectory(prefix="edgetl-demo-") as temporary:
        measuring = BenchmarkOptions((run.path,), runtime=(choose_runtime().name,))
        planned = plan(measuring, Path(temporary))
        done = measure(planned, Path(temporary), rounds=ROUNDS, warm_up=WARM_UP_SECONDS)
    return Demo(pictures, run, run.path / "report.html", done.measured, classified)
