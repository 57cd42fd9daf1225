"""What report.html says about a run."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.model.thresholds import ClassPrecision, PrecisionRecord
from edgetl.trainer.metrics import Bin, Calibration
from edgetl.trainer.report.mistakes import Mistake
from tests.trainer.made_report import (
    FIGURES,
    embedded,
    made_dataset,
    made_history,
    made_metrics,
    made_mistake,
    written_report,
)

TIMES = "\N{MULTIPLICATION SIGN}"


def test_the_headline_has_the_accuracies_with_their_intervals(tmp_path: Path) -> None:
    page = written_report(tmp_path, wrong=3)
    for words in (
        "85.0% of 20 test photos are given their class: 17 are right, 3 wrong. 95 % interval 64.0%",
        "This is the accuracy to quote. These photos influenced nothing in training.",
        "Validation accuracy92.5%95 % interval 80.1% to 97.4%; 37 of 40 photos.",
        "The epoch was chosen on these photos, which makes",
        "Training20 min 34 s3 epochs took 20 min 34 s. The weights are those of epoch 3.",
        f"Input96 {TIMES} 160Pixels, height {TIMES} width; resize mode: crop. 2,259,265 param",
    ):
        assert words in page.text
    assert "<h1><bdi>cats, dogs</bdi></h1>" in page.markup
    assert "<title>cats, dogs - edgetl report</title>" in page.markup


def test_without_a_test_split_validation_is_all_there_is(tmp_path: Path) -> None:
    dataset = made_dataset(["cats", "dogs"], splits=("train", "validation"))
    page = written_report(tmp_path, dataset=dataset, wrong=1, mistakes=[made_mistake(0)])
    assert "Test accuracy" not in page.text
    assert "97.5% of 40 photos are given their class" in page.text
    assert "The epoch was chosen on these photos and there is no test split" in page.text
    assert "1 of 40 photos of the validation split" in page.sections["mistakes"]
    assert page.sections["classes"].count("precision") == 1


def test_the_settings_are_those_of_the_command_line(tmp_path: Path) -> None:
    settings = written_report(tmp_path).sections["settings"]
    for words in (
        "fitcrop",
        "fine-tune-lr1e-05",
        "fine-tune-optimizerrmsprop",
        "zoom0.15Zoom in by up to this share.",
        "flipon",
        "rotation0.2",
        "seed17",
        "dropout0.2Share of features dropped before the head.",
        "batch-size32Pictures a step.",
        "keras3.15.1",
        "data/photos/mine",
        "data fingerprint" + "a48173d7" * 8,
        f"edgetl train --config '{tmp_path.as_posix()}/a run/config.json'",
    ):
        assert words in settings


def test_the_data_is_counted_and_drawn(tmp_path: Path) -> None:
    page = written_report(tmp_path)
    data = page.sections["data"]
    assert "cats302010" in data
    assert "all604020" in data
    assert "No file was excluded" in data
    assert "warning" not in page.text.lower()
    widths = re.findall(r'<i class="(\w+)" style="width:([\d.]+)%">', page.markup)
    assert widths[:3] == [("train", "50.0"), ("validation", "33.3"), ("test", "16.7")]


def test_the_first_excluded_files_are_listed_with_why(tmp_path: Path) -> None:
    page = written_report(tmp_path, dataset=made_dataset(["cats", "dogs"], excluded=25))
    data = page.sections["data"]
    assert "Excluded files (25)" in data
    assert "train/notes-19.txt: not a picture" in data
    assert "notes-20.txt" not in data
    assert "And 5 more; split.json lists all." in data


def test_warnings_are_listed_and_pointed_to(tmp_path: Path) -> None:
    page = written_report(tmp_path, warnings=["cats & dogs are the same", "few <pictures>"])
    assert "cats & dogs are the samefew <pictures>" in page.sections["data"]
    assert "2 warnings about the data" in page.text.split("Next steps")[0]


def test_learning_says_which_epoch_was_kept(tmp_path: Path) -> None:
    page = written_report(tmp_path, wrong=3)
    learning = page.sections["learning"]
    assert "epoch 3, in phase two: of 3 epochs it has the lowest loss" in learning
    assert "with an accuracy of 92.5% there" in learning
    assert "ended at 91.3% (loss 0.2468)" in learning
    assert "2one0.250075.0%0.216087.5%20.0" in learning


@pytest.mark.parametrize(("head", "fine_tune", "phase"), [(2, 0, "one"), (0, 2, "two")])
def test_one_phase_alone(tmp_path: Path, head: int, fine_tune: int, phase: str) -> None:
    page = written_report(tmp_path, history=made_history(head, fine_tune))
    assert f"epoch 2, in phase {phase}" in page.sections["learning"]
    assert ("ended at" in page.text) == bool(head)
    assert f"one: the head{head}1,281" in page.sections["model"]
    assert f"two: the later layers too{fine_tune}1,862,721" in page.sections["model"]


def test_the_commonest_confusions_come_first(tmp_path: Path) -> None:
    page = written_report(tmp_path, labels=["a", "b", "c"], wrong=13)
    confusions = page.sections["confusions"]
    assert "a taken for b: 10 of 10 (100.0%)b taken for c: 3 of 10 (30.0%)" in confusions
    assert "c taken for" not in confusions


def test_the_most_confident_mistakes_are_shown(tmp_path: Path) -> None:
    dataset = made_dataset(["cats", "dogs", "hens", "pigs"])
    mistakes = [made_mistake(number, 0.5 + number / 100) for number in range(30)]
    page = written_report(tmp_path, dataset=dataset, wrong=30, mistakes=mistakes)
    said = page.sections["mistakes"]
    assert "30 of 40 photos of the test split. These are the 24 most confident ones." in said
    assert "12 more" in said
    shown = [int(number) for number in re.findall(r"test/cats/(\d+)\.jpg", said)]
    assert shown == list(range(29, 5, -1))
    assert "predicted: dogs, 79.0%true: cats" in said


def test_thumbnails_are_small_jpegs_of_what_the_model_saw(tmp_path: Path) -> None:
    pixels = np.zeros((96, 320, 3), np.uint8)
    pixels[..., 0] = 200
    mistake = Mistake("test/cats/1.jpg", "cats", "dogs", 0.9, pixels)
    page = written_report(tmp_path, wrong=1, mistakes=[mistake])
    (data,) = embedded(page, "jpeg")
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.size) == ("JPEG", (200, 60))
    red, green, blue = np.asarray(picture)[20, 80]
    assert red > 180
    assert max(green, blue) < 20


def test_calibration_is_beside_what_chance_gives_on_as_many_pictures(tmp_path: Path) -> None:
    dataset, history = made_dataset(["cats", "dogs"]), made_history()
    metrics = made_metrics(dataset, history)
    test = metrics.splits["test"]
    assert test
    # Of two pictures at 0.5 none, one or two are right: half a picture off on the mean.
    of_test = replace(test, calibration=Calibration(0.5, 0.5, 0.7, (Bin(2, 0.5, 1.0),)))
    page = written_report(
        tmp_path,
        metrics=replace(metrics, splits={**metrics.splits, "test": of_test}),
        figures={**FIGURES, "reliability": (90, 90)},
    )
    assert "Expected calibration error 0.500, Brier score 0.500. Probabilities" in page.text
    assert "have an error of 0.250 on as many pictures, by chance." in page.text


def test_without_mistakes_the_interval_is_stated(tmp_path: Path) -> None:
    page = written_report(tmp_path)
    said = page.sections["mistakes"]
    assert "No mistakes: all 20 photos of the test split" in said
    assert "up to 16.1% mistakes on similar photos" in said
    assert "Most often confused" not in page.text
    assert not embedded(page, "jpeg")


def test_mistakes_whose_pictures_are_gone_are_counted_all_the_same(tmp_path: Path) -> None:
    said = written_report(tmp_path, wrong=2).sections["mistakes"]
    assert "2 of 20 photos of the test split. Their pictures were not kept." in said


def test_each_class_has_its_figures_on_both_splits(tmp_path: Path) -> None:
    classes = written_report(tmp_path, wrong=3).sections["classes"]
    test, validation = classes.split("on the validation split")
    assert "cats10100.0%70.0%82.4%" in test
    assert "dogs1076.9%100.0%87.0%" in test
    assert "all, mean F12084.7%" in test
    assert "cats20100.0%85.0%91.9%" in validation
    assert "dogs2087.0%100.0%93.0%" in validation
    assert "all, mean F14092.5%" in validation


def test_a_class_never_predicted_has_no_precision_and_an_f1_of_nothing(tmp_path: Path) -> None:
    assert "cats10\N{EN DASH}0.0%0.0%" in written_report(tmp_path, wrong=10).sections["classes"]


def test_the_model_has_its_parameters(tmp_path: Path) -> None:
    model = written_report(tmp_path).sections["model"]
    assert "one: the head21,2812,257,9840.1%" in model
    assert "two: the later layers too11,862,721396,54482.4%" in model


def test_the_time_is_one_bar(tmp_path: Path) -> None:
    stages = {"decode": 30.0, "head": 3600.0, "fine_tune": 5370.0, "<other_one>": 0.5}
    page = written_report(tmp_path, seconds={**stages, "total": 9000.5})
    for words in (
        "\n2 h 30 min.\n",
        "reading the pictures 30.0 s 0.3%",
        "phase one 1 h 00 min 40.0%",
        "phase two 1 h 30 min 59.7%",
        "<other one> 0.5 s <0.1%",
    ):
        assert words in page.sections["time"]
    assert "total" not in page.sections["time"]
    assert "Training2 h 30 min3 epochs took 20 min 34 s." in page.text
    widths = re.findall(r'class="stage\d" style="width:([\d.]+)%"', page.markup)
    assert len(widths) == len(stages)
    assert sum(map(float, widths)) == pytest.approx(100, abs=0.05)


def test_the_time_of_a_resumed_training_is_not_that_of_all_of_it(tmp_path: Path) -> None:
    page = written_report(tmp_path, seconds={"decode": 30.0, "fine_tune": 600.0, "total": 630.0})
    assert "10 min 30 s since it was resumed" in page.sections["time"]
    assert "Training20 min 34 s" in page.text


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(0.9725, "97.3%"), (0.9524999856948853, "95.3%"), (0.99999, ">99.9%"), (1.0, "100.0%")],
)
def test_shares_are_rounded_as_a_reader_would(
    tmp_path: Path, probability: float, shown: str
) -> None:
    page = written_report(tmp_path, wrong=1, mistakes=[made_mistake(0, probability)])
    assert f"predicted: dogs, {shown}true" in page.text


def test_long_trainings_list_their_last_epochs(tmp_path: Path) -> None:
    page = written_report(tmp_path, history=made_history(10, 400))
    assert "the last 200; history.json has all" in page.text
    assert "411two" not in page.text
    assert "410two" in page.text
    assert "210two" not in page.sections["learning"]


def test_the_promise_of_a_threshold_says_where_photos_are_too_few(tmp_path: Path) -> None:
    many = ClassPrecision(200, (0.4, 0.7), (198, 150), (200, 150))
    few = ClassPrecision(16, (0.995,), (16,), (16,))
    never = ClassPrecision(4, (0.6,), (1,), (4,))

    def said(name: str, **classes: ClassPrecision) -> str:
        dataset = made_dataset(["cats", "dogs"])
        record = PrecisionRecord(220, classes)
        metrics = replace(made_metrics(dataset, made_history()), precision=record)
        markup = written_report(tmp_path / name, metrics=metrics).markup
        (found,) = re.findall(
            "<p>With <code>classify --threshold precision=0.99</code> (.*)</p>", markup
        )
        return str(found)

    assert said("a", cats=many) == (
        "90.9 % of 220 held-out photos get an answer, 99.0 % of these right; of new photos expect "
        "99.0 % (95 % interval 96.4 to 99.7)."
    )
    assert said("b", cats=many, dogs=few).endswith(
        "; too few photos to expect 99 % of dogs, at worst of dogs, 16 of 16 right (73.0 to 99.0)."
    )
    assert said("c", cats=many, dogs=never).endswith(
        "; no answer will be dogs (1 of 4 at best): at no threshold enough of the held-out photos "
        "called so are right."
    )
