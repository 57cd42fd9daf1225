"""report.html: a finished run on one page that needs nothing else, to show to a colleague."""

import base64
import html
import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edge.errors import quoted
from edge.files import write_text
from edge.preprocessing import Pixels
from trainer.dataset import SPLITS, Dataset, Split, counts
from trainer.metrics import wilson_interval
from trainer.run_folder import RunFolder

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
_TIMES = "\N{MULTIPLICATION SIGN}"
_NONE = "\N{EN DASH}"

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
    links = "".join(f'<li><a href="#{name.lower()}">{name}</a></li>' for name in sections)
    body = "\n".join(
        f'<section id="{name.lower()}">\n<h2>{name}</h2>\n{content}\n</section>'
        for name, content in sections.items()
    )
    write_text(
        run.path / "report.html",
        f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{_plain(_classes_in_short(dataset))} - edgetl report</title>
<style>{_STYLE}</style>
</head>
<body>
{_header(run, dataset, config, history, metrics, warnings)}
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main>
{body}
</main>
</body>
</html>
""",
    )


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
    spent = f"{_duration(seconds)} in {_plural(len(history), 'epoch')}"
    stages, whole = _stages(metrics)
    if stages and not _resumed(metrics):
        spent += " and everything around them"
        seconds = whole
    figures += [
        _headline(
            "Training",
            _duration(seconds),
            f"{spent}. The weights are those of epoch {metrics['best_epoch']}.",
        ),
        _headline(
            "Input",
            f"{recipe['height']} {_TIMES} {recipe['width']}",
            f"Pixels, height {_TIMES} width; fit: {_text(recipe['fit'])}. "
            f"{metrics['parameters']['model']:,} parameters.",
        ),
    ]
    warned = ""
    if warnings:
        count = _plural(len(warnings), "warning")
        warned = f'\n<p class="warned"><a href="#data">{count} about the data</a></p>'
    return f"""<header>
<p class="faint">Image classifier of {len(dataset.labels)} classes</p>
<h1>{_text(_classes_in_short(dataset))}</h1>
<p class="faint">Run {_text(run.path.resolve().name)}, begun \
<time datetime="{_plain(config["created"])}">{_when(config["created"])}</time> with edgetl \
{_text(config["edgetl"])}</p>{warned}
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
        f"95 % interval {_percent(low)} to {_percent(high)}; {right:,} of {total:,} pictures right."
    )
    return _headline(
        f"{split.capitalize()} accuracy", _percent(right / total), f"{said} <em>{note}</em>"
    )


def _headline(name: str, value: str, note: str) -> str:
    return f"<div><dt>{name}</dt><dd><strong>{value}</strong><span>{note}</span></dd></div>\n"


