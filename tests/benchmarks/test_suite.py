"""The plan, the results' file and the summary by hand-worked cases; one run of all variants."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from edgetl.benchmarks.dev import suite
from edgetl.benchmarks.dev.suite_measure import Measured, measured_on_test
from edgetl.benchmarks.dev.suite_plan import (
    ImageSet,
    Photos,
    Trial,
    Variant,
    default_sets,
    link_photos,
    photos_of,
    pictures_of,
    read_sets,
    trials,
)
from edgetl.benchmarks.dev.suite_results import (
    Failed,
    Finished,
    ResultsFile,
    expected_seconds,
    plan_line,
)
from edgetl.benchmarks.dev.suite_summary import (
    accuracy_table,
    description,
    overall_table,
    paired_difference,
    student_interval,
    summarize_suite,
    verdict_table,
)
from edgetl.edge.errors import DataError, RecordError, SettingError
from tests.benchmarks.test_training import run_module
from tests.conftest import write_colour_pictures


def image_set(name: str = "pets", cats: int = 12, dogs: int = 7) -> ImageSet:
    def files(split: str, label: str, count: int) -> list[Path]:
        return [Path("/data", name, split, label, f"{n:02}.jpg") for n in range(count)]

    return ImageSet(
        name,
        {"cats": files("train", "cats", cats), "dogs": files("train", "dogs", dogs)},
        {"cats": files("test", "cats", 2), "dogs": files("test", "dogs", 2)},
    )


def finished(
    set_: str, variant: str, right: str, *, photos: Photos = 5, seed: int = 0, seconds: float = 10.0
) -> Finished:
    """`right` is the pattern of right and wrong, which the accuracy follows from."""
    share = right.count("1") / len(right.replace("-", ""))
    trial = Trial(set_, photos, seed, variant, 160)
    measured = Measured(share, 1 - share, (1 - share) / 2, (1 - share) / 4, len(right), right)
    return Finished(trial, 10, measured, seconds, 10**9, "0.1.0 (abc)")


def write_set(folder: Path, classes: list[str], train: int, test: int, held_out: str) -> Path:
    write_colour_pictures(folder / "train", classes, train + test)
    for label in classes:
        (folder / held_out / label).mkdir(parents=True)
        for path in sorted((folder / "train" / label).iterdir())[train:]:
            path.rename(folder / held_out / label / path.name)
    return folder


def test_photos_are_numbers_and_all() -> None:
    assert photos_of(["100,5", "all", "20,5"]) == [5, 20, 100, "all"]
    for wrong in ("few", "1", "", "-5", "5,,20"):
        with pytest.raises(SettingError, match="--photos"):
            photos_of([wrong])


def test_the_plan_has_rounds_by_seed_and_leaves_out_what_no_class_reaches() -> None:
    sets = [image_set("few", 4, 3), image_set("more", 12, 7)]
    planned = list(
        trials(sets, [5, 12, "all"], seeds=2, variants=["default", "probe"], image_size=96)
    )
    assert [(t.set, t.photos, t.seed, t.variant) for t in planned[:6]] == [
        # No class of "few" has 5; of "more" one has 12.
        ("more", 5, 0, "default"),
        ("more", 5, 0, "probe"),
        ("more", 12, 0, "default"),
        ("more", 12, 0, "probe"),
        ("few", "all", 0, "default"),
        ("few", "all", 0, "probe"),
    ]
    assert len(planned) == 16
    assert {t.image_size for t in planned} == {96}
    # A class with fewer gives what it has.
    assert [pictures_of(sets[1], photos) for photos in (5, 12, "all")] == [10, 19, 19]


def test_subsets_depend_on_the_seed_alone_and_hold_the_smaller_ones() -> None:
    one = image_set()
    five = one.drawn(5, seed=3)
    assert five == image_set().drawn(5, seed=3)
    assert five != one.drawn(5, seed=4)
    assert {label: len(paths) for label, paths in one.drawn(10, 3).items()} == {
        "cats": 10,
        "dogs": 7,
    }
    for label, paths in five.items():
        assert one.drawn(10, seed=3)[label][:5] == paths
    # Where the set lies does not matter.
    moved = replace(one, train={k: [Path("/x", p.name) for p in v] for k, v in one.train.items()})
    assert [p.name for p in moved.drawn(5, 3)["cats"]] == [p.name for p in five["cats"]]


def test_every_way_is_linked_to_the_same_photos(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "colours", ["blue", "red"], 7, 2, "validation")
    (one,) = read_sets([folder])
    trial = Trial("colours", 6, 0, Variant.default, 64)
    data, test = link_photos(one, trial, tmp_path / "a")
    assert (data, test) == (tmp_path / "a" / "data", tmp_path / "a" / "data" / "test")
    names = {path.relative_to(data / "train").as_posix() for path in data.glob("train/*/*")}
    assert len(names) == 12
    assert sorted(path.name for path in test.glob("*/*")) == [
        "blue-07.jpg", "blue-08.jpg", "red-07.jpg", "red-08.jpg"
    ]  # fmt: skip
    data, test = link_photos(one, replace(trial, variant=Variant.notebook), tmp_path / "b")
    assert sorted(path.name for path in data.iterdir()) == ["train", "validation"]
    held = {path.relative_to(data / "validation").as_posix() for path in data.glob("v*/*/*")}
    rest = {path.relative_to(data / "train").as_posix() for path in data.glob("train/*/*")}
    # A fifth of six, one of each class.
    assert len(held) == 2
    assert held | rest == names
    assert held.isdisjoint(rest)
    assert len(list(test.glob("*/*"))) == 4
    assert all(path.is_file() for path in tmp_path.glob("b/**/*.jpg"))


def test_a_folder_that_is_no_set_is_refused(tmp_path: Path) -> None:
    whole = write_colour_pictures(tmp_path / "whole", ["blue", "red"], 2)
    with pytest.raises(DataError, match=r"has not train/ and test/ \(or validation/\) alone"):
        read_sets([whole])
    with pytest.raises(DataError, match="no such folder; name the data sets"):
        default_sets(tmp_path)
    folders = [
        write_set(tmp_path / place / "colours", ["blue", "red"], 2, 1, "test") for place in "ab"
    ]
    with pytest.raises(DataError, match="two data sets are called 'colours'"):
        read_sets(folders)


def test_figures_are_marked_by_file(tmp_path: Path) -> None:
    test = write_colour_pictures(tmp_path / "test", ["blue", "red"], 2)
    paths = [test / "red" / "red-01.jpg", test / "blue" / "blue-00.jpg", test / "blue/blue-01.jpg"]
    probabilities = np.array([[0.25, 0.75], [0.9, 0.1], [0.4, 0.6]], np.float32)
    measured = measured_on_test(test, paths, probabilities, np.array([1, 0, 0]))
    # Sorted: both blue ones, red-00, which was not measured, and red-01.
    assert measured.right == "10-1"
    assert measured.test_pictures == 3
    assert measured.accuracy == pytest.approx(2 / 3)
    assert measured.loss == pytest.approx(-np.log([0.75, 0.9, 0.4]).mean(), abs=1e-6)
    # In bins of their own: 0.75 and 0.9 right, 0.6 wrong.
    assert measured.ece == pytest.approx((0.25 + 0.1 + 0.6) / 3, abs=1e-6)


def test_results_are_read_again_without_a_half_line(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    first, second = finished("pets", "default", "11-0"), finished("pets", "probe", "1100")
    results = ResultsFile(path)
    results.append(first)
    results.append(Failed(second.trial, 10, "failed with status 1: no memory", "0.1.0"))
    with path.open("a") as stream:
        stream.write('{"set": "pets", "photo')
    results = ResultsFile(path)
    assert results.finished == [first]
    assert [failed.problem for failed in results.failed] == ["failed with status 1: no memory"]
    results.append(second)
    again = ResultsFile(path)
    # The repeated training takes the place of the failure.
    assert (again.finished, again.failed) == ([first, second], [])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 3
    assert set(lines[0]) == {
        "set", "photos", "pictures", "seed", "variant", "image_size", "accuracy", "loss", "ece",
        "test_pictures", "right", "seconds", "peak_bytes", "ece_by_chance", "edgetl",
    }  # fmt: skip


def test_a_line_that_is_no_result_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"set": "pets"}\n')
    with pytest.raises(RecordError, match="line 1 is no result"):
        ResultsFile(path)


def test_what_is_done_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, path = image_set(), tmp_path / "results.jsonl"
    wanted = list(trials([one], [5], seeds=3, variants=["probe"], image_size=160))
    problem = Failed(wanted[1], 10, "failed", "0.1.0")
    ResultsFile(path).append(finished("pets", "probe", "1111"))
    ResultsFile(path).append(problem)
    trained: list[Trial] = []

    def interrupted_at_the_second(_: ImageSet, trial: Trial) -> Finished:
        if len(trained) == 1:
            raise KeyboardInterrupt
        trained.append(trial)
        return finished("pets", "probe", "1110", seed=trial.seed)

    monkeypatch.setattr(suite, "train_once", interrupted_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        suite.train_missing([one], wanted, ResultsFile(path))
    # Seed 0 is there, seed 1 had failed.
    assert trained == [wanted[1]]
    assert [r.trial for r in ResultsFile(path).finished] == wanted[:2]
    trained.clear()
    suite.train_missing([one], wanted, ResultsFile(path))
    assert trained == [wanted[2]]


def test_the_estimate_is_of_the_most_similar_number_of_photos() -> None:
    done = [
        replace(finished("pets", "probe", "1", seconds=10), pictures=10),
        replace(finished("pets", "probe", "1", seed=1, seconds=20), pictures=10),
        replace(finished("pets", "probe", "1", photos="all", seconds=3600), pictures=1000),
    ]
    trial = Trial("pets", 20, 0, "probe", 160)
    assert expected_seconds(trial, 40, done) == 15
    assert expected_seconds(trial, 400, done) == 3600
    assert expected_seconds(replace(trial, image_size=96), 40, done) is None
    default = replace(trial, variant="default")
    assert plan_line([(trial, 400), (trial, 900)], done) == (
        "2 trainings left, about 2.0 hours by those that are done"
    )
    assert plan_line([(trial, 400), (default, 5)], done) == (
        "2 trainings left, about 1.0 hours by those that are done; 1 of a variant not trained yet"
    )
    assert plan_line([(default, 5)], done) == "1 training left, none done of these variants"


def test_student_intervals_by_hand() -> None:
    # Mean 2, standard deviation 1, t of 2 degrees 4.3027, over the root of 3.
    found = student_interval([1, 2, 3])
    assert found.mean == 2
    assert found.interval == pytest.approx((2 - 2.4842, 2 + 2.4842), abs=1e-3)
    assert not found.beyond_noise
    assert student_interval([5]).interval is None
    assert not student_interval([5]).beyond_noise
    assert student_interval([5, 5]).beyond_noise
    assert not student_interval([0, 0]).beyond_noise


def test_a_paired_difference_is_of_photos_that_all_have_measured() -> None:
    pairs = [
        (finished("pets", "default", "1010-"), finished("pets", "probe", "11001")),
        (finished("pets", "default", "1110-"), finished("pets", "probe", "11111")),
    ]
    # By photo, over both pairs: 0, +1/2, (-1 + 0)/2, +1/2; the last is left out.
    found = paired_difference(pairs)
    assert found.values == 4
    assert found.mean == pytest.approx(12.5)
    # Deviation of 0, 50, -50, 50 about 12.5: root of 6875 / 3 is 47.87; t of 3 degrees 3.18.
    assert found.interval is not None
    assert found.interval[1] - found.mean == pytest.approx(3.1824 * 47.87 / 2, rel=0.01)
    with pytest.raises(RecordError, match="test photos have changed"):
        paired_difference([(finished("pets", "default", "10"), finished("pets", "probe", "101"))])


def some_results() -> Iterator[Finished]:
    """Two sets: of "pets" two sizes and two seeds, of "long_name_of_a_data_set" one of each."""
    for seed in range(2):
        yield finished("pets", "default", "1" * 8 + "00", seed=seed, seconds=30)
        yield finished("pets", "probe", "1" * 6 + "0000", seed=seed)
    yield finished("pets", "default", "1" * 10, photos="all", seconds=60)
    yield finished("pets", "probe", "1" * 9 + "0", photos="all")
    yield finished("long_name_of_a_data_set", "default", "1" * 4 + "0" * 6, seconds=20)
    yield finished("long_name_of_a_data_set", "probe", "1" * 10)
    # No partner: not in the means over all sets, nor in a difference.
    yield finished("pets", "default", "0" * 10, photos="all", seed=1)


def test_the_summary_by_hand() -> None:
    found = summarize_suite(list(some_results()), list(Variant))
    assert found.variants == ["default", "probe"]
    cells = {(c.set, c.photos, c.variant): c for c in found.cells}
    few = cells["pets", 5, "probe"]
    assert (few.seeds, few.accuracy) == ([0, 1], pytest.approx(0.6))
    assert few.over_first is not None
    assert few.over_first.mean == pytest.approx(-20)
    assert cells["pets", "all", "default"].accuracy == pytest.approx(0.5)
    assert cells["pets", "all", "default"].over_first is None
    alone = cells["pets", "all", "probe"].over_first
    assert alone is not None
    assert alone.mean == pytest.approx(-10)

    default, probe = found.overall
    assert (default.trainings, probe.trainings) == (4, 4)
    # pets: 0.8, 0.8, 1.0; the other set 0.4. Sets count alike.
    assert default.accuracy == pytest.approx(((0.8 + 0.8 + 1.0) / 3 + 0.4) / 2)
    assert default.seconds == pytest.approx((40 + 20) / 2)
    assert probe.accuracy == pytest.approx(((0.6 + 0.6 + 0.9) / 3 + 1) / 2)
    assert probe.loss == pytest.approx(1 - probe.accuracy)
    assert probe.ece == pytest.approx((1 - probe.accuracy) / 2)
    assert default.over_first is None
    assert probe.over_first is not None
    # -50/3 and +60 percentage points: mean 21.67, deviation 54.21, t of 1 degree, root of 2.
    assert probe.over_first.mean == pytest.approx((60 - 50 / 3) / 2)
    assert probe.over_first.values == 2
    assert probe.over_first.interval is not None
    assert probe.over_first.interval[1] == pytest.approx(21.667 + 12.7062 * 54.212 / 2**0.5, 1e-3)

    verdicts = {verdict.set: verdict for verdict in found.verdicts}
    assert verdicts["pets"].trainings == 3
    assert verdicts["pets"].probe_over_default.mean == pytest.approx(-50 / 3)
    assert verdicts["pets"].words == "within noise"
    assert verdicts["long_name_of_a_data_set"].words == "default below"


def test_the_first_way_is_what_others_are_compared_with() -> None:
    found = summarize_suite(list(some_results()), ["probe", "default"])
    assert found.overall[0].variant == "probe"
    assert found.overall[1].over_first is not None
    assert found.overall[1].over_first.mean == pytest.approx((50 / 3 - 60) / 2)


def test_the_tables_fit_into_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    results = [
        replace(result, trial=replace(result.trial, variant=variant))
        for result in some_results()
        for variant in (("default",) if result.trial.variant == "default" else tuple(Variant)[1:])
    ]
    found = summarize_suite(results, list(Variant))
    out = Console(width=80, highlight=False, markup=False)
    for table in (accuracy_table(found), overall_table(found), verdict_table(found)):
        out.print(table)
    out.print(description(found))
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert "long_name_of_a_data_set" in text
    assert "100.0 +60.0*" in text
    assert "default below" in text


def test_a_summary_without_results_is_said(tmp_path: Path) -> None:
    result = run_module(
        "edgetl.benchmarks.dev.suite", "--summary", "--out", "none", folder=tmp_path
    )
    assert (result.returncode, result.stdout) == (0, "")
    assert "nothing has finished yet" in result.stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_all_ways_are_trained_and_measured_on_the_same_photos(tmp_path: Path) -> None:
    three = write_set(tmp_path / "three", ["blue", "green", "red"], 8, 4, "test")
    two = write_set(tmp_path / "two", ["white", "yellow"], 6, 3, "validation")
    options = ("--photos", "5", "--seeds", "1", "--image-size", "64", "--out", "out")
    module = "edgetl.benchmarks.dev.suite"
    result = run_module(module, three, *options, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "4 trainings left, none done of these variants" in result.stderr
    assert "over all sets" in result.stdout

    # What is there is not trained again, and the second set only in the variant that is fastest.
    some = ("--variant", "probe")
    again = run_module(module, three, two, *options, *some, folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "1 training left, about " in again.stderr
    path = tmp_path / "out" / "results.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["set"], line["variant"]) for line in lines] == [
        *(("three", variant) for variant in Variant),
        ("two", "probe"),
    ]
    for line in lines:
        test, trained = (12, 15) if line["set"] == "three" else (6, 10)
        assert (line["test_pictures"], len(line["right"])) == (test, test)
        # Of edgetl these are from metrics.json, and the marks from another process.
        assert line["accuracy"] == pytest.approx(line["right"].count("1") / test)
        assert line["loss"] > 0
        assert 0 <= line["ece"] <= 1
        assert line["pictures"] == trained
        assert 2e8 < line["peak_bytes"] < 2e10
    # Colours are told apart by ImageNet's features.
    assert all(line["accuracy"] >= 0.75 for line in lines if line["variant"] == "probe")

    summed = run_module(
        module, "--summary", "--image-size", "64", "--out", "out", *some, "--json", "sum.json",
        folder=tmp_path,
    )  # fmt: skip
    assert summed.stdout == again.stdout
    assert len(json.loads((tmp_path / "sum.json").read_text())["cells"]) == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["results.jsonl"]
