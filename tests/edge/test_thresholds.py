"""Thresholds by the precision they promise: as they are typed, looked up, said and acted on."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetl.command import options_from_arguments
from edgetl.edge.errors import ModelFileError, SettingError
from edgetl.edge.model.intervals import wilson_interval
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.precision import Precision, parse_threshold
from edgetl.edge.model.thresholds import (
    ClassPrecision,
    ClassThreshold,
    PrecisionRecord,
    precision_thresholds,
)
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.system.json_record import DamagedError, from_json
from tests.conftest import COLOURS, Cli, assert_one_clear_line, colour_picture
from tests.edge.service import install
from tests.third_party import LABELS, packed_export

# Of 200 photos given the class 198 are right, and of the 150 most confident all.
MANY = ClassPrecision(200, (0.4, 0.7), (198, 150), (200, 150))
# Of 20 photos 18, and of the 10 most confident all.
FEW = ClassPrecision(20, (0.5, 0.9), (18, 10), (20, 10))
RECORD = {
    "pictures": 240,
    "classes": {
        "blue": vars(MANY),
        "green": vars(FEW),
        "red": {"pictures": 4, "thresholds": [0.6], "right": [1], "answered": [4]},
    },
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.8", 0.8), ("0", 0.0), ("1", 1.0), ("precision=0.99", Precision(0.99)),
     ("precision=0.5", Precision(0.5)), ("precision=.9", Precision(0.9))],
)  # fmt: skip
def test_a_threshold_is_a_probability_or_a_precision(
    text: str, expected: float | Precision
) -> None:
    assert parse_threshold(text) == expected


@pytest.mark.parametrize(
    "text", ["precision=99", "precision=", "precision=1", "precision=0.49", "precision=nan",
             "precision=0.9x", "precision=0.9\n#"],
)  # fmt: skip
def test_a_precision_is_a_share_from_a_half_to_below_one(text: str) -> None:
    with pytest.raises(SettingError) as error:
        options_from_arguments(ClassifyOptions, ["a.jpg", f"--threshold={text}"])
    assert "give a share from 0.5 to below 1, as precision=0.99" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["recall=0.9", "Precision=0.9", "high", "", "=0.9"])
def test_what_is_no_threshold_is_named_with_what_is(text: str) -> None:
    with pytest.raises(SettingError, match=r"--threshold '.*': give a probability, as 0\.8, or"):
        options_from_arguments(ClassifyOptions, ["a.jpg", f"--threshold={text}"])


@pytest.mark.parametrize("value", [True, [0.5], {"precision": 0.9}, b"0.5"])
def test_a_threshold_of_another_kind_is_refused(value: Any) -> None:
    with pytest.raises(SettingError, match=r"--threshold .* is not a number"):
        ClassifyOptions(files=("a.jpg",), threshold=value)


def test_python_files_and_arguments_give_the_same_threshold() -> None:
    typed = options_from_arguments(ClassifyOptions, ["a.jpg", "--threshold", "precision=0.975"])
    assert typed.threshold == Precision(0.975)
    assert options_from_arguments(ClassifyOptions, typed.arguments()) == typed
    values = {"files": ["a.jpg"], "threshold": "precision=0.975"}
    assert ClassifyOptions.from_mapping(values, where="x") == typed
    assert ClassifyOptions.from_mapping({**values, "threshold": 1}, where="x").threshold == 1.0
    # It can be unsure, so --keep unsure is met.
    ClassifyOptions(
        files=("a",), threshold=Precision(0.9), snapshots=Path("s"), keep=("unsure",), top_k=1
    )


def test_a_class_right_often_enough_as_it_is_has_its_lowest_probability() -> None:
    assert MANY.at(0.99) == ClassThreshold(0.4, 198, 200, excluded=0)


def test_a_threshold_that_photos_chose_has_to_bear_one_more_that_is_wrong() -> None:
    # 150 of 151 are 99.34 %.
    assert MANY.at(0.993) == ClassThreshold(0.7, 150, 150, excluded=1)
    assert MANY.at(0.993).expected == 150 / 151


def test_too_few_photos_for_that_do_without() -> None:
    # 10 of 11 are 90.9 %, and 18 of 20 90 %.
    assert FEW.at(0.9).threshold == 0.5
    assert FEW.at(0.905).threshold == 0.9
    found = FEW.at(0.99)
    assert (found.threshold, found.excluded) == (0.9, 1)
    assert found.expected < 0.99
    low, high = found.interval
    assert low < 10 / 11 < high


def test_a_class_that_is_never_right_enough_never_answers_and_keeps_what_it_reaches() -> None:
    assert ClassPrecision(4, (0.6,), (1,), (4,)).at(0.9) == ClassThreshold(math.inf, 1, 4)
    assert ClassPrecision(0).at(0.5) == ClassThreshold(math.inf)


# Of 120 photos given the class 119 are right; the 60 most confident are 6 bursts of 10.
BURSTS = ClassPrecision(120, (0.4, 0.8), (119, 60), (120, 60), (12, 6), (1200, 600))


def test_a_burst_that_is_wrong_together_is_left_out_together() -> None:
    assert BURSTS.at(0.99) == ClassThreshold(0.4, 119, 120, 0, 12, 1200)
    found = BURSTS.at(0.995)
    # As nowhere so much may be expected, that from which on so many of these are right.
    assert found == ClassThreshold(0.8, 60, 60, 1, 6, 600)
    # Six bursts that are right and one more that is wrong.
    assert found.expected == pytest.approx(6 / 7)
    low, high = found.interval
    assert low < 0.45
    assert high > 0.97


def test_bursts_and_photos_by_themselves_have_one_interval_together() -> None:
    found = PrecisionRecord(360, {"cat": BURSTS, "dog": MANY}).at(0.995)
    cat, dog = (one for _, one in found.classes)
    assert cat.interval[0] < found.interval[0] < dog.interval[0]
    # 60 photos and 10 of the burst left out, 150 and one.
    assert found.expected == pytest.approx((60 + 150) / (70 + 151))
    assert "near-copies counted as one photo); too few photos to expect 99.5 % of " in found.summary
    assert "cat, dog, at worst of cat, 60 of 60 right in 6 groups of near-copies" in found.summary


def test_a_record_without_groups_is_read_as_it_was_meant() -> None:
    older = {"pictures": 200, "thresholds": [0.4], "right": [198], "answered": [200]}
    found = from_json(ClassPrecision, older).at(0.9)
    assert found == ClassThreshold(0.4, 198, 200)
    assert found.interval == wilson_interval(198, 200)


@pytest.mark.parametrize(
    "damaged",
    [{"thresholds": [0.5]}, {"thresholds": [0.5], "right": [2], "answered": [1]},
     {"thresholds": [0.5], "right": [0], "answered": [0]}, {"thresholds": ["x"]},
     {"pictures": "2"}, {"thresholds": [0.5], "right": [2], "answered": [2], "groups": [1]},
     {"thresholds": [0.5], "right": [2], "answered": [2], "groups": [3], "squares": [2]},
     {"thresholds": [0.5], "right": [2], "answered": [2], "groups": [1], "squares": [5]}],
)  # fmt: skip
def test_a_damaged_record_is_damage(damaged: dict[str, Any]) -> None:
    with pytest.raises(DamagedError):
        from_json(ClassPrecision, {"pictures": 4, **damaged})


def test_the_line_has_thresholds_the_share_answered_and_where_photos_are_few() -> None:
    found = PrecisionRecord(220, {"cat": MANY, "dog": FEW}).at(0.9931)
    assert found.described == (
        "cat 0.7, dog 0.9: 72.7 % of 220 held-out photos get an answer, 100.0 % of these right; of "
        "new photos expect 98.8 % (95 % interval 95.6 to 99.7); too few photos to expect 99.31 % "
        "of dog, at worst of dog, 10 of 10 right (62.3 to 98.4)"
    )
    found = PrecisionRecord(220, {"cat": MANY, "dog": FEW}).at(0.9)
    assert found.described.endswith("expect 98.2 % (95 % interval 95.4 to 99.3)")


def test_a_few_photos_that_are_all_right_promise_no_hundred_percent() -> None:
    record = PrecisionRecord(32, {k: ClassPrecision(16, (0.995,), (16,), (16,)) for k in "ab"})
    assert record.at(0.99).described == (
        "a 0.995, b 0.995: 100.0 % of 32 held-out photos get an answer, 100.0 % of these right; of "
        "new photos expect 94.1 % (95 % interval 80.9 to 98.4); too few photos to expect 99 % of "
        "a, b, at worst of a, 16 of 16 right (73.0 to 99.0)"
    )
    assert record.at(0.9).described.endswith("expect 94.1 % (95 % interval 80.9 to 98.4)")


def test_of_many_classes_the_lowest_and_the_highest_are_said() -> None:
    classes = {
        f"c{n}": ClassPrecision(9, (n / 10 + 0.0009999,), (9,), (9,)) for n in (5, 1, 9, 7, 3)
    }
    assert PrecisionRecord(45, classes).at(0.9).described.startswith("c1 0.1 to c9 0.9: 100")


def test_no_class_that_is_right_enough_is_said_too() -> None:
    found = PrecisionRecord(8, {"a": ClassPrecision(8, (0.6,), (1,), (8,))}).at(0.9)
    assert found.described == "0.0 % of 8 held-out photos get an answer"
    assert PrecisionRecord(0, {}).at(0.9).summary == "0.0 % of 0 held-out photos get an answer"


@pytest.fixture(name="photos")
def _photos(tmp_path: Path) -> Path:
    """Blue and green as they are in the record; purple is called blue, and less so."""
    (tmp_path / "photos").mkdir()
    colours = {**COLOURS, "purple": (160, 60, 190)}
    for label in ("blue", "green", "red", "purple"):
        colour_picture(colours[label], 1, (60, 60)).save(tmp_path / "photos" / f"{label}.jpg")
    return tmp_path / "photos"


def packed(plain: Path, to: Path, precision: Mapping[str, Any] | None) -> Path:
    to.write_bytes(packed_export(plain.read_bytes(), precision=precision))
    return to


def test_classify_says_the_thresholds_once_and_goes_by_them(
    cli: Cli, third_party_models: Path, photos: Path
) -> None:
    plain = third_party_models / "uint8.tflite"
    model = packed(plain, cli.folder / "m.tflite", RECORD)
    typed = ["classify", photos, "--model", model, "--format", "jsonl"]

    def found(*more: str) -> tuple[dict[str, Any], list[str]]:
        result = cli.here(*typed, *more)
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        return {Path(row["source"]).stem: row for row in rows}, result.stderr.splitlines()

    rows, _ = found()
    top = {name: row["predictions"][0] for name, row in rows.items()}
    assert [top[name]["label"] for name in ("blue", "green", "red", "purple")] == [
        "blue", "green", "red", "blue",
    ]  # fmt: skip
    # Between the two, so that one is above it and one below.
    between = (top["blue"]["probability"] + top["purple"]["probability"]) / 2
    blue = {"pictures": 9, "thresholds": [between], "right": [9], "answered": [9]}
    packed(plain, model, {**RECORD, "classes": {**RECORD["classes"], "blue": blue}})  # type: ignore[dict-item]
    rows, (said, missed, *_) = found("--threshold", "precision=0.9")
    assert {name: row["label"] for name, row in rows.items()} == {
        "blue": "blue", "purple": "unsure", "red": "unsure",
        "green": "green" if top["green"]["probability"] >= 0.5 else "unsure",
    }  # fmt: skip
    assert rows["purple"]["predictions"][0] == top["purple"]
    assert said.startswith("threshold  blue ")
    assert ": 12.1 % of 240 held-out photos get an answer, 93.1 % of these right" in said
    assert missed.startswith("edgetl: --threshold precision=0.9: no answer will be red (1 of 4 at ")


def test_renamed_classes_keep_their_thresholds(tmp_path: Path, third_party_models: Path) -> None:
    path = packed(third_party_models / "uint8.tflite", tmp_path / "m.tflite", RECORD)
    model = read_model_file(path, labels=["B", "G", "G"])
    found = precision_thresholds(model, Precision(0.9)).classes
    assert [(label, one.threshold) for label, one in found] == [
        ("B", 0.4), ("G", 0.5), ("G", math.inf),
    ]  # fmt: skip


@pytest.mark.parametrize(("learned", "threshold"), [(False, 0.0), (True, 0.4)])
def test_unknown_has_a_threshold_only_where_it_was_learned_from_examples(
    tmp_path: Path, third_party_models: Path, learned: bool, threshold: float
) -> None:
    labels = ["blue", "green", "unknown"]
    classes = {label: vars(MANY) for label in (labels if learned else labels[:2])}
    record = {"pictures": 900, "classes": classes}
    path = packed(third_party_models / "uint8.tflite", tmp_path / "m.tflite", record)
    model = read_model_file(path, labels=labels)
    model = replace(model, manifest={**(model.manifest or {}), "classes": labels})
    found = precision_thresholds(model, Precision(0.99))
    label, last = found.classes[2]
    assert (label, last.threshold) == ("unknown", threshold)
    # What no photo was held out of is neither in the counts nor among what is never the answer.
    assert len(found.reached) == len(classes)
    assert not found.missed


@pytest.mark.parametrize("kind", ["third-party", "older"])
def test_a_model_without_a_record_is_refused_with_what_to_do(
    cli: Cli, kind: str, third_party_models: Path, photos: Path, labels_file: Path
) -> None:
    model = cli.folder / "m.tflite"
    plain = third_party_models / "uint8.tflite"
    model.write_bytes(plain.read_bytes())
    more = ["--labels", labels_file] if kind == "third-party" else []
    if kind == "older":
        packed(plain, model, None)
    result = cli.refused(
        "classify", photos, "--model", model, *more, "--threshold", "precision=0.9",
        "--output", "log.csv",
    )  # fmt: skip
    assert_one_clear_line(
        result, "m.tflite: holds no record of held-out photos", "--threshold precision=0.9",
        "give a probability, as --threshold 0.8", "train and export",
    )  # fmt: skip
    assert not (cli.folder / "log.csv").exists()


@pytest.mark.parametrize(
    "classes", [{"blue": {"pictures": 1}}, {label: {"pictures": "1"} for label in LABELS}, []]
)
def test_a_damaged_record_in_a_model_is_named(
    tmp_path: Path, third_party_models: Path, classes: object
) -> None:
    record = {"pictures": 9, "classes": classes}
    path = packed(third_party_models / "uint8.tflite", tmp_path / "m.tflite", record)
    with pytest.raises(ModelFileError, match=r"m\.tflite: damaged \(precision: .*export it again"):
        precision_thresholds(read_model_file(path), Precision(0.9))


def test_a_service_is_installed_with_it_and_refused_without_a_record(
    cli: Cli, card: Path, third_party_models: Path
) -> None:
    plain = third_party_models / "uint8.tflite"
    model = packed(plain, card / "home/pi/m.tflite", RECORD)
    unit = cli.here(*install(card, "--dry-run", "--threshold", "precision=0.9")).stdout
    assert "--threshold=precision=0.9" in unit
    packed(plain, model, None)
    result = cli.refused(*install(card, "--threshold", "precision=0.9"))
    assert_one_clear_line(result, "m.tflite: holds no record of held-out photos")


def test_info_has_what_precisions_would_give_and_not_the_whole_record(
    cli: Cli, third_party_models: Path
) -> None:
    packed(third_party_models / "uint8.tflite", cli.folder / "m.tflite", RECORD)
    text = " ".join(cli.here("info", "m.tflite").stdout.split())
    assert "threshold.precision=0.95 87.5 % of 240 held-out photos get an answer" in text
    assert "18 of 20 right" not in text
    assert "too few photos to expect 99 % of green, at worst of green, 10 of 10 right (" in text
    assert "; no answer will be red (1 of 4 at best): at no threshold" in text
    assert "right 198" not in text
    facts = json.loads(cli.here("info", "m.tflite", "--json").stdout)
    assert facts["edgetl"]["precision"]["classes"]["blue"]["right"] == [198, 150]
