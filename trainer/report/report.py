"""report.html: a finished run on one page that needs nothing else, to show to a colleague."""

import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from edgetl.edge.errors import plural
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.system.files import write_text
from edgetl.trainer.data.dataset import SPLITS, Dataset, Split, counts
from edgetl.trainer.metrics import wilson_interval
from edgetl.trainer.report import page
from edgetl.trainer.run.folder import RunFolder

SHOWN_MISTAKES = 24
_SHOWN_SET_ASIDE = 20
_SHOWN_CONFUSIONS = 8
_SHOWN_EPOCHS = 200
_NAMED_IN_TITLE = 4
_LONGEST_IN_TITLE = 32
# With more classes than these the confusion matrix needs the whole width.
_NARROW_CONFUSION = 12
_THUMBNAIL_SIDE = 160
_THUMBNAIL_QUALITY = 85

_PHASES = {"head": "one", "fine_tune": "two"}
_RECIPE_NAMES = {
    "fit": "fit of other shapes",
    "head_epochs": "epochs of phase one (head)",
    "epochs": "epochs of both phases",
    "head_lr": "learning rate, phase one (Adam)",
    "fine_tune_lr": "learning rate, phase two",
    "fine_tune_optimizer": "optimizer, phase two",
    "fine_tune_schedule": "learning rate schedule, phase two",
    "fine_tune_from": "first layer trained in phase two",
    "patience": "patience in epochs (0: no early stop)",
    "flip": "mirrored at random",
    "rotation": "turned at random, up to",
    "zoom": "enlarged at random, up to",
    "reuse": "frozen layers computed once",
    "views": "augmented views of each picture",
    "disk_budget": "disk budget in gigabytes",
    "weights": "starting weights",
}
_STAGE_NAMES = {
    "start": "building the model",
    "decode": "reading the pictures",
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
    sections = {
        "Setting": _setting(run, config),
        "Data": _data(dataset, warnings),
        "Samples": _samples(run, dataset),
        "Learning": _learning(run, history, metrics),
        "Confusions": _confusions(run, dataset, metrics),
        "Mistakes": _mistakes(dataset, metrics, mistakes),
        "Classes": _classes(dataset, metrics),
        "Model": _model(run, history, metrics),
        "Time": _time(history, metrics),
    }
    header = _header(run, dataset, config, history, metrics, warnings)
    title = f"{_classes_in_short(dataset)} - edgetl report"
    write_text(run.path / "report.html", page.document(title, header, sections))


def _header(
    run: RunFolder,
    dataset: Dataset,
    config: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, Any],
    warnings: Sequence[str],
) -> str:
    recipe = config["recipe"]
    validation_note = (
        "These pictures chose the epoch, which flatters this figure a little."
        if dataset.held_out == "test"
        else "These pictures chose the epoch and there is no test split, so expect a little less "
        "on new pictures."
    )
    figures = [_accuracy("validation", metrics, validation_note)]
    if dataset.held_out == "test":
        test_note = "These pictures chose nothing: this is the figure to quote."
        figures.insert(0, _accuracy("test", metrics, test_note))
    seconds = metrics["training_seconds"]
    spent = f"{page.duration(seconds)} in {plural(len(history), 'epoch')}"
    stages, whole = _stages(metrics)
    if stages and not _resumed(metrics):
        spent += " and everything around them"
        seconds = whole
    figures += [
        page.headline(
            "Training",
            page.duration(seconds),
            f"{spent}. The weights are those of epoch {metrics['best_epoch']}.",
        ),
        page.headline(
            "Input",
            f"{recipe['height']} {page.TIMES} {recipe['width']}",
            f"Pixels, height {page.TIMES} width; fit: {page.text(recipe['fit'])}. "
            f"{metrics['parameters']['model']:,} parameters.",
        ),
    ]
    warned = ""
    if warnings:
        count = plural(len(warnings), "warning")
        warned = f'\n<p class="warned"><a href="#data">{count} about the data</a></p>'
    return f"""<header>
<p class="faint">Image classifier of {len(dataset.labels)} classes</p>
<h1>{page.text(_classes_in_short(dataset))}</h1>
<p class="faint">Run {page.text(run.path.resolve().name)}, begun \
<time datetime="{page.plain(config["created"])}">{page.when(config["created"])}</time> with edgetl \
{page.text(config["edgetl"])}</p>{warned}
<dl class="headline">
{"".join(figures)}</dl>
<p class="faint">Intervals are 95 % Wilson intervals: they count the pictures, and know nothing \
of how much new pictures differ from these.</p>
</header>"""


