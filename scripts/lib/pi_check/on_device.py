"""What a device does beside classifying files: explain, teach and serve, as on this machine."""

import json
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path

from lib.commands import CheckError, free_port
from lib.pi_check.device import EDGETL, Device
from lib.pi_check.preview import started, wait_for_text
from lib.pi_check.probes import DIFFERENCE, NEW_CLASS

# Of 255; rounding may change a few values a little.
_LARGEST_DIFFERENCE = 8
_NEW_PHOTOS = 8


def explained(device: Device, model: Path, runtime: str) -> Callable[[], str]:
    """`explain` shows the same evidence in a photo as on this machine."""

    def check() -> str:
        photo = device.host.pictures[0]
        here, there = device.folder / "explained", device.host.material / "explained"
        options = ("explain", photo, "--model", model, "--runtime", runtime, "--out")
        shutil.rmtree(here, ignore_errors=True)
        device.host.run(*options, here)
        device.edgetl(*options, there)
        pictures = [folder / f"{photo.name}.why.png" for folder in (here, device.in_tree(there))]
        largest = int(device.host.python(DIFFERENCE, *pictures))
        said = f"values at most {largest} of 255 apart"
        if largest > _LARGEST_DIFFERENCE:
            raise CheckError(said)
        return said

    return check


def taught(device: Device, model: Path, runtime: str) -> Callable[[], str]:
    """`teach` learns a new class on the device, and this machine classifies with its file."""

    def check() -> str:
        photos = device.in_tree(device.host.material / "new-class")
        shutil.rmtree(photos, ignore_errors=True)
        device.host.python(NEW_CLASS, photos / "stripes", str(2 * _NEW_PHOTOS))
        unseen = sorted((photos / "stripes").iterdir())[_NEW_PHOTOS:]
        new = photos.parent / "unseen"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        unseen = [Path(shutil.move(path, new)) for path in unseen]
        out = device.host.material / "taught.tflite"
        device.edgetl("teach", device.host.material / "new-class", "--model", model, "--out", out)
        options = ("--format", "jsonl", "--runtime", runtime, "--model")
        text = device.edgetl(
            "classify", *(device.host.material / "unseen" / path.name for path in unseen),
            *options, out,
        )  # fmt: skip
        here = device.host.run("classify", *unseen, *options, device.in_tree(out))
        labels = [
            [json.loads(line)["label"] for line in each.splitlines()] for each in (text, here)
        ]
        right = labels[0].count("stripes")
        said = f"{right} of {len(unseen)} new photos of it right, here {labels[1].count('stripes')}"
        if right < len(unseen) - 1 or labels[0] != labels[1]:
            raise CheckError(said)
        return said

    return check


def served(device: Device, model: Path, runtime: str) -> Callable[[], str]:
    """`serve` answers a posted picture with the class that this machine gives it."""

    def check() -> str:
        port = free_port()
        command = device.chrooted([
            EDGETL, "serve", "--model", device.inside(model), "--runtime", runtime,
            "--preview", f"127.0.0.1:{port}", "--top-k", "1000",
        ])  # fmt: skip
        errors = device.folder / "serve.log"
        with errors.open("w") as stderr, started(command, stderr) as process:
            wait_for_text(errors, rf"(http://127\.0\.0\.1:{port})", process)
            answers = [posted(port, path) for path in device.host.pictures]
        here = device.host.records(model, runtime, device.host.pictures)
        others = sum(a["label"] != b["label"] for a, b in zip(answers, here, strict=True))
        said = f"{len(answers)} pictures posted, {others} of another class"
        if others:
            raise CheckError(said)
        return said

    return check


def posted(port: int, picture: Path) -> dict[str, str]:
    """The record that `serve` answers a picture with."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"http://127.0.0.1:{port}/classify"
    with opener.open(url, data=picture.read_bytes(), timeout=60) as answer:
        record: dict[str, str] = json.load(answer)
        return record
