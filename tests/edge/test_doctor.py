"""The doctor, on this machine and on ones that are broken on purpose."""

import errno
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from edgetl.edge.doctor import libraries
from edgetl.edge.doctor.cameras import camera_checks
from edgetl.edge.doctor.libraries import library_checks, library_remedy
from edgetl.edge.doctor.machine import machine_checks
from edgetl.edge.doctor.v4l2 import Device, capture_devices
from tests.conftest import Cli


def examined(cli: Cli, *arguments: str | Path, check: int, **environment: str) -> dict:
    told = json.loads(cli("doctor", "--json", *arguments, check=check, **environment).stdout)
    return {**told, "by_name": {c["name"]: c for c in told["checks"]}}


def broken(folder: Path, module: str, code: str) -> dict[str, str]:
    """An environment in which `module` is ours, with `code` in it."""
    (folder / module).mkdir(parents=True)
    (folder / module / "__init__.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def soon(seconds: float = 60) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def our_model(cli: Cli, tiny_export: bytes) -> Path:
    path = cli.folder / "tiny.tflite"
    path.write_bytes(tiny_export)
    return path


def test_a_healthy_machine_and_a_model_that_works(cli: Cli, our_model: Path) -> None:
    told = examined(cli, our_model, check=0)
    assert told["healthy"]
    states = {name: check["state"] for name, check in told["by_name"].items()}
    for name in ("edgetl", "python", "numpy", "opencv", "pillow", "memory", "disk", "model"):
        assert states[name] == "ok", told["by_name"][name]
    assert states["litert"] == "ok"
    model = told["model"]
    assert model["milliseconds"] > 0
    assert model["runtime"].startswith("litert ")
    assert len(model["sha256"]) == 64
    assert "3 classes, 16x16" in told["by_name"]["model"]["found"]


def test_people_get_a_table_that_fits_eighty_columns(cli: Cli) -> None:
    shown = cli("doctor", COLUMNS="80").stdout
    assert "numpy" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("code", "found", "remedy"),
    [
        (
            "raise ImportError('libGL.so.1: cannot open shared object file: No such file')",
            "libGL.so.1",
            "sudo apt install libgl1",
        ),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
            "crashes when it is loaded (SIGSEGV)",
            "pip install --force-reinstall opencv-python",
        ),
        ("raise RuntimeError('one\\ntwo')", "two", "pip install"),
        ("raise MemoryError", "MemoryError", "too little memory: end other programs"),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
            "crashes when it is loaded (SIGKILL)",
            "too little memory: end other programs",
        ),
        (
            "raise ImportError('libx.so: failed to map segment from shared object')",
            "failed to map segment",
            "too little memory: end other programs",
        ),
    ],
)
def test_an_opencv_that_does_not_load(cli: Cli, code: str, found: str, remedy: str) -> None:
    told = examined(cli, check=1, **broken(cli.folder / "packages", "cv2", code))
    assert not told["healthy"]
    opencv = told["by_name"]["opencv"]
    assert opencv["state"] == "fail"
    assert found in opencv["found"]
    assert remedy in opencv["mend"]
    assert "\n" not in opencv["found"]


@pytest.mark.parametrize("module", ["cv2", "numpy"])
def test_what_a_library_prints_is_no_answer(cli: Cli, our_model: Path, module: str) -> None:
    # As it is found without ours.
    real = f"import sys, os\nsys.path.remove({str(cli.folder / 'packages')!r})\n"
    code = f"""{real}
import atexit
atexit.register(lambda: print("bye", flush=True))
os.write(1, b"from native code")
del sys.modules[__name__]
import {module}
"""
    told = examined(cli, our_model, check=0, **broken(cli.folder / "packages", module, code))
    assert told["by_name"]["opencv"]["found"].startswith(cv2.__version__)
    assert told["by_name"]["model"]["state"] == "ok"
    assert told["model"]["milliseconds"] > 0


def test_what_an_uninstalled_opencv_left_behind_is_no_opencv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cv2" / "data").mkdir(parents=True)
    elsewhere = [entry for entry in sys.path if not Path(entry, "cv2").exists()]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *elsewhere])
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    (opencv,) = [check for check in library_checks(ends=soon()) if check.name == "opencv"]
    assert (opencv.state, opencv.found) == ("fail", "not installed")
    assert opencv.remedy == "pip install opencv-python"


