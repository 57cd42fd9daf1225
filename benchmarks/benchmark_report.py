"""A benchmark's report: a page that needs nothing else, and its figures beside it."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measured import Measured
from edge.errors import RecordError, quoted, reason
from edge.extras import need_package
from edge.files import replacing, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_benchmark_report(measured: Measured, folder: Path) -> Path:
    """Write index.html, and beside it the figures that it holds too, as PNGs.

    A figure for which nothing was measured is not written, and one of an earlier report in the
    same folder is removed: accuracy-latency.png without any accuracy, latency.png without rows,
    confusion-difference.png without int8's and Keras' answers.

    Args:
        folder: made if it is not there.

    Returns:
        The page's path.

    Raises:
        MissingExtraError: Matplotlib is not installed.
        RecordError: the folder cannot be written.
    """
    need_package("matplotlib", needs="a benchmark's report")
    # Here and not at the top: without Matplotlib none of them can be imported.
    from benchmarks.benchmark_page import benchmark_page

    paths = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # A letter of a label that no font here has is drawn as a box.
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            for name, figure in _figures(measured).items():
                path = folder / f"{name}.png"
                if figure:
                    with replacing(path) as temporary:
                        figure.savefig(temporary, format="png")
                    paths[name] = path
                else:
                    path.unlink(missing_ok=True)
        index = folder / "index.html"
        write_text(index, benchmark_page(measured, paths))
    except OSError as error:
        raise RecordError(f"{quoted(folder)}: cannot be written: {reason(error)}") from error
    return index


def _figures(measured: Measured) -> "dict[str, Figure | None]":
    from benchmarks.benchmark_figures import (
        accuracy_latency_figure,
        confusion_difference,
        confusion_difference_figure,
        latency_figure,
    )

    confusions = None
    if found := confusion_difference(measured):
        difference, row = found
        confusions = confusion_difference_figure(
            difference, measured.labels, title=f"{row.name} less Keras, pictures"
        )
    return {
        "accuracy-latency": accuracy_latency_figure(measured),
        "latency": latency_figure(measured),
        "confusion-difference": confusions,
    }