def _accuracy(split: Split, metrics: Mapping[str, Any], note: str) -> str:
    figures = metrics["splits"][split]
    right, total = _right(figures), figures["pictures"]
    low, high = wilson_interval(right, total)
    said = (
        f"95 % interval {page.percent(low)} to {page.percent(high)}; "
        f"{right:,} of {total:,} pictures right."
    )
    return page.headline(
        f"{split.capitalize()} accuracy", page.percent(right / total), f"{said} <em>{note}</em>"
    )


def _setting(run: RunFolder, config: Mapping[str, Any]) -> str:
    recipe = dict(config["recipe"])
    size = f"{recipe.pop('height')} {page.TIMES} {recipe.pop('width')}"
    settings = {
        "input (height \N{MULTIPLICATION SIGN} width)": size,
        **{
            _RECIPE_NAMES.get(name, name.replace("_", " ")): _setting_value(name, value)
            for name, value in recipe.items()
        },
    }
    made_with = {
        "edgetl": config["edgetl"],
        **config["versions"],
        "platform": config["platform"],
        "data": config["data"]["path"],
        "data fingerprint": config["data"]["fingerprint"],
    }
    # Slashes are understood on Windows too, where a backslash would only call for quotes.
    command = f"edgetl train --config {shlex.quote(run.config.as_posix())}"
    return f"""<div class="columns">
{page.pairs("Recipe", settings)}
{page.pairs("Made with", made_with)}
</div>
<h3>To train it again</h3>
<pre tabindex="0"><code>{page.plain(command)}</code></pre>"""


def _setting_value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "rotation":
        return f"\N{PLUS-MINUS SIGN}{value * 360:.0f}\N{DEGREE SIGN}"
    if name == "zoom":
        return f"{value:.0%}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _data(dataset: Dataset, warnings: Sequence[str]) -> str:
    warned = ""
    if warnings:
        items = "".join(f"<li>{page.text(warning)}</li>" for warning in warnings)
        warned = f'<div class="warnings"><h3>Warnings</h3>\n<ul>{items}</ul></div>\n'
    of = {split: counts(dataset, split) for split in SPLITS}
    largest = max(sum(of[split][label] for split in SPLITS) for label in dataset.labels)
    rows = []
    for label in dataset.labels:
        bar = "".join(
            f'<i class="{split}" style="width:{of[split][label] / largest:.1%}"></i>'
            for split in SPLITS
            if of[split][label]
        )
        cells = "".join(f"<td>{of[split][label]:,}</td>" for split in SPLITS)
        rows.append(
            f'<tr><th scope="row">{page.text(label)}'
            f'<span class="bar" aria-hidden="true">{bar}</span></th>{cells}</tr>'
        )
    heads = "".join(
        f'<th scope="col"><i class="key {split}" aria-hidden="true"></i>{split}</th>'
        for split in SPLITS
    )
    totals = "".join(f"<td>{sum(of[split].values()):,}</td>" for split in SPLITS)
    table = page.table(
        "Pictures of each class and split",
        f'<tr><th scope="col">class</th>{heads}</tr>',
        rows,
        foot=f'<tr><th scope="row">all</th>{totals}</tr>',
        style="counts",
    )
    return f"{warned}{table}\n{_set_aside(dataset)}"


