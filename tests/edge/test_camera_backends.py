"""Which library a camera is read through, and picamera2 where none is attached to a test machine.

The stand-in below has the part of picamera2's documented API that edge uses, with the promises its
manual makes: global_camera_info(), RGB888 as B, G, R in memory, captures that wait or call back.
"""

import itertools
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgetl.edge.errors import EdgetlError, SettingError, SourceError
from edgetl.edge.sources import camera as camera_module
from edgetl.edge.sources import camera_backends
from edgetl.edge.sources.camera import Camera
from edgetl.edge.sources.camera_backends import (
    CameraSettings,
    camera_name,
    open_camera,
    parse_resolution,
)

RED = (255, 0, 0)
CSI = {"Model": "imx708", "Location": 2, "Rotation": 180, "Num": 0,
       "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a"}  # fmt: skip
USB = {"Model": "C920", "Num": 1,
       "Id": "/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1.3:1.0-046d:082d"}  # fmt: skip


class StandIn:
    """picamera2.Picamera2: a camera that sees red."""

    cameras: list[dict[str, Any]] = [CSI, USB]  # noqa: RUF012
    open_ones: list["StandIn"] = []  # noqa: RUF012
    frames_left = 10**6

    def __init__(self, camera_num: int = 0) -> None:
        if any(camera.number == camera_num for camera in self.open_ones):
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.number = camera_num
        self.configuration: dict[str, Any] | None = None
        self.started = False
        self.open_ones.append(self)

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        return cls.cameras

    def create_video_configuration(
        self, main: dict[str, Any] | None = None, controls: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        main = {"size": (1280, 720), "format": "XBGR8888", **(main or {})}
        return {"use_case": "video", "main": main, "controls": controls or {}}

    def configure(self, camera_config: dict[str, Any]) -> None:
        assert not self.started
        self.configuration = camera_config

    def start(self) -> None:
        assert self.configuration is not None
        self.started = True

    def capture_array(
        self, name: str = "main", wait: bool | None = None, signal_function: Any = None
    ) -> Any:
        assert self.started
        width, height = self.configuration["main"]["size"]  # type: ignore[index]
        kind = self.configuration["main"]["format"]  # type: ignore[index]
        if kind == "RGB888":
            # libcamera names formats from the highest bits of a little-endian word.
            frame = np.full((height, width, 3), RED[::-1], np.uint8)
        else:
            assert kind == "XBGR8888"
            frame = np.full((height, width, 4), (*RED, 255), np.uint8)
        if wait is None:
            wait = signal_function is None
        if wait:
            return frame
        if type(self).frames_left > 0:
            type(self).frames_left -= 1
            threading.Timer(0.01, signal_function, [frame]).start()
        return frame

    def wait(self, job: Any, timeout: float | None = None) -> Any:
        return job

    def stop(self) -> None:
        self.started = False

    def close(self) -> None:
        self.open_ones.remove(self)


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StandIn]]:
    module = types.ModuleType("picamera2")
    module.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    kind = type("Picamera2", (StandIn,), {"open_ones": []})
    module.Picamera2 = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    yield kind
    assert kind.open_ones == []


def test_a_csi_camera_is_chosen_by_itself_and_its_colours_are_right(
    picamera2: type[StandIn],
) -> None:
    with Camera(0) as camera:
        items = list(itertools.islice(camera, 5))
    assert {item.source for item in items} == {"camera 0"}
    for item in items:
        pixels = np.asarray(item.picture)
        assert pixels.shape == (960, 1280, 3)
        assert (pixels[0, 0] == RED).all()


@pytest.mark.parametrize("source", [1, 2, "/dev/video97"])
def test_a_camera_that_is_no_csi_camera_is_left_to_opencv(
    picamera2: type[StandIn], source: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | str] = []
    monkeypatch.setattr(camera_backends, "opened", lambda device, **_: asked.append(device))
    with pytest.raises(SourceError):
        open_camera(source, "auto", CameraSettings())
    assert asked == [97 if source == "/dev/video97" else source]


def test_opencv_can_be_chosen_where_there_is_a_csi_camera(picamera2: type[StandIn]) -> None:
    if Path("/dev/video0").exists():
        pytest.skip("there is a camera 0 here")
    with pytest.raises(SourceError, match="ls /dev/video"):
        open_camera(0, "opencv", CameraSettings())


def test_it_is_asked_for_the_resolution_and_rate(picamera2: type[StandIn]) -> None:
    capture = open_camera(0, "picamera2", CameraSettings((320, 240), 25))
    configuration = picamera2.open_ones[0].configuration
    assert configuration is not None
    assert configuration["main"] == {"size": (320, 240), "format": "RGB888"}
    assert configuration["controls"] == {"FrameDurationLimits": (40_000, 40_000)}
    frame = capture.read()
    assert frame is not None
    assert frame.shape == (240, 320, 3)
    capture.release()