def test_libraries_that_hang_share_the_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("cv2", "PIL"):
        broken(tmp_path, module, "import time\ntime.sleep(60)")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(libraries, "_LEAST_SECONDS", 2.0)
    began = time.monotonic()
    checks = {check.name: check for check in library_checks(ends=soon(4))}
    assert time.monotonic() - began < 4 + 2 + 4
    assert checks["opencv"].state == checks["pillow"].state == "fail"
    assert checks["opencv"].found.startswith("does not load within ")
    assert checks["pillow"].found == "does not load within 2 seconds"


def test_a_folder_that_is_gone_is_a_warning(cli: Cli) -> None:
    gone = cli.folder / "gone"
    gone.mkdir()
    result = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$0" -P -m edgetl doctor --json', sys.executable],
        cwd=gone,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    (disk,) = [check for check in json.loads(result.stdout)["checks"] if check["name"] == "disk"]
    assert (disk["state"], disk["mend"]) == ("warn", "is this folder gone?")


def test_a_pipe_is_no_model_to_wait_for(cli: Cli) -> None:
    pipe = cli.folder / "pipe.tflite"
    os.mkfifo(pipe)
    told = examined(cli, pipe, check=1)
    assert f"{pipe}: a pipe or device" in told["by_name"]["model"]["found"]


def test_a_model_on_a_machine_without_numpy(cli: Cli, our_model: Path) -> None:
    environment = broken(cli.folder / "packages", "numpy", "raise ImportError('no numpy here')")
    told = examined(cli, our_model, check=1, **environment)
    assert told["by_name"]["numpy"]["found"] == "no numpy here"
    assert told["by_name"]["model"]["state"] == "fail"
    assert "no numpy here" in told["by_name"]["model"]["found"]
    assert told["model"] is None


def test_a_second_runtime_that_is_broken_is_a_warning_the_first_a_failure(cli: Cli) -> None:
    first = broken(cli.folder / "first", "ai_edge_litert", "raise ImportError('built for ARM')")
    told = examined(cli, check=1, **first)
    assert told["by_name"]["litert"]["state"] == "fail"
    second = broken(cli.folder / "second", "tflite_runtime", "raise ImportError('built for ARM')")
    told = examined(cli, check=0, **second)
    assert told["by_name"]["tflite-runtime"]["state"] == "warn"


@pytest.mark.parametrize(("content", "words"), [(None, "no such file"), (b"not a model", "TFLite")])
def test_a_model_that_cannot_be_tried(cli: Cli, content: bytes | None, words: str) -> None:
    path = cli.folder / "m.tflite"
    if content:
        path.write_bytes(content)
    told = examined(cli, path, check=1)
    assert words.lower() in told["by_name"]["model"]["found"].lower()
    assert str(path) in told["by_name"]["model"]["found"]
    assert told["model"] is None


def test_a_numpy_clash_is_named() -> None:
    assert "NumPy" in library_remedy("numpy.core.multiarray failed to import", "simplejpeg")


class Kernel:
    """Answers as drivers do, in the layout of linux/videodev2.h."""

    def __init__(self, drivers: dict[str, tuple[str, str, int, tuple[bytes, ...]]]) -> None:
        self._drivers = drivers

    def __call__(self, descriptor: int, request: int, filled: bytearray) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        driver, card, capabilities, formats = self._drivers[name]
        if request == 0x80685600:  # VIDIOC_QUERYCAP, as strace shows it
            filled[:] = struct.pack(
                "=16s32s32sIII12x", driver.encode(), card.encode(), b"usb-1", 0x60100,
                capabilities | 0x80000000, capabilities,
            )  # fmt: skip
            return
        assert request == 0xC0405602  # VIDIOC_ENUM_FMT
        index = struct.unpack_from("=I", filled)[0]
        if index >= len(formats):
            raise OSError(errno.EINVAL, "Invalid argument")
        struct.pack_into("=4s", filled, 44, formats[index])


def devices(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"video{number}").touch()
    return folder