def _set_aside(dataset: Dataset) -> str:
    aside = dataset.excluded
    if not aside:
        return "<p>No file was set aside.</p>"
    items = "".join(
        f"<li><code>{page.path(item.file)}</code>: {page.text(item.reason)}</li>"
        for item in aside[:_SHOWN_SET_ASIDE]
    )
    more = len(aside) - _SHOWN_SET_ASIDE
    rest = f"<p>And {more:,} more; split.json lists all.</p>" if more > 0 else ""
    return f"<h3>Set aside ({len(aside):,})</h3>\n<ul>{items}</ul>{rest}"


def _samples(run: RunFolder, dataset: Dataset) -> str:
    return page.figure(
        run.figures / "samples.png",
        "Training pictures with their classes, and some of them augmented as training sees them",
        f"Some of the {len(dataset.of('train')):,} pictures it was trained on, as the model gets "
        "them.",
    )


def _learning(
    run: RunFolder, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]
) -> str:
    validation = metrics["splits"]["validation"]
    best, phase = metrics["best_epoch"], _PHASES[metrics["best_phase"]]
    said = (
        f"The weights kept are those of epoch {best}, in phase {phase}: of {len(history)} it has "
        f"the lowest loss on the validation pictures, {validation['loss']:.4f}, "
        f"with an accuracy of {page.percent(_right(validation) / validation['pictures'])} there."
    )
    after_head = metrics["after_head"]
    if after_head:
        said += (
            f" Phase one, which trains the head alone, had ended at "
            f"{page.percent(after_head['val_accuracy'])} (loss {after_head['val_loss']:.4f})."
        )
    figure = page.figure(
        run.figures / "curves.png",
        f"Accuracy and loss of training and validation pictures over {len(history)} epochs; "
        f"the best is epoch {best}. The table below has the numbers.",
        "Training figures are taken with dropout and on augmented pictures, so they can be the "
        "worse ones.",
        wide=True,
    )
    rows = [
        f'<tr><th scope="row">{row["epoch"]}</th><td>{_PHASES[row["phase"]]}</td>'
        f"<td>{row['loss']:.4f}</td><td>{page.percent(row['accuracy'])}</td>"
        f"<td>{row['val_loss']:.4f}</td><td>{page.percent(row['val_accuracy'])}</td>"
        f"<td>{row['seconds']:.1f}</td></tr>"
        for row in history[-_SHOWN_EPOCHS:]
    ]
    names = ("epoch", "phase", "loss", "accuracy", "validation loss", "validation accuracy")
    heads = "".join(f'<th scope="col">{name}</th>' for name in (*names, "seconds"))
    last = f"the last {_SHOWN_EPOCHS}; " if len(history) > _SHOWN_EPOCHS else ""
    table = page.table(f"Every epoch ({last}history.json has all)", f"<tr>{heads}</tr>", rows)
    return f"<p>{said}</p>\n{figure}\n<details><summary>Epochs</summary>\n{table}\n</details>"


def _confusions(run: RunFolder, dataset: Dataset, metrics: Mapping[str, Any]) -> str:
    split = dataset.held_out
    matrix = np.array(metrics["splits"][split]["confusion"])
    actual = matrix.sum(axis=1)
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    places = np.argsort(-wrong, axis=None, kind="stable")[:_SHOWN_CONFUSIONS]
    pairs = [divmod(int(place), len(matrix)) for place in places]
    items = [
        f"<li>{page.text(dataset.labels[true])} taken for {page.text(dataset.labels[predicted])}: "
        f"{wrong[true, predicted]:,} of {actual[true]:,} "
        f"({page.percent(wrong[true, predicted] / actual[true])})</li>"
        for true, predicted in pairs
        if wrong[true, predicted]
    ]
    listed = f"<h3>Most often confused</h3>\n<ol>{''.join(items)}</ol>" if items else ""
    wide = len(dataset.labels) > _NARROW_CONFUSION
    figure = page.figure(
        run.figures / "confusion.png",
        f"Confusion matrix of the {split} split: a row for each true class and a column for each "
        f"predicted one; {int(matrix.diagonal().sum()):,} of {int(matrix.sum()):,} pictures are "
        f"on its diagonal",
        f"The {split} split. Shares are of the true class, so a row adds up to 100 %.",
        wide=wide,
    )
    if wide or not listed:
        return f"{figure}\n{listed}"
    return f'<div class="columns">{figure}\n<div>{listed}</div></div>'


