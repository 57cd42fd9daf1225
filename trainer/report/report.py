"""report.html: a finished run on one page that needs nothing else, to show to a colleague."""

import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.options import settings
from edgetl.edge.system.files import write_text
from edgetl.trainer.data.dataset import SPLITS, Dataset, counts
from edgetl.trainer.metrics import wilson_interval
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report import page
from edgetl.trainer.run.folder import RunFolder

SHOWN_MISTAKES = 24
_SHOWN_CONFUSIONS = 8
_SHOWN_EPOCHS = 200
_NAMED_IN_TITLE = 4
_LONGEST_IN_TITLE = 32
_THUMBNAIL_SIDE = 160
_THUMBNAIL_QUALITY = 85

_STAGE_NAMES = {
    "start": "building the model",
    "decode": "reading the pictures",
    "near-copies": "finding near-copies",
    "figures": "drawing the figures",
    "activations": "computing the frozen layers",
    "head": "phase one",
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
    config: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, Any],
    mistakes: Sequence[Mistake],
    warnings: Sequence[str] = (),
) -> None:
    """Write report.html, with the four pictures of `run.figures` inside it.

    Args:
        run: its figures have been drawn.
        dataset: with every picture's split.
        config, history, metrics: what config.json, history.json and metrics.json hold.
        mistakes: on the held-out split, in any order; the most confident ones are shown.
        warnings: about the data, for people.

    Raises:
        OSError: a figure cannot be read, or the report cannot be written.
    """
    name = _short_name(dataset.labels)
    splits = dict.fromkeys((dataset.held_out, "validation"))
    counted = {split: counts(dataset, split) for split in SPLITS}
    worst = sorted(mistakes, key=lambda mistake: -mistake.probability)[:SHOWN_MISTAKES]
    markup = page.render(
        "report.html.j2",
        title=f"{name} - edgetl report",
        name=name,
        run=run.path.resolve().name,
        labels=dataset.labels,
        held_out=dataset.held_out,
        config=config,
        history=history,
        metrics=metrics,
        warnings=warnings,
        figures={
            figure: page.picture((run.figures / f"{figure}.png").read_bytes())
            for figure in ("samples", "curves", "confusion", "model")
        },
        accuracies={split: _accuracy(metrics["splits"][split]) for split in splits},
        counts=counted,
        largest_class=max(sum(c[label] for c in counted.values()) for label in dataset.labels),
        excluded=dataset.excluded,
        shown_epochs=_SHOWN_EPOCHS,
        confusions=_confusions(metrics["splits"][dataset.held_out]["confusion"], dataset.labels),
        mistakes=[{**vars(mistake), "picture": _thumbnail(mistake.pixels)} for mistake in worst],
        classes={split: _classes(metrics["splits"][split]["per_class"]) for split in splits},
        time=_time(history, metrics),
        settings=_settings(config["recipe"]),
        made_with={
            "edgetl": config["edgetl"],
            **config["versions"],
            "platform": config["platform"],
            "data": config["data"]["path"],
            "data fingerprint": config["data"]["fingerprint"],
        },
        # Slashes are understood on Windows too, where a backslash would only call for quotes.
        command=f"edgetl train --config {shlex.quote(run.config.as_posix())}",
    )
    write_text(run.path / "report.html", markup)


def _short_name(labels: Sequence[str]) -> str:
    named = ", ".join(
        label
        if len(label) <= _LONGEST_IN_TITLE
        else f"{label[:_LONGEST_IN_TITLE]}\N{HORIZONTAL ELLIPSIS}"
        for label in labels[:_NAMED_IN_TITLE]
    )
    more = len(labels) - _NAMED_IN_TITLE
    return f"{named} and {more} more" if more > 0 else named


def _accuracy(figures: Mapping[str, Any]) -> dict[str, float]:
    pictures = figures["pictures"]
    correct = int(np.trace(np.array(figures["confusion"])))
    low, high = figures.get("interval") or wilson_interval(correct, pictures)
    return {
        "correct": correct,
        "pictures": pictures,
        "share": correct / pictures,
        "low": low,
        "high": high,
    }


def _settings(recipe: Mapping[str, Any]) -> list[dict[str, str]]:
    """Name, value and meaning of each setting, as the command line has them."""
    help_of = {setting.name: setting.option.help for setting in settings(Recipe)}
    return [
        {
            "name": name.replace("_", "-"),
            "value": ("off", "on")[value] if isinstance(value, bool)
            else f"{value:g}" if isinstance(value, float) else str(value),
            "help": help_of.get(name, ""),
        }
        for name, value in recipe.items()
    ]  # fmt: skip


def _confusions(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """The commonest ones: both classes, how many pictures, and of how many."""
    counted = np.array(matrix)
    wrong = counted.copy()
    np.fill_diagonal(wrong, 0)
    commonest = np.argsort(-wrong, axis=None, kind="stable")[:_SHOWN_CONFUSIONS]
    return [
        {
            "true": labels[true],
            "predicted": labels[predicted],
            "pictures": wrong[true, predicted],
            "of": counted[true].sum(),
        }
        for true, predicted in (divmod(int(index), len(labels)) for index in commonest)
        if wrong[true, predicted]
    ]


def _thumbnail(pixels: Pixels) -> page.Picture:
    thumbnail = Image.fromarray(np.asarray(pixels))
    thumbnail.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    file = io.BytesIO()
    thumbnail.save(file, "JPEG", quality=_THUMBNAIL_QUALITY)
    return page.picture(file.getvalue())


def _classes(per_class: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    by_label = {
        label: {**figures, "f1": _f1(figures["precision"], figures["recall"])}
        for label, figures in per_class.items()
    }
    known = [figures["f1"] for figures in by_label.values() if figures["f1"] is not None]
    return {"by_label": by_label, "mean_f1": sum(known) / len(known) if known else None}


def _f1(precision: float | None, recall: float | None) -> float | None:
    """The harmonic mean; None for a class that neither is there nor was predicted."""
    if precision is None and recall is None:
        return None
    # Where one is undefined, the pictures the other is about are mistakes, every one.
    if not precision or not recall:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def _time(history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds by stage and in all, whether that is everything, and if not, a note."""
    stages = dict(metrics.get("seconds") or {})
    whole = max(stages.pop("total", 0.0), sum(stages.values()))
    note = ""
    if not stages:
        note = " in the epochs; the time around them was not kept"
        for epoch in history:
            stages[epoch["phase"]] = stages.get(epoch["phase"], 0.0) + epoch["seconds"]
        whole = sum(stages.values())
    elif metrics["training_seconds"] > whole + 1:
        # The stages are those of a resumed training, shorter than the epochs it has had.
        note = " since it was resumed; the time before was not kept"
    named = {_STAGE_NAMES.get(s, s.replace("_", " ")): seconds for s, seconds in stages.items()}
    return {"stages": named, "whole": whole, "complete": not note, "note": note}
