"""The command line: parses, calls and prints. What the commands do is in edge, trainer, benchmarks.

Heavy imports happen inside the commands, so that `edgetl --help` is there at once and `classify`
never meets TensorFlow.
"""

import gc
import json
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from edgetl import __version__
from edgetl.edge.errors import EdgetlError, SettingError, SourceError, plural, quoted, reason
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.gc_disabled import uncollected
from edgetl.edge.system.native_log import DEBUG_VARIABLE, hidden_native_log
from edgetl.edge.system.standard_streams import abandon, replace_closed

app = typer.Typer(
    name="edgetl",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help: half the lines of the framed one, so that every command's fits a screen.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: edgetl train photos && edgetl export --quantize int8 && edgetl classify x.jpg",
)


class QuantizeOption(StrEnum):
    # Not a Literal like the other choices: Typer takes no list of those.
    none = "none"
    float16 = "float16"
    dynamic = "dynamic"
    int8 = "int8"
    all = "all"


class RuntimeOption(StrEnum):
    litert = "litert"
    tflite_runtime = "tflite-runtime"


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"edgetl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and native libraries' logs.")
    ] = False,
) -> None:
    """From a folder of photos to an image classifier on a Raspberry Pi."""
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"


@app.command(epilog="Example: edgetl demo --out my-demo")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the run.")] = Path(
        "edgetl-demo"
    ),
) -> None:
    """The whole road on pictures it draws itself, in minutes."""
    need_extra("train", needs="training and export")
    with hidden_native_log(), uncollected():
        from edgetl.benchmarks.demo import run_demo
        from edgetl.edge.sinks.text import percentages
    result = run_demo(out)
    print("held-out pictures, classified on the device runtime:")
    for path, predictions in result.shown:
        print(f"  {path}  {percentages(predictions)}")
    print()
    _print_measured(result.measured)
    print()
    for name, made in (
        ("pictures", result.pictures),
        ("run", result.run.path),
        ("figures", result.run.figures),
        ("models", result.run.exports),
    ):
        print(f"{name:9} {made}")


def _show_all_options(context: typer.Context, wanted: bool) -> None:
    if wanted:
        for parameter in context.command.params:
            parameter.hidden = False  # type: ignore[attr-defined]
        print(context.get_help())
        raise typer.Exit


# No option of `train` has a default here: a recipe gives it, and what is given on the command line
# must be told apart from what is not.
@app.command(epilog="Example: edgetl train photos --image-size 224 --out runs/big")
def train(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="A folder with a folder per class, or with train/ and perhaps validation/ and "
            "test/ of such; or a .zip or .tar.gz of one, or its URL. [default: ./data, else "
            "built-in demo pictures]",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder.  [default: runs/DATE-TIME]")] = None,
    recipe: Annotated[
        Literal["default", "reference"] | None,
        typer.Option(help="Whose settings hold: the best measured, or the cats-vs-dogs lab's."),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(metavar="N|HxW", help="[160: fast on a Pi; 224 is surer, 2x slower]"),
    ] = None,
    fit: Annotated[
        Literal["stretch", "crop", "pad"] | None,
        typer.Option(help="Photo to input. [crop: keeps shapes true]"),
    ] = None,
    head_epochs: Annotated[
        int | None, typer.Option(help="Of the head alone. [8: no gain after]")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="In all. [14: no gain after]")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Pictures a step. [32: the usual; fits any memory]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of everything random. [0: same run each time]")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest interrupted run, or --out's.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="Options from a .toml file, or a run's config.json.")
    ] = None,
    all_options: Annotated[
        bool,
        typer.Option(
            "--help-all",
            is_eager=True,
            callback=_show_all_options,
            help="Show every option, and the reason of its default.",
        ),
    ] = False,
    head_lr: Annotated[
        float | None,
        typer.Option(hidden=True, help="Adam, phase one. [1e-3: ten times the lab's, as stable]"),
    ] = None,
    fine_tune_lr: Annotated[
        float | None,
        typer.Option(hidden=True, help="Phase two, at first. [5e-5: at 3e-4 it unlearns ImageNet]"),
    ] = None,
    fine_tune_optimizer: Annotated[
        Literal["adam", "rmsprop"] | None,
        typer.Option(hidden=True, help="[adam: it gains more in few epochs]"),
    ] = None,
    fine_tune_schedule: Annotated[
        Literal["constant", "cosine"] | None,
        typer.Option(hidden=True, help="[cosine: the last epochs settle instead of jumping]"),
    ] = None,
    fine_tune_from: Annotated[
        int | None,
        typer.Option(hidden=True, help="First layer of phase two. [100: half the work, the lab's]"),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            hidden=True,
            help="Epochs without gain that end a phase. [0, never: cosine needs all its epochs]",
        ),
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option(
            "--flip/--no-flip", hidden=True, help="Mirror. [on: most things look alike mirrored]"
        ),
    ] = None,
    rotation: Annotated[
        float | None,
        typer.Option(hidden=True, help="Turn, in full turns. [0.05: as people hold a camera]"),
    ] = None,
    zoom: Annotated[
        float | None,
        typer.Option(hidden=True, help="Show a part, smaller by. [0.3: things are near or far]"),
    ] = None,
    translation: Annotated[
        float | None,
        typer.Option(hidden=True, help="Shift by a share. [0.1: things are seldom centred]"),
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(hidden=True, help="Before the head. [0.2: the lab's]")
    ] = None,
    label_smoothing: Annotated[
        float | None,
        typer.Option(hidden=True, help="Of the targets. [0.05: it misleads less on hard photos]"),
    ] = None,
    class_weights: Annotated[
        Literal["auto", "none"] | None,
        typer.Option(hidden=True, help="[auto: a rare class counts as much as a common one]"),
    ] = None,
    reuse: Annotated[
        bool | None,
        typer.Option(
            "--reuse/--no-reuse",
            hidden=True,
            help="Compute frozen layers once. [on: several times faster]",
        ),
    ] = None,
    views: Annotated[
        int | None,
        typer.Option(hidden=True, help="Augmented views kept of a picture. [4: more gain nothing]"),
    ] = None,
    head_views: Annotated[
        int | None,
        typer.Option(hidden=True, help="Of these for phase one. [0: as few as make 2000 pictures]"),
    ] = None,
    disk_budget: Annotated[
        float | None,
        typer.Option(hidden=True, help="GB for them while training. [20: 200,000 pictures]"),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH",
            hidden=True,
            help="bundled, imagenet, none or a file. [bundled: needs no network]",
        ),
    ] = None,
    strategy: Annotated[
        Literal["one", "mirrored"] | None,
        typer.Option(hidden=True, help="mirrored trains on all GPUs. [one: most have one or none]"),
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "mixed"] | None,
        typer.Option(hidden=True, help="[auto: 16 bits where GPU or processor are faster at it]"),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(hidden=True, help="What the archive's SHA-256 must be.")
    ] = None,
    tensorboard: Annotated[
        bool | None,
        typer.Option("--tensorboard", hidden=True, help="Write event files into the run folder."),
    ] = None,
) -> None:
    """Train a classifier on a folder of photos, in two phases."""
    need_extra("train", needs="training and export")
    from edgetl.trainer.config import read_config, recipe_from

    given = {name: value for name, value in context.params.items() if value is not None}
    if resume:
        _resume(given)
        return
    options = {**(read_config(config) if config else {}), **given}
    chosen = recipe_from(options)
    if options.get("tensorboard"):
        need_extra("tensorboard", needs="--tensorboard")
    from edgetl.trainer.data.archives import data_folder
    from edgetl.trainer.data.dataset import scan
    from edgetl.trainer.run.folder import RUNS, new_run

    where = Path(options["out"]) if "out" in options else None
    # What can be wrong is found before TensorFlow is loaded and before anything is written.
    photos = data_folder(
        str(options.get("data") or _default_data()),
        cache=(where.parent if where else RUNS) / ".cache" / "archives",
        sha256=options.get("sha256"),
    )
    dataset = scan(photos)
    run = new_run(where)
    with hidden_native_log(), uncollected():
        from edgetl.trainer.training import train as train_run
    train_run(dataset=dataset, run=run, recipe=chosen, tensorboard=bool(options.get("tensorboard")))
    print(run.path)


