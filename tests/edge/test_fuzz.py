"""No damage to a model file crashes or hangs us: it classifies, or it is clearly refused."""

import collections
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.edge.model.runtime import installed_runtimes
from tests.third_party import LABELS

DRIVER = Path(__file__).with_name("fuzz.py")


def outcomes(
    kind: str, model: Path, labels: tuple[str, ...], count: int, runtime: str = "litert"
) -> dict[str, int]:
    """How often each outcome came, of damages 0 to `count`; anything but the two allowed fails."""
    lines: list[str] = []
    failures: list[str] = []
    while len(lines) < count:
        rest = [str(len(lines)), str(count - len(lines)), *labels]
        run = subprocess.run(
            [sys.executable, DRIVER, model, runtime, *rest],
            capture_output=True,
            text=True,
            check=False,
        )
        lines += run.stdout.splitlines()
        if run.returncode:
            ending = signal.Signals(-run.returncode).name if run.returncode < 0 else "an error"
            failures.append(f"{kind} number {len(lines)} ended by {ending}:\n{run.stderr[-2000:]}")
            lines.append(f"{len(lines)} ended by {ending}")
    unclear = ("UNCLEAR", "UNEXPECTED", "NO PROBABILITIES")
    assert [int(line.split()[0]) for line in lines] == list(range(count))
    for number, line in enumerate(lines):
        if line.split(maxsplit=1)[1].startswith(unclear):
            failures.append(f"{kind} number {line}")
        lines[number] = "classified" if line.endswith(" classified") else "refused"
        if "crashes" in line or "does not finish" in line:
            lines[number] = "refused by the load check"
    assert not failures, "\n".join(failures)
    counts = collections.Counter(lines)
    print(kind, runtime, dict(counts), run.stderr.splitlines()[-1:])
    return counts


def third_party_outcomes(models: Path, count: int, runtime: str = "litert") -> dict[str, int]:
    total: collections.Counter[str] = collections.Counter()
    for name, labels in (
        ("described", ()),
        ("wide-uint8-described", LABELS),
        ("uint8", LABELS),
        ("int8-logits", LABELS),
    ):
        total.update(outcomes(name, models / f"{name}.tflite", labels, count // 4, runtime))
    return total


RUNTIMES = [runtime.name for runtime in installed_runtimes()]


def ours_outcomes(export: bytes, folder: Path, count: int, runtime: str) -> dict[str, int]:
    model = folder / "ours.tflite"
    model.write_bytes(export)
    return outcomes("ours", model, (), count, runtime)


def test_of_damaged_files_none_crashes_or_hangs(
    tiny_export: bytes, third_party_models: Path, tmp_path: Path
) -> None:
    for runtime in RUNTIMES:
        ours_outcomes(tiny_export, tmp_path, 6, runtime)
        outcomes("uint8", third_party_models / "uint8.tflite", LABELS, 3, runtime)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_damaged_export_is_refused_or_classifies(
    tiny_export: bytes, tmp_path: Path, runtime: str
) -> None:
    counts = ours_outcomes(tiny_export, tmp_path, 150, runtime)
    # What is left whole is the archive's dates and the like.
    assert counts["classified"] > 5
    assert counts["refused"] > 50


@pytest.mark.slow
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_damaged_third_party_model_is_refused_or_classifies(
    third_party_models: Path, runtime: str
) -> None:
    counts = third_party_outcomes(third_party_models, 100, runtime)
    assert counts["classified"] > 5
    assert counts["refused"] > 50


@pytest.mark.by_hand
@pytest.mark.timeout(14_400)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_two_thousand_damaged_models_of_each_origin_are_refused_or_classify(
    third_party_models: Path, tiny_export: bytes, tmp_path: Path, runtime: str
) -> None:
    for counts in (
        third_party_outcomes(third_party_models, 2000, runtime),
        ours_outcomes(tiny_export, tmp_path, 2000, runtime),
    ):
        assert counts["classified"] > 100
