"""`edgetl info` as a person or a script runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli, assert_one_clear_line
from tests.third_party import LABELS


def facts_of(text: str) -> dict[str, str]:
    """What `edgetl info` prints, a fact a line: its name, then its value, which may be empty."""
    facts = (line.partition(" ") for line in text.splitlines())
    return {name: value.strip() for name, _, value in facts}


def test_info_shows_what_is_inside_a_model(cli: Cli, int8_model: Path) -> None:
    result = cli.here("info", int8_model)
    facts = facts_of(result.stdout)
    assert facts["labels"] == "blue, red"
    assert facts["input.shape"] == "1, 64, 64, 3"
    assert facts["input.dtype"] == "uint8"
    assert facts["fit"] == "crop"
    assert facts["edgetl.quantization"] == "int8"
    # Lists without anything in them are left out.
    assert "edgetl.keep_float" not in result.stdout
    assert "recalls ," not in " ".join(result.stdout.split())
    assert facts["associated_files"] == "labels.txt, edgetl.json, features.bin"
    assert result.stderr == ""


def test_info_as_json(cli: Cli, int8_model: Path) -> None:
    facts = json.loads(cli.here("info", int8_model, "--json").stdout)
    assert facts["labels"] == ["blue", "red"]
    assert facts["bytes"] == int8_model.stat().st_size
    assert facts["edgetl"]["model_sha256"]


def test_info_of_a_foreign_model_with_a_labels_file(
    cli: Cli, third_party_models: Path, labels_file: Path
) -> None:
    model = third_party_models / "uint8.tflite"
    facts = json.loads(cli.here("info", model, "--labels", labels_file, "--json").stdout)
    assert facts["labels"] == list(LABELS)
    assert facts["edgetl"] is None
    assert_one_clear_line(cli.refused("info", model), "--labels FILE")


def test_info_says_what_the_output_s_values_are(
    cli: Cli, third_party_models: Path, labels_file: Path, model: Path
) -> None:
    for path, values in (
        (model, "probabilities"),
        (third_party_models / "int8-logits.tflite", "logits"),
    ):
        facts = facts_of(cli.here("info", path, "--labels", labels_file).stdout)
        assert facts["output.values"] == values


def test_info_of_a_model_with_1001_classes(cli: Cli, third_party_models: Path) -> None:
    (cli.folder / "labels.txt").write_text("\n".join(map(str, range(1001))), encoding="utf-8")
    result = cli.here(
        "info", third_party_models / "imagenet.tflite", "--labels", "labels.txt", "--json"
    )
    facts = json.loads(result.stdout)
    assert len(facts["labels"]) == 1001
    assert (facts["input"]["scale"], facts["input"]["zero_point"]) == (1 / 128, 128)
    assert (facts["output"]["scale"], facts["output"]["zero_point"]) == (1 / 256, 0)


@pytest.mark.parametrize("name", ["gone.tflite", "."])
def test_info_of_no_model_is_one_clear_line(cli: Cli, name: str) -> None:
    assert_one_clear_line(cli.refused("info", name), f"{name}: ")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize("command", ["info", "doctor"])
def test_a_full_disk_under_stdout_is_one_clear_line(cli: Cli, model: Path, command: str) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "edgetl", command, model],
            cwd=cli.folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert (process.returncode, process.stderr) == (1, "edgetl: stdout: no space left on device\n")
