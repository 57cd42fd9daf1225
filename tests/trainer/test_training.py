import json
from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.edge import EdgetlError
from edgetl.trainer.data.batches import Batches, dataset
from edgetl.trainer.fitting.checkpoint import Checkpoint, read_checkpoint, restore, values_of
from edgetl.trainer.fitting.epochs import EpochRecorder, epoch_line
from edgetl.trainer.network.model import build_model, compile_for
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.records import EpochRecord
from tests.conftest import empty_run

PIXELS = np.arange(10, dtype=np.uint8).repeat(12).reshape(10, 2, 2, 3)
ROWS = np.array([9, 1, 3, 5, 7])
TARGETS = np.array([0, 1, 0, 1, 0])


def drawn(batches: Batches, epoch: int = 0) -> list[tuple[int, float]]:
    """(first pixel, class) of every picture of one epoch, in order."""
    given = list(batches.of_epoch(epoch))
    assert len(given) == len(batches)
    return [
        (int(picture[0, 0, 0]), float(label[0]))
        for batch in given
        for picture, label in zip(*batch, strict=True)
    ]


def test_batches_give_each_picture_once_with_its_class() -> None:
    batches = Batches([PIXELS], ROWS, TARGETS, batch_size=2)
    assert len(batches) == 3
    assert drawn(batches) == [(9, 0), (1, 1), (3, 0), (5, 1), (7, 0)]


def test_the_order_changes_each_epoch_and_depends_on_seed_and_epoch_alone() -> None:
    batches = Batches([PIXELS], ROWS, TARGETS, batch_size=2, shuffle_seed=4)
    first, second = drawn(batches, 0), drawn(batches, 1)
    assert (
        sorted(first) == sorted(second) == sorted(zip(ROWS.tolist(), TARGETS.tolist(), strict=True))
    )
    assert first != second
    later = Batches([PIXELS], ROWS, TARGETS, batch_size=2, shuffle_seed=4)
    assert drawn(later, 1) == second


def test_epochs_use_the_copies_alternately() -> None:
    copies = [PIXELS, PIXELS + 100]
    batches = Batches(copies, ROWS, TARGETS, batch_size=2)
    assert [drawn(batches, epoch)[0] for epoch in range(3)] == [(9, 0), (109, 0), (9, 0)]


def test_few_pictures_come_again_in_new_orders_until_there_are_enough_steps() -> None:
    batches = Batches([PIXELS], ROWS, TARGETS, batch_size=2, shuffle_seed=4, steps=7)
    assert len(batches) == 7
    given = drawn(batches, 1)
    assert len(given) == 14
    passes = [given[start : start + 5] for start in (0, 5, 10)]
    expected = sorted(zip(ROWS.tolist(), TARGETS.tolist(), strict=True))
    assert sorted(passes[0]) == sorted(passes[1]) == expected
    assert set(passes[2]) < set(expected)
    assert passes[0] != passes[1]
    assert drawn(batches, 1) == given
    assert drawn(batches, 2) != given
    # One pass, where that is what the steps make: as without them, with a smaller last batch.
    one = Batches([PIXELS], ROWS, TARGETS, batch_size=2, shuffle_seed=4, steps=3)
    without = Batches([PIXELS], ROWS, TARGETS, batch_size=2, shuffle_seed=4)
    assert drawn(one, 1) == drawn(without, 1)


