"""The options of `edgetl classify`. Importing them loads neither NumPy nor OpenCV."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.options import Option, Options

FILE_FORMATS = ("jsonl", "csv")

_SOURCE = "Source and model"
_RESULTS = "Results"
_STABLE = "Stable labels"
_PICTURES = "Windows, videos and snapshots"
_CAMERA = "Camera"


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
        Option(
            "Classify a camera's newest frame.",
            unset="files",
            group=_SOURCE,
            metavar="N|PATH|URL",
        ),
    ] = None
    model: Annotated[
        Path | None,
        Option(
            "A .tflite file.",
            unset="the newest export, or only one here",
            group=_SOURCE,
            metavar="FILE",
        ),
    ] = None
    labels: Annotated[
        Path | None,
        Option(
            "Names of the classes, one a line.",
            unset="the model's own",
            group=_SOURCE,
            metavar="FILE",
        ),
    ] = None
    threads: Annotated[
        int | None,
        Option("CPU threads.", unset="the cores, 4 at most", group=_SOURCE, metavar="N", low=1),
    ] = None
    runtime: Annotated[
        Literal["auto", "litert", "tflite-runtime"],
        Option("Interpreter library.", reason="what is installed", group=_SOURCE, common=False),
    ] = "auto"
    top_k: Annotated[int, Option("Classes shown.", group=_RESULTS, metavar="N", low=1)] = 3
    format: Annotated[
        Literal["text", "jsonl", "csv"] | None,
        Option("Form of the results.", unset="by --output's name, or text", group=_RESULTS),
    ] = None
    output: Annotated[
        Path | None,
        Option(
            "Append JSON lines or CSV to a file.", unset="stdout", group=_RESULTS, metavar="FILE"
        ),
    ] = None
    mqtt: Annotated[
        str | None,
        Option("Publish to mqtt[s]://user@host:port/topic, too.", group=_RESULTS, metavar="URL"),
    ] = None
    mqtt_discovery: Annotated[
        bool,
        Option("Let Home Assistant find the topic.", group=_RESULTS, common=False),
    ] = False
    preview: Annotated[
        str | None,
        Option(
            "Live web page. [alone: 127.0.0.1:8000]",
            group=_RESULTS,
            metavar="[HOST:PORT]",
            alone="127.0.0.1:8000",
            is_value=_is_address,
        ),
    ] = None
    smooth: Annotated[
        float | None,
        Option(
            "Average probabilities over time.",
            unset="off",
            group=_STABLE,
            metavar="SECONDS",
            above=0,
            below=math.inf,
        ),
    ] = None
    threshold: Annotated[
        float,
        Option(
            'Below it the label is "unsure".',
            reason="off",
            group=_STABLE,
            metavar="P",
            low=0,
            high=1,
        ),
    ] = 0.0
    on_change: Annotated[
        bool, Option("Only results that change the label.", unset="all", group=_STABLE)
    ] = False
    window: Annotated[
        bool, Option("Show pictures; q or Esc ends.", group=_PICTURES, common=False)
    ] = False
    save_video: Annotated[
        Path | None,
        Option(
            "Save pictures with their labels.", group=_PICTURES, common=False, metavar="OUT.mp4"
        ),
    ] = None
    snapshots: Annotated[
        Path | None,
        Option(
            "Keep the picture each time --when is met.",
            group=_PICTURES,
            common=False,
            metavar="DIR",
        ),
    ] = None
    when: Annotated[
        str | None,
        Option("As in 'cat>0.9'.", group=_PICTURES, common=False, metavar="LABEL>P"),
    ] = None
    snapshots_limit: Annotated[
        float,
        Option(
            "MB; the oldest are deleted.",
            reason="a small SD card has room for it",
            group=_PICTURES,
            common=False,
            metavar="MB",
            low=1,
            below=math.inf,
        ),
    ] = 500.0
    camera_backend: Annotated[
        Literal["auto", "opencv", "picamera2"],
        Option(
            "Library it is read by.",
            reason="picamera2 for a Raspberry Pi's CSI camera",
            group=_CAMERA,
            common=False,
        ),
    ] = "auto"
    resolution: Annotated[
        str | None,
        Option(
            "Ask the camera for this size.",
            unset="its own",
            group=_CAMERA,
            common=False,
            metavar="WxH",
        ),
    ] = None
    fps: Annotated[
        float | None,
        Option(
            "Ask the camera for as many frames a second.",
            unset="its own",
            group=_CAMERA,
            common=False,
            metavar="N",
            above=0,
            high=1000,
        ),
    ] = None
    rotate: Annotated[
        Literal[0, 90, 180, 270],
        Option("Degrees that frames are turned clockwise.", group=_CAMERA, common=False),
    ] = 0
    roi: Annotated[
        str | None,
        Option(
            "Look at a part of the turned frame, as shares: 0.25,0,0.5,1 is the middle half.",
            unset="all of it",
            group=_CAMERA,
            common=False,
            metavar="X,Y,W,H",
        ),
    ] = None
    reconnect: Annotated[
        bool,
        Option("Get a camera that goes away back.", group=_CAMERA, common=False),
    ] = True

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
