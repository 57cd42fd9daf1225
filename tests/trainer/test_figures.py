import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes

from edgetl.trainer.report.drawing import save
from edgetl.trainer.report.figures import (
    confusion_figure,
    curves_figure,
    samples_figure,
)
from edgetl.trainer.run.records import EpochRecord
from tests.trainer.drawn import as_png, assert_nothing_is_clipped, texts_of


def _history(head: int, fine_tune: int, **changed: float) -> list[EpochRecord]:
    """Accuracy rises from 0.90; validation loss falls to its lowest in the last epoch but one."""
    last = head + fine_tune
    return [
        replace(
            EpochRecord(
                phase="head" if epoch <= head else "fine_tune",
                epoch=epoch,
                loss=0.5 - 0.02 * epoch,
                accuracy=0.9 + 0.002 * epoch,
                val_loss=0.4 - 0.01 * epoch + (0.05 if epoch == last > 1 else 0),
                val_accuracy=0.93 + 0.002 * epoch,
                seconds=1.0,
                learning_rate=1e-4,
            ),
            **changed,
        )
        for epoch in range(1, last + 1)
    ]


def _lines(axes: Axes, style: str) -> list[float]:
    return [float(line.get_xdata()[0]) for line in axes.lines if line.get_linestyle() == style]


def test_the_figures_leave_pyplot_alone() -> None:
    before = pyplot.get_fignums()
    as_png(curves_figure(_history(1, 1)))
    assert pyplot.get_fignums() == before