def _setting(run: RunFolder, config: Mapping[str, Any]) -> str:
    recipe = dict(config["recipe"])
    size = f"{recipe.pop('height')} {_TIMES} {recipe.pop('width')}"
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
{_pairs("Recipe", settings)}
{_pairs("Made with", made_with)}
</div>
<h3>To train it again</h3>
<pre tabindex="0"><code>{_plain(command)}</code></pre>"""


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
        items = "".join(f"<li>{_text(warning)}</li>" for warning in warnings)
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
            f'<tr><th scope="row">{_text(label)}<span class="bar" aria-hidden="true">{bar}</span>'
            f"</th>{cells}</tr>"
        )
    heads = "".join(
        f'<th scope="col"><i class="key {split}" aria-hidden="true"></i>{split}</th>'
        for split in SPLITS
    )
    totals = "".join(f"<td>{sum(of[split].values()):,}</td>" for split in SPLITS)
    table = _table(
        "Pictures of each class and split",
        f'<tr><th scope="col">class</th>{heads}</tr>',
        rows,
        foot=f'<tr><th scope="row">all</th>{totals}</tr>',
        style="counts",
    )
    return f"{warned}{table}\n{_set_aside(dataset)}"


def _set_aside(dataset: Dataset) -> str:
    aside = dataset.set_aside
    if not aside:
        return "<p>No file was set aside.</p>"
    items = "".join(
        f"<li><code>{_path(item.file)}</code>: {_text(item.reason)}</li>"
        for item in aside[:_SHOWN_SET_ASIDE]
    )
    more = len(aside) - _SHOWN_SET_ASIDE
    rest = f"<p>And {more:,} more; split.json lists all.</p>" if more > 0 else ""
    return f"<h3>Set aside ({len(aside):,})</h3>\n<ul>{items}</ul>{rest}"


def _samples(run: RunFolder, dataset: Dataset) -> str:
    return _figure(
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
        f"with an accuracy of {_percent(_right(validation) / validation['pictures'])} there."
    )
    after_head = metrics["after_head"]
    if after_head:
        said += (
            f" Phase one, which trains the head alone, had ended at "
            f"{_percent(after_head['val_accuracy'])} (loss {after_head['val_loss']:.4f})."
        )
    figure = _figure(
        run.figures / "curves.png",
        f"Accuracy and loss of training and validation pictures over {len(history)} epochs; "
        f"the best is epoch {best}. The table below has the numbers.",
        "Training figures are taken with dropout and on augmented pictures, so they can be the "
        "worse ones.",
        wide=True,
    )
    rows = [
        f'<tr><th scope="row">{row["epoch"]}</th><td>{_PHASES[row["phase"]]}</td>'
        f"<td>{row['loss']:.4f}</td><td>{_percent(row['accuracy'])}</td>"
        f"<td>{row['val_loss']:.4f}</td><td>{_percent(row['val_accuracy'])}</td>"
        f"<td>{row['seconds']:.1f}</td></tr>"
        for row in history[-_SHOWN_EPOCHS:]
    ]
    names = ("epoch", "phase", "loss", "accuracy", "validation loss", "validation accuracy")
    heads = "".join(f'<th scope="col">{name}</th>' for name in (*names, "seconds"))
    last = f"the last {_SHOWN_EPOCHS}; " if len(history) > _SHOWN_EPOCHS else ""
    table = _table(f"Every epoch ({last}history.json has all)", f"<tr>{heads}</tr>", rows)
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
        f"<li>{_text(dataset.labels[true])} taken for {_text(dataset.labels[predicted])}: "
        f"{wrong[true, predicted]:,} of {actual[true]:,} "
        f"({_percent(wrong[true, predicted] / actual[true])})</li>"
        for true, predicted in pairs
        if wrong[true, predicted]
    ]
    listed = f"<h3>Most often confused</h3>\n<ol>{''.join(items)}</ol>" if items else ""
    wide = len(dataset.labels) > _NARROW_CONFUSION
    figure = _figure(
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
            f"{_percent(1 - wilson_interval(total, total)[0])} mistakes on others like them "
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
        f'<figure><img src="{_data_uri("jpeg", file.getvalue())}" alt="{_plain(described)}" '
        f'width="{picture.width}" height="{picture.height}">'
        f'<figcaption><span class="predicted">predicted: {_text(mistake.predicted)}, '
        f"{_percent(mistake.probability)}</span>"
        f"<span>true: {_text(mistake.true)}</span>"
        f'<span class="faint">{_path(mistake.file)}</span></figcaption></figure>'
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
            cells += "".join(f"<td>{_share(value)}</td>" for value in (precision, recall, score))
        rows.append(f'<tr><th scope="row">{_text(label)}</th>{cells}</tr>')
    means = "".join(
        f"<td>{metrics['splits'][split]['pictures']:,}</td><td></td><td></td>"
        f"<td>{_share(sum(f1[split]) / len(f1[split]) if f1[split] else None)}</td>"
        for split in splits
    )
    table = _table(
        "Precision, recall and F1 of each class",
        f'<tr><th scope="col" rowspan="2">class</th>{groups}</tr>\n<tr>{names * len(splits)}</tr>',
        rows,
        foot=f'<tr><th scope="row">all, mean F1</th>{means}</tr>',
    )
    return f"""{table}
<p class="faint">Precision: of the pictures given this class, how many have it. Recall: of the \
pictures that have it, how many were given it. F1: their harmonic mean. {_NONE}: no such picture. \
Validation chose the epoch.</p>"""


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
            f"<td>{whole - trained:,}</td><td>{_percent(trained / whole)}</td></tr>"
        )
    names = ("phase", "epochs", "trained", "frozen", "share trained")
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    figure = _figure(
        run.figures / "model.png",
        "Diagram of the network from its input to the head, with the shapes and parameters of "
        "each stage and the phases that train it",
        f"{whole:,} parameters, {parameters['backbone']:,} of them in the MobileNetV2 backbone.",
        wide=True,
    )
    return f"{figure}\n{_table('Parameters that each phase trains', f'<tr>{heads}</tr>', rows)}"


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
        colour = f"stage{place % _STAGE_COLOURS}"
        bar += f'<i class="{colour}" style="width:{seconds / whole:.2%}"></i>'
        items += (
            f'<li><i class="key {colour}" aria-hidden="true"></i>'
            f"{_text(name)} <strong>{_duration(seconds)}</strong> "
            f'<span class="faint">{_percent(seconds / whole)}</span></li>'
        )
    return f"""<p>{_duration(whole)}{said}.</p>
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


