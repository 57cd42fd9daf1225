"""The options of `edgetl classify`. Importing them loads neither NumPy nor OpenCV."""

import math
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, get_args

from edgetl.edge.actions.options import ExecOption, GpioOption, WebhookOption
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.model.options import (
    SOURCE_AND_MODEL,
    STABLE_LABELS,
    LabelsOption,
    ModelOption,
    NormalizeOption,
    RuntimeOption,
    ThreadsOption,
    ThresholdOption,
    TopKOption,
    UnknownAtOption,
)
from edgetl.edge.model.special_labels import UNSURE
from edgetl.edge.options import Option, Options
from edgetl.edge.preview.options import PreviewHostOption, PreviewOption, PreviewPrefixOption
from edgetl.edge.sources.names import NamedCamera, named_cameras, source_names
from edgetl.edge.sources.options import (
    CAMERA,
    FROZEN_SECONDS,
    BackendOption,
    FpsOption,
    FrozenAfterOption,
    ReconnectOption,
    ResolutionOption,
    RoisOption,
    RotateOption,
)
from edgetl.edge.system.masking import masked


def is_number(text: str) -> bool:
    """Whether a text is a number, with or without a point."""
    return re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", text) is not None


FileFormat = Literal["jsonl", "csv"]
FILE_FORMATS = get_args(FileFormat)

_source = partial(Option, group=SOURCE_AND_MODEL)
_results = partial(Option, group="Results")
_frames = partial(Option, group=CAMERA, common=False)
_stable = partial(Option, group=STABLE_LABELS)
_pictures = partial(Option, group="Windows, videos and snapshots", common=False)