def test_a_label_that_no_font_has_is_drawn_without_a_warning(tmp_path: Path) -> None:
    labels = ["castle \N{EUROPEAN CASTLE}", "dogs"]
    figure = confusion_figure(np.eye(2, dtype=np.int64), labels, title="test")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(figure, tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_accuracy_is_zoomed_to_its_data() -> None:
    accuracy, loss = curves_figure(_history(10, 10)).axes
    low, high = accuracy.get_ylim()
    assert 0.89 < low < 0.902
    assert 0.97 < high < 0.98
    assert loss.get_ylim()[0] == 0
    assert 0.48 < loss.get_ylim()[1] < 0.55


def test_accuracy_never_goes_far_past_the_whole() -> None:
    accuracy, _ = curves_figure(_history(2, 2, accuracy=1.0, val_accuracy=1.0)).axes
    low, high = accuracy.get_ylim()
    assert low < 1.0 < high <= 1.01


def test_accuracy_is_in_percent() -> None:
    figure = curves_figure(_history(10, 10))
    figure.draw_without_rendering()
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert all(text.endswith("%") for text in shown)


@pytest.mark.parametrize(("head", "fine_tune"), [(10, 10), (1, 1), (3, 20), (20, 1)])
def test_a_dashed_line_stands_between_the_phases(head: int, fine_tune: int) -> None:
    for axes in curves_figure(_history(head, fine_tune)).axes:
        assert _lines(axes, "--") == [head + 0.5]
        assert "fine-tuning starts" in texts_of(axes)


@pytest.mark.parametrize(("head", "fine_tune"), [(4, 0), (0, 4), (1, 0), (0, 1)])
def test_one_phase_alone_has_no_line(head: int, fine_tune: int) -> None:
    figure = curves_figure(_history(head, fine_tune))
    assert "fine-tuning starts" not in texts_of(figure)
    assert all(_lines(axes, "--") == [] for axes in figure.axes)
    assert_nothing_is_clipped(figure)


def test_the_epoch_of_the_lowest_validation_loss_is_marked() -> None:
    accuracy, loss = curves_figure(_history(10, 10)).axes
    assert "best epoch 19: 96.8%" in texts_of(accuracy)
    assert "best epoch 19: 0.2100" in texts_of(loss)
    for axes, value in ((accuracy, 0.968), (loss, 0.21)):
        dots = [line.get_xydata()[0].tolist() for line in axes.lines if len(line.get_xdata()) == 1]
        assert dots == [[19, pytest.approx(value)]]


def test_the_epoch_that_is_kept_is_marked_where_it_is_another() -> None:
    history = _history(10, 10)
    _, loss = curves_figure(history, kept=20, narrow=True).axes
    assert f"kept epoch 20: {history[-1].val_loss:.4f}" in texts_of(loss)
    dots = [line.get_xydata()[0].tolist() for line in loss.lines if len(line.get_xdata()) == 1]
    assert dots == [[20, pytest.approx(history[-1].val_loss)]]
    assert "best epoch 19: 96.8%" in texts_of(curves_figure(history, kept=19).axes[0])


@pytest.mark.parametrize(("head", "fine_tune"), [(10, 10), (1, 8), (4, 0)])
def test_a_narrow_figure_is_tall_and_whole(head: int, fine_tune: int) -> None:
    figure = curves_figure(_history(head, fine_tune), narrow=True)
    assert figure.get_figheight() > 1.5 * figure.get_figwidth()
    above, below = (axes.get_position() for axes in figure.axes)
    assert above.y0 > below.y1
    assert_nothing_is_clipped(figure)


def test_a_small_confusion_shows_counts_and_shares_of_the_row() -> None:
    figure = confusion_figure(np.array([[48, 2], [5, 1245]]), ["cats", "dogs"], title="Test")
    texts = texts_of(figure)
    for text in ("48\n96.0%", "2\n4.0%", "5\n0.4%", "1,245\n99.6%", "cats", "dogs", "Test"):
        assert text in texts
    assert {"true", "predicted"} <= set(texts)


def test_rows_are_the_true_class() -> None:
    axes = confusion_figure(np.array([[9, 1], [0, 0]]), ["a", "b"], title="t").axes[0]
    positions = {text.get_text(): text.get_position() for text in axes.texts}
    assert positions["1\n10.0%"] == (1, 0)


def test_a_class_without_pictures_divides_by_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = confusion_figure(np.array([[0, 0], [1, 3]]), ["a", "b"], title="t")
        as_png(figure)
    assert texts_of(figure).count("0") == 2


@pytest.mark.parametrize(
    ("classes", "cells", "shares"),
    [(12, 144, True), (13, 169, False), (30, 900, False), (31, 0, False)],
)
def test_larger_confusions_say_less_in_a_cell(classes: int, cells: int, shares: bool) -> None:
    labels = [f"class {index}" for index in range(classes)]
    figure = confusion_figure(np.full((classes, classes), 3), labels, title="t")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert len(texts) == cells
    assert all(("%" in text) == shares for text in texts)


@pytest.mark.parametrize("classes", [2, 5, 40, 200])
def test_confusion_labels_neither_leave_the_figure_nor_overlap(classes: int) -> None:
    labels = [f"class_{index}_of_many" for index in range(classes)]
    figure = confusion_figure(np.eye(classes, dtype=np.int64), labels, title="A title")
    assert_nothing_is_clipped(figure)
    for ticks in (figure.axes[0].get_xticklabels(), figure.axes[0].get_yticklabels()):
        boxes = [label.get_window_extent() for label in ticks]
        assert not any(one.overlaps(other) for one, other in pairwise(boxes))
    width, height = as_png(figure).size
    assert 300 < width < 1700
    assert 300 < height < 1700


def test_long_confusion_labels_stand_upright() -> None:
    for label, rotation in (("cat", 0), ("a much longer name", 90)):
        figure = confusion_figure(np.eye(5, dtype=np.int64), [label] * 5, title="t")
        assert {tick.get_rotation() for tick in figure.axes[0].get_xticklabels()} == {rotation}


@pytest.mark.parametrize(
    "label", ["a_b", "$x$", "$", r"\frac{$", "größe", "猫", "W" * 90, "a\nb", ""]
)
def test_labels_are_plain_text(label: str) -> None:
    figure = confusion_figure(np.eye(2, dtype=np.int64), [label, "b"], title=f"Test: {label}"[:30])
    as_png(figure)
    assert_nothing_is_clipped(figure)
    samples = samples_figure([(np.zeros((8, 8, 3), np.uint8), label)] * 6)
    assert_nothing_is_clipped(samples)
    if 0 < len(label) < 9 and "\n" not in label:
        assert label in texts_of(figure)
        assert label in texts_of(samples)


def test_a_confusion_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="for 3 labels"):
        confusion_figure(np.eye(2, dtype=np.int64), ["a", "b", "c"], title="t")


@pytest.mark.parametrize(
    ("pictures", "augmented"), [(0, 0), (1, 0), (1, 1), (7, 0), (12, 6), (3, 8)]
)
def test_samples_show_every_picture_under_its_label(pictures: int, augmented: int) -> None:
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 256, (20, 20, 3), np.uint8) for _ in range(max(pictures, augmented))]
    labelled = [(picture, f"label {index}") for index, picture in enumerate(drawn[:pictures])]
    figure = samples_figure(labelled, augmented=drawn[:augmented])
    assert len(figure.axes) == pictures + augmented
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [label for _, label in labelled] + [""] * augmented
    heading = "as training sees them: augmented at random"
    assert (heading in texts_of(figure)) == bool(augmented)
    assert not any(axes.axison for axes in figure.axes)
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    for array, picture in zip(shown, drawn[:pictures] + drawn[:augmented], strict=True):
        assert np.array_equal(array, picture)
    assert_nothing_is_clipped(figure)
    boxes = [axes.get_position() for axes in figure.axes]
    for index, box in enumerate(boxes):
        assert min(box.x0, box.y0) >= 0
        assert max(box.x1, box.y1) <= 1
        assert not any(box.overlaps(other) for other in boxes[:index])