@pytest.mark.parametrize("batch_size", [2, 5, 20])
def test_each_pass_takes_the_next_copy_however_large_a_batch_is(batch_size: int) -> None:
    copies = [PIXELS, PIXELS + 100, PIXELS + 200]
    batches = Batches(
        copies, ROWS, TARGETS, batch_size=batch_size, steps=-(-30 // batch_size), shuffle_seed=0
    )
    taken = [first // 100 for first, _ in drawn(batches, 3)][:30]
    assert [taken[start] for start in range(0, 30, 5)] == [0, 1, 2, 0, 1, 2]
    for start in range(0, 30, 5):
        assert len(set(taken[start : start + 5])) == 1


def test_a_dataset_begins_with_the_epoch_that_is_under_way() -> None:
    batches = Batches([PIXELS], ROWS, TARGETS, batch_size=2, shuffle_seed=4)
    under_way = 0
    read = dataset(batches, lambda: under_way)
    assert int(read.cardinality()) == 3
    for under_way in (2, 0, 1):
        found = [(x.tolist(), y.tolist()) for x, y in read.as_numpy_iterator()]
        assert found == [(x.tolist(), y.tolist()) for x, y in batches.of_epoch(under_way)]


def test_the_end_of_an_epoch_does_not_wait_for_autotuning() -> None:
    read = dataset(Batches([PIXELS], ROWS, TARGETS, batch_size=2), lambda: 0)
    assert read.options().autotune.enabled is False


@pytest.mark.parametrize(
    ("epochs", "loss", "seconds", "shown"),
    [
        (14, 0.05123, 5.64, "loss 0.0512 acc. 0.985  val_loss 0.0512 val_acc. 0.985  5.6 s"),
        (999, 9.9999, 999.4, "loss 9.9999 acc. 0.985  val_loss 9.9999 val_acc. 0.985  999 s"),
        (14, 123.456, 13.4, "loss 123.5 acc. 0.985  val_loss 123.5 val_acc. 0.985  13 s"),
    ],
)
def test_an_epochs_line_fits_80_columns(
    epochs: int, loss: float, seconds: float, shown: str
) -> None:
    record = EpochRecord("fine_tune", epochs, loss, 0.985, loss, 0.985, seconds, 1e-4)
    line = epoch_line(record, epochs)
    assert line == f"fine-tune {epochs}/{epochs}  {shown}"
    assert len(line) <= 80


@pytest.mark.parametrize("broken", ["cross_entropy", "val_cross_entropy"])
def test_a_loss_that_is_no_number_stops_training_and_names_the_option(
    tmp_path: Path, broken: str
) -> None:
    run = empty_run(tmp_path / "run")
    model = build_model(Recipe(height=32, width=32, weights="none"), 2)
    compile_for(model, keras.optimizers.Adam(50.0))
    recorder = EpochRecorder(run, Recipe(head_solver="adam", epochs=3, head_epochs=3), model, None)
    recorder.set_model(model)
    recorder.set_params({"steps": 1})
    logs = dict.fromkeys(["cross_entropy", "accuracy", "val_cross_entropy", "val_accuracy"], 0.5)
    recorder.on_epoch_begin(0)
    recorder.on_epoch_end(0, logs)
    recorder.on_epoch_begin(1)
    with pytest.raises(EdgetlError, match=r"epoch 2: .*--head-lr \(now 50\)"):
        recorder.on_epoch_end(1, {**logs, broken: float("nan")})
    # What came before is kept.
    assert [row["epoch"] for row in json.loads(run.history.read_text())["epochs"]] == [1]
    checkpoint = read_checkpoint(run)
    assert checkpoint is not None
    assert [epoch.epoch for epoch in checkpoint.history] == [1]


def test_a_checkpoint_keeps_the_best_weights_beside_the_last(tmp_path: Path) -> None:
    run = empty_run(tmp_path / "run")
    recipe = Recipe(
        height=32, width=32, weights="none", head_solver="adam", epochs=3, head_epochs=3
    )
    model = build_model(recipe, 2)
    compile_for(model, keras.optimizers.Adam(0.1))
    bias = model.get_layer("head").bias
    recorder = EpochRecorder(run, recipe, model, None)

    def epoch(number: int, *, loss: float) -> Checkpoint:
        recorder.set_model(model)
        recorder.set_params({"steps": 1})
        recorder.on_epoch_begin(number)
        bias.assign([float(number)])
        logs = dict.fromkeys(["cross_entropy", "accuracy", "val_accuracy"], 0.5)
        recorder.on_epoch_end(number, {**logs, "val_cross_entropy": loss})
        checkpoint = read_checkpoint(run)
        assert checkpoint is not None
        return checkpoint

    place = [weight is bias for weight in model.weights].index(True)
    for number, loss, best in [(0, 0.5, 0), (1, 0.2, 1), (2, 0.4, 1)]:
        checkpoint = epoch(number, loss=loss)
        assert checkpoint.weights[place] == [number]
        assert checkpoint.best[place] == [best]
        assert recorder.best[place] == [best]
        # As a resumed training begins.
        recorder = EpochRecorder(run, recipe, model, checkpoint)
    restore(model.weights, checkpoint.best)
    assert bias.numpy() == [1]


def test_training_changes_no_values_that_were_restored() -> None:
    """`Variable.assign` may keep a NumPy array's own memory, in which an optimizer then writes.

    TensorFlow 2.21 did not do so here in any way that was tried, so that this passes without the
    copy in `restore` as well: it holds what other versions must not break.
    """
    layer = keras.layers.Dense(64, use_bias=False)
    model = keras.Sequential([keras.Input((64,)), layer])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    # As aligned as TensorFlow's own memory, so that it needs no copy.
    memory = np.zeros(64 * 64 * 4 + 64, np.uint8)
    start = -memory.ctypes.data % 64
    values = memory[start : start + 64 * 64 * 4].view(np.float32).reshape(64, 64)
    random = np.random.default_rng(0)
    values[:] = random.normal(size=values.shape)
    before = values.copy()
    restore(model.weights, [values])
    kept = values_of(model.weights)
    model.fit(np.eye(64), random.normal(size=(64, 64)), epochs=2, verbose=0)
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(kept[0], before)
    assert not np.allclose(values_of(model.weights)[0], before)
