"""Options as fields: what they accept, what they make of it, and what they say of the rest."""

from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.errors import SettingError
from edgetl.edge.pipeline.options import ClassifyOptions
from tests.conftest import Cli, assert_one_clear_line


@pytest.mark.parametrize("files", ["photos", Path("photos"), ["photos"], ("photos",)], ids=repr)
def test_one_value_or_a_list_is_a_tuple(files: Any) -> None:
    assert ClassifyOptions(files=files).files == ("photos",)


def test_a_path_may_be_text() -> None:
    assert ClassifyOptions(files=("a",), model="m.tflite").model == Path("m.tflite")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given", [{"model": ""}, {"files": ""}, {"camera": ""}, {"output": ""}], ids=str
)
def test_an_empty_value_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="empty; "):
        ClassifyOptions(**{"files": ("a.jpg",), **given})


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("train", ""), "DATA: empty"),
        (("classify", ""), "empty"),
        (("classify", "a.jpg", "--model", ""), "--model: empty"),
        (("classify", "a.jpg", "--threads", "99999999999999999999"), "between 1 and 256"),
        (("train", "--epochs", "1.5"), "--epochs '1.5' is not a whole number"),
        (("train", "--head-lr", "fast"), "--head-lr 'fast' is not a number"),
        (("train", "--seed", "-1"), "--seed -1 is not between 0 and 2147483647"),
    ],
)
def test_a_bad_value_is_one_line_in_plain_words(
    cli: Cli, typed: tuple[str, ...], words: str
) -> None:
    assert_one_clear_line(cli.refused(*typed), words)


def test_weights_that_are_not_there_leave_no_run_behind(cli: Cli, two_class_data: Path) -> None:
    assert_one_clear_line(
        cli.here("train", two_class_data, "--weights", "foo", check=2), "--weights foo"
    )
    assert not list(cli.folder.iterdir())
