"""What the emulated systems are compared with: edgetl on this machine."""

import argparse
import json
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib.commands import run_logged, say
from lib.environments import build_wheel, find_python, install_with_training, run_demo
from lib.pi_check.probes import VERSIONS, parsed_versions

PICTURES = 12

FRAMES_OF_THE_LONG_VIDEO = 600

MODELS = ("float32", "int8")


class Host:
    """This machine's edgetl, its model, pictures and videos, and its results for them."""

    def __init__(self, cache: Path, options: argparse.Namespace) -> None:
        self.folder = cache / "host"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "commands.log"
        self.wheel = build_wheel(self.folder, self.log)
        self.edgetl = options.host or self._install(quick=options.quick)
        self.material = self.folder / "material"
        if not (options.quick and self.material.is_dir() and not options.run):
            self._make_material(options.run)
        self.pictures = sorted((self.material / "pictures").iterdir())
        self.models = {
            path.name.split(".")[1]: path
            for path in sorted((self.material / "models").glob("model.*.tflite"))
            if path.name.split(".")[1] in MODELS
        }
        self._records: dict[tuple[str, ...], Any] = {}

    def run(self, *arguments: str | Path, **options: Any) -> str:
        return run_logged(self.log, [self.edgetl, *arguments], **options)

    def records(self, model: Path, runtime: str, sources: Sequence[Path]) -> list[Any]:
        """`classify`'s JSON lines; asked for again, they are the same."""
        key = (str(model), runtime, *map(str, sources))
        if key not in self._records:
            text = self.run(*classify_options(model, runtime), *sources)
            self._records[key] = [json.loads(line) for line in text.splitlines()]
        return list(self._records[key])

    def runtime_versions(self) -> dict[str, str]:
        return parsed_versions(self.python(VERSIONS))

    def python(self, code: str, *arguments: str | Path) -> str:
        """What Python code prints in the environment of this machine's edgetl."""
        return run_logged(self.log, [self.edgetl.parent / "python", "-c", code, *arguments])

    def _install(self, *, quick: bool) -> Path:
        say("installing edgetl[train] on this machine")
        # There is tflite-runtime for 3.11, which must be compared with itself.
        python = find_python("3.11") or sys.executable
        folder = self.folder / "edgetl"
        return install_with_training(folder, self.wheel, self.log, python=python, quick=quick)

    def _make_material(self, run: Path | None) -> None:
        if run is None:
            say("edgetl demo, for a model")
            run = run_demo(self.edgetl, self.folder / "demo", self.log)
        say("packing the run's models and pictures")
        shutil.rmtree(self.material, ignore_errors=True)
        self.material.mkdir()
        pack = self.material / "pack.zip"
        few = ("--pictures", str(PICTURES), "--rounds", "1", "--runtime", "litert")
        self.run("benchmark", run.resolve(), "--pack", pack, *few)
        with zipfile.ZipFile(pack) as archive:
            archive.extractall(self.material)
        pictures = sorted((self.material / "pictures").iterdir())
        (model,) = (self.material / "models").glob("model.int8.tflite")
        for name, sources in (
            ("video.mp4", pictures),
            ("long.mp4", pictures * (FRAMES_OF_THE_LONG_VIDEO // len(pictures))),
        ):
            self.run(
                "classify", *sources, "--model", model, "--save-video", self.material / name,
                "--format", "csv",
            )  # fmt: skip


def classify_options(model: str | Path, runtime: str) -> list[str | Path]:
    return ["classify", "--model", model, "--runtime", runtime, "--format", "jsonl",
            "--top-k", "1000"]  # fmt: skip
