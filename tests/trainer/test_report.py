import base64
import html
import io
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgetl.trainer import metrics as measures
from edgetl.trainer.data.dataset import SPLITS, Dataset, Example, Excluded, Split
from edgetl.trainer.report.report import Mistake, write_report
from edgetl.trainer.run.folder import RunFolder
from tests.html_page import Page

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
FIGURES = {"samples": (120, 80), "curves": (1200, 504), "confusion": (90, 90), "model": (1534, 516)}
TIMES = "\N{MULTIPLICATION SIGN}"
PICTURES: dict[Split, int] = {"train": 30, "validation": 20, "test": 10}


def _dataset(labels: Sequence[str], *, splits: Sequence[Split] = SPLITS, aside: int = 0) -> Dataset:
    examples = [
        Example(f"{split}/{label}/{number}.jpg", label, split)
        for split in splits
        for label in labels
        for number in range(PICTURES[split])
    ]
    excluded = [Excluded(f"train/notes-{number}.txt", "not a picture") for number in range(aside)]
    return Dataset(Path("data"), tuple(labels), tuple(examples), tuple(excluded))


def _config(dataset: Dataset) -> dict[str, Any]:
    return {
        "edgetl": "0.1.0",
        "created": "2026-11-24T07:46:14+00:00",
        "recipe": {
            "height": 96, "width": 160, "fit": "crop", "batch_size": 32, "head_epochs": 2,
            "epochs": 3, "head_lr": 1e-4, "fine_tune_lr": 1e-5, "fine_tune_optimizer": "rmsprop",
            "fine_tune_from": 100, "flip": True, "rotation": 0.2, "zoom": 0.15, "dropout": 0.25,
            "seed": 17, "weights": "bundled", "a_later_setting": 4,
        },
        "data": {"path": "/photos/mine", "fingerprint": "a48173d7" * 8, "pictures": {}},
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        "platform": "Linux-6.18",
    }  # fmt: skip


def _history(head: int = 2, fine_tune: int = 1) -> list[dict[str, Any]]:
    return [
        {
            "phase": "head" if epoch <= head else "fine_tune",
            "epoch": epoch,
            "loss": 0.5 / epoch,
            "accuracy": 0.75,
            "val_loss": 0.432 / epoch,
            "val_accuracy": 0.875,
            "seconds": 20.0,
            "learning_rate": 1e-4,
        }
        for epoch in range(1, head + fine_tune + 1)
    ]


