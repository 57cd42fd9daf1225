"""Which photos an earlier run had, where they stay, and whether a training may start from it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.errors import RunFolderError, SettingError
from edgetl.edge.model.input_size import InputSize
from edgetl.trainer.data.dataset import Dataset, Example, Split
from edgetl.trainer.data.splitting import assign_splits
from edgetl.trainer.fitting.fine_tuned import FINAL, FineTuned, write_changes
from edgetl.trainer.fitting.folds import NONE, assign_folds, learned_without, units_of
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.retraining.comparing import _compared
from edgetl.trainer.retraining.earlier import (
    EarlierRun,
    gone_folds,
    recognized,
    refuse_other_network,
    settings_of,
)
from edgetl.trainer.retraining.starting import GoingOn, going_on_from, kept_folds, kept_splits
from edgetl.trainer.run.folder import FinishedRun, RunFolder
from edgetl.trainer.run.predictions import read_predictions, write_predictions
from edgetl.trainer.run.records import RunMetrics
from tests.trainer.made_report import CONFIG, made_dataset, made_history, made_metrics

METRICS: RunMetrics = made_metrics(made_dataset(("a", "b")), made_history())
CHANGES = FineTuned({"w": np.ones((2, 3), np.float32)}, ("a", "b"),
                    np.ones((4, 2), np.float32), np.zeros(2, np.float32))  # fmt: skip


def photos(label: str, count: int, split: Split | None = "train", first: int = 0) -> list[Example]:
    return [Example(f"{label}/{n:02}.jpg", label, split) for n in range(first, first + count)]


def dataset_of(examples: Sequence[Example]) -> Dataset:
    labels = tuple(sorted({example.label for example in examples}))
    return Dataset(Path("photos"), labels, tuple(examples))


def digests_of(examples: Sequence[Example]) -> dict[str, str]:
    return {example.file: f"digest of {example.file}" for example in examples}


def earlier_run(
    folder: Path,
    examples: Sequence[Example],
    *,
    folds: Mapping[str, int] | None = None,
    predicted: Mapping[str, str] | None = None,
    changes: Sequence[int] = (),
) -> EarlierRun:
    """Of an earlier run what a training that goes on from it reads."""
    run = RunFolder(folder)
    for fold in changes:
        write_changes(run.fine_tuned(fold), CHANGES)
    finished = FinishedRun(run, CONFIG, METRICS, InputSize(64, 64, "crop"), dataset_of(examples))
    return EarlierRun(finished, digests_of(examples), folds or {}, predicted or {})


OLD = [*photos("a", 10), *photos("b", 10)]
FOLDS = {e.file: n % 5 for n, e in enumerate(OLD)}


def test_photos_are_recognized_by_content_where_they_lie_now_and_else_by_name() -> None:
    earlier = earlier_run(Path("a"), OLD)
    today = [*photos("a", 8), Example("b/was-a.jpg", "b", None), *photos("b", 9), *photos("c", 1)]
    digests = digests_of(today)
    digests["b/was-a.jpg"] = "digest of a/08.jpg"
    digests["b/00.jpg"] = "cropped since"
    known = recognized(today, digests, earlier)
    assert known.before["b/was-a.jpg"] == "a/08.jpg"
    assert known.moved == {"b/was-a.jpg"}
    assert known.changed == {"b/00.jpg"}
    assert known.before["b/00.jpg"] == "b/00.jpg"
    assert "c/00.jpg" not in known.before
    assert (known.gone, known.of) == (2, 20)  # a/09.jpg and b/09.jpg
    assert known.tells_new
    assert not replace(known, gone=3).tells_new


def test_a_photo_keeps_its_fold_and_new_ones_are_spread(tmp_path: Path) -> None:
    earlier = earlier_run(tmp_path, OLD, folds=FOLDS)
    today = [*OLD, *photos("a", 5, first=50), *photos("c", 5)]
    known = recognized(today, digests_of(today), earlier)
    kept = kept_folds(known, earlier, CONFIG.recipe)
    assert kept == FOLDS
    found = assign_folds(today, 5, seed=0, kept=kept)
    assert dict(zip([e.file for e in OLD], found[:20].tolist(), strict=True)) == FOLDS
    assert sorted(found[20:25]) == sorted(found[25:]) == [0, 1, 2, 3, 4]
    assert kept_folds(known, earlier, replace(CONFIG.recipe, folds=4)) == {}


def test_a_near_copy_of_a_kept_photo_goes_to_its_fold() -> None:
    burst = [Example("a/new.jpg", "a", None, "a/03.jpg"), replace(OLD[3], group="a/03.jpg")]
    today = [*(e for e in OLD if e.file != "a/03.jpg"), *burst]
    found = assign_folds(today, 5, seed=0, kept=FOLDS)
    assert found[-2:].tolist() == [3, 3]


def test_what_links_photos_of_two_folds_is_held_out_in_none_and_learned_by_neither() -> None:
    group = [replace(OLD[1], group="a/01.jpg"), replace(OLD[2], group="a/01.jpg")]
    bridge = Example("a/new.jpg", "a", None, "a/01.jpg")
    today = [OLD[0], *group, *OLD[3:], bridge]
    found = assign_folds(today, 5, seed=0, kept=FOLDS)
    assert (found[1], found[2], found[-1]) == (1, 2, NONE)
    units = np.array(units_of(today))
    for fold in range(5):
        learned = learned_without(fold, found, units)
        assert not learned[found == fold].any()
        assert learned[-1] == (fold not in (1, 2))
    # And each of the two is kept from the other's model now.
    assert not learned_without(1, found, units)[2]


def test_photos_keep_their_split_and_new_ones_are_held_out_too() -> None:
    old = assign_splits(dataset_of([*photos("a", 40, None), *photos("b", 40, None)]), seed=0)
    before: dict[str, Split] = {e.file: e.split for e in old.examples if e.split}
    moved = [replace(e, split=None) for e in old.examples]
    new = [*photos("a", 20, None, first=60), *photos("c", 20, None)]
    burst = Example("a/burst.jpg", "a", None, "a/00.jpg")
    moved[0] = replace(moved[0], group="a/00.jpg")
    found = assign_splits(dataset_of([*moved, *new, burst]), seed=9, kept=before)
    after = {e.file: e.split for e in found.examples}
    assert {file: after[file] for file in before} == before
    assert after["a/burst.jpg"] == before["a/00.jpg"]
    for label in "ac":
        some = [after[e.file] for e in new if e.label == label]
        assert (some.count("validation"), some.count("test")) == (4, 2)


def test_splits_are_kept_of_a_run_that_held_some_out(tmp_path: Path) -> None:
    old = [*photos("a", 4), *photos("b", 4), *photos("b", 2, "validation", first=8)]
    earlier = earlier_run(tmp_path, old)
    known = recognized(old, digests_of(old), earlier)
    assert kept_splits(dataset_of(old), known, earlier)["b/08.jpg"] == "validation"
    of_all = earlier_run(tmp_path, OLD, folds=FOLDS)
    assert kept_splits(dataset_of(OLD), known, of_all) == {}


def started(earlier: EarlierRun, today: Sequence[Example], **kept: int) -> GoingOn:
    known = recognized(today, digests_of(today), earlier)
    folds = {e.file: FOLDS.get(e.file, 0) for e in today} | kept if earlier.folds else {}
    held_out = sorted(set(folds.values()) - {NONE})
    return going_on_from(dataset_of(today), folds, held_out, known, earlier, {"w", "x"})


def test_each_model_starts_from_the_one_that_did_without_the_same_photos(tmp_path: Path) -> None:
    earlier = earlier_run(tmp_path, OLD, folds=FOLDS, changes=(*range(5), FINAL))
    found = started(earlier, [*OLD, *photos("a", 20, first=50)])
    assert found.why_not == ""
    assert set(found.changes) == {*range(5), FINAL}
    assert found.steps == 0.75  # as many as there were are new
    assert started(earlier, OLD).steps == 0.25


def test_nothing_starts_where_a_model_has_learned_what_it_is_judged_by(tmp_path: Path) -> None:
    earlier = earlier_run(tmp_path, OLD, folds=FOLDS, changes=(*range(5), FINAL))
    other_fold = started(earlier, OLD, **{"a/01.jpg": 2})
    assert other_fold.why_not == "a/01.jpg is in another fold"
    assert (dict(other_fold.changes), other_fold.steps) == ({}, 1.0)
    assert started(earlier, OLD, **{"a/01.jpg": NONE}).why_not == ""
    tested = [*OLD[1:], replace(OLD[0], split="test")]
    assert "a/00.jpg is held out now" in started(earlier, tested).why_not
    # All written again, resized: they may be the photos of the earlier run.
    resized = [replace(e, file=f"{e.label}/small-{n}.jpg") for n, e in enumerate(OLD)]
    assert "20 of its 20 photos are gone" in started(earlier, resized).why_not


def test_nothing_starts_from_what_is_not_there_or_would_not_be_trained(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    earlier = earlier_run(tmp_path, OLD, folds=FOLDS, changes=(*range(5), FINAL))
    known = recognized(OLD, digests_of(OLD), earlier)
    frozen = going_on_from(dataset_of(OLD), FOLDS, range(5), known, earlier, {"x"})
    assert frozen.why_not == "it fine-tuned layers that are frozen now"
    path = earlier.run.folder.fine_tuned(3)
    path.write_bytes(path.read_bytes()[:500])
    assert started(earlier, OLD).why_not == "the run has not kept that of fold 4"
    assert "fold-3.npz: damaged" in caplog.text
    path.unlink()
    assert started(earlier, OLD).why_not == "the run has not kept that of fold 4"


def test_what_runs_before_the_earlier_one_learned_from_is_no_new_photo(tmp_path: Path) -> None:
    """A photo that was there, was gone, and is back: models that started there learned from it."""
    first = earlier_run(tmp_path, OLD, folds=FOLDS)
    kept = digests_of(OLD[1:]).values()
    gone = gone_folds(kept, first)
    assert gone == {"digest of a/00.jpg": 0}
    second = replace(
        earlier_run(tmp_path, OLD[1:], folds=FOLDS, changes=(*range(5), FINAL)), gone=gone
    )
    assert gone_folds([], second)["digest of a/00.jpg"] == 0
    back = [replace(OLD[0], file="a/back.jpg"), *OLD[1:]]
    digests = digests_of(back) | {"a/back.jpg": "digest of a/00.jpg"}
    known = recognized(back, digests, second)
    assert (known.back, known.gone) == ({"a/back.jpg": 0}, 0)
    assert kept_folds(known, second, CONFIG.recipe)["a/back.jpg"] == 0
    for fold, why in ((0, ""), (3, "a/back.jpg is in another fold")):
        folds = FOLDS | {"a/back.jpg": fold}
        found = going_on_from(dataset_of(back), folds, range(5), known, second, {"w"})
        assert found.why_not == why
    compared = _compared(dataset_of(back), [0], known, second)
    assert (compared.recorded, compared.asked) == ([], [])


def compared_places(earlier: EarlierRun, today: Sequence[Example], held: list[int]) -> object:
    known = recognized(today, digests_of(today), earlier)
    found = _compared(dataset_of(today), held, known, earlier)
    return found.recorded, found.asked


def test_only_what_neither_model_learned_from_is_compared(tmp_path: Path) -> None:
    new = [
        Example("c/new.jpg", "c", "train"),
        Example("a/like-00.jpg", "a", "train", "a/00.jpg"),
    ]
    today = [replace(OLD[0], group="a/00.jpg"), *OLD[1:], *new]
    held = list(range(len(today)))
    predicted = {"a/00.jpg": "a", "a/01.jpg": "b"}
    with_record = earlier_run(tmp_path, OLD, folds=FOLDS, predicted=predicted)
    assert compared_places(with_record, today, held) == ([0, 1], [20])
    older = earlier_run(tmp_path, OLD)
    assert compared_places(older, today, held) == ([], [20])
    # Where many photos are gone, a new one may be one of them.
    assert compared_places(older, today[3:], held[:-3]) == ([], [])


def test_photos_that_validated_in_an_older_run_are_asked_about(tmp_path: Path) -> None:
    old = [*photos("a", 4), *photos("a", 2, "validation", first=4), *photos("b", 4)]
    older = earlier_run(tmp_path, old)
    assert compared_places(older, old, [4, 5]) == ([], [4, 5])
    near = [replace(old[0], group="g"), *old[1:4], replace(old[4], group="g"), *old[5:]]
    assert compared_places(older, near, [4, 5]) == ([], [5])


def test_settings_are_the_runs_and_what_it_chose_is_chosen_again() -> None:
    recipe = replace(Recipe(), epochs=13, zoom=0.1)
    config = replace(CONFIG, recipe=recipe, asked={"epochs": "auto"})
    found = settings_of(config)
    assert (found["epochs"], found["zoom"], found["data"]) == (0, 0.1, "/photos/mine")
    assert settings_of(replace(config, asked={}))["epochs"] == 13


def test_another_network_is_refused_in_a_line(tmp_path: Path) -> None:
    earlier = earlier_run(tmp_path, OLD)
    refuse_other_network(earlier, CONFIG.recipe)
    with pytest.raises(SettingError, match=r"--alpha 0\.5: .* has 1\.0; leave --alpha out"):
        refuse_other_network(earlier, replace(CONFIG.recipe, alpha=0.5, weights="imagenet"))
    with pytest.raises(SettingError, match=r"--weights none: .* has bundled"):
        refuse_other_network(earlier, replace(CONFIG.recipe, weights="none"))


def test_predictions_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    assert read_predictions(path) == {}
    write_predictions(path, {"a/00.jpg": "b"})
    assert read_predictions(path) == {"a/00.jpg": "b"}
    for damaged in ([], {"predicted": {"a": 1}}, {}):
        path.write_text(json.dumps(damaged))
        with pytest.raises(RunFolderError, match="damaged; train again"):
            read_predictions(path)
