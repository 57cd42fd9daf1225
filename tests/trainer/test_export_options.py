from typing import Any

import pytest

from edgetl.edge.errors import SettingError
from edgetl.trainer.exporting.export import export
from edgetl.trainer.exporting.options import ExportOptions


def test_quantizations_are_each_exported_once_and_in_one_order() -> None:
    assert ExportOptions().quantizations == ("none",)
    assert ExportOptions(quantize=("int8", "none", "int8")).quantizations == ("none", "int8")
    everything = ("none", "float16", "dynamic", "int8")
    assert ExportOptions(quantize=("all", "int8")).quantizations == everything


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quantize": "int4"}, "'int4' is not one of none, float16, dynamic, int8, all"),
        ({"keep_float": ["auto"]}, "--keep-float is for int8 files; add --quantize int8"),
        ({"quantize": ["int8"], "keep_float": ["auto", "Conv_1"]}, "leave the names out"),
        ({"quantize": ["int8"], "calibration": 0}, "--calibration 0 is not 1 or more"),
        ({"input": "int8"}, "--input 'int8' is not one of uint8, float32"),
        ({"max_drop": 0.0}, "--max-drop 0.0 is not 0.5 or more"),
        ({"quantise": "int8"}, "'quantise' is not an option; did you mean quantize"),
    ],
)
def test_settings_that_do_not_fit_are_named_before_the_run_is_read(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        export("no run here", **settings)
