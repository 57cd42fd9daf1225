"""`edgetl train`."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from edgetl.command import command
from edgetl.edge.errors import SettingError
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.native_log import hidden_native_log


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
    with hidden_native_log(), gc_disabled():
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
    with hidden_native_log(), gc_disabled():
        from edgetl.trainer.training import resume
    resume(run, tensorboard=bool(given.get("tensorboard")))
    print(run.path)


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


COMMAND = command(train, epilog="Example: edgetl train photos --image-size 224 --out runs/big")
