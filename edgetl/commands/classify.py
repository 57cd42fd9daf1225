"""`edgetl classify`."""

import gc
import os
import sys
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from edgetl.command import command
from edgetl.edge.errors import SettingError, SourceError, plural, quoted
from edgetl.edge.system.messages import logger
from edgetl.edge.system.native_log import hidden_native_log


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
        Literal["auto", "litert", "tflite-runtime"],
        typer.Option(hidden=True, help="Interpreter library."),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="[default: the cores, 4 at most]")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(readable=False, help="Names of the classes, one a line.")
    ] = None,
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
    from edgetl.edge.pipeline.prefetch import Prefetcher, threads_each
    from edgetl.edge.pipeline.running import run
    from edgetl.edge.results.debounce import ChangeDetector, smoothed, thresholded
    from edgetl.edge.sinks.fan_out import FanOut
    from edgetl.edge.sources.files import files as files_named
    from edgetl.edge.system.shutdown import GracefulShutdown

    source = (
        None
        if camera is None
        else _camera(camera, camera_backend, resolution, fps, rotate, roi, reconnect)
    )
    with GracefulShutdown() as stopping, ExitStack() as stack, FanOut(logger.warning) as sinks:
        stack.callback(gc.enable)
        loaded = read_model_file(
            model or latest_model(), labels=read_labels(labels) if labels else None
        )
        cores = each = threads or default_threads()
        items: Any = None
        if source is None:
            # The first pictures are decoded while the interpreter is loaded.
            ahead = Prefetcher(files_named(files or []), loaded.input_size, threads=cores)
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
            changes=partial(ChangeDetector, threshold=threshold) if on_change else None,
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
        outcome = run(classified, sinks, stopping=stopping, complain=logger.warning)
        read_to_the_end = sinks.open
    if not outcome.classified:
        raise SourceError("nothing could be classified")
    if read_to_the_end:
        library = f"{classifier.runtime.name} {classifier.runtime.version}"
        logger.info(
            f"{outcome.classified} classified, median {outcome.milliseconds:.1f} ms each, "
            f"{cores // each} at a time ({library}, {plural(each, 'thread')})"
        )
    if outcome.problems or sinks.failures:
        raise typer.Exit(1)


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
    """The sinks that the options ask for, opened one by one; `changes` makes a detector."""
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
        logger.warning(f"preview: {page.url}")
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
            logger.warning(f"{quoted(output)}: ended in half a record, {lines.cut} bytes; cut off")
    return CsvSink(lines, classes=classes) if form == "csv" else JsonlSink(lines)


def _mqtt_sink(url: str, *, with_discovery: bool) -> Any:
    from edgetl.edge.sinks.home_assistant import discovery
    from edgetl.edge.sinks.mqtt import MqttSink, availability_topic
    from edgetl.edge.sinks.mqtt_url import PASSWORD_VARIABLE, parse_mqtt_url

    broker = parse_mqtt_url(url, password=os.environ.get(PASSWORD_VARIABLE))
    found = discovery(broker.topic, availability=availability_topic(broker))
    announcements = [found] if with_discovery else []
    return MqttSink(broker, complain=logger.warning, announcements=announcements)


def _is_address(text: str) -> bool:
    from edgetl.edge.preview.address import is_address

    return is_address(text)


COMMAND = command(
    classify, epilog="Example: edgetl classify photos holiday.mp4 --format jsonl | jq .label"
)
COMMAND.alone = (("--preview", "127.0.0.1:8000", _is_address),)
