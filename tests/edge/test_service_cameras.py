"""`edgetl service install` with several cameras, in another system's file tree."""

import os
from pathlib import Path

import pytest

from edgetl.command import options_from_arguments
from edgetl.edge.pipeline.options import ClassifyOptions
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.service import arguments_of, install, needs_systemd

pytestmark = pytest.mark.skipif(os.name != "posix", reason="systemd")

YARD = "yard=rtsp://me:geheim@host/live?a=b"
ROI = "yard/gate=0,0,0.5,1"


def options_of(unit: str) -> ClassifyOptions:
    return options_from_arguments(ClassifyOptions, arguments_of(unit, "classify"))


def test_each_camera_opens_what_it_needs(cli: Cli, card: Path) -> None:
    def unit(*more: str) -> str:
        return cli.here(*install(card, "--dry-run", *more)).stdout

    device, stream = ["--camera=door=/dev/video2"], ["--camera=yard=rtsp://host/live"]
    assert "DeviceAllow=char-video4linux rw" in unit(*device)
    assert "IPAddressDeny=any" in unit(*device)
    assert "DeviceAllow" not in unit(*stream)
    both = unit(*device, *stream, "--roi", ROI)
    assert "DeviceAllow=char-video4linux rw" in both
    assert "IPAddressDeny" not in both
    assert options_of(both).camera == ("door=/dev/video2", "yard=rtsp://host/live")
    assert options_of(both).roi == (ROI,)


@needs_systemd
def test_a_unit_with_a_secret_in_any_url_is_for_root_alone(cli: Cli, card: Path) -> None:
    done = cli.here(*install(card, "--yes", "--camera=door=0", f"--camera={YARD}"))
    assert "geheim" not in done.stdout + done.stderr
    unit = card / "etc/systemd/system/edgetl.service"
    assert options_of(unit.read_text()).camera == ("door=0", YARD)
    assert unit.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("cameras", "words"),
    [
        (["a=0", "b=nowhere.mp4"], "nowhere.mp4"),
        (["a=0", "b=/tmp/x"], "/tmp/x"),
        (["a=0", "b=rtsp://u:p/w@host/"], "a URL has no space"),
        (["0", "1"], "of several, each needs a name"),
    ],
)
def test_each_camera_is_checked(cli: Cli, card: Path, cameras: list[str], words: str) -> None:
    given = [f"--camera={camera}" for camera in cameras]
    assert_one_clear_line(cli.refused(*install(card, "--yes", *given)), words)


def test_each_roi_is_checked(cli: Cli, card: Path) -> None:
    given = ["--camera=a=0", "--camera=b=1", "--roi", "b/x=0,0,2,1"]
    assert_one_clear_line(cli.refused(*install(card, "--yes", *given)), "no part of a picture")
