"""What `edgetl info` prints for people."""

import json
from pathlib import Path

import pytest

from edgetl.edge.model.info import info_text
from tests.conftest import Cli


def test_the_accuracy_is_on_top_and_lines_fit_eighty_columns(cli: Cli, int8_model: Path) -> None:
    (cli.folder / "m.tflite").write_bytes(int8_model.read_bytes())
    lines = cli("info", "m.tflite").stdout.splitlines()
    assert lines[0].startswith("accuracy.litert ")
    assert " % of " in lines[0]
    assert max(map(len, lines)) <= 80
    assert not set("{}[]") & set("".join(lines))
    facts = json.loads(cli("info", "m.tflite", "--json").stdout)
    measured = facts["edgetl"]["parity"]["runtimes"][0]
    assert f"{100 * measured['parity']['accuracy']:.1f} % of " in lines[0]
    # Whole, so that it can be copied.
    assert facts["sha256"] in {line.strip() for line in lines}


@pytest.mark.parametrize("parity", [None, {}, {"runtimes": None}, {"runtimes": [{"parity": None}]}])
def test_a_model_whose_accuracy_was_not_measured(parity: object) -> None:
    facts = {"file": "m.tflite", "edgetl": {"parity": parity}}
    assert info_text(facts).splitlines()[0] == f"file{' ' * 29}m.tflite"


def test_a_line_break_in_a_label_stays_on_its_line() -> None:
    facts = {"edgetl": None, "labels": ["a\nb", "c\x1b[31m"], "normalization": None}
    assert info_text(facts).splitlines() == [f"labels{' ' * 27}a\\nb, c\\x1b[31m"]
