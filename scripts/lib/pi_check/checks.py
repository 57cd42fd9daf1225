"""The checks of one emulated system, most of which compare its answers with this machine's."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lib.commands import CheckError
from lib.pi_check.device import PYTHON, WORK, Device
from lib.pi_check.host import MODELS, classify_options
from lib.pi_check.on_device import explained, served, taught
from lib.pi_check.preview import preview_page
from lib.pi_check.probes import (
    FAST,
    LOADED,
    PORTABLE,
    PORTABLE_PICTURES,
    RUNTIME_MODULES,
    VERSIONS,
    parsed_versions,
)
from lib.pi_check.systems import Processor

LIMIT = 2 / 256


def checks(device: Device) -> Iterator[tuple[bool, str, Callable[[], str]]]:
    """Each check: whether the rest needs it, its name, and what runs it."""
    int8 = device.host.models["int8"]
    yield True, "system", device.build
    yield True, "README's install", device.install
    yield False, "--version", lambda: version(device)
    yield False, "versions as on this machine", lambda: same_versions(device)
    yield False, "doctor", lambda: doctor(device, int8)
    yield False, "info", lambda: model_info(device, int8)
    pictures = device.host.pictures
    for runtime in device.system.runtimes:
        yield False, f"portable kernels, int8 {runtime}", portable_kernels(device, int8, runtime)
        if runtime == "litert":
            yield False, "fast kernels in use, litert", lambda: fast_kernels(device, int8)
        limit = LIMIT if runtime == "litert" else 1
        check = same_results(device, int8, runtime, pictures, limit)
        yield False, f"pictures, jsonl, int8 {runtime}", check
        for other in device.system.processors[1:]:
            check = same_results(device, int8, runtime, pictures, limit, on=other)
            yield False, f"the same on a {other.board}, {runtime}", check
        if "float32" in device.host.models and not device.quick:
            check = same_results(device, device.host.models["float32"], runtime, pictures, LIMIT)
            yield False, f"pictures, jsonl, float32 {runtime}", check
    first = device.system.runtimes[0]
    yield False, "pictures, csv", lambda: csv_labels(device, int8, first)
    kind = next(kind for kind in MODELS if kind in device.host.models)
    video = [device.host.material / "video.mp4"]
    check = same_results(device, device.host.models[kind], first, video, 1)
    yield False, f"video, jsonl, {kind} {first}", check
    if not device.quick:
        yield False, "benchmark of a pack", lambda: benchmark(device)
    yield False, "preview page", lambda: preview_page(device, int8, first)
    yield False, "explain", explained(device, int8, first)
    yield False, "teach", taught(device, int8, first)
    yield False, "serve", served(device, int8, first)


def version(device: Device) -> str:
    said = device.edgetl("--version").strip()
    if said != device.host.run("--version").strip():
        raise CheckError(f"{said} is not the version of this machine's edgetl")
    return said


def same_versions(device: Device) -> str:
    versions = parsed_versions(device.run([PYTHON, "-c", VERSIONS]))
    here = device.host.runtime_versions()
    distributions = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}
    for runtime in device.system.runtimes:
        name = distributions[runtime]
        if versions.get(name) != here.get(name):
            raise CheckError(f"{name} {versions.get(name)}, here {here.get(name)}")
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def doctor(device: Device, model: Path) -> str:
    said = json.loads(device.edgetl("doctor", model, "--json"))
    failed = [check["name"] for check in said["checks"] if check["state"] == "fail"]
    if failed or not said["healthy"] or not said["model"]:
        raise CheckError(f"fails: {', '.join(failed) or 'the model'}")
    warned = [check["name"] for check in said["checks"] if check["state"] == "warn"]
    return f"{len(said['checks'])} checks, warns of: {', '.join(warned) or 'nothing'}"


def model_info(device: Device, model: Path) -> str:
    facts = json.loads(device.edgetl("info", model, "--json"))
    here = json.loads(device.host.run("info", model, "--json"))
    for each in (facts, here):
        each.pop("path", None)
    if json.dumps(facts).replace(f"{WORK}/material", "") != json.dumps(here).replace(
        str(device.host.material), ""
    ):
        raise CheckError("not what this machine prints")
    return f"{len(facts)} facts, as on this machine"


def portable_kernels(device: Device, model: Path, runtime: str) -> Callable[[], str]:
    def check() -> str:
        arguments = [RUNTIME_MODULES[runtime], model, *device.host.pictures[:PORTABLE_PICTURES]]
        here = json.loads(device.host.python(PORTABLE, *arguments))
        there = json.loads(device.run([PYTHON, "-c", PORTABLE, *map(device.inside, arguments)]))
        if here["pixels"] != there["pixels"]:
            changed = "decoded to other pixels than on this machine"
        else:
            changed = "decoded to the same pixels"
        pairs = zip(here["probabilities"], there["probabilities"], strict=True)
        apart = max(abs(a - b) for ours, theirs in pairs for a, b in zip(ours, theirs, strict=True))
        found = f"{len(here['pixels'])} pictures, {apart * 256:.2f}/256 apart, {changed}"
        if apart > LIMIT:
            raise CheckError(found)
        return found

    return check


def fast_kernels(device: Device, model: Path) -> str:
    said = device.run([PYTHON, "-c", LOADED, device.inside(model)])
    if FAST not in said:
        raise CheckError(f"LiteRT does not print {FAST!r}: {said.strip()}")
    return f"{FAST}, on a {device.system.processors[0].board}"


def same_results(
    device: Device,
    model: Path,
    runtime: str,
    sources: list[Path],
    limit: float,
    *,
    on: Processor | None = None,
) -> Callable[[], str]:
    def check() -> str:
        text = device.edgetl(*classify_options(model, runtime), *sources, on=on)
        there = [json.loads(line) for line in text.splitlines()]
        here = device.host.records(model, runtime, sources)
        return compare(there, here, limit)

    return check


def csv_labels(device: Device, model: Path, runtime: str) -> str:
    options = ("classify", *device.host.pictures, "--model", model, "--runtime", runtime)
    text = device.edgetl(*options, "--format", "csv", "--top-k", "1")
    rows = list(csv.DictReader(text.splitlines()))
    here = device.host.records(model, runtime, device.host.pictures)
    if [row["label_1"] for row in rows] != [record["label"] for record in here]:
        raise CheckError("not the labels of this machine")
    return f"{len(rows)} rows, labels as on this machine"


def benchmark(device: Device) -> str:
    pack = device.host.material / "pack.zip"
    said = json.loads(device.edgetl("benchmark", pack, "--rounds", "2", "--json"))
    if said.get("failures"):
        raise CheckError(str(said["failures"]))
    measured = [row for row in said["rows"] if row["name"] != "Keras"]
    return f"{len(measured)} rows: " + ", ".join(
        f"{row['name']} {row['invoke']['p50']:.0f} ms" for row in measured
    )


def compare(there: list[Any], here: list[Any], limit: float) -> str:
    """What differs between records of two machines.

    Raises:
        CheckError: other classes, or probabilities further apart than `limit`.
    """
    if len(there) != len(here) or not here:
        raise CheckError(f"{len(there)} results, {len(here)} on this machine")
    largest, others = 0.0, 0
    for ours, theirs in zip(here, there, strict=True):
        others += ours["label"] != theirs["label"]
        mine = {p["label"]: p["probability"] for p in ours["predictions"]}
        for prediction in theirs["predictions"]:
            largest = max(largest, abs(mine[prediction["label"]] - prediction["probability"]))
    steps = f"{largest * 256:.2f}/256" if largest > 1e-3 else f"{largest:.1e}"
    found = f"{len(here)} results, {others} of another class, at most {steps} apart"
    # Records are rounded to six digits.
    if others or largest > limit + 1e-6:
        raise CheckError(found)
    return found
