"""The options of `edgetl classify`. Importing them loads neither NumPy nor OpenCV."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.model.options import (
    SOURCE_AND_MODEL,
    LabelsOption,
    ModelOption,
    NormalizeOption,
    RuntimeOption,
    ThreadsOption,
)
from edgetl.edge.model.special_labels import UNSURE
from edgetl.edge.options import Option, Options

FILE_FORMATS = ("jsonl", "csv")
_LOCAL = "127.0.0.1:8000"

_CAMERA = "Camera"

_source = partial(Option, group=SOURCE_AND_MODEL)
_results = partial(Option, group="Results")
_stable = partial(Option, group="Stable labels")
_pictures = partial(Option, group="Windows, videos and snapshots", common=False)
_camera = partial(Option, group=_CAMERA, common=False)


def _is_address(text: str) -> bool:
    from edgetl.edge.preview.address import is_address

    return is_address(text)


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
        str | None,
        _source("Classify a camera's newest frame.", metavar="N|PATH|URL"),
    ] = None
    model: ModelOption = None
    labels: LabelsOption = None
    normalize: NormalizeOption = None
    threads: ThreadsOption = None
    runtime: RuntimeOption = "auto"
    top_k: Annotated[int, _results("Classes shown.", low=1)] = 3
    format: Annotated[
        Literal["text", "jsonl", "csv"] | None,
        _results("Form of the results.", unset="by --output's name, or text"),
    ] = None
    output: Annotated[
        Path | None, _results("Append JSON lines or CSV to a file.", unset="stdout")
    ] = None
    mqtt: Annotated[
        str | None, _results("Publish to mqtt[s]://user@host:port/topic, too.", metavar="URL")
    ] = None
    mqtt_discovery: Annotated[
        bool, _results("Let Home Assistant find the topic.", common=False)
    ] = False
    preview: Annotated[
        str | None,
        _results(
            f"Live web page. [without a value: {_LOCAL}]",
            metavar="[HOST:PORT]",
            alone=_LOCAL,
            is_value=_is_address,
        ),
    ] = None
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
    threshold: Annotated[
        float, _stable('Below it the label is "unsure".', reason="off", metavar="P", low=0, high=1)
    ] = 0.0
    unknown_at: Annotated[
        float | None,
        _stable(
            'Probability from which on a picture is "unknown"; a lower one lets fewer pass.',
            unset="0.5",
            metavar="P",
            above=0,
            below=1,
            common=False,
        ),
    ] = None
    on_change: Annotated[bool, _stable("Only results that change the label.")] = False
    window: Annotated[bool, _pictures("Show pictures; q or Esc ends.")] = False
    save_video: Annotated[
        Path | None, _pictures("Save pictures with their labels.", metavar="OUT.mp4")
    ] = None
    snapshots: Annotated[
        Path | None, _pictures("Keep the picture each time --when is met.", metavar="DIR")
    ] = None
    when: Annotated[
        str | None,
        _pictures(
            "What keeps one: a probability, as 'cat>0.9' or 'cat<0.5', or unsure or unknown.",
            metavar="LABEL>P",
        ),
    ] = None
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
    camera_backend: Annotated[
        Literal["auto", "opencv", "picamera2"],
        _camera("Library it is read by.", reason="picamera2 for a Raspberry Pi's CSI camera"),
    ] = "auto"
    resolution: Annotated[
        str | None, _camera("Ask the camera for this size.", unset="its own", metavar="WxH")
    ] = None
    fps: Annotated[
        float | None,
        _camera("Ask the camera for as many frames a second.", unset="its own", above=0, high=1000),
    ] = None
    rotate: Annotated[
        Literal[0, 90, 180, 270], _camera("Degrees that frames are turned clockwise.")
    ] = 0
    roi: Annotated[
        str | None,
        _camera(
            "Look at a part of the turned frame, as shares: 0.25,0,0.5,1 is the middle half.",
            unset="all of it",
            metavar="X,Y,W,H",
        ),
    ] = None
    reconnect: Annotated[bool, _camera("Reconnect to a camera that was lost.")] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.files and self.camera is None:
            raise SettingError("nothing to classify: name files or folders, or give --camera 0")
        if self.files and self.camera is not None:
            raise SettingError(f"{quoted(self.files[0])} and --camera together; give one of them")
        for setting in self.changed() if self.files else ():
            if setting.option.group == _CAMERA:
                (argument,) = setting.spelled(getattr(self, setting.name))
                option = argument.partition("=")[0]
                raise SettingError(f"{option} is for --camera; leave it out with files")
        if (self.snapshots is None) != (self.when is None):
            raise SettingError("--snapshots DIR and --when 'LABEL>0.9' belong together; give both")
        if self.when is not None and self.when.strip() == UNSURE and not self.threshold:
            raise SettingError("--when unsure is never met without --threshold P; add it")
        if self.snapshots is None and "snapshots_limit" in {s.name for s in self.changed()}:
            raise SettingError("--snapshots-limit is for --snapshots DIR; give both")
        if self.mqtt_discovery and self.mqtt is None:
            raise SettingError("--mqtt-discovery needs --mqtt URL, whose topic is to be found")
        if self.output and self.file_format not in FILE_FORMATS:
            raise SettingError(
                f"--output {quoted(self.output)}: add --format jsonl or --format csv, or a name "
                f"that ends so"
            )

    @property
    def file_format(self) -> str:
        """The form of the results: text, jsonl or csv; with --output what its name says."""
        if self.format or not self.output:
            return self.format or "text"
        return self.output.suffix.lower().lstrip(".")
