"""The sinks that the options of classify ask for. Each is imported only where it is asked for."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from edgetl.edge.actions.options import program_words
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.results.debounce import ChangeDetector
from edgetl.edge.results.result import Result
from edgetl.edge.sinks import Listener, Sink
from edgetl.edge.system.messages import logger

if TYPE_CHECKING:
    from edgetl.edge.results.occasion import Occasion
    from edgetl.edge.sinks.lines import FileLines
    from edgetl.edge.sinks.mqtt_url import Broker
    from edgetl.edge.sinks.rotating_lines import RotatingLines
    from edgetl.edge.sinks.snapshot_folder import SnapshotFolder


def build_sinks(
    options: ClassifyOptions,
    model: ModelFile,
    *,
    newest: Callable[[], ModelFile],
    thresholds: Sequence[float],
    live: bool,
) -> Iterator[Sink]:
    """The sinks, opened one by one.

    Args:
        options: what is asked for.
        model: what classifies.
        newest: what classifies when it is called: another with the same labels may have taken over.
        thresholds: of each label; see `with_thresholds`.
        live: whether the results are those of a live camera.

    Raises:
        SettingError: --keep or --gpio names no label of these, or --exec no program.
        SinkError: one cannot be opened.
        MissingExtraError: one needs a package that is not installed here.
    """

    def on_change(sink: Sink) -> Sink:
        if not options.on_change:
            return sink
        return _OnChangeSink(sink, ChangeDetector(thresholds=thresholds))

    labels = model.labels
    check_labels(options, labels)
    occasions = keep_occasions(options, labels, thresholds=thresholds)
    in_terminal = live and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    as_text = options.file_format == "text" and not options.on_change
    unread = _others(options) and _is_null(sys.stdout)
    if options.output or not ((in_terminal and as_text) or unread):
        yield on_change(_record_sink(options, labels, live=live))
    if in_terminal and (options.output or as_text):
        from rich.console import Console

        from edgetl.edge.sinks.live import LiveSink

        yield LiveSink(Console())
    if options.mqtt is not None:
        yield on_change(_mqtt_sink(options, live=live))
    yield from _action_sinks(options, thresholds=thresholds, live=live)
    folder = None if options.snapshots is None else _snapshot_folder(options, newest)
    if options.preview is not None:
        yield _preview_sink(options.preview, options, model, newest, folder)
    if options.save_video is not None:
        from edgetl.edge.sinks.video import OwnTime, RealTime, VideoSink

        yield VideoSink(options.save_video, RealTime() if live else OwnTime())
    if folder is not None and occasions:
        yield _snapshot_sink(folder, occasions, options, live=live)
    if options.window:
        from edgetl.edge.sinks.window import WindowSink

        yield WindowSink()


def _action_sinks(
    options: ClassifyOptions, *, thresholds: Sequence[float], live: bool
) -> Iterator[Sink]:
    def on_change(sink: Sink) -> Sink:
        return _OnChangeSink(sink, ChangeDetector(thresholds=thresholds))

    if options.webhook is not None:
        from edgetl.edge.actions.webhook import WebhookSink
        from edgetl.edge.actions.webhook_url import parse_webhook

        webhook = WebhookSink(parse_webhook(options.webhook), live=live)
        yield on_change(webhook) if options.on_change else webhook
    if options.exec is not None:
        from edgetl.edge.actions.program import ProgramSink

        yield on_change(ProgramSink(program_words(options.exec), live=live))
    if options.gpio:
        from edgetl.edge.actions.pins import PinsSink

        yield on_change(PinsSink(options.gpio, live=live))


def _preview_sink(
    address: str,
    options: ClassifyOptions,
    model: ModelFile,
    newest: Callable[[], ModelFile],
    folder: "SnapshotFolder | None",
) -> Sink:
    from edgetl.edge.explain.dense_head import dense_head
    from edgetl.edge.explain.explainer import Explainer
    from edgetl.edge.preview.evidence import LiveEvidence
    from edgetl.edge.sinks.preview import PreviewSink

    evidence = None
    if dense_head(model) is not None:
        # One thread: the others are the classifier's.
        evidence = LiveEvidence(
            partial(Explainer, runtime=options.runtime, threads=1, unknown_at=options.unknown_at),
            newest,
        )
    page = PreviewSink(
        address,
        labels=model.labels,
        evidence=evidence,
        correct=None if folder is None else folder.correct,
        names=options.preview_host,
        prefix=options.preview_prefix or "",
        pause=_pause(options),
        sources=options.sources,
    )
    logger.info(f"preview: {page.url}")
    return page


def _pause(options: ClassifyOptions) -> str:
    """Why no picture may come for a while; "" for no reason."""
    if options.motion is not None:
        return "It shows a new picture when something moves."
    return "" if options.every is None else f"It shows a picture every {options.every:g} s."


def _snapshot_folder(options: ClassifyOptions, newest: Callable[[], ModelFile]) -> "SnapshotFolder":
    from edgetl.edge.sinks.snapshot_folder import SnapshotFolder

    assert options.snapshots is not None
    return SnapshotFolder(options.snapshots, newest, limit_mb=options.snapshots_limit)


def _snapshot_sink(
    folder: "SnapshotFolder",
    occasions: "Sequence[Occasion]",
    options: ClassifyOptions,
    *,
    live: bool,
) -> Sink:
    from edgetl.edge.sinks.outage import Outage
    from edgetl.edge.sinks.snapshots import SnapshotSink

    assert options.snapshots is not None
    outage = Outage(quoted(options.snapshots)) if live else None
    return SnapshotSink(folder, occasions, outage=outage)


def build_listeners(newest: Callable[[], ModelFile]) -> Iterator[Listener]:
    """The service manager that started this process, where one did and wants to know.

    `newest` is that of `build_sinks`.
    """
    if "NOTIFY_SOCKET" in os.environ:
        from edgetl.edge.sinks.systemd import SystemdSink
        from edgetl.edge.system.sd_notify import manager_from

        if manager := manager_from(os.environ):
            yield SystemdSink(manager, newest)


def keep_occasions(
    options: ClassifyOptions, labels: tuple[str, ...], *, thresholds: Sequence[float]
) -> "list[Occasion]":
    """When pictures are kept.

    Raises:
        SettingError: a --keep says no occasion, or names no label of these.
    """
    if not options.keep:
        return []
    from edgetl.edge.results.occasion import parse_occasion

    return [parse_occasion(text, labels, thresholds=thresholds) for text in options.keep]


def check_labels(options: ClassifyOptions, labels: tuple[str, ...]) -> None:
    """See that there are the labels that options name.

    Raises:
        SettingError: a --keep says no occasion, or it or --gpio names no label of these.
    """
    keep_occasions(options, labels, thresholds=())
    if options.gpio:
        from edgetl.edge.actions.pins import check_pins

        check_pins(options.gpio, labels, may_be_unsure=bool(options.threshold))


def output_begins(options: ClassifyOptions, labels: tuple[str, ...]) -> str:
    """How the file of --output begins: one that begins otherwise is not appended to."""
    from edgetl.edge.sinks.records import JSONL_BEGINS, csv_header

    if options.file_format == "jsonl":
        return JSONL_BEGINS
    return csv_header(classes=min(options.top_k, len(labels)))


def broker(options: ClassifyOptions) -> "Broker":
    """The broker of --mqtt, which must be given.

    Raises:
        SettingError: it is no such URL, its certificate does not fit it, or a source would have
            the topic that says whether edgetl runs.
    """
    from edgetl.edge.sinks.mqtt_url import AVAILABILITY, PASSWORD_VARIABLE, parse_mqtt_url

    assert options.mqtt is not None
    if AVAILABILITY in options.sources:
        raise SettingError(
            f"--mqtt: a camera called {AVAILABILITY} would have the topic that says whether edgetl "
            f"runs; give it another name"
        )
    return parse_mqtt_url(
        options.mqtt,
        password=os.environ.get(PASSWORD_VARIABLE),
        certificate=options.mqtt_cert,
        key=options.mqtt_key,
    )


def _others(options: ClassifyOptions) -> bool:
    """Whether results go elsewhere than to text or records."""
    return bool(
        options.mqtt
        or options.webhook
        or options.exec
        or options.gpio
        or options.preview
        or options.save_video
        or options.snapshots
        or options.window
    )


def _is_null(stream: TextIO) -> bool:
    """Whether a stream leads to /dev/null, as a service's does: it is no reason to go on."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(os.devnull))  # noqa: PTH116
    except (OSError, ValueError):
        return False


