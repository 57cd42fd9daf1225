"""A video plays at its own rate where somebody may watch it, and else as fast as it can be read."""

import time
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.edge.conftest import frame_picture, write_video


@pytest.mark.parametrize("arguments", [["clip.avi"], ["--camera", "clip.avi"]], ids=str)
def test_a_video_with_preview_takes_as_long_as_it_plays(
    cli: Cli, third_party_models: Path, arguments: list[str]
) -> None:
    write_video(cli.folder / "clip.avi", map(frame_picture, range(20)), fps=10)
    options = ["--preview", "127.0.0.1:0", "--model", third_party_models / "described.tflite"]
    began = time.monotonic()
    result = cli("classify", *arguments, *options)
    assert time.monotonic() - began >= 1.9
    assert len(result.stdout.splitlines()) == 20


@pytest.mark.parametrize(
    "options", [["--preview", "127.0.0.1:0", "--fast"], []], ids=["fast", "no preview"]
)
@pytest.mark.parametrize("arguments", [["clip.avi"], ["--camera", "clip.avi"]], ids=str)
def test_a_video_that_nobody_watches_or_that_is_to_be_fast_does_not(
    cli: Cli, model: Path, arguments: list[str], options: list[str]
) -> None:
    # Ten minutes long.
    write_video(cli.folder / "clip.avi", map(frame_picture, range(600)), fps=1)
    began = time.monotonic()
    result = cli("classify", *arguments, *options, "--model", model)
    assert time.monotonic() - began < 300
    assert len(result.stdout.splitlines()) == 600