def test_a_csi_camera_whose_cable_comes_loose_comes_back(
    picamera2: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (camera_module, camera_backends):
        monkeypatch.setattr(module, "FRAME_SECONDS", 0.5)
    monkeypatch.setattr(camera_module, "FIRST_WAIT", 0.05)
    picamera2.frames_left = 5
    lines: list[str] = []

    def repaired(line: str) -> None:
        lines.append(line)
        picamera2.frames_left = 10**6

    monkeypatch.setattr(camera_module.logger, "warning", repaired)
    with Camera(0) as camera:
        for item in camera:
            if (item.frame or 0) > 10:
                break
    assert lines[0] == "camera 0: lost after frame 5; trying to get it back"
    assert lines[1].startswith("camera 0: back after ")


def test_a_csi_camera_in_use_and_one_that_is_not_there_say_so(picamera2: type[StandIn]) -> None:
    capture = open_camera(0, "auto", CameraSettings())
    with pytest.raises(SourceError, match="camera 0: cannot be opened; another program"):
        open_camera(0, "auto", CameraSettings())
    capture.release()
    with pytest.raises(SourceError, match="camera 7: picamera2 knows 2 cameras"):
        open_camera(7, "picamera2", CameraSettings())
    with pytest.raises(SettingError, match="--camera 0"):
        open_camera("/dev/video0", "picamera2", CameraSettings())


def test_a_missing_picamera2_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(EdgetlError, match="sudo apt install python3-picamera2"):
        open_camera(0, "picamera2", CameraSettings())


def test_a_picamera2_that_does_not_load_is_no_reason_not_to_use_opencv(
    picamera2: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise RuntimeError("libcamera is another version")

    monkeypatch.setattr(picamera2, "global_camera_info", broken)
    with pytest.raises(SourceError, match="camera 96"):
        open_camera(96, "auto", CameraSettings())


def test_a_usb_camera_is_asked_for_the_resolution_and_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Device:
        def __init__(self) -> None:
            self.values: dict[int, float] = {}

        def set(self, name: int, value: float) -> bool:
            self.values[name] = value
            return True

        def read(self) -> tuple[bool, Any]:
            return False, None

    device = Device()
    monkeypatch.setattr(camera_backends, "opened", lambda source, **_: device)
    capture = open_camera(3, "opencv", CameraSettings((1280, 720), 30))
    assert device.values[cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert device.values[cv2.CAP_PROP_FRAME_HEIGHT] == 720
    assert device.values[cv2.CAP_PROP_FPS] == 30
    assert device.values[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert capture.read() is None


def test_a_link_to_a_device_is_that_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int | str] = []
    monkeypatch.setattr(camera_backends, "opened", lambda device, **_: asked.append(device))
    (tmp_path / "usb-cam").symlink_to("/dev/video96")
    with pytest.raises(SourceError, match="usb-cam: cannot be opened"):
        open_camera(str(tmp_path / "usb-cam"), "auto", CameraSettings())
    assert asked == [96]


def test_an_unknown_backend_and_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingError, match="auto, opencv, picamera2"):
        open_camera(0, "gstreamer", CameraSettings())  # type: ignore[arg-type]
    for settings in ({"resolution": (0, 480)}, {"fps": 0.0}, {"fps": float("nan")}):
        with pytest.raises(SettingError):
            CameraSettings(**settings)  # type: ignore[arg-type]


def test_a_resolution_is_width_x_height() -> None:
    assert parse_resolution("640x480") == (640, 480)
    for text in ("640", "640x", "x480", "640*480", "-1x5", "640x480x3"):
        with pytest.raises(SettingError, match="WIDTHxHEIGHT"):
            parse_resolution(text)


def test_opening_that_hangs_does_not_hang_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "FRAME_SECONDS", 0.3)
    monkeypatch.setattr(camera_module, "open_camera", lambda *_: time.sleep(3))
    began = time.monotonic()
    with pytest.raises(SourceError, match="does not answer"):
        Camera(0)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (0, "camera 0"),
        ("/dev/video0", "/dev/video0"),
        ("rtsp://camera:554/a@b", "rtsp://camera:554/a@b"),
        ("rtsp://admin:s3cret@camera:554/live", "rtsp://camera:554/live"),
        ("http://admin@10.0.0.9/", "http://10.0.0.9/"),
    ],
)
def test_a_camera_s_name_holds_no_password(source: int | str, name: str) -> None:
    assert camera_name(source) == name
