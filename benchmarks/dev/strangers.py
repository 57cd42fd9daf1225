"""What "unknown" is worth: pictures of other things, and photos of a class that was left out."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from scipy.stats import rankdata

from edgetl.benchmarks.dev.command_line import console, figures_table, run_command
from edgetl.benchmarks.dev.suite_plan import ImageSet, link_files, read_sets
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.sources.file_kinds import PICTURE_SUFFIXES
from edgetl.trainer import train
from edgetl.trainer.data.picture_cache import read_pictures
from edgetl.trainer.exporting.conversion import Conversion, converted_files
from edgetl.trainer.exporting.interpreting import probabilities_of
from edgetl.trainer.network.unknown_output import TrainedModel
from edgetl.trainer.run.records import RunConfig, read_record

_FILES = (Conversion("none"), Conversion("int8"))
_CALIBRATION = 100
_Odds = npt.NDArray[np.float64]


def main(
    data: Annotated[list[Path], typer.Argument(help="Folders with train/ and test/.")],
    strangers: Annotated[Path, typer.Option(help="A folder of pictures of other things.")],
    photos: Annotated[int, typer.Option(help="Of each class, at most.")] = 10_000,
    image_size: Annotated[str | None, typer.Option(help="Of the model.")] = None,
) -> None:
    """Train on each data set, and again without its second class; count what is unknown."""
    table = figures_table(
        "", "set", "file", "known lost", "strangers", "AUROC", "FPR95", "left out", "AUROC"
    )
    out = console()
    others = sorted(p for p in strangers.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    for one in read_sets(data):
        labels = list(one.train)
        far = _log_odds(one, labels, photos, image_size, others)
        near = None
        if len(labels) > 2:
            left = labels[1]
            known = [label for label in labels if label != left]
            unseen = [*one.train[left], *one.test[left]]
            near = _log_odds(one, known, photos, image_size, unseen)
        for number, conversion in enumerate(_FILES):
            known_odds, far_odds = far[number]
            row = [one.name, conversion.quantization, *_figures(known_odds, far_odds)]
            row += ["-", "-"] if near is None else [labels[1], f"{_auroc(*near[number]):.3f}"]
            table.add_row(*row)
            out.print("  ".join(row))
    out.print(table)


def _log_odds(
    one: ImageSet, labels: Sequence[str], photos: int, image_size: str | None, others: list[Path]
) -> list[tuple[_Odds, _Odds]]:
    """Of each file, what it gives for test photos of the labels, and for others."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        drawn = one.drawn(photos, seed=0)
        link_files({label: drawn[label] for label in labels}, data)
        run = train(data, out=Path(folder, "run"), image_size=image_size)
        size = read_record(run.config, RunConfig).recipe.input_size
        # As many of each class.
        some = [drawn[label][: _CALIBRATION // len(labels)] for label in labels]
        calibration = read_pictures([path for paths in some for path in paths], size, "calibration")
        files = converted_files(TrainedModel(run.model, run.unknown), list(_FILES), calibration)
        known = [path for label in labels for path in one.test[label]]
        pictures = [read_pictures(paths, size, "reading") for paths in (known, others)]
        return [(_odds_of(file, pictures[0]), _odds_of(file, pictures[1])) for file in files]


def _odds_of(file: bytes, pixels: Pixels) -> _Odds:
    """The logarithms of the odds of "unknown", which is the last."""
    answers = probabilities_of(file, pixels, range(len(pixels)))
    known = np.maximum(answers[:, :-1].astype(np.float64).sum(axis=1), 1e-38)
    found: _Odds = np.log(np.maximum(answers[:, -1].astype(np.float64), 1e-38)) - np.log(known)
    return found


def _figures(known: _Odds, strangers: _Odds) -> list[str]:
    """Shares that are called unknown; AUROC; strangers that pass where 95 % of known photos do."""
    passing = float((strangers <= np.quantile(known, 0.95)).mean())
    return [
        f"{(known > 0).mean():.1%}",
        f"{(strangers > 0).mean():.1%}",
        f"{_auroc(known, strangers):.4f}",
        f"{passing:.1%}",
    ]


def _auroc(known: _Odds, strangers: _Odds) -> float:
    """The share of pairs in which the stranger is the farther one (Mann and Whitney, 1947)."""
    ranks = rankdata(np.concatenate([known, strangers]))[len(known) :]
    above = ranks.sum() - len(strangers) * (len(strangers) + 1) / 2
    return float(above / (len(known) * len(strangers)))


if __name__ == "__main__":
    run_command(main)