def _figure(png: Path, described: str, caption: str, *, wide: bool = False) -> str:
    """A figure on a white card; one that is `wide` is scrolled rather than shrunk out of sight."""
    data = png.read_bytes()
    with Image.open(io.BytesIO(data)) as picture:
        width, height = picture.size
    image = (
        f'<img src="{_data_uri("png", data)}" alt="{_plain(described)}" '
        f'width="{width}" height="{height}">'
    )
    card = (
        f'<div class="card wide" tabindex="0" role="group" aria-label="{png.stem} figure">'
        f"{image}</div>"
        if wide
        else f'<div class="card">{image}</div>'
    )
    return f"<figure>{card}<figcaption>{caption}</figcaption></figure>"


def _table(caption: str, head: str, rows: Sequence[str], *, foot: str = "", style: str = "") -> str:
    """A table that scrolls in its own box when it is long or wide, by keyboard too."""
    end = f"\n<tfoot>{foot}</tfoot>" if foot else ""
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{caption}">'
        f'<table class="{style or "numbers"}">\n<caption>{caption}</caption>\n'
        f"<thead>{head}</thead>\n<tbody>{''.join(rows)}</tbody>{end}\n</table></div>"
    )


def _pairs(caption: str, pairs: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>'
        for name, value in pairs.items()
    )
    return f'<table class="pairs"><caption>{caption}</caption><tbody>{rows}</tbody></table>'


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


def _plain(text: str) -> str:
    """Anybody's words as HTML, in an attribute too; what UTF-8 cannot hold is shown as escapes."""
    return html.escape(quoted(text))


def _text(text: str) -> str:
    """The same, and kept from turning the direction of the words around it."""
    return f"<bdi>{_plain(text)}</bdi>"


