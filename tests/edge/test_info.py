"""What `edgetl info` says of a model."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.model.info import describe, info_text
from edgetl.edge.model.model_file import ModelFile, read_model_file
from tests.conftest import Cli
from tests.third_party import LABELS


def test_the_accuracy_is_on_top_and_lines_fit_eighty_columns(cli: Cli, int8_model: Path) -> None:
    (cli.folder / "m.tflite").write_bytes(int8_model.read_bytes())
    lines = cli.here("info", "m.tflite").stdout.splitlines()
    assert lines[0].startswith("accuracy.litert ")
    assert " % of " in lines[0]
    assert max(map(len, lines)) <= 80
    assert not set("{}[]") & set("".join(lines))
    facts = json.loads(cli.here("info", "m.tflite", "--json").stdout)
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


def test_a_description_is_plain_json(int8_model: Path, third_party_models: Path) -> None:
    def facts(model: ModelFile) -> dict[str, Any]:
        described: dict[str, Any] = json.loads(json.dumps(describe(model)))
        return described

    ours = facts(read_model_file(int8_model))
    assert ours["input"]["shape"] == [1, 64, 64, 3]
    assert (ours["input"]["dtype"], ours["input"]["scale"]) == ("uint8", 1.0)
    assert ours["sha256"] == hashlib.sha256(int8_model.read_bytes()).hexdigest()
    assert ours["edgetl"]["quantization"] == "int8"
    assert ours["output"]["values"] == "probabilities"
    third_party = facts(read_model_file(third_party_models / "uint8.tflite", labels=LABELS))
    assert (third_party["edgetl"], third_party["normalization"]) == (None, None)
    assert third_party["labels"] == list(LABELS)


@pytest.mark.parametrize("module", ["model.input_size", "model.info", "doctor.examine"])
def test_what_options_are_made_of_imports_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, edgetl.edge.{module}\n"
        "print(sorted({'numpy', 'cv2', 'PIL', 'ai_edge_litert', 'rich'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
