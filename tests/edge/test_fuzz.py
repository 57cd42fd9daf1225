"""No damage to a model file crashes or hangs us: it classifies, or it is clearly refused."""

import collections
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.third_party import LABELS

DRIVER = Path(__file__).with_name("fuzz.py")


def outcomes(kind: str, model: Path, labels: tuple[str, ...], count: int) -> dict[str, int]:
    """How often each outcome came, of damages 0 to `count`; anything but the two allowed fails."""
    lines: list[str] = []
    failures: list[str] = []
    while len(lines) < count:
        rest = [str(len(lines)), str(count - len(lines)), *labels]
        run = subprocess.run(
            [sys.executable, DRIVER, model, *rest], capture_output=True, text=True, check=False
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
    print(kind, dict(counts))
    return counts


def third_party_outcomes(models: Path, count: int) -> dict[str, int]:
    total: collections.Counter[str] = collections.Counter()
    for name, labels in (
        ("described", ()),
        ("wide-uint8-described", LABELS),
        ("uint8", LABELS),
        ("int8-logits", LABELS),
    ):
        total.update(outcomes(name, models / f"{name}.tflite", labels, count // 4))
    return total


@pytest.mark.slow
def test_a_damaged_export_is_refused_or_classifies(tiny_export: bytes, tmp_path: Path) -> None:
    model = tmp_path / "ours.tflite"
    model.write_bytes(tiny_export)
    counts = outcomes("ours", model, (), 2000)
    # What is left whole is the archive's dates and the like.
    assert counts["refused"] > 1500


@pytest.mark.slow
def test_a_damaged_third_party_model_is_refused_or_classifies(third_party_models: Path) -> None:
    counts = third_party_outcomes(third_party_models, 100)
    assert counts["classified"] > 5
    assert counts["refused"] > 50


@pytest.mark.by_hand
@pytest.mark.timeout(7200)
def test_two_thousand_damaged_third_party_models_are_refused_or_classify(
    third_party_models: Path,
) -> None:
    counts = third_party_outcomes(third_party_models, 2000)
    assert counts["classified"] > 100