def _mistakes(dataset: Dataset, metrics: Mapping[str, Any], mistakes: Sequence[Mistake]) -> str:
    split = dataset.held_out
    figures = metrics["splits"][split]
    total = figures["pictures"]
    wrong = total - _right(figures)
    if not wrong and not mistakes:
        return (
            f"<p>No mistakes: all {total:,} pictures of the {split} split were given their class. "
            f"With so many pictures, that goes with up to "
            f"{page.percent(1 - wilson_interval(total, total)[0])} mistakes on others like them "
            f"(95 % interval).</p>"
        )
    shown = sorted(mistakes, key=lambda mistake: -mistake.probability)[:SHOWN_MISTAKES]
    said = f"Given another class: {wrong:,} of {total:,} pictures of the {split} split."
    if not shown:
        return f"<p>{said} Their pictures were not kept.</p>"
    if len(shown) < wrong:
        said += f" These are the {len(shown)} the model was surest of."
    items = "".join(f"<li>{_mistake(mistake)}</li>\n" for mistake in shown)
    return f"""<p>{said} A confident mistake is often a picture with the wrong label: look first \
whether it lies in the right folder.</p>
<ul class="mistakes">
{items}</ul>"""


def _mistake(mistake: Mistake) -> str:
    picture = Image.fromarray(np.asarray(mistake.pixels))
    picture.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_THUMBNAIL_QUALITY)
    described = f"{mistake.file}, of the class {mistake.true}, taken for {mistake.predicted}"
    return (
        f'<figure><img src="{page.data_uri("jpeg", file.getvalue())}" '
        f'alt="{page.plain(described)}" width="{picture.width}" height="{picture.height}">'
        f'<figcaption><span class="predicted">predicted: {page.text(mistake.predicted)}, '
        f"{page.percent(mistake.probability)}</span>"
        f"<span>true: {page.text(mistake.true)}</span>"
        f'<span class="faint">{page.path(mistake.file)}</span></figcaption></figure>'
    )


def _classes(dataset: Dataset, metrics: Mapping[str, Any]) -> str:
    splits: list[Split] = [dataset.held_out]
    if dataset.held_out != "validation":
        splits.append("validation")
    groups = "".join(f'<th scope="colgroup" colspan="4">{split}</th>' for split in splits)
    names = '<th scope="col">pictures</th><th scope="col">precision</th>'
    names += '<th scope="col">recall</th><th scope="col">F1</th>'
    rows = []
    f1: dict[Split, list[float]] = {split: [] for split in splits}
    for label in dataset.labels:
        cells = ""
        for split in splits:
            figures = metrics["splits"][split]["per_class"][label]
            precision, recall = figures["precision"], figures["recall"]
            score = _f1(precision, recall)
            if score is not None:
                f1[split].append(score)
            cells += f"<td>{figures['pictures']:,}</td>"
            cells += "".join(
                f"<td>{page.share(value)}</td>" for value in (precision, recall, score)
            )
        rows.append(f'<tr><th scope="row">{page.text(label)}</th>{cells}</tr>')
    means = "".join(
        f"<td>{metrics['splits'][split]['pictures']:,}</td><td></td><td></td>"
        f"<td>{page.share(sum(f1[split]) / len(f1[split]) if f1[split] else None)}</td>"
        for split in splits
    )
    table = page.table(
        "Precision, recall and F1 of each class",
        f'<tr><th scope="col" rowspan="2">class</th>{groups}</tr>\n<tr>{names * len(splits)}</tr>',
        rows,
        foot=f'<tr><th scope="row">all, mean F1</th>{means}</tr>',
    )
    return f"""{table}
<p class="faint">Precision: of the pictures given this class, how many have it. Recall: of the \
pictures that have it, how many were given it. F1: their harmonic mean. {page.NONE}: no such \
picture. Validation chose the epoch.</p>"""


