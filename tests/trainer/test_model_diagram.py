import pytest
from matplotlib.patches import Rectangle

from edgetl.trainer.report.model_diagram import ModelStage, model_figure
from tests.trainer.drawn import as_png, assert_nothing_is_clipped, texts_of

BACKBONE = ModelStage(
    "MobileNetV2", (5, 5, 1280), 2_257_984, 0, 1_861_440, note="layers 100 to 153"
)
STAGES = [
    ModelStage("Input", (160, 160, 3), 0, 0, 0, note="RGB 0..255"),
    ModelStage("Augmentation", (160, 160, 3), 0, 0, 0, note="training only: flip, rotate ±72°"),
    ModelStage("Scaling", (160, 160, 3), 0, 0, 0, note="to [-1, 1]"),
    BACKBONE,
    ModelStage("Average pooling", (1280,), 0, 0, 0),
    ModelStage("Dropout", (1280,), 0, 0, 0, note="training only: 0.2"),
    ModelStage("Dense head", (1,), 1281, 1281, 1281),
]


def _shape(*sides: int) -> str:
    return " \N{MULTIPLICATION SIGN} ".join(f"{side:,}" for side in sides)


def test_a_model_shows_each_stage_and_the_totals() -> None:
    figure = model_figure(STAGES)
    texts = texts_of(figure)
    for text in (
        "Input",
        "MobileNetV2",
        "Average\npooling",
        _shape(160, 160, 3),
        _shape(5, 5, 1280),
    ):
        assert text in texts
    assert {"2,257,984 parameters", "1,281 parameters", "no parameters"} <= set(texts)
    assert "Phase one trains 1,281 of 2,259,265 parameters, phase two 1,862,721." in texts
    assert texts.count(_shape(160, 160, 3)) == 3
    assert_nothing_is_clipped(figure)


def test_a_partly_trained_stage_is_drawn_in_two_bands() -> None:
    figure = model_figure(STAGES)
    bands = [patch for patch in figure.axes[0].patches if type(patch) is Rectangle]
    assert len(bands) == 2
    assert bands[0].get_facecolor() != bands[1].get_facecolor()
    assert {"396,544\nparameters", "1,861,440\nparameters"} <= set(texts_of(figure))
    assert {"frozen", "trained in phase two", "trained in both phases"} <= set(texts_of(figure))


def test_a_note_of_two_lines_is_a_line_a_band() -> None:
    stage = ModelStage("Backbone", (5, 5, 8), 100, 0, 60, note="layers 0 to 9\nlayers 10 to 19")
    texts = texts_of(model_figure([stage]))
    assert "layers 0 to 9\nfrozen" in texts
    assert "layers 10 to 19" in texts


@pytest.mark.parametrize("trained", [0, 2_257_984])
def test_a_stage_trained_whole_or_not_at_all_is_one_box(trained: int) -> None:
    stage = ModelStage("MobileNetV2", (5, 5, 1280), 2_257_984, 0, trained)
    figure = model_figure([stage])
    assert not any(type(patch) is Rectangle for patch in figure.axes[0].patches)
    assert ("trained in phase two" in texts_of(figure)) == bool(trained)
    assert ("frozen" in texts_of(figure)) != bool(trained)


def test_a_model_of_no_stages_still_draws() -> None:
    assert as_png(model_figure([])).width > 0


def test_the_model_diagram_is_not_clipped_whatever_its_stages() -> None:
    for stages in (STAGES, STAGES[3:], [BACKBONE], [*STAGES[:3], ModelStage("Net", (1,), 9, 0, 0)]):
        assert_nothing_is_clipped(model_figure(stages))