@dataclass(frozen=True)
class ClassifyOptions(Options):
    """What is classified, with which model, and where the results go.

    Raises:
        SettingError: a value is not allowed, or does not fit the others.
    """

    files: Annotated[
        tuple[str, ...],
        Option(
            "Pictures and videos; - for paths on stdin.",
            argument=True,
            metavar="FILES|FOLDERS|GLOBS",
        ),
    ] = ()
    camera: Annotated[
        tuple[str, ...],
        _source("Classify newest frames. Repeatable: door=0, yard=1.", metavar="N|PATH|URL"),
    ] = ()
    model: ModelOption = None
    labels: LabelsOption = None
    normalize: NormalizeOption = None
    threads: ThreadsOption = None
    runtime: RuntimeOption = "auto"
    top_k: TopKOption = 3
    format: Annotated[
        Literal["text", FileFormat] | None,
        _results("Form of the results.", unset="by --output's name, or text"),
    ] = None
    output: Annotated[
        Path | None, _results("Append JSON lines or CSV to a file.", unset="stdout")
    ] = None
    output_limit: Annotated[
        float,
        _results(
            "Of a camera's results; above it the oldest are deleted.",
            reason="a small SD card has room for it",
            metavar="MB",
            low=1,
            below=math.inf,
            common=False,
        ),
    ] = 500.0
    mqtt: Annotated[
        str | None, _results("Publish to mqtt[s]://user@host:port/topic, too.", metavar="URL")
    ] = None
    mqtt_cert: Annotated[
        Path | None,
        _results("Certificate that the broker knows us by.", metavar="PEM", common=False),
    ] = None
    mqtt_key: Annotated[
        Path | None,
        _results("Its key.", unset="in --mqtt-cert's file", metavar="PEM", common=False),
    ] = None
    mqtt_discovery: Annotated[
        bool, _results("Let Home Assistant find the topic.", common=False)
    ] = False
    webhook: WebhookOption = None
    exec: ExecOption = None
    gpio: GpioOption = ()
    preview: PreviewOption = None
    preview_host: PreviewHostOption = ()
    preview_prefix: PreviewPrefixOption = None
    fast: Annotated[
        bool,
        _results("Do not play a video at its own rate, as --preview does.", common=False),
    ] = False
    smooth: Annotated[
        float | None,
        _stable(
            "Average probabilities over time.",
            unset="off",
            metavar="SECONDS",
            above=0,
            below=math.inf,
        ),
    ] = None
    threshold: ThresholdOption = 0.0
    unknown_at: UnknownAtOption = None
    on_change: Annotated[bool, _stable("Only results that change the label.")] = False
    window: Annotated[bool, _pictures("Show pictures; q or Esc ends.")] = False
    save_video: Annotated[
        Path | None, _pictures("Save pictures with their labels.", metavar="OUT.mp4")
    ] = None
    snapshots: Annotated[
        Path | None, _pictures("Keep pictures that --keep names.", metavar="DIR")
    ] = None
    keep: Annotated[
        tuple[str, ...],
        _pictures(
            "What keeps one: 'cat>0.9' or 'cat<0.5', unsure, unknown, changed, or random:0.5%. "
            "Repeatable; --when is an older name.",
            names=("--keep", "--when"),
            metavar="LABEL>P",
        ),
    ] = ()
    snapshots_limit: Annotated[
        float,
        _pictures(
            "Above it the oldest are deleted.",
            reason="a small SD card has room for it",
            metavar="MB",
            low=1,
            below=math.inf,
        ),
    ] = 500.0
    every: Annotated[
        float | None,
        _frames(
            "Classify one frame in so many seconds; of a video, in its own time.",
            unset="as many as come",
            metavar="SECONDS",
            above=0,
            below=math.inf,
        ),
    ] = None
    motion: Annotated[
        float | None,
        _frames(
            "Classify only while something moves: P % of the picture changes; 1 without P.",
            unset="off",
            metavar="[P]",
            above=0,
            high=100,
            alone="1",
            is_value=is_number,
        ),
    ] = None
    camera_backend: BackendOption = "auto"
    resolution: ResolutionOption = None
    fps: FpsOption = None
    rotate: RotateOption = 0
    roi: RoisOption = ()
    frozen_after: FrozenAfterOption = FROZEN_SECONDS
    reconnect: ReconnectOption = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_source()
        self._check_sinks()

    def _check_sinks(self) -> None:
        self._check_snapshots()
        if (self.preview_host or self.preview_prefix) and self.preview is None:
            raise SettingError("--preview-host and --preview-prefix are for --preview; add it")
        if self.output:
            self._check_output(self.output)
        elif "output_limit" in {s.name for s in self.changed()}:
            raise SettingError("--output-limit is for --output FILE; give both")
        self._check_mqtt()

    def _check_snapshots(self) -> None:
        if self.snapshots is None and self.keep:
            raise SettingError(f"--keep {quoted(self.keep[0])!r} needs --snapshots DIR; add it")
        if self.snapshots is not None and not self.keep and self.preview is None:
            raise SettingError(
                "--snapshots DIR keeps nothing without --keep 'LABEL>0.9', or --preview; add one"
            )
        if UNSURE in map(str.strip, self.keep) and not self.threshold:
            raise SettingError("--keep unsure is never met without --threshold P; add it")
        if self.snapshots is None and "snapshots_limit" in {s.name for s in self.changed()}:
            raise SettingError("--snapshots-limit is for --snapshots DIR; give both")

    def _check_output(self, output: Path) -> None:
        if not self.camera and "output_limit" in {s.name for s in self.changed()}:
            raise SettingError("--output-limit is for --camera; results of files are all kept")
        if self.file_format not in FILE_FORMATS:
            raise SettingError(
                f"--output {quoted(output)}: add --format jsonl or --format csv, or a name that "
                f"ends so"
            )
        named = output.suffix.lower().lstrip(".")
        if named in FILE_FORMATS and named != self.file_format:
            raise SettingError(
                f"--output {quoted(output)} is {named} by its name, and --format "
                f"{self.file_format} is another; leave out --format, or give another name"
            )

    def _check_source(self) -> None:
        for name in self.files:
            if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", name):
                shown = quoted(masked(name))
                raise SettingError(f"{shown}: a stream is a camera, not a file; give --camera URL")
        if not self.files and not self.camera:
            raise SettingError("nothing to classify: name files or folders, or give --camera 0")
        if self.files and self.camera:
            raise SettingError(f"{quoted(self.files[0])} and --camera together; give one of them")
        for setting in self.changed() if self.files else ():
            if setting.option.group == CAMERA:
                argument, *_ = setting.spelled(getattr(self, setting.name))
                option = argument.partition("=")[0]
                raise SettingError(f"{option} is for --camera; leave it out with files")
        several = len(self.sources) > 1
        for name in ("window", "save_video") if several else ():
            if getattr(self, name):
                raise SettingError(
                    f"--{name.replace('_', '-')} is for one camera; with several use --preview or "
                    f"--snapshots"
                )

    @property
    def cameras(self) -> tuple[NamedCamera, ...]:
        """The cameras, and what is classified of each."""
        return named_cameras(self.camera, self.roi)

    @property
    def sources(self) -> tuple[str, ...]:
        """The names that results have as their source; none where one camera has none."""
        return source_names(self.cameras)

    @property
    def at_own_rate(self) -> bool:
        """Whether a video is played at its own rate: where somebody may be watching."""
        return self.preview is not None and not self.fast

    def _check_mqtt(self) -> None:
        if self.mqtt_cert and self.mqtt is None:
            raise SettingError("--mqtt-cert needs --mqtt URL, whose broker wants it")
        if self.mqtt_key and self.mqtt_cert is None:
            raise SettingError("--mqtt-key needs --mqtt-cert, whose key it is")
        if self.mqtt_discovery and self.mqtt is None:
            raise SettingError("--mqtt-discovery needs --mqtt URL, whose topic is to be found")

    @property
    def file_format(self) -> str:
        """The form of the results: text, jsonl or csv; with --output what its name says."""
        if self.format or not self.output:
            return self.format or "text"
        return self.output.suffix.lower().lstrip(".")
