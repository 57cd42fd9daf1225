"""A benchmark from Python, and what keeps its options and its parts light and apart."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.benchmarks import BenchmarkOptions, benchmark
from edgetl.edge.errors import SettingError
from tests.conftest import Cli, write_colour_pictures
from tests.edge.test_imports import imported, parsed
from tests.third_party import LABELS

ROOT = Path(__file__).parents[2]


def test_a_benchmark_is_one_call(
    tmp_path: Path,
    tiny_export: bytes,
) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "model.tiny.tflite").write_bytes(tiny_export)
    data = write_colour_pictures(tmp_path / "photos", list(LABELS), 2)
    options = BenchmarkOptions(
        (tmp_path / "model.tiny.tflite",), data=data, runtime=("litert",), threads=(1, 2), rounds=2,
        pictures=3, report=tmp_path / "page",
    )  # fmt: skip
    outcome = benchmark(options)
    measured = outcome.measured
    assert [(case.name, case.threads) for case in measured.cases] == [("tiny", 1), ("tiny", 2)]
    assert (measured.rounds, len(measured.targets)) == (2, 3)
    assert (tmp_path / "page" / "index.html").exists()
    assert outcome.errors == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rounds": 0}, "--rounds 0 is not 1 or more"),
        ({"pictures": -5}, "--pictures -5 is not 1 or more"),
        ({"threads": (2, 257)}, "--threads 257 is not between 1 and 256"),
        ({"runtime": ("onnx",)}, "--runtime 'onnx' is not one of litert, tflite-runtime"),
        ({"rounds": 1.5}, "--rounds 1.5 is not a whole number"),
    ],
)
def test_options_are_checked_when_they_are_made(given: dict[str, object], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        BenchmarkOptions(**given)  # type: ignore[arg-type]


def test_options_import_nothing_heavy() -> None:
    code = "import sys, edgetl.benchmarks.options; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    loaded = set(result.stdout.split())
    assert "edgetl.benchmarks.options" in loaded
    assert not loaded & {"numpy", "cv2", "PIL", "rich", "typer", "edgetl.benchmarks.measure"}


def test_help_fits_a_screen(cli: Cli) -> None:
    lines = cli.here("benchmark", "--help", COLUMNS="80").stdout.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    assert "Example: edgetl benchmark" in lines[-1]
    shown = cli.here("benchmark", "--help-all").stdout
    for setting in BenchmarkOptions.settings():
        assert setting.shown_name in shown


@pytest.mark.parametrize("package", ["edge", "trainer", "benchmarks", "deploy", "edgetl"])
def test_what_is_installed_does_not_import_what_is_not(package: str) -> None:
    """benchmarks/dev is not in the wheel."""
    for path in (ROOT / package).rglob("*.py"):
        if path.relative_to(ROOT).parts[:2] != ("benchmarks", "dev"):
            assert "edgetl.benchmarks.dev" not in imported(parsed(path)), path


@pytest.mark.parametrize("package", ["benchmarks.dev", "edgetl.benchmarks.dev"])
@pytest.mark.parametrize("tool", ["device", "training", "baselines", "notebook"])
def test_tools_of_the_checkout_run_under_both_names(package: str, tool: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", f"{package}.{tool}", "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "Usage:" in result.stdout
