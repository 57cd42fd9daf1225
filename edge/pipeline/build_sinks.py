"""The sinks that the options of classify ask for. Each is imported only where it is asked for."""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial

from edgetl.edge.errors import quoted
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.results.condition import Condition, parse_condition
from edgetl.edge.results.debounce import ChangeDetector
from edgetl.edge.results.result import Result
from edgetl.edge.sinks import Sink
from edgetl.edge.system.messages import logger


def build_sinks(
    options: ClassifyOptions, model: ModelFile, *, thresholds: Sequence[float], live: bool
) -> Iterator[Sink]:
    """The sinks, opened one by one.

    Args:
        options: what is asked for.
        model: what classifies.
        thresholds: of each label; see `with_thresholds`.
        live: whether the results are those of a live camera.

    Raises:
        SettingError: --when names no label of these.
        SinkError: one cannot be opened.
        MissingExtraError: one needs a package that is not installed here.
    """

    def on_change(sink: Sink) -> Sink:
        if not options.on_change:
            return sink
        return _OnChangeSink(sink, ChangeDetector(thresholds=thresholds))

    labels = model.labels
    condition = snapshot_condition(options, labels)
    in_terminal = live and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    as_text = options.file_format == "text" and not options.on_change
    if options.output or not (in_terminal and as_text):
        yield on_change(_record_sink(options, labels))
    if in_terminal and (options.output or as_text):
        from rich.console import Console

        from edgetl.edge.sinks.live import LiveSink

        yield LiveSink(Console())
    if options.mqtt is not None:
        yield on_change(_mqtt_sink(options.mqtt, with_discovery=options.mqtt_discovery))
    if options.preview is not None:
        yield _preview_sink(options.preview, options, model)
    if options.save_video is not None:
        from edgetl.edge.sinks.video import OwnTime, RealTime, VideoSink

        yield VideoSink(options.save_video, RealTime() if live else OwnTime())
    if options.snapshots is not None and condition is not None:
        from edgetl.edge.sinks.snapshots import SnapshotSink

        yield SnapshotSink(options.snapshots, condition, limit_mb=options.snapshots_limit)
    if options.window:
        from edgetl.edge.sinks.window import WindowSink

        yield WindowSink()


def _preview_sink(address: str, options: ClassifyOptions, model: ModelFile) -> Sink:
    from edgetl.edge.explain.dense_head import dense_head
    from edgetl.edge.explain.explainer import Explainer
    from edgetl.edge.preview.evidence import LiveEvidence
    from edgetl.edge.sinks.preview import PreviewSink

    evidence = None
    if dense_head(model) is not None:
        # One thread: the others are the classifier's.
        evidence = LiveEvidence(
            partial(
                Explainer,
                model,
                runtime=options.runtime,
                threads=1,
                unknown_at=options.unknown_at,
            )
        )
    page = PreviewSink(
        address,
        labels=model.labels,
        evidence=evidence,
        names=options.preview_host,
        prefix=options.preview_prefix or "",
    )
    logger.info(f"preview: {page.url}")
    return page


def build_listeners() -> Iterator[Sink]:
    """The service manager that started this process, where one did and wants to know."""
    if "NOTIFY_SOCKET" in os.environ:
        from edgetl.edge.sinks.systemd import SystemdSink, manager_from

        if manager := manager_from(os.environ):
            yield SystemdSink(manager)


def snapshot_condition(options: ClassifyOptions, labels: tuple[str, ...]) -> Condition | None:
    """When snapshots are taken; None for never.

    Raises:
        SettingError: --when is no condition, or names no label of these.
    """
    return None if options.when is None else parse_condition(options.when, labels)


def output_begins(options: ClassifyOptions, labels: tuple[str, ...]) -> str:
    """How the file of --output begins: one that begins otherwise is not appended to."""
    from edgetl.edge.sinks.records import JSONL_BEGINS, csv_header

    if options.file_format == "jsonl":
        return JSONL_BEGINS
    return csv_header(classes=min(options.top_k, len(labels)))


def _record_sink(options: ClassifyOptions, labels: tuple[str, ...]) -> Sink:
    from edgetl.edge.sinks.lines import FileLines, Lines, StreamLines

    lines: Lines
    if options.output:
        lines = file = FileLines(options.output, begins=output_begins(options, labels))
        if file.cut:
            logger.warning(
                f"{quoted(options.output)}: ended in half a record, {file.cut} bytes; cut off"
            )
    else:
        lines = StreamLines(sys.stdout, name="stdout")
        if options.file_format == "text":
            from edgetl.edge.sinks.text import TextSink

            return TextSink(lines)
    from edgetl.edge.sinks.records import CsvSink, JsonlSink

    if options.file_format == "csv":
        return CsvSink(lines, classes=min(options.top_k, len(labels)))
    return JsonlSink(lines)


def _mqtt_sink(url: str, *, with_discovery: bool) -> Sink:
    from edgetl.edge.sinks.home_assistant import discovery
    from edgetl.edge.sinks.mqtt import MqttSink, availability_topic
    from edgetl.edge.sinks.mqtt_url import PASSWORD_VARIABLE, parse_mqtt_url

    broker = parse_mqtt_url(url, password=os.environ.get(PASSWORD_VARIABLE))
    found = discovery(broker.topic, availability=availability_topic(broker))
    return MqttSink(broker, announcements=[found] if with_discovery else [])


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
