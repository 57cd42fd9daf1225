"""edgetl in the container: the wheel of this checkout, and a model."""

import argparse
import shutil
from pathlib import Path

from lib.commands import say
from lib.environments import build_wheel, install_with_training, run_demo
from lib.service_check.container import MODEL, USER, Container


def install_edgetl(container: Container, options: argparse.Namespace) -> None:
    wheel = build_wheel(container.cache, container.log)
    shutil.copy(wheel, container.tree / "root")
    container.in_tree("python3", "-m", "venv", "/opt/edgetl")
    container.in_tree("/opt/edgetl/bin/pip", "install", f"/root/{wheel.name}[mqtt]")
    model = options.model or demo_model(container, wheel, options.host)
    shutil.copy(model, container.tree / MODEL.lstrip("/"))
    container.in_tree("chown", f"{USER}:{USER}", MODEL)


def demo_model(container: Container, wheel: Path, host: Path | None) -> Path:
    """The model that `edgetl demo` exports, made once and kept in the cache."""
    cache, log = container.cache, container.log
    kept = cache / "model.int8.tflite"
    if not kept.exists():
        if host is None:
            say("installing edgetl[train] on this machine")
            host = install_with_training(cache / "host", wheel, log)
        say("edgetl demo, for a model")
        run = run_demo(host, cache / "demo", log)
        shutil.copy(run / "exports/model.int8.tflite", kept)
    return kept
