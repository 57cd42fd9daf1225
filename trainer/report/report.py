"""report.html: a finished run on one page that needs nothing else, to show to a colleague."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from edgetl.edge.model.intervals import wilson_interval
from edgetl.edge.system.files import write_text
from edgetl.trainer.calibration import ece_by_chance
from edgetl.trainer.data.dataset import SPLITS, Dataset, Split, counts
from edgetl.trainer.metrics import Confusion, SplitMetrics, f1
from edgetl.trainer.report import page
from edgetl.trainer.report.drawing import short_name
from edgetl.trainer.report.labels import DoubtfulPhotos
from edgetl.trainer.report.mistakes import Mistake, shown_mistakes
from edgetl.trainer.report.next_steps import export_command, next_steps, training_command
from edgetl.trainer.report.shown_settings import shown_settings
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import EpochRecord, RunConfig, RunMetrics

_SHOWN_CONFUSIONS = 8
_SHOWN_EPOCHS = 200
# A page of a phone's width is long with more.
_UNFOLDED_MISTAKES = 12

_STAGE_NAMES = {
    "start": "building the model",
    "decode": "reading the pictures",
    "near-copies": "finding near-copies",
    "figures": "drawing the figures",
    "activations": "computing the frozen layers",
    "head": "phase one",
    "curve": "the learning curve",
    "folds": "models without each fold",
    "fine_tune": "phase two",
    "evaluate": "evaluating",
}


def write_report(
    run: RunFolder,
    *,
    dataset: Dataset,
    config: RunConfig,
    history: Sequence[EpochRecord],
    metrics: RunMetrics,
    mistakes: Mapping[Split, Sequence[Mistake]],
    warnings: Sequence[str] = (),
    doubtful: DoubtfulPhotos | None = None,
    resolved: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write report.html, with the pictures of `run.figures` inside it.

    Args:
        run: its figures have been drawn.
        dataset: with every picture's split.
        mistakes: on each held-out split, in any order; the most confident ones are shown.
        warnings: about the data, for people.
        doubtful: the labels that are; None where that was not looked for.
        resolved: what settings became, as `edgetl.trainer.resolved_settings` finds it.

    Raises:
        OSError: a figure cannot be read, or the report cannot be written.
    """
    name = short_name(dataset.labels)
    measured = {
        split: figures
        for split in dict.fromkeys((metrics.quoted, "validation"))
        if (figures := metrics.splits[split])
    }
    calibrated = measured[metrics.quoted].calibration
    f1_of = {split: f1(figures.confusion, dataset.labels) for split, figures in measured.items()}
    counted = {split: counts(dataset, split) for split in SPLITS}
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
            for figure in (
                "samples",
                "curves",
                "curves-narrow",
                "confusion",
                "reliability",
                "coverage",
                "model",
            )
            # Where nothing was calibrated there is no reliability diagram, and in a run of an older
            # edgetl no curve of coverage.
            if (run.figures / f"{figure}.png").is_file()
            or figure not in ("reliability", "coverage")
        },
        measured=measured,
        accuracies={split: _accuracy(figures) for split, figures in measured.items()},
        f1=f1_of,
        mean_f1={split: np.nanmean(values) for split, values in f1_of.items()},
        counts=counted,
        index=config.data.index,
        excluded=dataset.excluded,
        shown_epochs=_SHOWN_EPOCHS,
        by_chance=ece_by_chance(calibrated) if calibrated and calibrated.bins else None,
        confusions=_confusions(measured[metrics.quoted].confusion),
        mistakes={split: shown_mistakes(mistakes.get(split, ())) for split in measured},
        unfolded_mistakes=_UNFOLDED_MISTAKES,
        next_steps=next_steps(run, config, metrics, counted["train"], doubtful),
        exports=(),
        export_command=export_command(run),
        time=_time(metrics),
        settings=shown_settings(config, resolved),
        made_with={
            "edgetl": config.edgetl,
            **config.versions,
            "platform": config.platform,
            "data": config.data.path,
            **({"from": config.from_run.path} if config.from_run else {}),
            "data fingerprint": config.data.fingerprint,
        },
        command=training_command(run),
    )
    write_text(run.report, markup)


def _accuracy(figures: SplitMetrics) -> dict[str, float]:
    correct = sum(row.get(label, 0) for label, row in figures.confusion.items())
    low, high = figures.interval or wilson_interval(correct, figures.pictures)
    return {"correct": correct, "low": low, "high": high}


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
