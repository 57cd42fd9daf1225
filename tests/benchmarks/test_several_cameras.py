"""The benchmark of several cameras on a tiny model: each keeps its rate, and no frame grows old."""

from pathlib import Path

import pytest

from edgetl.benchmarks.dev.several_cameras import measure


@pytest.mark.slow
def test_two_cameras_keep_their_rates_and_frames_do_not_grow_old(
    tmp_path: Path, tiny_export: bytes
) -> None:
    model = tmp_path / "tiny.tflite"
    model.write_bytes(tiny_export)
    for one in measure(model, cameras=2, seconds=8):
        assert one.a_second > 0.8 * one.sent_a_second
        assert one.age < 100
        assert one.age_p95_second_half < one.age_p95_first_half + 100
    for one in measure(model, cameras=2, seconds=6, slowed=100):
        assert 3 < one.a_second < 6
        assert one.age < 300
        assert one.age_p95_second_half < one.age_p95_first_half + 100
