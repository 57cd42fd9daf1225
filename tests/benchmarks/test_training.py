"""The statistics by hand-worked cases; the notebook and the comparison as real processes."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from edgetl.benchmarks.dev.processes import Ended, last_line
from edgetl.benchmarks.dev.training_plan import Variant, changed_recipe, check_layout
from edgetl.benchmarks.dev.training_summary import (
    Comparison,
    Figures,
    Outcome,
    Spread,
    comparison_table,
    description,
    read_outcome,
    spread,
    stage_order,
    summarize,
)
from edgetl.edge.errors import DataError, SettingError
from tests.benchmarks.made import machine
from tests.conftest import write_colour_pictures

SMALL = ("--image-size", "48", "--batch-size", "4", "--head-epochs", "1", "--epochs", "2")


@pytest.fixture(scope="session")
def split_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two colours in train/ and validation/: 24 pictures to train on and 24 held out."""
    return write_split(tmp_path_factory.mktemp("split") / "data", ["blue", "red"], 12)


def write_split(data: Path, classes: list[str], count: int) -> Path:
    """`count` JPEGs a class in train/ and as many others in validation/: copies would not count."""
    write_colour_pictures(data / "train", classes, 2 * count)
    for label in classes:
        (data / "validation" / label).mkdir(parents=True)
        for path in sorted((data / "train" / label).iterdir())[count:]:
            path.rename(data / "validation" / label / path.name)
    return data


