"""What `classify --threshold precision=P` promises of model files, and what comes of photos."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from edgetl.benchmarks.dev.command_line import console, figures_table, run_command
from edgetl.benchmarks.dev.promises import PRECISIONS, Drawn, on_new
from edgetl.benchmarks.dev.suite_plan import read_sets
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.precision import Precision
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.model.thresholds import precision_thresholds
from edgetl.trainer.calibration import calibration


def main(
    data: Annotated[Path, typer.Argument(help="A folder with train/ and test/.")],
    models: Annotated[list[Path], typer.Argument(help="Files trained on train/.")],
) -> None:
    """Classify the photos of test/ with each file; those called unknown get no answer.

    Figures are percentages of photos; ECE is the expected calibration error, 0 to 1.
    """
    out = console()
    table = figures_table(
        "file", "precision", "answered", "right", "%", "expected", "95 %", "ECE", "photos"
    )
    (one,) = read_sets([data])
    for path in models:
        classifier, file = Classifier(path), read_model_file(path)
        labels = list(classifier.labels)
        photos = [(labels.index(label), p) for label, some in one.test.items() for p in some]
        shown = Drawn(
            np.stack([classifier.probabilities(photo) for _, photo in photos]),
            np.array([target for target, _ in photos]),
            [photo.name for _, photo in photos],
        )
        ece = calibration(shown.probabilities, shown.targets).ece
        for precision in PRECISIONS:
            found = precision_thresholds(file, Precision(precision))
            limits = [np.inf if k == UNKNOWN else one.threshold for k, one in found.classes]
            answered, right = on_new(limits, shown)
            count = round(answered * len(photos))
            low, high = found.interval
            table.add_row(
                path.name.removeprefix("model.").removesuffix(".tflite"),
                f"{precision:g}",
                str(count),
                str(round(right * count)),
                f"{100 * right:.1f}",
                f"{100 * found.expected:.1f}",
                f"{100 * low:.1f}-{100 * high:.1f}",
                f"{ece:.4f}",
                str(len(photos)),
            )
    out.print(table)


if __name__ == "__main__":
    run_command(main)
