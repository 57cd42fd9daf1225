"""The whole road on pictures that edgetl draws itself: train, export, classify, benchmark."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.benchmarks.cases import plan
from edgetl.benchmarks.measure import measure
from edgetl.benchmarks.measured import Measured
from edgetl.benchmarks.options import BenchmarkOptions
from edgetl.edge.model.classifier import Classifier, Prediction
from edgetl.edge.model.runtime import choose_runtime
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.trainer.data.dataset import scan
from edgetl.trainer.data.demo_pictures import write_demo_pictures
from edgetl.trainer.exporting.export import export
from edgetl.trainer.progress import say
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder, new_run, read_run
from edgetl.trainer.training import train

# Small pictures: the demo shows the road in a minute, not what the recipe can reach.
DEMO_RECIPE = Recipe(height=96, width=96)
SHOWN_PICTURES = 6
# One of its few test pictures is 2.8 points of accuracy: the table shows what int8 costs, and only
# a file that is broken is held back.
DEMO_MAX_DROP = 10.0
# Of the benchmark, which is to be no longer than it must.
ROUNDS = 5
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Demo:
    """What the demo made. `shown` are held-out pictures as the device runtime classified them."""

    pictures: Path
    run: RunFolder
    measured: Measured
    shown: list[tuple[Path, list[Prediction]]]


def run_demo(folder: Path) -> Demo:
    """Draw pictures, train both phases, export float32 and int8, classify and compare.

    Args:
        folder: where pictures/ and runs/ go; made if missing.

    Raises:
        EdgetlError: the folder cannot be written.
    """
    say(f"drawing pictures in {folder / 'pictures'}")
    pictures = write_demo_pictures(folder / "pictures")
    run = new_run(None, runs=folder / "runs")
    train(dataset=scan(pictures), run=run, recipe=DEMO_RECIPE)
    exported = export(run, quantize=["none", "int8"], max_drop=DEMO_MAX_DROP)
    dataset = read_run(run).dataset
    held_out = [dataset.examples[i] for i in dataset.of(dataset.held_out)]
    step = max(1, len(held_out) // SHOWN_PICTURES)
    with hidden_native_log():
        classifier = Classifier(exported[-1].path)
    paths = [pictures / example.file for example in held_out[::step][:SHOWN_PICTURES]]
    shown = [(path, classifier.classify(path)) for path in paths]
    with TemporaryDirectory(prefix="edgetl-demo-") as temporary:
        options = BenchmarkOptions((run.path,), runtime=(choose_runtime().name,))
        planned = plan(options, Path(temporary))
        measured = measure(
            planned, Path(temporary), rounds=ROUNDS, warm_up=WARM_UP_SECONDS
        ).measured
    return Demo(pictures, run, measured, shown)