def _record_sink(options: ClassifyOptions, labels: tuple[str, ...], *, live: bool) -> Sink:
    from edgetl.edge.sinks.lines import Lines, StreamLines
    from edgetl.edge.sinks.records import CsvSink, JsonlSink, csv_header

    csv = options.file_format == "csv"
    header = csv_header(classes=min(options.top_k, len(labels))) if csv else ""
    lines: Lines
    if options.output and live:
        from edgetl.edge.sinks.recovering_lines import RecoveringLines

        open_lines = partial(_rotating, options.output, options, labels, header)
        lines = RecoveringLines(quoted(options.output), open_lines)
    elif options.output:
        lines = _appended(options.output, options, labels, header)
    else:
        lines = StreamLines(sys.stdout, name="stdout", header=header)
        if options.file_format == "text":
            from edgetl.edge.sinks.text import TextSink

            return TextSink(lines)
    return CsvSink(lines) if csv else JsonlSink(lines)


def _rotating(
    path: Path, options: ClassifyOptions, labels: tuple[str, ...], header: str
) -> "RotatingLines":
    from edgetl.edge.sinks.records import CSV_BEGINS, JSONL_BEGINS
    from edgetl.edge.sinks.rotating_lines import RotatingLines

    lines = RotatingLines(
        path,
        begins=output_begins(options, labels),
        older_begin=CSV_BEGINS if header else JSONL_BEGINS,
        header=header,
        limit_mb=options.output_limit,
    )
    _log_cut(path, lines.cut)
    return lines


def _appended(
    path: Path, options: ClassifyOptions, labels: tuple[str, ...], header: str
) -> "FileLines":
    from edgetl.edge.sinks.lines import FileLines

    lines = FileLines(path, begins=output_begins(options, labels), header=header)
    _log_cut(path, lines.cut)
    return lines


def _log_cut(path: Path, cut: int) -> None:
    if cut:
        logger.warning(f"{quoted(path)}: ended in half a record, {cut} bytes; cut off")


def _mqtt_sink(options: ClassifyOptions, *, live: bool) -> Sink:
    from edgetl.edge.sinks.home_assistant import discovery
    from edgetl.edge.sinks.mqtt import MqttSink, availability_topic, topic_of

    where, sources = broker(options), options.sources
    topics = [topic_of(source, where) for source in sources] or [where.topic]
    found = [discovery(topic, availability=availability_topic(where)) for topic in topics]
    announced = found if options.mqtt_discovery else []
    return MqttSink(where, live=live, sources=sources, announcements=announced)


class _OnChangeSink:
    """Passes the results that change the stable label on to another sink."""

    def __init__(self, sink: Sink, changes: ChangeDetector) -> None:
        """`changes` is for this sink alone: it keeps the last label."""
        self._sink = sink
        self._changes = changes

    def write(self, result: Result) -> None:
        if self._changes.is_change(result):
            self._sink.write(result)

    def close(self) -> None:
        self._sink.close()
