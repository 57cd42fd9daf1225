import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.benchmarks.dev.baselines import command, find_jpegs, measure
from edgetl.benchmarks.dev.mediapipe_environment import mediapipe_python
from edgetl.benchmarks.dev.processes import peak_bytes, seconds_to_first_line
from edgetl.edge.errors import DataError, EdgetlError
from tests.conftest import COLOURS, write_colour_pictures


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of the model's own size: how the variants resize is not what they are tested for."""
    folder = tmp_path_factory.mktemp("photos")
    return find_jpegs(write_colour_pictures(folder, ["blue", "red"], 3, size=(64, 64)), 6)


def test_pictures_are_taken_evenly_from_all(tmp_path: Path) -> None:
    write_colour_pictures(tmp_path, sorted(COLOURS), 4)
    (tmp_path / "notes.txt").write_text("no picture")
    assert [path.parent.name for path in find_jpegs(tmp_path, 5)] == sorted(COLOURS)
    assert len(find_jpegs(tmp_path, 100)) == 20
    assert len(set(find_jpegs(tmp_path, 13))) == 13


def test_a_missing_model_is_said_before_pictures_are_drawn(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(EdgetlError, match=r"gone\.tflite: no such file"):
        command(tmp_path / "gone.tflite")
    assert capfd.readouterr() == ("", "")


def test_a_folder_without_pictures_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no JPEG files"):
        find_jpegs(tmp_path, 5)
    with pytest.raises(DataError, match=r"gone: is not a folder"):
        find_jpegs(tmp_path / "gone", 5)


def test_a_process_is_timed_to_its_first_line_and_weighed_at_its_peak() -> None:
    code = "held = bytearray(300_000_000); print(len(held))"
    assert 0 < seconds_to_first_line([sys.executable, "-c", "print(1)"]) < 60
    light, heavy = (peak_bytes([sys.executable, "-c", c]) for c in ("print(1)", code))
    assert 250_000_000 < heavy - light < 350_000_000
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        seconds_to_first_line([sys.executable, "-c", "raise SystemExit(3)"])


def test_edgetl_and_the_bare_loop_give_the_same_classes(
    int8_model: Path, photos: list[Path]
) -> None:
    report = measure(
        int8_model, photos, data="colours", rounds=2, start_rounds=1, peak_rounds=1,
        variants=("edgetl", "edgetl-folder", "bare"),
    )  # fmt: skip
    ours, folder, bare = report.baselines
    assert (report.model, report.pictures, report.rounds) == ("model.int8.tflite", 6, 2)
    assert ours.threads == folder.threads == bare.threads
    assert bare.as_ours == folder.as_ours == ours.as_ours == 1.0
    assert ours.milliseconds.ratio == 1.0
    for baseline in report.baselines:
        assert len(baseline.milliseconds.rounds) == 2
        assert min(baseline.milliseconds.value, baseline.start_seconds.value) > 0
        assert baseline.peak_bytes.value > 20_000_000
        assert (
            baseline.milliseconds.low <= baseline.milliseconds.ratio <= baseline.milliseconds.high
        )


def test_a_variant_that_cannot_is_one_clear_line(int8_model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(
        EdgetlError, match=r"^edgetl, one by one: cannot classify with this model: .*Error"
    ):
        measure(int8_model, [broken], data="", rounds=1, variants=("edgetl",))


def test_an_environment_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgetlError, match="file: cannot be made: "):
        mediapipe_python(tmp_path / "file")


@pytest.mark.parametrize(
    "model",
    [
        pytest.param("float_model", marks=pytest.mark.slow),
        pytest.param("int8_model", marks=pytest.mark.by_hand),
    ],
)
def test_mediapipe_gives_our_classes(
    model: str, photos: list[Path], mediapipe_environment: Path, request: pytest.FixtureRequest
) -> None:
    report = measure(
        request.getfixturevalue(model), photos, data="", rounds=1, start_rounds=1, peak_rounds=1,
        environment=mediapipe_environment,
    )  # fmt: skip
    assert [baseline.threads is None for baseline in report.baselines] == [False] * 3 + [True] * 2
    assert [baseline.as_ours for baseline in report.baselines] == [1.0] * 5


@pytest.mark.slow
def test_the_command_prints_json(int8_model: Path, mediapipe_environment: Path) -> None:
    result = subprocess.run(
        [
            *(sys.executable, "-m", "edgetl.benchmarks.dev.baselines", str(int8_model), "--json"),
            *("--pictures", "3", "--rounds", "1"),
        ],
        cwd=mediapipe_environment.parent, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["data"] == "demo pictures"
    assert len(report["baselines"]) == 5