def _f1(precision: float | None, recall: float | None) -> float | None:
    """The harmonic mean; None for a class that neither is there nor was predicted."""
    if precision is None and recall is None:
        return None
    # Where one is undefined, the pictures the other is about are mistakes, every one.
    if not precision or not recall:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def _model(run: RunFolder, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> str:
    parameters = metrics["parameters"]
    whole = parameters["model"]
    rows = []
    for phase, trained in (
        ("head", parameters["trainable_head"]),
        ("fine_tune", parameters["trainable_fine_tune"]),
    ):
        epochs = sum(row["phase"] == phase for row in history)
        what = {"head": "one: the head", "fine_tune": "two: the later layers too"}[phase]
        rows.append(
            f'<tr><th scope="row">{what}</th><td>{epochs}</td><td>{trained:,}</td>'
            f"<td>{whole - trained:,}</td><td>{page.percent(trained / whole)}</td></tr>"
        )
    names = ("phase", "epochs", "trained", "frozen", "share trained")
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    figure = page.figure(
        run.figures / "model.png",
        "Diagram of the network from its input to the head, with the shapes and parameters of "
        "each stage and the phases that train it",
        f"{whole:,} parameters, {parameters['backbone']:,} of them in the MobileNetV2 backbone.",
        wide=True,
    )
    return f"{figure}\n{page.table('Parameters that each phase trains', f'<tr>{heads}</tr>', rows)}"


def _time(history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> str:
    stages, whole = _stages(metrics)
    said = " since it was resumed; the time before was not kept" if _resumed(metrics) else ""
    if not stages:
        said = " in the epochs; the time around them was not kept"
        stages = {
            phase: sum(row["seconds"] for row in history if row["phase"] == phase)
            for phase in _PHASES
        }
        whole = sum(stages.values())
    if whole <= 0:
        return "<p>No times were kept.</p>"
    bar, items = "", ""
    for place, (stage, seconds) in enumerate(stages.items()):
        name = _STAGE_NAMES.get(stage, stage.replace("_", " "))
        colour = f"stage{place % page.STAGE_COLOURS}"
        bar += f'<i class="{colour}" style="width:{seconds / whole:.2%}"></i>'
        items += (
            f'<li><i class="key {colour}" aria-hidden="true"></i>'
            f"{page.text(name)} <strong>{page.duration(seconds)}</strong> "
            f'<span class="faint">{page.percent(seconds / whole)}</span></li>'
        )
    return f"""<p>{page.duration(whole)}{said}.</p>
<div class="bar thick" aria-hidden="true">{bar}</div>
<ul class="legend">{items}</ul>"""


def _stages(metrics: Mapping[str, Any]) -> tuple[dict[str, float], float]:
    """The seconds of each stage, none where they were not kept, and of all together."""
    stages = dict(metrics.get("seconds") or {})
    total = stages.pop("total", 0.0)
    return stages, max(total, sum(stages.values()))


def _resumed(metrics: Mapping[str, Any]) -> bool:
    """Whether the stages are those of a resumed training, shorter than the epochs it has had."""
    stages, whole = _stages(metrics)
    return bool(stages) and metrics["training_seconds"] > whole + 1


def _classes_in_short(dataset: Dataset) -> str:
    labels = dataset.labels
    named = ", ".join(
        label
        if len(label) <= _LONGEST_IN_TITLE
        else f"{label[:_LONGEST_IN_TITLE]}\N{HORIZONTAL ELLIPSIS}"
        for label in labels[:_NAMED_IN_TITLE]
    )
    more = len(labels) - _NAMED_IN_TITLE
    return f"{named} and {more} more" if more > 0 else named


def _right(figures: Mapping[str, Any]) -> int:
    return sum(row[place] for place, row in enumerate(figures["confusion"]))
