"""A benchmark's report: a page that needs nothing else, and its figures beside it."""

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from edgetl.benchmarks.measured import Measured
from edgetl.edge.errors import RecordError, SettingError, quoted, reason
from edgetl.edge.system.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_report(folder: Path) -> None:
    """See that a report can be written: make its folder, and look for what draws and renders it.

    Raises:
        SettingError: Matplotlib or Jinja2 is not installed. The extra of which they are a part
            would bring TensorFlow too, which a device can do without.
        RecordError: the folder cannot be written.
    """
    missing = [name for name in ("jinja2", "matplotlib") if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingError(
            f"--report needs {' and '.join(missing)}, not installed here; install with: "
            f"pip install {' '.join(missing)}"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from error
    if not os.access(folder, os.W_OK):
        raise _not_written(folder, PermissionError("permission denied"))


def _not_written(folder: Path, error: OSError) -> RecordError:
    return RecordError(
        f"{quoted(folder)}: cannot be written: {reason(error)}; choose another with --report DIR"
    )


def write_benchmark_report(measured: Measured, folder: Path) -> Path:
    """Write index.html, and beside it the figures that it holds too, as PNGs.

    A figure for which nothing was measured is not written, and one of an earlier report in the
    same folder is removed: accuracy-latency.png without any accuracy, latency.png without cases,
    confusion-difference.png without the answers of int8 and Keras. The folder is made if it is not
    there. Returns the page's path.

    Raises:
        SettingError: Matplotlib or Jinja2 is not installed.
        RecordError: the folder cannot be written.
    """
    check_report(folder)
    # Here and not at the top: without these packages it cannot be imported.
    from edgetl.benchmarks.report.page import benchmark_page
    from edgetl.trainer.report.drawing import save

    paths = {}
    try:
        for name, figure in _figures(measured).items():
            path = folder / f"{name}.png"
            if figure:
                save(figure, path)
                paths[name] = path
            else:
                path.unlink(missing_ok=True)
        index = folder / "index.html"
        write_text(index, benchmark_page(measured, paths))
    except OSError as error:
        raise _not_written(folder, error) from error
    return index


def _figures(measured: Measured) -> "dict[str, Figure | None]":
    from edgetl.benchmarks.report.accuracy_latency import accuracy_latency_figure
    from edgetl.benchmarks.report.figures import (
        confusion_difference,
        confusion_difference_figure,
        latency_figure,
    )

    confusions = None
    if found := confusion_difference(measured):
        difference, case = found
        confusions = confusion_difference_figure(
            difference, measured.labels, title=f"{case.name} less Keras, pictures"
        )
    return {
        "accuracy-latency": accuracy_latency_figure(measured),
        "latency": latency_figure(measured),
        "confusion-difference": confusions,
    }
