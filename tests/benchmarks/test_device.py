"""The device benchmark on a tiny model: its figures are those of real runs, its ratios right."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.benchmarks.dev.device import (
    by_threads,
    camera_frame,
    first_result,
    folder,
    help_text,
    memory,
    write_photos,
)
from edgetl.benchmarks.dev.frame_age import frame_ages
from edgetl.benchmarks.dev.loopback_camera import frame_picture, read_frame


@pytest.fixture
def model(tmp_path: Path, tiny_export: bytes) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_export)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    (tmp_path / "photos").mkdir()
    return write_photos(tmp_path / "photos", count=3, size=(400, 300))


def test_a_frame_carries_its_number_and_time() -> None:
    for number, sent in ((0, 0.0), (1, 123.456), (54_321, 9_999_999.999)):
        assert read_frame(frame_picture(number, sent)) == (number, pytest.approx(sent))


@pytest.mark.slow
def test_speeds_are_measured_beside_their_lower_bound(model: Path, photos: list[Path]) -> None:
    for point in (
        camera_frame(model, rounds=3, calls=2),
        folder(model, photos, rounds=3),
        first_result(model, photos[0], rounds=1),
        help_text(rounds=1),
        memory(model, photos, rounds=1),
    ):
        assert point.ours > 0
        assert point.lower_bound > 0
        assert point.ratio > 0
        assert point.criterion
        assert isinstance(point.met, bool)
    assert 10 < memory(model, photos, rounds=1).lower_bound < 1000  # MB
    assert by_threads(model, rounds=1)[1] > 0


@pytest.mark.slow
def test_a_plain_loop_falls_behind_and_ours_does_not(model: Path) -> None:
    ours, plain = frame_ages(model, seconds=4)
    assert ours.frames > 20
    assert 95 < ours.median < ours.p95
    assert ours.p95 < plain.p95
    assert plain.p95_second_half > plain.p95_first_half + 200


@pytest.mark.slow
def test_the_command_prints_json(model: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "edgetl.benchmarks.dev.device", "--model", str(model),
         "--pictures", "2", "--minutes", "0.05", "--json"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode in (0, 1), result.stderr
    report = json.loads(result.stdout)
    assert len(report["points"]) == 5
    assert [age["reader"] for age in report["ages"]] == ["edgetl", "plain cv2 read loop"]


def test_a_missing_model_is_one_clear_line(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "edgetl.benchmarks.dev.device",
         "--model", str(tmp_path / "gone.tflite")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.endswith("gone.tflite: no such file or directory")