def run_module(
    module: str, *arguments: str | Path, folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def outcome(variant: str, seed: int, wall: float, accuracy: float, **changed: object) -> Outcome:
    made = Outcome(
        variant=variant,
        seed=seed,
        wall_seconds=wall,
        peak_bytes=10**9,
        stages={"head": wall - 2.0, "outside_stages": 2.0},
        validation=Figures(accuracy, 0.1, 80),
        test=Figures(0.9, 0.2, 20),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def test_a_spread_has_the_sample_standard_deviation() -> None:
    # Mean 0.5; squares of the distances 0.01 + 0 + 0.01, over 2, root 0.1.
    found = spread([0.4, 0.6, 0.5])
    assert (found.lowest, found.highest) == (0.4, 0.6)
    assert found.mean == pytest.approx(0.5)
    assert found.deviation == pytest.approx(0.1)
    assert spread([0.7]) == Spread(0.7, None, 0.7, 0.7)


def test_held_out_accuracy_weighs_parts_by_their_pictures() -> None:
    # 76 of 80 and 18 of 20.
    assert outcome("a", 0, 10, 0.95).held_out == pytest.approx(0.94)
    assert outcome("a", 0, 10, 0.95, test=None).held_out == pytest.approx(0.95)


def test_stages_follow_one_another() -> None:
    names = {"outside_stages", "evaluate", "polish", "head", "load"}
    assert stage_order(names) == ["load", "head", "evaluate", "polish", "outside_stages"]


def test_variants_are_compared_with_the_first_seed_by_seed() -> None:
    # The machine was twice as slow for seed 1. Median of ratios 6, 4, 7; of the seconds it is 6.5.
    outcomes = [
        outcome("slow", 0, 60, 0.980),
        outcome("fast", 0, 10, 0.979),
        outcome("slow", 1, 120, 0.970),
        outcome("fast", 1, 30, 0.975, peak_bytes=3 * 10**9),
        outcome("slow", 2, 70, 0.975),
        outcome("fast", 2, 10, 0.965, stages={"decode": 3.0, "head": 5.0, "outside_stages": 2.0}),
        outcome("fast", 3, 1, 0.5),
    ]
    slow, fast = summarize(outcomes, ["slow", "fast", "never"])
    assert (slow.seeds, slow.wall_seconds, slow.times_faster) == ([0, 1, 2], 70, 1.0)
    assert slow.percentage_points == 0
    assert slow.stages == {"head": 68, "outside_stages": 2}
    assert (fast.seeds, fast.wall_seconds) == ([0, 1, 2, 3], 10)
    assert fast.times_faster == 6.0
    # -0.1, +0.5 and -1.0 percentage points.
    assert fast.percentage_points == pytest.approx(-0.2)
    # A stage that an outcome does not have took no time there: 8, 28, 5 and -1; 0, 0, 3 and 0.
    assert fast.stages == {"decode": 0, "head": 6.5, "outside_stages": 2}
    assert fast.peak_bytes == 3 * 10**9
    assert fast.test is not None
    assert fast.test.mean == pytest.approx(0.9)


def test_a_variant_is_summarized_where_the_first_has_failed() -> None:
    (fast,) = summarize([outcome("fast", 0, 10, 0.9, test=None)], ["slow", "fast"])
    assert (fast.times_faster, fast.percentage_points, fast.test) == (None, None, None)


def test_outcomes_are_read_from_either_file() -> None:
    part = {"accuracy": 0.5, "loss": 0.7, "pictures": 8, "more": 1}
    notebook = {
        "seconds": {"load": 1.0, "head": 2.5, "total": 3.5},
        "validation": part,
        "test": None,
    }
    found = read_outcome(notebook, Variant.notebook, 4, Ended(0, 5.0, 7))
    assert found == Outcome(
        "notebook", 4, 5.0, 7, {"load": 1.0, "head": 2.5, "outside_stages": 1.5},
        Figures(0.5, 0.7, 8), None,
    )  # fmt: skip
    run = {"splits": {"validation": part, "test": part, "train": part}, "seconds": {"decode": 0}}
    found = read_outcome(run, Variant.reuse, 0, Ended(0, 2.0, 7))
    assert found.stages == {"outside_stages": 2.0}
    assert found.test == Figures(0.5, 0.7, 8)


def test_the_last_line_that_says_something() -> None:
    assert last_line("first\nedgetl: why\n \n") == "edgetl: why"
    assert last_line("\n") == "nothing on stderr"


def test_the_table_has_a_column_for_each_variant() -> None:
    outcomes = [
        outcome("notebook", 0, 60, 0.98),
        outcome("notebook", 1, 60, 0.97),
        outcome("reuse", 0, 10, 0.985, test=None),
    ]
    variants = ["notebook", "reuse"]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(comparison_table(summarize(outcomes, variants), "notebook"))
    rows = [line.split("  ") for line in console.export_text().splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    for row in (
        ["notebook", "reuse"],
        ["seeds", "0, 1", "0"],
        ["head, s", "58.0", "8.0"],
        ["in all, s", "60.0", "10.0"],
        ["faster than notebook", "1.00x", "6.00x"],
        ["validation accuracy", "97.50% ± 0.71%", "98.50%"],
        ["range", "97.00%..98.00%", "98.50%..98.50%"],
        ["over notebook", "+0.00 pp", "+0.50 pp"],
        ["test accuracy", "90.00% ± 0.00%", "-"],
        ["peak memory", "1.00 GB", "1.00 GB"],
    ):
        assert row in cells


def test_the_description_says_what_was_measured_on_what() -> None:
    quick = machine(cpu="Quick CPU", versions={"tensorflow": "2.21.0"})
    compared = Comparison(quick, {"train": 200, "validation": 100})
    compared.outcomes.append(outcome("notebook", 0, 60, 0.98))
    words = description(compared)
    for part in ("200 pictures in train/", "notebook 80 + 20", "Quick CPU, 4 cores", "load 0.25",
                 "tensorflow 2.21.0"):  # fmt: skip
        assert part in words


def test_settings_are_checked_before_anything_is_trained() -> None:
    recipe = changed_recipe("reference", image_size=96, epochs=12, head_epochs=None)
    assert (recipe.height, recipe.width, recipe.epochs, recipe.head_epochs) == (96, 96, 12, 10)
    with pytest.raises(SettingError, match="--head-epochs 10 is more than the 3 epochs"):
        changed_recipe("reference", epochs=3)


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        ([], "no such file or directory"),
        (["."], "has not train/ and validation/ alone"),
        (["train"], "has not train/ and validation/ alone"),
        (["train", "val"], "has not train/ and validation/ alone"),
        (["train", "validation", "test"], "has not train/ and validation/ alone"),
    ],
)
def test_a_folder_that_is_laid_out_otherwise_is_refused(
    tmp_path: Path, folders: list[str], words: str
) -> None:
    for folder in folders:
        write_colour_pictures(tmp_path / "data" / folder, ["blue", "red"], 2)
    with pytest.raises(DataError, match=f"data: .*{words}") as error:
        check_layout(tmp_path / "data")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "module", ["edgetl.benchmarks.dev.training", "edgetl.benchmarks.dev.notebook"]
)
def test_a_folder_that_is_laid_out_otherwise_is_one_clear_line(tmp_path: Path, module: str) -> None:
    write_colour_pictures(tmp_path / "data" / "train", ["blue", "red"], 2)
    out = ["--out", "figures.json"] if module == "edgetl.benchmarks.dev.notebook" else []
    result = run_module(module, "data", *out, folder=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("edgetl: data: has not train/ and validation/ alone")


def test_a_class_without_validation_pictures_is_named(tmp_path: Path) -> None:
    write_colour_pictures(tmp_path / "train", ["blue", "red"], 2)
    write_colour_pictures(tmp_path / "validation", ["blue"], 2)
    with pytest.raises(DataError, match="'red' has no pictures in validation/"):
        check_layout(tmp_path)


def test_figures_that_could_not_be_written_are_found_out_first(
    tmp_path: Path, split_data: Path
) -> None:
    result = run_module(
        "edgetl.benchmarks.dev.training", split_data, "--json", "no/f.json", folder=tmp_path
    )
    assert result.returncode == 2
    assert result.stderr == "edgetl: no/f.json: cannot be written: no such file or directory\n"


def test_the_notebook_never_mixes_validation_and_test_pictures(split_data: Path) -> None:
    from edgetl.benchmarks.dev.notebook import load_parts

    recipe = changed_recipe("reference", image_size=32, batch_size=4, seed=3)
    parts = load_parts(split_data, ("blue", "red"), recipe)
    assert parts.test is not None
    assert (parts.train.pictures, parts.validation.pictures, parts.test.pictures) == (24, 20, 4)

    def seen(part: object) -> list[tuple[int, bytes]]:
        return [
            (int(label), pixels.tobytes())
            for batch, labels in part.batches.as_numpy_iterator()  # type: ignore[attr-defined]
            for pixels, label in zip(batch, labels, strict=True)
        ]

    first, second = seen(parts.validation), seen(parts.validation)
    assert first != second
    assert set(first) == set(second)
    tested = seen(parts.test)
    assert set(tested) == set(seen(parts.test))
    assert len(set(first) | set(tested)) == 24
    assert np.bincount([label for label, _ in first + tested]).tolist() == [12, 12]


def check_notebook(written: dict[str, object], *, validation: int, test: int | None) -> None:
    """The figures of a notebook that was trained for one epoch a phase."""
    seconds = written["seconds"]
    assert list(seconds) == ["load", "head", "fine_tune", "evaluate", "total"]
    stages = [seconds[name] for name in ("load", "head", "fine_tune", "evaluate")]
    assert min(stages) > 0
    assert sum(stages) == pytest.approx(seconds["total"], abs=0.05)
    assert written["validation"]["pictures"] == validation
    assert (written["test"] and written["test"]["pictures"]) == test
    history = written["history"]
    assert [(row["phase"], row["epoch"]) for row in history] == [("head", 1), ("fine_tune", 2)]
    for row in history:
        assert np.isfinite([row["loss"], row["val_loss"]]).all()
    # Evaluated with the best epoch's weights, on the very pictures of its validation.
    best = min(history, key=lambda row: row["val_loss"])
    assert written["validation"]["loss"] == pytest.approx(best["val_loss"], abs=1e-4)
    assert written["validation"]["accuracy"] == pytest.approx(best["val_accuracy"])


@pytest.mark.slow
def test_the_notebook_trains_both_phases(tmp_path: Path, split_data: Path) -> None:
    result = run_module(
        "edgetl.benchmarks.dev.notebook", split_data, "--out", "out.json", *SMALL, folder=tmp_path
    )
    assert result.returncode == 0, result.stderr
    written = json.loads((tmp_path / "out.json").read_text())
    check_notebook(written, validation=20, test=4)


@pytest.mark.slow
def test_the_notebook_takes_more_classes_and_few_pictures(tmp_path: Path) -> None:
    data = write_split(tmp_path / "data", ["blue", "green", "red"], 4)
    options = ("--out", "out.json", *SMALL)
    result = run_module("edgetl.benchmarks.dev.notebook", data, *options, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    # Three batches have no fifth that would be a batch.
    written = json.loads((tmp_path / "out.json").read_text())
    check_notebook(written, validation=12, test=None)


@pytest.mark.slow
def test_a_picture_that_tensorflow_cannot_read_fails_the_notebook_and_no_other(
    tmp_path: Path,
) -> None:
    data = write_split(tmp_path / "data", ["blue", "red"], 10)
    (data / "train" / "red" / "red-00.jpg").write_text("no picture")
    options = ("--seeds", "1", "--variant", "notebook", "--variant", "reuse", *SMALL)
    result = run_module("edgetl.benchmarks.dev.training", data, *options, folder=tmp_path)
    assert result.returncode == 1
    assert "notebook, seed 0: failed with status 2: edgetl: " in result.stderr
    assert "TensorFlow cannot read a picture" in result.stderr
    assert "Traceback" not in result.stderr
    assert "reuse" in result.stdout


@pytest.mark.slow
def test_variants_are_compared_in_processes_of_their_own(tmp_path: Path, split_data: Path) -> None:
    result = run_module(
        "edgetl.benchmarks.dev.training", split_data, "--seeds", "1", "--variant", "notebook",
        "--variant", "reuse",
        "--json", "out.json", *SMALL, folder=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "faster than notebook" in result.stdout
    written = json.loads((tmp_path / "out.json").read_text())
    assert [found["variant"] for found in written["outcomes"]] == ["notebook", "reuse"]
    for found in written["outcomes"]:
        held_out = found["validation"]["pictures"] + found["test"]["pictures"]
        assert held_out == 24
        assert sum(found["stages"].values()) == pytest.approx(found["wall_seconds"], abs=0.1)
        assert 2e8 < found["peak_bytes"] < 2e10
    assert "activations" in written["outcomes"][1]["stages"]
    # Nothing is left beside the figures that were asked for.
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


@pytest.mark.slow
def test_an_interruption_keeps_what_has_finished(tmp_path: Path, split_data: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "edgetl.benchmarks.dev.training",
        str(split_data),
        "--variant",
        "notebook",
    ]
    with subprocess.Popen(
        [*command, *SMALL], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = ""
        while not line.startswith("notebook, seed 0: "):
            line = process.stderr.readline()
            assert line, "ended before the first training did"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "interrupted; what has finished is kept\n"
    assert "validation accuracy" in output
