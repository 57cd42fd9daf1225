"""The options of `edgetl train`, besides the settings of a recipe, and of `edgetl inspect`."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from edgetl.edge.errors import DataError, SettingError
from edgetl.edge.options import Option, Options
from edgetl.edge.shards.options import Part, parse_part
from edgetl.trainer.recipe import Recipe

AUTO = "auto"
# What --image-size auto tries, in pixels.
SIZES = (160, 224)
FEATURES = Path("features")

_shards = partial(Option, group="Many pictures, in shards", common=False)


def parse_image_size(text: str) -> str:
    """HEIGHTxWIDTH of N or HxW; auto stays.

    Raises:
        SettingError: it is neither.
    """
    if text.lower() == AUTO:
        return AUTO
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdecimal() for side in sides):
        raise SettingError(f"--image-size {text!r} is neither a number, HEIGHTxWIDTH nor auto")
    return f"{sides[0]}x{sides[-1]}"


def _fixed_size(text: str) -> str:
    if text.lower() == AUTO:
        raise SettingError("--image-size auto is train's; give a number or HEIGHTxWIDTH")
    return parse_image_size(text)


@dataclass(frozen=True)
class TrainOptions(Options):
    """What to train on, and where the result goes.

    Raises:
        SettingError: a value is not allowed; the message names it.
    """

    data: Annotated[
        str | None,
        Option(
            "A folder with a folder per class, or with train/ and perhaps validation/ and test/ "
            "of such; or a .zip or .tar.gz of one, or its URL.",
            unset="./data, else built-in demo pictures",
            argument=True,
            metavar="DATA",
        ),
    ] = None
    out: Annotated[Path | None, Option("Run folder.", unset="runs/DATE-TIME", metavar="DIR")] = None
    recipe: Annotated[
        Literal["default", "reference"],
        Option(
            "Settings; reference: the TensorFlow tutorial's.",
            reason="the best measured",
        ),
    ] = "default"
    image_size: Annotated[
        str | None,
        Option(
            f"Size of the input, in pixels; auto tries {SIZES[0]} and {SIZES[1]}.",
            unset=f"{Recipe.height}: {SIZES[0]} takes half the time",
            metavar="N|HxW|auto",
            group="Training",
            parse=parse_image_size,
        ),
    ] = None
    resume: Annotated[bool, Option("Continue the newest interrupted run, or --out's.")] = False
    from_run: Annotated[
        Path | None,
        Option(
            "Go on from this run; both models are compared.",
            names=("--from",),
            metavar="RUN",
        ),
    ] = None
    config: Annotated[Path | None, Option("Options from a .toml file, or a run's config.json.")] = (
        None
    )
    sha256: Annotated[str | None, Option("What the archive's SHA-256 must be.", common=False)] = (
        None
    )
    tensorboard: Annotated[bool, Option("Write event files into the run folder.", common=False)] = (
        False
    )
    features_from: Annotated[
        Path | None,
        _shards(
            "Train on the pictures that `edgetl index` listed, in place of DATA: the head on the "
            "features of all, the upper layers on some.",
            metavar="DIR",
        ),
    ] = None
    features: Annotated[
        Path | None,
        _shards(
            "Folder for the features of --features-from, a file for each shard.",
            unset=str(FEATURES),
            metavar="DIR",
        ),
    ] = None
    shard: Annotated[
        Part | None,
        _shards(
            "Compute only the features of this part of the shards, 0/16 the first of 16, and do "
            "not train.",
            unset="all, and train",
            metavar="I/N",
            parse=parse_part,
        ),
    ] = None


@dataclass(frozen=True)
class InspectOptions(Options):
    """What to look at, and where the page goes.

    Raises:
        SettingError: --apply together with what looks at photos.
    """

    data: Annotated[
        str | None,
        Option(
            "A folder of photos, as `edgetl train` takes it; or an archive or URL of one.",
            unset="./data",
            argument=True,
            metavar="DATA",
        ),
    ] = None
    labels: Annotated[
        bool,
        Option("Look for doubtful labels too: up to a minute for 2000 photos."),
    ] = False
    moves: Annotated[
        Path | None,
        Option(
            "Write doubtful photos with the class suggested, as CSV; implies --labels.",
            metavar="FILE",
        ),
    ] = None
    apply: Annotated[
        Path | None,
        Option("Only move the photos in such a file, and print how to undo it.", metavar="FILE"),
    ] = None
    page: Annotated[
        Path, Option("Page with thumbnails; the one before is overwritten.", metavar="FILE")
    ] = Path("inspect.html")
    image_size: Annotated[
        str | None,
        Option(
            "Size of the model's input, in pixels.",
            unset="that of train",
            metavar="N|HxW",
            parse=_fixed_size,
        ),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.apply and (self.labels or self.moves):
            raise SettingError(
                "--apply moves photos and looks for no doubtful labels; leave --labels and --moves "
                "out"
            )

    @property
    def data_or_default(self) -> str:
        """DATA, or ./data.

        Raises:
            DataError: there is neither.
        """
        if self.data is None and not Path("data").is_dir():
            raise DataError("no DATA given and no ./data here; name a folder of photos")
        return self.data or "data"

    @property
    def checks_labels(self) -> bool:
        """Whether doubtful labels are looked for."""
        return self.labels or self.moves is not None
