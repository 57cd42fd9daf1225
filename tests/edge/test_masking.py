"""What is secret in a stream's URL is shown nowhere."""

import json
from pathlib import Path

import pytest

from edgetl.edge.errors import SettingError
from edgetl.edge.sources.camera import Camera
from edgetl.edge.sources.capture import camera_name, check_stream
from edgetl.edge.system.masking import masked, secrets_of
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.conftest import Stream, StreamServer
from tests.edge.service import install, needs_systemd

SECRET = "geheim8x"

# URLs with the secret in them, and how they are shown.
PLACES = {
    "rtsp://admin:geheim8x@cam:554/live": "rtsp://cam:554/live",
    "rtsp://admin:@geheim8x@cam/live": "rtsp://cam/live",
    "rtsp://admin:geheim8x'\"<@cam/live": "rtsp://cam/live",
    "http://cam/snap?user=boss&password=geheim8x&ch=1": "http://cam/snap?user=***&password=***&ch=1",
    "http://cam/snap?PWD=geheim8x": "http://cam/snap?PWD=***",
    "http://cam/snap?p%61ssword=geheim8x": "http://cam/snap?p%61ssword=***",
    "http://cam/snap?auth=geheim8x/q==": "http://cam/snap?auth=***",
    "http://cam/cgi?loginuse=boss&loginpas=geheim8x": "http://cam/cgi?loginuse=***&loginpas=***",
    "http://cam/live?access_token=geheim8x#t": "http://cam/live?access_token=***#t",
    "rtsp://cam/user=boss_password=geheim8x_channel=1.sdp":
        "rtsp://cam/user=***_password=***_channel=1.sdp",
    "rtsp://cam/user=boss&password=ge/geheim8x&channel=1":
        "rtsp://cam/user=***&password=***&channel=1",
    "rtsp://u:geheim8x@cam/live/geheim8x": "rtsp://cam/live/***",
    "rtspsrc location=rtsp://cam/1 user-id=boss user-pw=geheim8x ! appsink":
        "rtspsrc location=rtsp://cam/1 user-id=*** user-pw=*** ! appsink",
}  # fmt: skip


@pytest.mark.parametrize("url", PLACES)
def test_a_secret_is_masked_in_its_place(url: str) -> None:
    assert camera_name(url) == PLACES[url]
    assert secrets_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://cam:554/Streaming/Channels/101",
        "http://[::1]:8080/?resolution=640x480&fps=5",
        "http://cam/a=b/c_d?keyframe=1&channel=2",
        "/dev/video0",
        "clip=1.mp4",
    ],
)
def test_what_is_not_secret_is_shown(url: str) -> None:
    assert masked(url) == url
    assert secrets_of(url) == frozenset()


def test_a_secret_is_masked_by_value_decoded_too() -> None:
    secrets = secrets_of("rtsp://admin:ge%40heim+8x@cam/live")
    line = "no login with ge%40heim+8x, ge@heim+8x or ge@heim 8x at rtsp://u:x@cam/live"
    assert masked(line, secrets) == "no login with ***, *** or *** at rtsp://cam/live"
    # A short one may be a part of any word.
    assert masked("the live camera", secrets_of("rtsp://a:liv@cam/")) == "the live camera"


@pytest.mark.parametrize(
    "url", ["rtsp://admin:ge/heim8x@cam/live", "rtsp://a:b?geheim@cam/", "rtsp://a:b geheim@cam/"]
)
def test_a_login_that_may_be_misread_is_refused_and_not_shown(
    cli: Cli, card: Path, url: str
) -> None:
    for refuse in (check_stream, Camera):
        with pytest.raises(SettingError, match=r"%XX.*%2F.*%40") as caught:
            refuse(url)
        assert "heim" not in str(caught.value)
    for command in (
        ["classify", "--camera", url],
        install(card, "--yes", "--camera", url),
        ["deploy", "m.tflite", "door", "--service", f"--camera '{url}'"],
    ):
        result = cli.refused(*command)
        assert_one_clear_line(result, "%XX")
        assert "heim" not in result.stderr


@pytest.mark.parametrize("url", PLACES)
def test_a_stream_that_cannot_be_opened_is_named_without_it(
    cli: Cli, third_party_models: Path, url: str
) -> None:
    url = url.replace("cam:554", "cam").replace("cam/", "127.0.0.1:9/")
    result = cli.refused(
        "classify", "--camera", url, "--model", third_party_models / "described.tflite"
    )
    assert SECRET not in result.stderr
    assert_one_clear_line(result, "cannot be opened")


@pytest.mark.slow
def test_results_and_messages_hold_no_secret(cli: Cli, third_party_models: Path) -> None:
    server = StreamServer(Stream(frames=5))
    for url in (
        f"{server.url}?user=boss&password={SECRET}",
        f"{server.url}/user=boss_password={SECRET}_channel=1",
        server.url.replace("//", f"//boss:{SECRET}@"),
    ):
        options = ["--model", third_party_models / "described.tflite", "--format", "jsonl"]
        result = cli("classify", "--camera", url, "--no-reconnect", *options, check=2)
        sources = {json.loads(line)["source"] for line in result.stdout.splitlines()}
        assert sources == {camera_name(url)}
        assert SECRET not in result.stdout + result.stderr
    server.stop()


def test_a_url_among_files_is_refused_without_it(cli: Cli) -> None:
    result = cli.refused("classify", f"rtsp://boss:{SECRET}@cam/live")
    assert_one_clear_line(result, "rtsp://cam/live: a stream is a camera", "--camera")


@needs_systemd
@pytest.mark.parametrize("url", list(PLACES)[::4])
def test_the_unit_with_it_is_for_root_alone_and_shown_without(
    cli: Cli, card: Path, url: str
) -> None:
    url = url.replace('"', "")
    dry = cli.here(*install(card, "--dry-run", "--camera", url))
    assert SECRET not in dry.stdout + dry.stderr
    asked = cli.here(*install(card, "--yes", "--camera", url))
    assert SECRET not in asked.stdout + asked.stderr
    unit = card / "etc/systemd/system/edgetl.service"
    assert SECRET in unit.read_text()
    assert unit.stat().st_mode & 0o777 == 0o600


@needs_systemd
def test_a_unit_without_a_secret_is_shown_as_it_is_written(cli: Cli, card: Path) -> None:
    camera = ["--camera", "http://viewer@cam/live?channel=1"]
    shown = cli.here(*install(card, "--dry-run", *camera)).stdout
    cli.here(*install(card, "--yes", *camera))
    unit = card / "etc/systemd/system/edgetl.service"
    assert unit.read_text() == shown
    assert unit.stat().st_mode & 0o777 == 0o644


def test_who_is_told_to_type_sudo_is_not_shown_a_password(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import sys

    from edgetl.commands.service import needs_systemd
    from edgetl.edge.service import systemd

    monkeypatch.setattr(systemd, "systemd_version", lambda: 252)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["edgetl", f"--camera=rtsp://a:{SECRET}@cam/"])
    with pytest.raises(SettingError, match="only root installs a service; type it again") as caught:
        needs_systemd(root_to="installs")
    assert SECRET not in str(caught.value)
