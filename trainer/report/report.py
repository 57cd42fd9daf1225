"""report.html: a finished run on one page that needs nothing else, to show to a colleague."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetl.edge.model.intervals import wilson_interval
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.options import settings
from edgetl.edge.system.files import write_text
from edgetl.trainer.data.dataset import SPLITS, Dataset, counts
from edgetl.trainer.metrics import Confusion, SplitMetrics, f1
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report import page
from edgetl.trainer.report.drawing import shortened
from edgetl.trainer.report.labels import DoubtfulPhotos
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import EpochRecord, RunConfig, RunMetrics

SHOWN_MISTAKES = 24
_SHOWN_CONFUSIONS = 8
_SHOWN_EPOCHS = 200
_NAMED_IN_TITLE = 4
_LONGEST_IN_TITLE = 33
_THUMBNAIL_SIDE = 160
_THUMBNAIL_QUALITY = 85

_STAGE_NAMES = {
    "start": "building the model",
    "decode": "reading the pictures",
    "near-copies": "finding near-copies",
    "figures": "drawing the figures",
    "activations": "computing the frozen layers",
    "head": "phase one",
    "folds": "models without each fold",
    "fine_tune": "phase two",
    "evaluate": "evaluating",
}


@dataclass(frozen=True)
class Mistake:
    """A held-out picture that the model takes for another class.

    Attributes:
        file: relative to the data folder.
        true, predicted: the classes.
        probability: of the predicted class, 0..1.
        pixels: uint8 [height, width, 3] RGB, what the model saw.
    """

    file: str
    true: str
    predicted: str
    probability: float
    pixels: Pixels


def write_report(
    run: RunFolder,
    *,
    dataset: Dataset,
    config: RunConfig,
    history: Sequence[EpochRecord],
    metrics: RunMetrics,
    mistakes: Sequence[Mistake],
    warnings: Sequence[str] = (),
    doubtful: DoubtfulPhotos | None = None,
) -> None:
    """Write report.html, with the pictures of `run.figures` inside it.

    Args:
        run: its figures have been drawn.
        dataset: with every picture's split.
        mistakes: on the held-out split, in any order; the most confident ones are shown.
        warnings: about the data, for people.
        doubtful: the labels that are; None where that was not looked for.

    Raises:
        OSError: a figure cannot be read, or the report cannot be written.
    """
    name = _short_name(dataset.labels)
    measured = {
        split: figures
        for split in dict.fromkeys((metrics.quoted, "validation"))
        if (figures := metrics.splits[split])
    }
    f1_of = {split: f1(figures.confusion, dataset.labels) for split, figures in measured.items()}
    counted = {split: counts(dataset, split) for split in SPLITS}
    worst = sorted(mistakes, key=lambda mistake: -mistake.probability)[:SHOWN_MISTAKES]
    markup = page.render(
        "report.html.j2",
        title=f"{name} - edgetl report",
        name=name,
        run=run.path.resolve().name,
        labels=dataset.labels,
        held_out=metrics.quoted,
        config=config,
        history=history,
        metrics=metrics,
        warnings=warnings,
        doubtful=doubtful,
        figures={
            figure: page.picture((run.figures / f"{figure}.png").read_bytes())
            for figure in ("samples", "curves", "confusion", "reliability", "coverage", "model")
            # A run of an older edgetl has neither of these two.
            if (run.figures / f"{figure}.png").is_file()
            or figure not in ("reliability", "coverage")
        },
        measured=measured,
        accuracies={split: _accuracy(figures) for split, figures in measured.items()},
        f1=f1_of,
        mean_f1={split: np.nanmean(values) for split, values in f1_of.items()},
        counts=counted,
        excluded=dataset.excluded,
        shown_epochs=_SHOWN_EPOCHS,
        confusions=_confusions(measured[metrics.quoted].confusion),
        mistakes=[
            {
                **vars(mistake),
                "picture": page.thumbnail(
                    mistake.pixels, side=_THUMBNAIL_SIDE, quality=_THUMBNAIL_QUALITY
                ),
            }
            for mistake in worst
        ],
        time=_time(metrics),
        settings=_settings(config.recipe),
        made_with={
            "edgetl": config.edgetl,
            **config.versions,
            "platform": config.platform,
            "data": config.data.path,
            "data fingerprint": config.data.fingerprint,
        },
        # Slashes are understood on Windows too, where a backslash would only call for quotes.
        command=f"edgetl train --config {shlex.quote(run.config.as_posix())}",
    )
    write_text(run.path / "report.html", markup)


def _short_name(labels: Sequence[str]) -> str:
    named = ", ".join(shortened(label, _LONGEST_IN_TITLE) for label in labels[:_NAMED_IN_TITLE])
    more = len(labels) - _NAMED_IN_TITLE
    return f"{named} and {more} more" if more > 0 else named


def _accuracy(figures: SplitMetrics) -> dict[str, float]:
    correct = sum(row.get(label, 0) for label, row in figures.confusion.items())
    low, high = figures.interval or wilson_interval(correct, figures.pictures)
    return {"correct": correct, "low": low, "high": high}


def _settings(recipe: Recipe) -> list[dict[str, str]]:
    """Name, value and meaning of each setting, as the command line has them."""

    def shown(value: object) -> str:
        if isinstance(value, bool):
            return "on" if value else "off"
        return f"{value:g}" if isinstance(value, float) else str(value)

    return [
        {
            "name": setting.name.replace("_", "-"),
            "value": shown(getattr(recipe, setting.name)),
            "help": setting.option.help,
        }
        for setting in settings(Recipe)
    ]


def _confusions(confusion: Confusion) -> list[dict[str, Any]]:
    """The commonest ones: both classes, how many pictures, and of how many."""
    wrong: list[dict[str, Any]] = [
        {"true": true, "predicted": given, "pictures": count, "of": sum(row.values())}
        for true, row in confusion.items()
        for given, count in row.items()
        if given != true
    ]
    return sorted(wrong, key=lambda one: -one["pictures"])[:_SHOWN_CONFUSIONS]


def _time(metrics: RunMetrics) -> dict[str, Any]:
    """Seconds by stage and in all, and whether that is everything."""
    stages = dict(metrics.seconds)
    whole = max(stages.pop("total"), sum(stages.values()))
    named = {_STAGE_NAMES.get(s, s.replace("_", " ")): seconds for s, seconds in stages.items()}
    # The stages of a resumed training are shorter than the epochs it has had.
    return {"stages": named, "whole": whole, "complete": metrics.training_seconds <= whole + 1}