def _resume(given: dict[str, Any]) -> None:
    for name in given:
        if name not in ("resume", "out", "tensorboard", "all_options"):
            option = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise SettingError(
                f"--resume goes on with the run's own settings; leave {option} out, "
                f"or train anew without --resume"
            )
    if given.get("tensorboard"):
        need_extra("tensorboard", needs="--tensorboard")
    from edgetl.trainer.run.folder import find_interrupted, read_started

    run = find_interrupted(Path(given["out"]) if "out" in given else None)
    read_started(run)
    with hidden_native_log(), uncollected():
        from edgetl.trainer.training import resume
    resume(run, tensorboard=bool(given.get("tensorboard")))
    print(run.path)


@app.command(epilog="Example: edgetl export runs/latest --quantize all --max-drop 0.5")
def export(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="Run folder. [default: runs/latest]"),
    ] = None,
    quantize: Annotated[
        list[QuantizeOption] | None,
        typer.Option(help="none is float32. Repeatable. [default: none]"),
    ] = None,
    input_type: Annotated[
        Literal["uint8", "float32"],
        typer.Option("--input", help="Of int8 files; uint8 takes frames as they are."),
    ] = "uint8",
    calibration: Annotated[
        int, typer.Option(min=1, help="Training pictures that int8's ranges are measured on.")
    ] = 100,
    keep_float: Annotated[
        list[str] | None,
        typer.Option(
            metavar="auto|LAYER",
            help="Layers of int8 files left in float; auto finds the fewest that make a file "
            "pass, within 5 minutes. Repeatable.",
        ),
    ] = None,
    max_drop: Annotated[
        float,
        typer.Option(
            min=0,
            help="Points of accuracy a file may lose (and one picture, unless 0); one that loses "
            "more is named NAME.rejected.tflite and the exit status is 1.",
        ),
    ] = 1.0,
    data: Annotated[
        Path | None, typer.Option(help="Where the photos are now, if they have moved.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run's .tflite files, each checked against Keras."""
    need_extra("train", needs="training and export")
    with hidden_native_log(), uncollected():
        from edgetl.trainer.exporting.export import export as export_run
        from edgetl.trainer.run.folder import find_run
    modes = {mode.value for mode in quantize or [QuantizeOption.none]}
    if QuantizeOption.all in modes:
        modes = {mode.value for mode in QuantizeOption} - {"all"}
    exported = export_run(
        find_run(run),
        quantize=sorted(modes),
        input_type=input_type,
        calibration=calibration,
        keep_float=keep_float or [],
        max_drop=max_drop,
        data=data,
    )
    if as_json:
        print(json.dumps([{**asdict(item), "path": str(item.path)} for item in exported], indent=2))
    else:
        _print_exported(exported)
    for item in exported:
        if item.rejected:
            _complain(f"{item.path.name}: {item.rejected}")
    if any(item.rejected for item in exported):
        raise typer.Exit(1)


class _LonePreview(TyperCommand):
    """Typer has no option whose value can be left out, as --preview's can."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # Not without need: it takes a twentieth of the time from start to first result.
        if "--preview" in args:
            from edgetl.edge.preview.address import with_address

            args = with_address(args)
        return super().parse_args(ctx, args)


# Sources, results and sinks have more options than fit a screen: --help shows those that most
# people want, and --help-all all of them.
# Whether a path can be read is found by who reads it, whose error is one line, and who only writes
# need not read.
@app.command(
    cls=_LonePreview,
    epilog="Example: edgetl classify photos holiday.mp4 --format jsonl | jq .label",
)
def classify(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES|FOLDERS|GLOBS", help="Pictures and videos; - for paths on stdin."
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(metavar="N|DEVICE|URL|VIDEO", help="Classify a camera's newest frame."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            readable=False,
            help="A .tflite file. [default: the newest export, else the only one here]",
        ),
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, help="Classes shown.")] = 3,
    format: Annotated[  # noqa: A002
        Literal["text", "jsonl", "csv"] | None,
        typer.Option(help="Form of the results. [default: by --output's name, else text]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(readable=False, help="Append JSON lines or CSV to a file instead."),
    ] = None,
    smooth: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Average probabilities over time.")
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help='Below it the label is "unsure".')
    ] = 0.0,
    on_change: Annotated[
        bool, typer.Option("--on-change", help="Only results that change the label.")
    ] = False,
    mqtt: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Publish to mqtt[s]://user@host:port/topic, too."),
    ] = None,
    preview: Annotated[
        str | None,
        typer.Option(metavar="[HOST:PORT]", help="Live web page. [alone: 127.0.0.1:8000]"),
    ] = None,
    mqtt_discovery: Annotated[
        bool,
        typer.Option("--mqtt-discovery", hidden=True, help="Let Home Assistant find the topic."),
    ] = False,
    window: Annotated[
        bool, typer.Option("--window", hidden=True, help="Show pictures; q or Esc ends.")
    ] = False,
    save_video: Annotated[
        Path | None,
        typer.Option(
            readable=False, metavar="OUT.mp4", hidden=True, help="Save pictures with their labels."
        ),
    ] = None,
    snapshots: Annotated[
        Path | None,
        typer.Option(
            readable=False,
            metavar="DIR",
            hidden=True,
            help="Keep the picture each time --when is met.",
        ),
    ] = None,
    when: Annotated[
        str | None, typer.Option(metavar="LABEL>P", hidden=True, help="As in 'cat>0.9'.")
    ] = None,
    snapshots_limit: Annotated[
        float, typer.Option(min=1, hidden=True, help="MB; the oldest are deleted.")
    ] = 500.0,
    runtime: Annotated[
        Literal["auto", "litert", "tflite-runtime"], typer.Option(help="Interpreter library.")
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="[default: the cores, 4 at most]")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(readable=False, help="Names of the classes, one a line.")
    ] = None,
    all_options: Annotated[
        bool,
        typer.Option(
            "--help-all", is_eager=True, callback=_show_all_options, help="Show every option."
        ),
    ] = False,
    camera_backend: Annotated[
        Literal["auto", "opencv", "picamera2"],
        typer.Option(hidden=True, help="[auto: picamera2 for a Raspberry Pi's CSI camera]"),
    ] = "auto",
    resolution: Annotated[
        str | None, typer.Option(metavar="WxH", hidden=True, help="Ask the camera for this size.")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(hidden=True, help="Ask the camera for as many frames a second.")
    ] = None,
    rotate: Annotated[
        int, typer.Option(hidden=True, metavar="DEGREES", help="Turn frames by 90, 180 or 270.")
    ] = 0,
    roi: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H",
            hidden=True,
            help="Look at a part of the turned frame, in shares: 0.25,0,0.5,1 is the middle half.",
        ),
    ] = None,
    reconnect: Annotated[
        bool,
        typer.Option(
            "--reconnect/--no-reconnect", hidden=True, help="Get a camera that goes away back."
        ),
    ] = True,
) -> None:
    """Classify pictures, videos or a camera on the device."""
    if not files and camera is None:
        raise SettingError("nothing to classify: name files or folders, or give --camera 0")
    if files and camera is not None:
        raise SettingError(f"{quoted(files[0])} and --camera together; give one of them")
    if files:
        _only_for_cameras(
            resolution=resolution, fps=fps, rotate=rotate, roi=roi, no_reconnect=not reconnect
        )
    # Until the first picture there are many new objects and no garbage: looking for it after every
    # 700 of them took a fifteenth of the time.
    gc.disable()
    from edgetl.edge.model.classifier import Classifier
    from edgetl.edge.model.latest import latest_model
    from edgetl.edge.model.model_file import read_labels, read_model_file
    from edgetl.edge.model.runtime import default_threads
    from edgetl.edge.pipeline.inference import results
    from edgetl.edge.pipeline.prefetch import ReadAhead, threads_each
    from edgetl.edge.pipeline.running import run
    from edgetl.edge.results.debounce import Changes, smoothed, thresholded
    from edgetl.edge.sinks.fan_out import FanOut
    from edgetl.edge.sources.files import files as files_named
    from edgetl.edge.system.shutdown import Stopping

    source = (
        None
        if camera is None
        else _camera(camera, camera_backend, resolution, fps, rotate, roi, reconnect)
    )
    with Stopping() as stopping, ExitStack() as stack, FanOut(_complain) as sinks:
        stack.callback(gc.enable)
        loaded = read_model_file(
            model or latest_model(), labels=read_labels(labels) if labels else None
        )
        cores = each = threads or default_threads()
        items: Any = None
        if source is None:
            # The first pictures are decoded while the interpreter is loaded.
            ahead = ReadAhead(files_named(files or []), loaded.geometry, threads=cores)
            items = stack.enter_context(closing(ahead))
            each = threads_each(len(loaded.content), cores)
        with hidden_native_log():
            classifier = Classifier(loaded, runtime=runtime, threads=each)
        is_live = False
        if source is not None:
            from edgetl.edge.sources.camera import Camera

            items = stack.enter_context(source())
            is_live = isinstance(items, Camera)
        classified = results(items, classifier, top_k=top_k)
        if smooth is not None:
            classified = smoothed(
                classified, seconds=smooth, predict=partial(classifier.predictions, top_k=top_k)
            )
        if threshold:
            classified = thresholded(classified, threshold=threshold)
        for sink in _sinks(
            labels=classifier.labels,
            top_k=top_k,
            live=is_live,
            form=format,
            output=output,
            changes=partial(Changes, threshold=threshold) if on_change else None,
            mqtt=mqtt,
            mqtt_discovery=mqtt_discovery,
            preview=preview,
            window=window,
            save_video=save_video,
            snapshots=snapshots,
            when=when,
            snapshots_limit=snapshots_limit,
        ):
            sinks.add(sink)
        if "NOTIFY_SOCKET" in os.environ:
            from edgetl.edge.sinks.systemd import SystemdSink
            from edgetl.edge.system.sd_notify import manager_from

            if manager := manager_from(os.environ):
                sinks.add_listener(SystemdSink(manager))
        gc.enable()
        outcome = run(classified, sinks, stopping=stopping, complain=_complain)
        read_to_the_end = sinks.open
    if not outcome.classified:
        raise SourceError("nothing could be classified")
    if read_to_the_end:
        library = f"{classifier.runtime.name} {classifier.runtime.version}"
        _tell(
            f"{outcome.classified} classified, median {outcome.milliseconds:.1f} ms each, "
            f"{cores // each} at a time ({library}, {plural(each, 'thread')})"
        )
    if outcome.problems or sinks.failures:
        raise typer.Exit(1)


@app.command(epilog="Example: edgetl info model.int8.tflite")
def info(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .tflite file.")],
    labels: Annotated[
        Path | None, typer.Option(help="Names of the classes, if the file holds none.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what is inside a model file."""
    from edgetl.edge.model.model_file import describe, read_labels, read_model_file

    names = read_labels(labels) if labels else None
    facts = describe(read_model_file(model, labels=names))
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for name, value in _flat(facts):
        print(f"{name:28} {value}")


@app.command(epilog="Example: edgetl doctor model.int8.tflite")
def doctor(
    model: Annotated[
        Path | None, typer.Argument(metavar="[MODEL]", help="A .tflite file to try here.")
    ] = None,
    runtime: Annotated[
        Literal["auto", "litert", "tflite-runtime"], typer.Option(help="What to try it on.")
    ] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Check this device; the mend for what is broken.

    The exit status is 1 if something fails: edgetl cannot do its work then. A warning says that it
    can do less of it, or slower.
    """
    from rich.console import Console

    from edgetl.edge.doctor.examine import examine
    from edgetl.edge.doctor.rendering import examination_json, print_examination

    examination = examine(model, runtime=runtime)
    if as_json:
        print(examination_json(examination))
    else:
        print_examination(examination, Console())
    if not examination.healthy:
        raise typer.Exit(1)


@app.command(epilog="Example: edgetl deploy runs/latest pi@raspberrypi.local --max-ms 50")
def deploy(
    model: Annotated[
        Path, typer.Argument(metavar="RUN|MODEL", help="A run with exports, or a .tflite file.")
    ],
    hosts: Annotated[
        list[str] | None,
        typer.Argument(metavar="HOST...", help="[USER@]HOST[:PORT], or a name in the inventory."),
    ] = None,
    inventory: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ansible's; without HOSTs all that are in it."),
    ] = None,
    package: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="A wheel, or what pip takes. [default: this version]"),
    ] = None,
    max_ms: Annotated[
        float | None, typer.Option(min=0, help="A slower test inference rolls the model back.")
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(metavar="OPTIONS", help="Run all day with these, as in '--camera 0'."),
    ] = None,
    ask_become_pass: Annotated[
        bool, typer.Option("--ask-become-pass", help="Ask for sudo's password there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; show what would.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a model on devices; roll back where its test fails."""
    import shlex

    from rich.console import Console

    from edgetl.deploy.deploying import deploy as deploy_to
    from edgetl.deploy.rendering import deployed_json, print_deployed
    from edgetl.edge.model.latest import model_of

    settings: dict[str, Any] = {} if max_ms is None else {"max_ms": max_ms}
    if service is not None:
        try:
            settings |= {"service": True, "service_options": shlex.split(service)}
        except ValueError as error:
            raise SettingError(f"--service {quoted(service)}: {error}") from error
    results = deploy_to(
        model_of(model),
        hosts or [],
        inventory=inventory,
        package=package,
        settings=settings,
        ask_become_pass=ask_become_pass,
        dry_run=dry_run,
        debug=bool(os.environ.get(DEBUG_VARIABLE)),
        tell=_complain,
    )
    if as_json:
        print(deployed_json(results))
    else:
        print_deployed(results, Console(), dry_run=dry_run)
    if any(result.why for result in results):
        raise typer.Exit(1)


class _LonePack(TyperCommand):
    """As _LonePreview, for --pack."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        from edgetl.benchmarks.pack_option import with_pack_name

        return super().parse_args(ctx, with_pack_name(args))


@app.command(
    cls=_LonePack, epilog="Example: edgetl benchmark --pack; on the Pi: edgetl benchmark pack.zip"
)
def benchmark(
    context: typer.Context,
    targets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN|MODEL|PACK",
            help="A run, .tflite files, a pack of another machine's. [default: runs/latest]",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Other pictures, a folder a class; or where a run's are now."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Classes of files that hold none, one a line."),
    ] = None,
    runtime: Annotated[
        list[RuntimeOption] | None,
        typer.Option(
            metavar="NAME", help="litert, tflite-runtime. Repeatable. [default: all installed]"
        ),
    ] = None,
    threads: Annotated[
        list[int] | None,
        typer.Option(
            # Thousands would leave none for the other rows' processes.
            min=1,
            max=256,
            metavar="N",
            help="Repeatable. [default: the cores here, 4 at most]",
        ),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="In which each row has its turn.")
    ] = 15,
    pictures: Annotated[
        int, typer.Option(min=1, metavar="N", help="At most, the classes balanced.")
    ] = 1000,
    pack: Annotated[
        Path | None,
        typer.Option(
            metavar="[FILE]", help="Pack models, pictures and Keras' answers for a device."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page and its figures there, too.")
    ] = None,
    earlier_and_later: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare", metavar="A.json B.json", help="What changed between two, beyond noise."
        ),
    ] = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Measure what .tflite files lose and gain beside Keras."""
    from tempfile import TemporaryDirectory

    if earlier_and_later:
        if _typed(context) - {"earlier_and_later", "as_json"}:
            raise SettingError("--compare reads two files of --json; of options it takes --json")
        _compare(*earlier_and_later, as_json=as_json)
        return
    with hidden_native_log(), uncollected():
        from edgetl.benchmarks.benchmark import benchmark as run_benchmark
        from edgetl.benchmarks.cases import plan
        from edgetl.benchmarks.measured import NothingMeasuredError
        from edgetl.benchmarks.record import to_json
        from edgetl.benchmarks.report.report import check_report, write_benchmark_report
        from edgetl.benchmarks.report.tables import markdown
        from edgetl.edge.model.model_file import read_labels
        from edgetl.edge.system.shutdown import Stopping
    with Stopping(), TemporaryDirectory(prefix="edgetl-benchmark-") as temporary:
        try:
            planned = plan(
                targets or [],
                Path(temporary),
                data=data,
                labels=read_labels(labels) if labels else None,
                runtimes=[choice.value for choice in runtime or []],
                threads=threads or [],
                most=pictures,
            )
            if pack:
                _check_packing(planned, pack)
            if report:
                check_report(report)
            done = run_benchmark(planned, Path(temporary), rounds=rounds)
        except NothingMeasuredError as error:
            for failure in error.failures:
                _complain(quoted(failure.line))
            raise typer.Exit(1) from None
        if as_json:
            print(to_json(done.measured))
        elif as_markdown:
            print(markdown(done.measured))
        else:
            _print_measured(done.measured)
        for failure in done.measured.failures:
            _complain(quoted(failure.line))
        # What goes wrong with one of them does not take the other.
        try:
            if report:
                _complain(f"report: {quoted(write_benchmark_report(done.measured, report))}")
        finally:
            if pack:
                _write_pack(done, planned, pack)
    if done.measured.stopped:
        _complain(done.measured.stopped)
        raise typer.Exit(130)
    if done.measured.failures:
        raise typer.Exit(1)


def _typed(context: typer.Context) -> set[str]:
    """The parameters of a command that were typed, by their names in Python."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def _compare(earlier: Path, later: Path, *, as_json: bool) -> None:
    from edgetl.benchmarks.compare import compare
    from edgetl.benchmarks.record import read_measured
    from edgetl.benchmarks.report.comparison import changes_to_json, print_changes

    changes = compare(read_measured(earlier), read_measured(later))
    if as_json:
        print(changes_to_json(changes))
    else:
        print_changes(changes)


def _check_packing(planned: Any, pack: Path) -> None:
    from edgetl.benchmarks.pack import check_pack_path

    if not any(subject.is_keras for subject in planned.subjects):
        raise SettingError("--pack is made of a run, whose Keras model it stands in for; name one")
    if all(subject.is_keras for subject in planned.subjects):
        raise SettingError("--pack: there is no model file to pack; make one with: edgetl export")
    check_pack_path(pack)


def _write_pack(done: Any, planned: Any, pack: Path) -> None:
    from edgetl.benchmarks.pack import write_pack

    rows = [row for row in done.measured.rows if row.is_keras]
    if not rows or done.keras_probabilities is None:
        raise SettingError("--pack: nothing is packed, because Keras could not be measured")
    models = {s.path: None for s in planned.subjects if not s.is_keras}
    packed = write_pack(
        pack,
        done.pictures,
        list(models),
        rows,
        done.keras_probabilities,
        machine=done.measured.machine.name,
    )
    _complain(
        f"{quoted(pack)}: {packed} of {len(done.pictures.paths)} pictures, {len(models)} models, "
        f"{pack.stat().st_size / 1e6:.1f} MB; copy it to a device, and there: "
        f"edgetl benchmark {quoted(pack.name)}"
    )


service = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Run `classify` all day, and after every boot, under systemd.",
    epilog="Example: edgetl service install --camera 0 --model model.int8.tflite",
)
app.add_typer(service, name="service")

NameOption = Annotated[str, typer.Option("--name", help="Name of the service.")]
RootOption = Annotated[
    Path, typer.Option("--root", metavar="DIR", help="Another system's file tree, as an SD card's.")
]


@service.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    options_metavar="[OPTIONS] --camera N --model FILE [CLASSIFY'S OPTIONS]",
    epilog="Example: sudo edgetl service install --camera 0 --model model.int8.tflite --on-change",
)
def install(
    context: typer.Context,
    name: NameOption = "edgetl",
    run_as: Annotated[
        str | None, typer.Option(metavar="USER", help="[default: who typed sudo]")
    ] = None,
    memory_max: Annotated[str, typer.Option(metavar="SIZE", help="Ended above it.")] = "1G",
    root: RootOption = Path("/"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the unit only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Start `classify` with the options given, now and at every boot."""
    from edgetl.edge.service import systemd
    from edgetl.edge.service.install import planned

    place = systemd.Place(name, root.absolute())
    command, options = _classify_options(context.args)
    if place.running and not dry_run:
        _needs_systemd()
        if os.geteuid() != 0:
            raise SettingError(f"only root installs a service; type: {_with_sudo()}")
    plan = planned(
        place,
        options,
        spelled=partial(_spelled, command),
        sinks=_sinks_of_service,
        run_as=run_as,
        memory_max=memory_max,
        systemd_version=systemd.systemd_version() if place.running else None,
    )
    if dry_run and as_json:
        print(json.dumps({"changed": not plan.installed, "unit": str(place.unit)}))
        return
    if dry_run:
        print(plan.text, end="")
        return
    if not plan.installed:
        if not (yes or sys.stdin.isatty()):
            raise SettingError("nobody to ask; read it with --dry-run, then add --yes")
        print(plan.text, file=sys.stderr)
        if not yes:
            typer.confirm(f"Write this to {place.unit} and start it?", abort=True, err=True)
    changed = plan.install()
    if as_json:
        print(json.dumps({"changed": changed, "unit": str(place.unit)}))
    elif not changed:
        print(f"{place.unit}: unchanged")
        # Stopped by hand: who stopped it may have had a reason.
        if place.running and (facts := systemd.status(place))["ActiveState"] == "inactive":
            print(systemd.described(place, facts)[-1])
    elif place.running:
        print(f"{place.unit}: installed and started; see it with: edgetl service status")
    else:
        print(f"{place.unit}: installed; it starts when that system boots")


@service.command(epilog="Example: edgetl service status --json")
def status(name: NameOption = "edgetl", as_json: JsonOption = False) -> None:
    """Whether it runs, and what it saw last. Exit status 1 if it does not run."""
    from edgetl.edge.service import systemd

    _needs_systemd()
    place = systemd.Place(name)
    facts = systemd.status(place)
    if as_json:
        print(json.dumps(facts))
    else:
        print("\n".join(systemd.described(place, facts)))
    if facts["ActiveState"] != "active":
        raise typer.Exit(1)


@service.command(epilog="Example: edgetl service logs --follow")
def logs(
    name: NameOption = "edgetl",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="The newest only.")] = 50,
) -> None:
    """What it wrote to the journal."""
    from edgetl.edge.service import systemd

    place = systemd.Place(name)
    _needs_systemd()
    following = ["--follow"] if follow else []
    wanted = ["journalctl", f"--unit={place.name}.service", f"--lines={lines}", "--no-pager"]
    sys.stdout.flush()
    try:
        os.execvp("journalctl", [*wanted, *following])
    except OSError as error:
        raise SettingError("journalctl: not found; install systemd's journal") from error


@service.command(epilog="Example: sudo edgetl service uninstall")
def uninstall(
    name: NameOption = "edgetl", root: RootOption = Path("/"), as_json: JsonOption = False
) -> None:
    """Stop it and remove its unit; results and model stay."""
    from edgetl.edge.service import systemd

    place = systemd.Place(name, root.absolute())
    if place.running:
        _needs_systemd()
        if os.geteuid() != 0:
            raise SettingError(f"only root removes a service; type: {_with_sudo()}")
    changed = systemd.uninstall(place)
    if as_json:
        print(json.dumps({"changed": changed, "unit": str(place.unit)}))
    else:
        print(f"{place.unit}: {'removed' if changed else 'not installed'}")


def _needs_systemd() -> None:
    from edgetl.edge.service.systemd import systemd_version

    if systemd_version() is None:
        raise SettingError(
            "systemd does not run this machine; start `edgetl classify` with its own service "
            "manager, or use --root DIR for another system's file tree"
        )


def _with_sudo() -> str:
    from shlex import join

    program = Path(sys.executable).parent / "edgetl"
    return join(["sudo", str(program), *sys.argv[1:]])


def _classify_options(arguments: list[str]) -> tuple[Any, dict[str, Any]]:
    """classify's own command, and what it makes of `arguments`."""
    alone = typer.Typer(rich_markup_mode=None, add_completion=False)
    alone.command(cls=_LonePreview)(classify)
    command = typer.main.get_command(alone)
    options = command.make_context("edgetl service install", list(arguments)).params
    if options["camera"] is not None:
        # Read now what classify reads when it begins.
        names = ("camera_backend", "resolution", "fps", "rotate", "roi", "reconnect")
        _camera(options["camera"], *(options[name] for name in names))
    return command, options


def _sinks_of_service(options: Mapping[str, Any], labels: tuple[str, ...]) -> Any:
    from edgetl.edge.results.debounce import Changes

    names = (
        "top_k", "output", "mqtt", "mqtt_discovery", "preview", "window", "save_video",
        "snapshots", "when", "snapshots_limit",
    )  # fmt: skip
    return _sinks(
        labels=labels,
        live=False,
        form=options["format"],
        changes=partial(Changes, threshold=options["threshold"]) if options["on_change"] else None,
        **{name: options[name] for name in names},
    )


def _spelled(command: Any, options: dict[str, Any]) -> list[str]:
    """Options of `command` as arguments that give them again; defaults are left out."""
    arguments = []
    for parameter in command.params:
        value = options.get(parameter.name)
        if value is None or value == parameter.default or parameter.name in ("files", "help"):
            continue
        if isinstance(value, bool):
            arguments.append((parameter.opts if value else parameter.secondary_opts)[0])
        else:
            arguments.append(f"{parameter.opts[0]}={value}")
    return arguments


def main() -> None:
    """The `edgetl` command: runs the app and turns what the user can mend into one line."""
    replace_closed()
    try:
        _run_app()
    except SystemExit as end:
        if any(thread.daemon for thread in threading.enumerate()):
            # One that comes back from a camera's driver to a Python that is going away would end
            # the process with an abort.
            _leave_at_once(end.code)
        raise


def _leave_at_once(status: str | int | None) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


def _run_app() -> None:
    # Typer takes time for each option of each command; what was not asked for can go without.
    asked = [
        command
        for command in app.registered_commands
        if command.callback and [command.callback.__name__] == sys.argv[1:2]
    ]
    groups = [group for group in app.registered_groups if [group.name] == sys.argv[1:2]]
    if asked or groups:
        app.registered_commands, app.registered_groups = asked, groups
    if isinstance(sys.stdout, TextIOWrapper):
        # A file name may hold bytes that are no UTF-8; in JSON as elsewhere "\\udce9" can stand.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except EdgetlError as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        _complain(str(error))
        sys.exit(error.exit_code)
    except ImportError as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        # As on Raspberry Pi OS Lite, which has no libGL for OpenCV.
        words = " ".join(str(error).split())
        _complain(f"a library does not load: {words}; the mend is in: edgetl doctor")
        sys.exit(EdgetlError.exit_code)
    except KeyboardInterrupt:
        # Before a command takes signals itself.
        sys.exit(130)
    except BrokenPipeError:
        # A reader that has had enough, as `| head` has.
        abandon(sys.stdout)
        sys.exit(0)
    except OSError as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        abandon(sys.stdout)
        name = quoted(error.filename) if isinstance(error.filename, str) else "stdout"
        _complain(f"{name}: {reason(error)}")
        sys.exit(1)


def _complain(message: str) -> None:
    _tell(f"edgetl: {message}")


def _tell(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        # Whoever read it has gone, or its disk is full: no reason to stop what is going on.
        abandon(sys.stderr)


def _default_data() -> Path:
    if Path("data").is_dir():
        return Path("data")
    from edgetl.trainer.data.demo_pictures import write_demo_pictures

    pictures = Path("edgetl-demo", "pictures")
    print(
        f"edgetl: no DATA given and no ./data here: training on the built-in demo pictures, "
        f"drawn into {pictures}",
        file=sys.stderr,
    )
    written: Path = write_demo_pictures(pictures)
    return written


def _camera(
    name: str,
    backend: Literal["auto", "opencv", "picamera2"],
    resolution: str | None,
    fps: float | None,
    rotate: int,
    roi: str | None,
    reconnect: bool,
) -> Any:
    """What opens the camera; the options are read now."""
    from edgetl.edge.sources.camera import live
    from edgetl.edge.sources.camera_backends import CameraSettings, parse_resolution
    from edgetl.edge.sources.view import View, parse_roi

    return partial(
        live,
        name,
        backend=backend,
        settings=CameraSettings(parse_resolution(resolution) if resolution else None, fps),
        view=View(rotate, parse_roi(roi) if roi else None),
        reconnect=reconnect,
        notify=_complain,
    )


def _only_for_cameras(**options: Any) -> None:
    for name, value in options.items():
        if value:
            option = name.replace("_", "-")
            raise SettingError(f"--{option} is for --camera; leave it out with files")


def _sinks(
    *,
    labels: tuple[str, ...],
    top_k: int,
    live: bool,
    form: str | None,
    output: Path | None,
    changes: Any,
    mqtt: str | None,
    mqtt_discovery: bool,
    preview: str | None,
    window: bool,
    save_video: Path | None,
    snapshots: Path | None,
    when: str | None,
    snapshots_limit: float,
) -> Any:
    """The sinks that the options ask for, opened one by one; `changes` makes a Changes, or None."""
    if (snapshots is None) != (when is None):
        raise SettingError("--snapshots DIR and --when 'LABEL>0.9' belong together; give both")
    if mqtt_discovery and mqtt is None:
        raise SettingError("--mqtt-discovery needs --mqtt URL, whose topic is to be found")
    condition = None
    if when is not None:
        from edgetl.edge.results.condition import parse_condition

        condition = parse_condition(when, labels)
    from edgetl.edge.sinks.on_change import OnChangeSink

    def told(sink: Any) -> Any:
        return OnChangeSink(sink, changes()) if changes else sink

    form = form or (output.suffix.lower().lstrip(".") if output else "text")
    in_terminal = live and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if output or not (in_terminal and form == "text" and not changes):
        yield told(_record_sink(form, output, classes=min(top_k, len(labels))))
    if in_terminal and (output or (form == "text" and not changes)):
        from rich.console import Console

        from edgetl.edge.sinks.live import LiveSink

        yield LiveSink(Console())
    if mqtt is not None:
        yield told(_mqtt_sink(mqtt, with_discovery=mqtt_discovery))
    if preview is not None:
        from edgetl.edge.sinks.preview import PreviewSink

        page = PreviewSink(preview, labels=labels)
        _complain(f"preview: {page.url}")
        yield page
    if save_video is not None:
        from edgetl.edge.sinks.video import OwnTime, RealTime, VideoSink

        yield VideoSink(save_video, RealTime() if live else OwnTime())
    if snapshots is not None and condition is not None:
        from edgetl.edge.sinks.snapshots import SnapshotSink

        yield SnapshotSink(snapshots, condition, limit_mb=snapshots_limit)
    if window:
        from edgetl.edge.sinks.window import WindowSink

        yield WindowSink()


def _record_sink(form: str, output: Path | None, *, classes: int) -> Any:
    from edgetl.edge.sinks.lines import FileLines, StreamLines

    lines: Any = StreamLines(sys.stdout, name="stdout")
    if form == "text" and output is None:
        from edgetl.edge.sinks.text import TextSink

        return TextSink(lines)
    from edgetl.edge.sinks.records import JSONL_BEGINS, CsvSink, JsonlSink, csv_header

    if output:
        if form not in ("jsonl", "csv"):
            raise SettingError(
                f"--output {quoted(output)}: add --format jsonl or --format csv, or a name that "
                f"ends so"
            )
        begins = JSONL_BEGINS if form == "jsonl" else csv_header(classes=classes)
        lines = FileLines(output, begins=begins)
        if lines.cut:
            _complain(f"{quoted(output)}: ended in half a record, {lines.cut} bytes; cut off")
    return CsvSink(lines, classes=classes) if form == "csv" else JsonlSink(lines)


def _mqtt_sink(url: str, *, with_discovery: bool) -> Any:
    from edgetl.edge.sinks.home_assistant import discovery
    from edgetl.edge.sinks.mqtt import MqttSink, availability_topic
    from edgetl.edge.sinks.mqtt_url import PASSWORD_VARIABLE, parse_mqtt_url

    broker = parse_mqtt_url(url, password=os.environ.get(PASSWORD_VARIABLE))
    found = discovery(broker.topic, availability=availability_topic(broker))
    announcements = [found] if with_discovery else []
    return MqttSink(broker, complain=_complain, announcements=announcements)


def _flat(facts: dict[str, Any], prefix: str = "") -> Any:
    """Nested facts as lines: ("input.shape", "1x160x160x3")."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(str(part) for part in value)
        elif value is not None:
            yield f"{prefix}{name}", f"{value:.4g}" if isinstance(value, float) else value


def _print_exported(exported: Any) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("file", no_wrap=True)
    table.add_column("runtime", no_wrap=True)
    for name in ("MB", "acc.", "95 %", "agrees", "differs", "p", "recall"):
        table.add_column(name, justify="right", no_wrap=name != "recall")
    for item in exported:
        name = item.path.name.removeprefix("model.").removesuffix(".tflite")
        for check in item.checks:
            size = f"{item.bytes / 1e6:.2f}"
            if check.parity is None:
                table.add_row(name, check.runtime, size, "does not run")
                continue
            found = check.parity
            low, high = found.accuracy_interval
            table.add_row(
                name,
                check.runtime,
                size,
                f"{100 * found.accuracy:.1f}",
                f"{100 * low:.1f}-{100 * high:.1f}",
                f"{100 * found.agreement:.1f}",
                f"{found.mean_difference:.3f}/{found.largest_difference:.2f}",
                f"{found.mcnemar_p:.2f}",
                f"{found.fell_most} {-100 * found.recall_drop:.1f}" if found.fell_most else "-",
            )
    Console().print(table)
    checked = [c.parity for item in exported for c in item.checks if c.parity]
    if checked:
        print(
            f"Beside Keras, accuracy {100 * checked[0].keras_accuracy:.1f}, on "
            f"{checked[0].pictures} {exported[0].split} pictures; percent and points.\n"
            f"differs: probabilities, mean/largest; p: McNemar's exact test, small where accuracy\n"
            f"differs by more than chance; recall: the class whose recall fell most."
        )
    for item in exported:
        kept = f"  (in float: {', '.join(item.keep_float)})" if item.keep_float else ""
        print(f"{item.path}{kept}")
        if item.layer_errors:
            worst = ", ".join(f"{error.layer} {error.lost:.0%}" for error in item.layer_errors)
            print(f"  lost to int8 of each layer's output, the worst: {worst}")


def _print_measured(measured: Any) -> None:
    from rich.console import Console

    from edgetl.benchmarks.report.tables import method, tables

    console = Console()
    for table in tables(measured):
        console.print(table)
    for line in method(measured):
        console.print(line, highlight=False, markup=False)


if __name__ == "__main__":
    main()