def _metrics(
    dataset: Dataset, *, wrong: int = 0, history: Sequence[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The first `wrong` pictures of each split are given the class after their own."""
    classes = len(dataset.labels)
    splits = {}
    for split in SPLITS:
        truth = np.array(
            [dataset.labels.index(dataset.examples[i].label) for i in dataset.of(split)], np.int64
        )
        given = truth.copy()
        given[:wrong] = (given[:wrong] + 1) % classes
        probabilities = np.eye(classes, dtype=np.float32)[given]
        figures = measures.summary(probabilities, truth, dataset.labels)
        splits[split] = asdict(figures) if figures else None
    epochs = _history() if history is None else history
    head = [row for row in epochs if row["phase"] == "head"]
    return {
        "best_epoch": epochs[-1]["epoch"],
        "best_phase": epochs[-1]["phase"],
        "after_head": {"val_loss": 0.2468, "val_accuracy": 0.9125} if head else None,
        "training_seconds": 1234.2,
        "parameters": {
            "backbone": 2_257_984,
            "model": 2_259_265,
            "trainable_head": 1281,
            "trainable_fine_tune": 1_862_721,
            "frozen_fine_tune": 396_544,
        },
        "splits": splits,
    }


def _mistake(number: int, probability: float = 0.75, **changed: Any) -> Mistake:
    pixels = np.random.default_rng(number).integers(0, 256, (96, 320, 3), np.uint8)
    given = {"file": f"test/cats/{number}.jpg", "true": "cats", "predicted": "dogs"} | changed
    return Mistake(probability=probability, pixels=pixels, **given)


def _write(
    folder: Path,
    *,
    labels: Sequence[str] = ("cats", "dogs"),
    dataset: Dataset | None = None,
    wrong: int = 0,
    mistakes: Sequence[Mistake] = (),
    warnings: Sequence[str] = (),
    history: list[dict[str, Any]] | None = None,
    **more_metrics: Any,
) -> Page:
    run = RunFolder(folder / "a run")
    run.figures.mkdir(parents=True)
    for name, size in FIGURES.items():
        Image.new("RGB", size, "white").save(run.figures / f"{name}.png")
    dataset = dataset or _dataset(labels)
    write_report(
        run,
        dataset=dataset,
        config=_config(dataset),
        history=_history() if history is None else history,
        metrics={**_metrics(dataset, wrong=wrong, history=history), **more_metrics},
        mistakes=mistakes,
        warnings=warnings,
    )
    assert [path.name for path in run.path.iterdir() if path.is_file()] == ["report.html"]
    return Page((run.path / "report.html").read_text(encoding="utf-8"))


def _pictures(page: Page, kind: str) -> list[bytes]:
    start = f"data:image/{kind};base64,"
    sources = [str(attributes["src"]) for attributes in page.all("img")]
    return [base64.b64decode(s.removeprefix(start)) for s in sources if s.startswith(start)]


def test_the_page_is_in_order(tmp_path: Path) -> None:
    page = _write(tmp_path, wrong=2, mistakes=[_mistake(0), _mistake(1)])
    assert page.markup.startswith("<!DOCTYPE html>")
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    names = [attributes["id"] for attributes in page.all("section")]
    assert names == [
        *("setting", "data", "samples", "learning", "confusions", "mistakes", "classes"),
        *("model", "time"),
    ]
    links = [str(attributes["href"]) for attributes in page.all("a")]
    assert links == [f"#{name}" for name in names]


def test_tables_and_pictures_can_be_read_aloud(tmp_path: Path) -> None:
    page = _write(tmp_path, wrong=2, mistakes=[_mistake(0)])
    assert all(attributes["alt"] for attributes in page.all("img"))
    assert {attributes.get("scope") for attributes in page.all("th")} == {"row", "col", "colgroup"}
    assert len(page.all("caption")) == len(page.all("table"))


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = _write(tmp_path, wrong=1, mistakes=[_mistake(0)])
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "base", "form", "video", "audio"}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset", "action"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), value
    assert not re.search(r"https?://|@import|url\(", page.markup)
    policy = next(a["content"] for a in page.all("meta") if "http-equiv" in a)
    assert str(policy).startswith("default-src 'none';")


def test_the_figures_are_in_the_page_as_they_are(tmp_path: Path) -> None:
    page = _write(tmp_path)
    figures = tmp_path / "a run" / "figures"
    assert _pictures(page, "png") == [
        (figures / f"{name}.png").read_bytes()
        for name in ("samples", "curves", "confusion", "model")
    ]
    sizes = [(a["width"], a["height"]) for a in page.all("img")]
    assert sizes[1] == ("1200", "504")


def test_the_headline_has_the_accuracies_with_their_intervals(tmp_path: Path) -> None:
    page = _write(tmp_path, wrong=3)
    for words in (
        "Test accuracy85.0%95 % interval 64.0% to 94.8%; 17 of 20 pictures right.",
        "Validation accuracy92.5%95 % interval 80.1% to 97.4%; 37 of 40 pictures right.",
        "These pictures chose the epoch, which flatters",
        "Training20 min 34 s20 min 34 s in 3 epochs. The weights are those of epoch 3.",
        f"Input96 {TIMES} 160Pixels, height {TIMES} width; fit: crop. 2,259,265 parameters.",
    ):
        assert words in page.text
    assert "<h1><bdi>cats, dogs</bdi></h1>" in page.markup
    assert "<title>cats, dogs - edgetl report</title>" in page.markup


def test_without_a_test_split_validation_is_all_there_is(tmp_path: Path) -> None:
    dataset = _dataset(["cats", "dogs"], splits=("train", "validation"))
    page = _write(tmp_path, dataset=dataset, wrong=1, mistakes=[_mistake(0)])
    assert "Test accuracy" not in page.text
    assert "These pictures chose the epoch and there is no test split" in page.text
    assert "1 of 40 pictures of the validation split" in page.sections["mistakes"]
    assert [a for a in page.all("th") if a.get("scope") == "colgroup"] == [
        {"scope": "colgroup", "colspan": "4"}
    ]


def test_the_setting_says_how_to_train_it_again(tmp_path: Path) -> None:
    setting = _write(tmp_path).sections["setting"]
    for words in (
        "fit of other shapescrop",
        "learning rate, phase two1e-05",
        "optimizer, phase twormsprop",
        "enlarged at random, up to15%",
        "mirrored at randomyes",
        "turned at random, up to±72°",
        "seed17",
        "a later setting4",
        "keras3.15.1",
        "data/photos/mine",
        "data fingerprint" + "a48173d7" * 8,
        f"edgetl train --config '{tmp_path.as_posix()}/a run/config.json'",
    ):
        assert words in setting


def test_the_data_is_counted_and_drawn(tmp_path: Path) -> None:
    page = _write(tmp_path)
    data = page.sections["data"]
    assert "cats302010" in data
    assert "all604020" in data
    assert "No file was set aside" in data
    assert "warning" not in page.text.lower()
    widths = re.findall(r'<i class="(\w+)" style="width:([\d.]+)%">', page.markup)
    assert widths[:3] == [("train", "50.0"), ("validation", "33.3"), ("test", "16.7")]


def test_the_first_files_set_aside_are_listed_with_why(tmp_path: Path) -> None:
    page = _write(tmp_path, dataset=_dataset(["cats", "dogs"], aside=25))
    data = page.sections["data"]
    assert "Set aside (25)" in data
    assert "train/notes-19.txt: not a picture" in data
    assert "notes-20.txt" not in data
    assert "And 5 more; split.json lists all." in data


def test_warnings_are_listed_and_pointed_to(tmp_path: Path) -> None:
    page = _write(tmp_path, warnings=["cats & dogs are the same", "few <pictures>"])
    assert "cats & dogs are the samefew <pictures>" in page.sections["data"]
    assert "2 warnings about the data" in page.text.split("Setting")[0]


def test_learning_says_which_epoch_was_kept(tmp_path: Path) -> None:
    page = _write(tmp_path, wrong=3)
    learning = page.sections["learning"]
    assert "epoch 3, in phase two: of 3 it has the lowest loss" in learning
    assert "with an accuracy of 92.5% there" in learning
    assert "had ended at 91.3% (loss 0.2468)" in learning
    assert "2one0.250075.0%0.216087.5%20.0" in learning


@pytest.mark.parametrize(("head", "fine_tune", "phase"), [(2, 0, "one"), (0, 2, "two")])
def test_one_phase_alone(tmp_path: Path, head: int, fine_tune: int, phase: str) -> None:
    page = _write(tmp_path, history=_history(head, fine_tune))
    assert f"epoch 2, in phase {phase}" in page.sections["learning"]
    assert ("had ended at" in page.text) == bool(head)
    assert f"one: the head{head}1,281" in page.sections["model"]
    assert f"two: the later layers too{fine_tune}1,862,721" in page.sections["model"]


def test_the_commonest_confusions_come_first(tmp_path: Path) -> None:
    page = _write(tmp_path, labels=["a", "b", "c"], wrong=13)
    confusions = page.sections["confusions"]
    assert "a taken for b: 10 of 10 (100.0%)b taken for c: 3 of 10 (30.0%)" in confusions
    assert "c taken for" not in confusions


def test_the_most_confident_mistakes_are_shown(tmp_path: Path) -> None:
    dataset = _dataset(["cats", "dogs", "hens", "pigs"])
    mistakes = [_mistake(number, 0.5 + number / 100) for number in range(30)]
    page = _write(tmp_path, dataset=dataset, wrong=30, mistakes=mistakes)
    said = page.sections["mistakes"]
    assert "30 of 40 pictures of the test split. These are the 24" in said
    shown = [int(number) for number in re.findall(r"test/cats/(\d+)\.jpg", said)]
    assert shown == list(range(29, 5, -1))
    assert "predicted: dogs, 79.0%true: cats" in said


def test_thumbnails_are_small_jpegs_of_what_the_model_saw(tmp_path: Path) -> None:
    pixels = np.zeros((96, 320, 3), np.uint8)
    pixels[..., 0] = 200
    mistake = Mistake("test/cats/1.jpg", "cats", "dogs", 0.9, pixels)
    page = _write(tmp_path, wrong=1, mistakes=[mistake])
    (data,) = _pictures(page, "jpeg")
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.size) == ("JPEG", (160, 48))
    red, green, blue = np.asarray(picture)[20, 80]
    assert red > 180
    assert max(green, blue) < 20


def test_no_mistakes_is_said_without_boasting(tmp_path: Path) -> None:
    page = _write(tmp_path)
    said = page.sections["mistakes"]
    assert "No mistakes: all 20 pictures of the test split" in said
    assert "up to 16.1% mistakes on others" in said
    assert "Most often confused" not in page.text
    assert not _pictures(page, "jpeg")


def test_mistakes_whose_pictures_are_gone_are_counted_all_the_same(tmp_path: Path) -> None:
    said = _write(tmp_path, wrong=2).sections["mistakes"]
    assert "2 of 20 pictures of the test split. Their pictures were not kept." in said


def test_each_class_has_its_figures_on_both_splits(tmp_path: Path) -> None:
    classes = _write(tmp_path, wrong=3).sections["classes"]
    assert "cats10100.0%70.0%82.4%20100.0%85.0%91.9%" in classes
    assert "dogs1076.9%100.0%87.0%2087.0%100.0%93.0%" in classes
    assert "all, mean F12084.7%4092.5%" in classes


def test_a_class_never_predicted_has_no_precision_and_an_f1_of_nothing(tmp_path: Path) -> None:
    assert "cats10\N{EN DASH}0.0%0.0%" in _write(tmp_path, wrong=10).sections["classes"]


def test_the_model_has_its_parameters(tmp_path: Path) -> None:
    model = _write(tmp_path).sections["model"]
    assert "one: the head21,2812,257,9840.1%" in model
    assert "two: the later layers too11,862,721396,54482.4%" in model


def test_the_time_is_one_bar(tmp_path: Path) -> None:
    stages = {"decode": 30.0, "head": 3600.0, "fine_tune": 5370.0, "<other_one>": 0.5}
    page = _write(tmp_path, seconds={**stages, "total": 9000.5})
    for words in (
        "\n2 h 30 min.\n",
        "reading the pictures 30.0 s 0.3%",
        "phase one 1 h 00 min 40.0%",
        "phase two 1 h 30 min 59.7%",
        "<other one> 0.5 s <0.1%",
    ):
        assert words in page.sections["time"]
    assert "total" not in page.sections["time"]
    assert "Training2 h 30 min20 min 34 s in 3 epochs and everything around them." in page.text
    widths = re.findall(r'class="stage\d" style="width:([\d.]+)%"', page.markup)
    assert len(widths) == len(stages)
    assert sum(map(float, widths)) == pytest.approx(100, abs=0.05)


def test_the_time_of_a_resumed_training_does_not_pass_for_all_of_it(tmp_path: Path) -> None:
    page = _write(tmp_path, seconds={"decode": 30.0, "fine_tune": 600.0, "total": 630.0})
    assert "10 min 30 s since it was resumed" in page.sections["time"]
    assert "everything around them" not in page.text


def test_without_stages_the_epochs_are_the_time(tmp_path: Path) -> None:
    time = _write(tmp_path).sections["time"]
    assert "1 min 00 s in the epochs" in time
    assert "phase one 40.0 s 66.7%" in time


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(0.9725, "97.3%"), (0.9524999856948853, "95.3%"), (0.99999, ">99.9%"), (1.0, "100.0%")],
)
def test_shares_are_rounded_as_a_reader_would(
    tmp_path: Path, probability: float, shown: str
) -> None:
    page = _write(tmp_path, wrong=1, mistakes=[_mistake(0, probability)])
    assert f"predicted: dogs, {shown}true" in page.text


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "it's & <b>bold</b>",
        "</section></main>",
        "$x {y} %s \\",
        "größe 猫 🐈",
        "\u202eright to left",
        "W" * 200,
    ],
)
def test_any_name_is_only_words(tmp_path: Path, name: str) -> None:
    plain = _write(tmp_path / "plain", wrong=1, mistakes=[_mistake(0)])
    dataset = _dataset(["a", name])
    mistake = _mistake(0, file=f"test/{name}.jpg", true="a", predicted=name)
    page = _write(tmp_path / "hostile", dataset=dataset, wrong=1, mistakes=[mistake])
    assert [tag for tag, _ in page.tags if tag != "wbr"] == [
        tag for tag, _ in plain.tags if tag != "wbr"
    ]
    for section in ("data", "confusions", "mistakes", "classes"):
        assert name in page.sections[section]
    assert f"test/{name}.jpg, of the class a, taken for {name}" in [
        attributes["alt"] for attributes in page.all("img")
    ]


def test_names_that_are_no_utf_8_are_shown_as_escapes(tmp_path: Path) -> None:
    mistake = _mistake(0, file="test/cats/caf\udce9\n.jpg")
    page = _write(tmp_path, wrong=1, mistakes=[mistake])
    assert r"test/cats/caf\udce9\n.jpg" in page.sections["mistakes"]


def test_many_classes_stay_usable(tmp_path: Path) -> None:
    labels = [f"class number {number:03}" for number in range(120)]
    page = _write(tmp_path, labels=labels, wrong=30)
    assert (
        "class number 000, class number 001, class number 002, class number 003 and 116 more"
        in (page.text)
    )
    for section in ("data", "classes"):
        assert all(label in page.sections[section] for label in labels)
    assert page.sections["confusions"].count("taken for") == 3
    assert len(re.sub(r"base64,[^\"]*", "", page.markup)) < 150_000
    scrolled = [attributes for attributes in page.all("div") if attributes.get("class") == "scroll"]
    assert all(attributes["tabindex"] == "0" for attributes in scrolled)


def test_long_trainings_list_their_last_epochs(tmp_path: Path) -> None:
    page = _write(tmp_path, history=_history(10, 400))
    assert "the last 200; history.json has all" in page.text
    assert "411two" not in page.text
    assert "410two" in page.text
    assert "210two" not in page.sections["learning"]


# The page in a frame of its own, since a window of Chromium is never narrower than 500 pixels.
FRAME = """<!DOCTYPE html><body style="margin:0">
<iframe style="border:0;width:{width}px;height:900px" srcdoc="{page}"></iframe>
<pre></pre>
<script>
addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument;
  document.querySelector("pre").textContent = JSON.stringify({{
    loaded: [...page.images].map(image => image.complete && image.naturalWidth),
    needed: page.documentElement.scrollWidth,
    shown: page.documentElement.clientWidth,
  }});
  document.querySelector("iframe").remove();
}});
</script>"""


def _chromium(tmp_path: Path, *arguments: str) -> str:
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    result = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000"),
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("classes", [2, 120])
def test_a_browser_shows_it_whole_on_a_desktop_and_on_a_phone(
    tmp_path: Path, width: int, classes: int
) -> None:
    labels = ["cats", "dogs", *("W" * 60 + str(number) for number in range(classes - 2))]
    mistakes = [_mistake(number, file=f"test/{'x' * 90}/{number}.jpg") for number in range(5)]
    warnings = ["y" * 300]
    page = _write(tmp_path, labels=labels, wrong=5, mistakes=mistakes, warnings=warnings)
    picture = tmp_path / "screenshot.png"
    report = (tmp_path / "a run" / "report.html").as_uri()
    _chromium(tmp_path, f"--window-size={width},900", f"--screenshot={picture}", report)
    with Image.open(picture) as shown:
        assert shown.width >= width
        assert len(shown.convert("RGB").getcolors(maxcolors=1 << 20) or []) > 20
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width, page=html.escape(page.markup)), encoding="utf-8")
    dumped = _chromium(tmp_path, "--window-size=1400,1000", "--dump-dom", frame.as_uri())
    found = re.search(r"<pre>(\{.*\})</pre>", dumped)
    assert found, dumped[-2000:]
    measured = json.loads(found[1])
    assert len(measured["loaded"]) == 9
    assert all(measured["loaded"])
    assert measured["needed"] <= measured["shown"] <= width
