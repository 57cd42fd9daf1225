"""The loop, walked by a browser: photos from a camera, a model, its mistakes, a better model."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edgetl.trainer.data.demo_pictures import draw_picture
from tests.conftest import Cli
from tests.edge.browser import Tab
from tests.edge.conftest import Stream, StreamServer

# Pictures of what is before the camera; the photos of a scene are not all alike.
_PICTURES = 60
_TRAINED = ("--image-size", "96", "--folds", "2", "--epochs", "5", "--quiet")
_MINUTES = 10

KEY = "document.body.dispatchEvent(new KeyboardEvent('{}', {{key: '{}', bubbles: true}}))"


def drawn(label: str, first: int) -> list[np.ndarray]:
    pictures = [draw_picture(label, seed=first + number) for number in range(_PICTURES)]
    return [cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR) for picture in pictures]


def in_a_wood(houses: list[np.ndarray], trees: list[np.ndarray]) -> list[np.ndarray]:
    """Houses, small and before trees: what no photo of the first day shows."""
    pictures = [tree.copy() for tree in trees]
    for picture, house in zip(pictures, houses, strict=True):
        picture[110:, 170:] = cv2.resize(house, (150, 130))
    return pictures


@dataclass
class Scene:
    """What a loopback camera sees; a test changes it."""

    scenes: dict[str, list[np.ndarray]]
    now: str = "fish"

    def picture(self, number: int) -> np.ndarray:
        return self.scenes[self.now][number // 3 % _PICTURES]


@dataclass
class Loop:
    """A person at a laptop with a browser, and the files that they make."""

    cli: Cli
    tab: Tab
    url: str
    scene: Scene
    running: list["subprocess.Popen[str]"] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.cli.folder

    def start(self, *arguments: str) -> "tuple[subprocess.Popen[str], Path]":
        log = self.folder / f"{arguments[0]}.log"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "edgetl", *arguments],
                cwd=self.folder, stdout=subprocess.DEVNULL, stderr=stderr, text=True,
            )  # fmt: skip
        self.running.append(process)
        return process, log

    def show(self, log: Path) -> None:
        """Open the page whose address a command prints."""
        self.wait(lambda: "http://127.0.0.1" in log.read_text(), log)
        found = re.search(r"http://127\.0\.0\.1:\d+\S*", log.read_text())
        assert found
        self.tab.open(found[0])

    def wait(self, true: Callable[[], bool], log: Path, *, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def stop(self, process: "subprocess.Popen[str]") -> None:
        process.terminate()
        process.wait(20)

    def photos(self, label: str) -> int:
        return len(list((self.folder / "photos" / label).glob("2*.jpg")))

    def take_picture(self) -> None:
        self.pictures.append(self.tab.screenshot(self.folder / f"{len(self.pictures)}.png"))

    def write_pictures(self, path: Path) -> None:
        """All of them side by side, at half their size."""
        pictures = [Image.open(picture).convert("RGB").reduce(2) for picture in self.pictures]
        gap = 24
        width = sum(picture.width + gap for picture in pictures) - gap
        strip = Image.new("RGB", (width, pictures[0].height), "white")
        left = 0
        for picture in pictures:
            strip.paste(picture, (left, 0))
            left += picture.width + gap
        strip.quantize(128).save(path, optimize=True)


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tab: Tab) -> Iterator[Loop]:
    pytest.importorskip("uvicorn")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    scenes = {label: drawn(label, 100) for label in ("fish", "house", "tree")}
    scenes["house in a wood"] = in_a_wood(drawn("house", 500), drawn("tree", 500))
    scene = Scene(scenes)
    server = StreamServer(Stream(fps=15, picture=scene.picture))
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        tab.look(390, 760, ratio=2)
        found = Loop(Cli(tmp_path), tab, server.url, scene)
        yield found
        for process in found.running:
            process.kill()
            process.wait(20)


@pytest.mark.slow
def test_from_no_photos_to_a_corrected_model(loop: Loop) -> None:
    began = time.monotonic()
    collect(loop)
    loop.cli("train", "photos", *_TRAINED)
    loop.cli("export", "--quantize", "int8", "--max-drop", "100")
    model = loop.folder / "model.tflite"
    shutil.copy(loop.folder / "runs" / "latest" / "exports" / "model.int8.tflite", model)

    loop.scene.now = "house in a wood"
    device, log = loop.start(
        "classify", "--camera", loop.url, "--model", "model.tflite", "--preview", "127.0.0.1:0",
        "--snapshots", "seen", "--keep", "random:100%",
    )  # fmt: skip
    loop.show(log)
    before = answers(loop)
    loop.take_picture()
    loop.wait(lambda: len(list((loop.folder / "seen").glob("2*.jpg"))) >= 6, log)
    correct_five(loop)

    loop.cli("train", "photos", "--from", "runs/latest", "--quiet")
    loop.cli("export", "--quantize", "int8", "--max-drop", "100")
    new = loop.folder / "new.tflite"
    shutil.copy(loop.folder / "runs" / "latest" / "exports" / "model.int8.tflite", new)
    new.replace(model)
    loop.wait(lambda: "was replaced; in use now: fish, house" in log.read_text(), log)
    loop.show(log)
    loop.tab.wait("document.getElementById('label').textContent === 'house'")
    after = answers(loop)
    loop.take_picture()
    assert device.poll() is None
    assert after["house"] > before["house"], (before, after)
    assert time.monotonic() - began < 60 * _MINUTES
    # The picture in README.
    if path := os.environ.get("EDGETL_LOOP_PICTURE"):
        loop.write_pictures(Path(path))


def collect(loop: Loop) -> None:
    """Two classes and none, by the number keys."""
    process, log = loop.start(
        "collect", "photos", "--camera", loop.url, "--classes", "fish,house,none",
        "--preview", "127.0.0.1:0",
    )  # fmt: skip
    loop.show(log)
    loop.tab.wait("!document.getElementById('picture').hidden")
    for key, (scene, label) in enumerate(
        (("fish", "fish"), ("house", "house"), ("tree", "none")), start=1
    ):
        loop.scene.now = scene
        # What was shown before is gone from the camera's and the page's buffers.
        time.sleep(1)
        loop.tab.value(KEY.format("keydown", key))
        loop.wait(lambda label=label: loop.photos(label) >= 24, log)  # type: ignore[misc]
        loop.tab.value(KEY.format("keyup", key))
    loop.tab.wait("document.querySelectorAll('.thumbs img')[0].naturalWidth > 0")
    loop.take_picture()
    loop.stop(process)


def answers(loop: Loop) -> dict[str, float]:
    """The probability that the preview gives each class, on the mean of some frames."""
    loop.tab.wait("document.querySelectorAll('#bars li').length >= 2")
    total = {"fish": 0.0, "house": 0.0}
    for _ in range(20):
        for label in total:
            total[label] += float(
                loop.tab.value(
                    f"[...document.querySelectorAll('#bars li')].filter(bar => "
                    f"bar.querySelector('.name').textContent === '{label}')"
                    f".map(bar => parseFloat(bar.querySelector('i').style.width))[0] / 2000"
                )
            )
        time.sleep(0.25)
    return total


def correct_five(loop: Loop) -> None:
    """On the page of review: five pictures show houses; the rest is left."""
    process, log = loop.start(
        "review", "seen", "--into", "photos", "--model", "model.tflite",
        "--preview", "127.0.0.1:0",
    )  # fmt: skip
    houses = loop.photos("house")
    loop.show(log)
    loop.tab.wait("document.querySelectorAll('.thumbs [data-id]').length >= 5")
    loop.tab.wait("[...document.querySelectorAll('.thumbs img')].every(one => one.naturalWidth)")
    loop.take_picture()
    for index in range(5):
        loop.tab.value(f"document.querySelectorAll('.thumbs [data-id]')[{index}].click()")
    loop.tab.wait("document.querySelectorAll('[aria-pressed=true]').length === 5")
    names = loop.tab.value(
        "[...document.querySelectorAll('#classes li')].map(li => li.textContent)"
    )
    key = 1 + next(i for i, name in enumerate(names) if "house" in name)
    loop.tab.value(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', "
        f"{{key: '{key}', code: 'Digit{key}', bubbles: true, cancelable: true}}))"
    )
    loop.wait(lambda: loop.photos("house") == houses + 5, log)
    loop.stop(process)
