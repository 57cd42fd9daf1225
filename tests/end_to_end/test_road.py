"""The whole road, through the real command."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge import Classifier
from edgetl.edge.model.preprocessing import model_input
from edgetl.trainer.data.picture_cache import decode_pictures
from tests.conftest import Cli, assert_one_clear_line, small_run, write_colour_pictures

README = Path(__file__).parents[2] / "README.md"


def readme_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_training_and_classify_see_the_same_pixels(
    reference_data: Path, two_class_run: Path, tmp_path: Path
) -> None:
    paths = sorted(reference_data.glob("validation/*/*.jpg"))[::25]
    input_size = Classifier(two_class_run / "exports" / "model.int8.tflite").model.input_size
    trained_on = decode_pictures(paths, input_size, cache=tmp_path).pixels
    for pixels, path in zip(trained_on, paths, strict=True):
        assert pixels.tobytes() == model_input(path, input_size).tobytes()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run(
    cli: Cli, two_class_data: Path, two_class_run: Path
) -> None:
    again = cli.folder / "again"
    cli("train", two_class_data, "--out", again, *small_run())
    first = json.loads((two_class_run / "history.json").read_text())["epochs"]
    second = json.loads((again / "history.json").read_text())["epochs"]
    for old, new in zip(first, second, strict=True):
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert new[name] == pytest.approx(old[name], abs=1e-6)
    for name in ("split.json", "labels.txt"):
        assert (again / name).read_bytes() == (two_class_run / name).read_bytes()


@pytest.mark.slow
def test_stdout_holds_results_and_exports_repeat_to_the_byte(cli: Cli, two_class_run: Path) -> None:
    shutil.copytree(two_class_run, cli.folder / "run", ignore=lambda *_: ["exports"])
    result = cli("export", "run", "--quantize", "int8", "--json")
    (row,) = json.loads(result.stdout)
    assert row["path"] == "run/exports/model.int8.tflite"
    assert row["checks"][0]["parity"]["pictures"] == 4
    exported = (cli.folder / row["path"]).read_bytes()
    assert exported == (two_class_run / "exports" / "model.int8.tflite").read_bytes()
    result = cli("benchmark", "run", "--rounds", "2", "--runtime", "litert", "--json")
    keras, int8 = json.loads(result.stdout)["rows"]
    assert (keras["name"], int8["name"]) == ("Keras", "int8")
    assert int8["quality"]["agreement"] > 0.5
    assert int8["invoke"]["p50"] > 0
    assert int8["bytes"] == row["bytes"]


def test_benchmark_without_exports_says_what_to_do(cli: Cli, two_class_run: Path) -> None:
    shutil.copytree(two_class_run, cli.folder / "run", ignore=lambda *_: ["exports"])
    assert_one_clear_line(cli("benchmark", "run", check=2), "nothing exported yet", "edgetl export")


@pytest.mark.slow
def test_the_three_lines_work_in_one_folder_without_options(cli: Cli) -> None:
    write_colour_pictures(cli.folder / "data", ["blue", "red"], 16)
    assert cli("train").stdout.startswith("runs/")
    assert "model.int8.tflite" in cli("export", "--quantize", "int8").stdout
    if Path("/dev/video0").exists():
        pytest.skip("there is a camera here; the last line would run on")
    assert_one_clear_line(cli("classify", "--camera", "0", check=2), "camera 0")
    result = cli("classify", "data/red", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["label_1"] for row in rows] == ["red"] * 16


@pytest.mark.slow
def test_every_command_and_example_in_the_readme_runs(cli: Cli) -> None:
    write_colour_pictures(cli.folder / "photos", ["blue", "red"], 16)
    shutil.copy(cli.folder / "photos" / "red" / "red-00.jpg", cli.folder / "photo.jpg")
    lines = [
        line.split("#")[0].strip()
        for block in readme_blocks("bash")[2:]
        for line in block.splitlines()
        if line.startswith("edgetl ")
    ]
    assert len(lines) >= 6
    for line in lines:
        if line == "edgetl benchmark":
            line += " --rounds 2"  # fifteen take a minute more and show no more
        expected = 2 if "--camera" in line and not Path("/dev/video0").exists() else 0
        cli(*line.split()[1:], check=expected)
    shutil.copy(cli.folder / "runs/latest/exports/model.int8.tflite", cli.folder / "model.tflite")
    (example,) = readme_blocks("python")
    script = cli.folder / "example.py"
    script.write_text(example)
    done = subprocess.run(
        [sys.executable, script], cwd=cli.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("red ")


@pytest.mark.slow
def test_a_few_hundred_reference_pictures_reach_a_good_model(
    cli: Cli, reference_data: Path
) -> None:
    for split, count in (("train", 200), ("validation", 100)):
        for label in ("cats", "dogs"):
            folder = cli.folder / "data" / split / label
            folder.mkdir(parents=True)
            for path in sorted((reference_data / split / label).iterdir())[:count]:
                (folder / path.name).symlink_to(path)
    options = ("--out", "run", "--epochs", "5", "--head-epochs", "4", "--head-lr", "0.001",
               "--hold-out")  # fmt: skip
    cli.here("train", "data", *options)
    metrics = json.loads((cli.folder / "run" / "metrics.json").read_text())
    assert metrics["splits"]["validation"]["accuracy"] >= 0.93
    result = cli.here("export", "run", "--quantize", "none", "--quantize", "int8", "--json")
    float32, int8 = json.loads(result.stdout)
    exact, near = float32["checks"][0]["parity"], int8["checks"][0]["parity"]
    assert exact["agreement"] == 1.0
    assert exact["largest_difference"] < 1e-3
    # Of it 0.18 MB are for "unknown" and 0.13 for the sample that `edgetl teach` goes on from.
    assert int8["bytes"] <= 3_100_000
    assert np.isclose(near["accuracy"], near["keras_accuracy"], atol=0.05)