def _path(path: str) -> str:
    """The same of a file, whose folders are the places to break a line at."""
    return f"<bdi>{_plain(path).replace('/', '/<wbr>')}</bdi>"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _percent(share: float) -> str:
    """With one decimal, as HTML; what is not quite all or nothing never looks like it."""
    # Halves go up, as a reader expects: 778 of 800 is 97.3%, whether it comes in float64 or, as
    # Keras has it, in float32; in binary both are a little off the half.
    tenths = (Decimal(str(np.float32(share))) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    if tenths == 100 and share < 1:
        return "&gt;99.9%"
    if tenths == 0 and share > 0:
        return "&lt;0.1%"
    return f"{tenths}%"


def _share(value: float | None) -> str:
    return _NONE if value is None else _percent(value)


def _duration(seconds: float) -> str:
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min"


def _when(created: str) -> str:
    """An ISO time in UTC, to the minute."""
    return _plain(created[:16].replace("T", " ")) + " UTC"


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


# The browser itself holds the page to what it promises: no script, and nothing from elsewhere.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

# The colours of the figures (figures.py); each has a contrast of 3:1 or more to its page.
_STAGE_COLOURS = 8
_STYLE = """
:root {
  --page: #ffffff; --ink: #1f2937; --faint: #5b6472; --line: #e5e7eb; --panel: #f8fafc;
  --link: #1d4ed8; --wrong: #b91c1c; --warn: #fff7ed; --warn-line: #ea580c;
  --train: #2563eb; --validation: #ea580c; --test: #15803d;
  --stage3: #7c3aed; --stage4: #64748b; --stage5: #be185d;
  --stage6: #0e7490; --stage7: #854d0e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111827; --ink: #e5e7eb; --faint: #a3adbb; --line: #374151; --panel: #1f2937;
    --link: #93c5fd; --wrong: #fca5a5; --warn: #2b2019; --warn-line: #fb923c;
    --train: #60a5fa; --validation: #fb923c; --test: #4ade80;
    --stage3: #c4b5fd; --stage4: #94a3b8; --stage5: #f9a8d4;
    --stage6: #67e8f9; --stage7: #fde047;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  max-width: 70rem; margin: 0 auto; padding: 2rem 1.25rem 4rem;
  background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: clamp(1.75rem, 5vw, 2.75rem); line-height: 1.15; }
h2 { margin: 3rem 0 1rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.faint, figcaption, caption { color: var(--faint); font-size: .875rem; }
header .faint { margin: .5rem 0; }
.headline {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 1rem;
  margin: 1.5rem 0 1rem;
}
.headline div {
  padding: 1rem 1.25rem; background: var(--panel); border: 1px solid var(--line);
  border-radius: .75rem;
}
.headline dt { color: var(--faint); font-size: .875rem; }
.headline dd { margin: 0; }
.headline strong { display: block; font-size: 2rem; line-height: 1.3; }
.headline span { display: block; font-size: .875rem; }
.headline em { display: block; color: var(--faint); font-style: normal; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1.5rem 0 0; padding: 0; }
nav li { list-style: none; }
.warned a { color: var(--wrong); }
.warnings {
  margin: 0 0 1.5rem; padding: .25rem 1.25rem; background: var(--warn);
  border-left: .25rem solid var(--warn-line); border-radius: .25rem;
}
.columns > * { min-width: 0; }
.columns {
  display: grid; gap: 1rem 2.5rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
}
figure { margin: 0; }
figcaption { margin: .5rem 0 1rem; }
.card {
  width: fit-content; max-width: 100%; padding: .75rem; background: #ffffff;
  border: 1px solid var(--line); border-radius: .75rem;
}
img { display: block; max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
.wide img { min-width: 44rem; }
.scroll { max-height: 32rem; overflow: auto; margin: 0 0 1rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 .5rem; text-align: left; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { text-align: left; font-weight: 600; }
.counts td, .counts thead th + th, .numbers td, .numbers thead th { text-align: right; }
.numbers thead th:first-child { text-align: left; }
.numbers thead tr + tr th:first-child { text-align: right; }
.numbers thead th[scope="colgroup"] { text-align: center; }
.scroll th { overflow-wrap: normal; }
.scroll td { white-space: nowrap; }
.scroll tbody th { min-width: 7rem; overflow-wrap: anywhere; }
.scroll thead { position: sticky; top: 0; background: var(--page); }
.scroll tfoot {
  position: sticky; bottom: 0; background: var(--page); font-weight: 600;
  box-shadow: 0 -1px var(--line);
}
.counts tbody th { width: 70%; }
.pairs th { width: 45%; color: var(--faint); font-weight: 400; }
.bar { display: flex; height: .5rem; margin: .25rem 0; border-radius: .25rem; overflow: hidden; }
.bar i { flex: none; }
.thick { height: 2rem; border-radius: .5rem; }
.key {
  display: inline-block; width: .75rem; height: .75rem; margin-right: .4rem; border-radius: .2rem;
}
.train, .stage0 { background: var(--train); }
.validation, .stage1 { background: var(--validation); }
.test, .stage2 { background: var(--test); }
.stage3 { background: var(--stage3); }
.stage4 { background: var(--stage4); }
.stage5 { background: var(--stage5); }
.stage6 { background: var(--stage6); }
.stage7 { background: var(--stage7); }
.legend {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr));
  gap: .25rem 1.5rem; margin: 1rem 0; padding: 0;
}
.legend li { list-style: none; }
.mistakes {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1.25rem 1rem;
  margin: 1rem 0; padding: 0;
}
.mistakes li { list-style: none; }
.mistakes img { width: 100%; max-width: 10rem; border-radius: .5rem; }
.mistakes span { display: block; color: var(--ink); }
.mistakes .predicted { color: var(--wrong); font-weight: 600; }
.mistakes .faint { color: var(--faint); font-size: .75rem; }
code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace; }
code { font-size: .875rem; }
pre {
  margin: 0; padding: .75rem 1rem; overflow-x: auto; background: var(--panel);
  border: 1px solid var(--line); border-radius: .5rem;
}
summary { cursor: pointer; margin: 1rem 0; }
@media (max-width: 30rem) {
  body { padding: 1.25rem 1rem 3rem; }
  th, td { padding: .35rem .4rem; font-size: .875rem; }
  .mistakes { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .mistakes img { max-width: none; }
}
@media print {
  :root { color-scheme: light; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, details { display: none; }
  .scroll { max-height: none; overflow: visible; }
  .scroll thead, .scroll tfoot { position: static; }
  tfoot { display: table-row-group; }
  .headline { grid-template-columns: repeat(4, 1fr); gap: .5rem; }
  .headline div { padding: .5rem .75rem; }
  .headline strong { font-size: 1.4rem; }
  .columns { grid-template-columns: repeat(2, 1fr); }
  .wide { overflow: visible; }
  .wide img { min-width: 0; }
  h2, h3, caption { break-after: avoid; }
  figure, tr, .headline div { break-inside: avoid; }
}
"""