def test_cameras_are_told_from_codecs_and_metadata(tmp_path: Path) -> None:
    kernel = Kernel(
        {
            "video0": ("uvcvideo", "HD Webcam", 0x04200001, (b"MJPG", b"YUYV")),
            "video1": ("uvcvideo", "HD Webcam", 0x04A00000, ()),  # its metadata
            "video10": ("bcm2835-codec", "decoder", 0x04204000, (b"YU12",)),
            "video11": ("unicam", "unicam", 0x04200001, (b"pBAA",)),
        }
    )
    dev = devices(tmp_path / "dev", 2)
    (dev / "video10").touch()
    (dev / "video11").touch()
    (dev / "video-notes").touch()
    found = capture_devices(dev, tmp_path / "sys", ask=kernel)
    assert [device.path.name for device in found] == ["video0", "video11"]
    assert found[0].name == "HD Webcam"
    assert found[0].formats == ("MJPG", "YUYV")
    usb, csi = camera_checks(found, ends=soon())
    assert (usb.state, usb.found) == ("ok", f"{dev}/video0: HD Webcam (MJPG, YUYV)")
    assert (csi.name, csi.state) == ("csi camera", "warn")
    assert "python3-picamera2" in csi.remedy


def test_a_device_that_is_no_camera_at_all_is_asked_by_the_real_kernel(tmp_path: Path) -> None:
    (device,) = capture_devices(devices(tmp_path / "dev", 1), tmp_path / "sys")
    assert device.problem
    (check,) = camera_checks([device], ends=soon())
    assert check.state == "warn"


def test_a_camera_that_may_not_be_read(tmp_path: Path) -> None:
    dev = devices(tmp_path / "dev", 1)
    device = Device(dev / "video0", "HD Webcam", "", (), "permission denied")
    (check,) = camera_checks([device], ends=soon())
    assert check.state == "fail"
    assert "may not read" in check.found
    assert check.remedy


def test_no_camera_is_a_warning() -> None:
    (check,) = camera_checks([], ends=soon())
    assert (check.state, check.found) == ("warn", "none found")


def raspberry(folder: Path, *, temperature: int, governor: str, throttled: str) -> Path:
    for name, text in {
        "class/thermal/thermal_zone0/temp": str(temperature),
        "devices/system/cpu/cpu0/cpufreq/scaling_governor": governor,
        "devices/platform/soc/soc:firmware/get_throttled": throttled,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n")
    return folder


def machine(folder: Path, memory: str, **facts: object) -> dict:
    (folder / "meminfo").write_text(memory)
    (folder / "cgroup").write_text("0::/edgetl.service\n")
    checks = machine_checks(
        raspberry(folder, **facts),
        meminfo=folder / "meminfo",
        folder=folder,
        membership=folder / "cgroup",
        cgroups=folder / "cgroups",
    )
    return {check.name: check for check in checks}


MEMORY = "MemTotal: {} kB\nMemAvailable: {} kB\nSwapTotal: 0 kB\n"


def test_a_raspberry_pi_that_is_well(tmp_path: Path) -> None:
    facts = {"temperature": 51200, "governor": "ondemand", "throttled": "0"}
    checks = machine(tmp_path, MEMORY.format(1_000_000, 700_000), **facts)
    assert {check.state for check in checks.values()} == {"ok"}
    assert checks["temperature"].found == "51 °C"


def test_a_raspberry_pi_that_is_held_back(tmp_path: Path) -> None:
    facts = {"temperature": 84600, "governor": "powersave", "throttled": "50005"}
    checks = machine(tmp_path, MEMORY.format(500_000, 100_000), **facts)
    assert checks["cpu governor"].state == "warn"
    assert checks["temperature"].state == "warn"
    assert checks["throttling"].found == "now: under-voltage, throttled"
    assert "power supply" in checks["throttling"].remedy
    assert checks["memory"].state == "fail"


def test_a_container_s_memory_is_what_it_may_have_of_the_machine_s(tmp_path: Path) -> None:
    ours = tmp_path / "cgroups" / "edgetl.service"
    ours.mkdir(parents=True)
    for name, text in {
        "memory.max": "300000000", "memory.current": "120000000",
        "memory.stat": "anon 80000000\ninactive_file 20000000",
    }.items():  # fmt: skip
        (ours / name).write_text(text + "\n")
    facts = {"temperature": 51200, "governor": "ondemand", "throttled": "0"}
    memory = machine(tmp_path, MEMORY.format(1_000_000, 700_000), **facts)["memory"]
    assert (memory.state, memory.found) == ("warn", "200 MB of 300 MB free, swap 0 MB")
