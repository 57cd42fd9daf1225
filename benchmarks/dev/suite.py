"""How variants of training generalize: several small data sets, from 5 photos a class to all.

    python -m edgetl.benchmarks.dev.suite --out DIR

Continues where DIR/results.jsonl ends. Nothing is chosen on test/: every variant is measured there
when its training has ended. Needs Linux or macOS: a process's memory comes from os.wait4.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from edgetl import __version__
from edgetl.benchmarks.dev.command_line import console, run_command
from edgetl.benchmarks.dev.processes import Ended, last_line, run_to_end
from edgetl.benchmarks.dev.suite_measure import Measured
from edgetl.benchmarks.dev.suite_plan import (
    PHOTOS,
    ImageSet,
    Photos,
    Trial,
    Variant,
    default_sets,
    link_photos,
    photos_of,
    pictures_of,
    read_sets,
    trials,
)
from edgetl.benchmarks.dev.suite_results import Failed, Finished, Result, ResultsFile, plan_line
from edgetl.benchmarks.dev.suite_summary import (
    SuiteSummary,
    accuracy_table,
    description,
    overall_table,
    summarize_suite,
    verdict_table,
)
from edgetl.benchmarks.dev.training_plan import changed_recipe, check_out
from edgetl.edge.errors import RunFolderError, SettingError, quoted, reason
from edgetl.edge.system.files import write_json
from edgetl.edge.system.messages import logger

# TensorFlow stays out of this process: the peak memory that the kernel gives for a child begins
# with that of the process which started it.

_COLUMNS = 80


class _TrainingError(Exception):
    """A process of a training failed. The message says how."""


def _run(module: str, *arguments: str | Path, log: Path) -> Ended:
    ended = run_to_end([sys.executable, "-m", module, *map(str, arguments)], log)
    if ended.status:
        problem = last_line(log.read_text(errors="replace"))
        raise _TrainingError(f"failed with status {ended.status}: {problem}")
    return ended


def _read(path: Path) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return written


def _edgetl(trial: Trial, data: Path, test: Path, folder: Path) -> tuple[Ended, Measured]:
    """`edgetl train`, and afterwards another process for what each test photo is taken for."""
    run, figures, log = folder / "run", folder / "figures.json", folder / "stderr.txt"
    recipe = ("--recipe", "reference") if trial.variant == Variant.reference else ()
    ended = _run("edgetl", "train", data, "--out", run, *recipe, *_settings(trial), log=log)
    _run("edgetl.benchmarks.dev.suite_measure", run, "--out", figures, log=log)
    by_edgetl = _read(run / "metrics.json")["splits"]["test"]
    measured = replace(
        Measured(**_read(figures)),
        accuracy=by_edgetl["accuracy"],
        loss=by_edgetl["loss"],
        ece=by_edgetl["calibration"]["ece"],
    )
    return ended, measured


def _probe(trial: Trial, data: Path, test: Path, folder: Path) -> tuple[Ended, Measured]:
    figures, log = folder / "figures.json", folder / "stderr.txt"
    module = "edgetl.benchmarks.dev.probe"
    ended = _run(module, data, "--out", figures, *_settings(trial), log=log)
    return ended, Measured(**_read(figures))


def _notebook(trial: Trial, data: Path, test: Path, folder: Path) -> tuple[Ended, Measured]:
    figures, log = folder / "figures.json", folder / "stderr.txt"
    module = "edgetl.benchmarks.dev.notebook"
    ended = _run(
        module, data, "--out", figures, "--measure", test, *_settings(trial), log=log
    )  # fmt: skip
    return ended, Measured(**_read(figures)["measured"])


def _settings(trial: Trial) -> tuple[str, ...]:
    return f"--seed={trial.seed}", f"--image-size={trial.image_size}"


_TRAINED_BY: dict[str, Callable[[Trial, Path, Path, Path], tuple[Ended, Measured]]] = {
    Variant.default: _edgetl,
    Variant.probe: _probe,
    Variant.notebook: _notebook,
    Variant.reference: _edgetl,
}


def train_once(one: ImageSet, trial: Trial) -> Result:
    """Train and measure once, in a folder and processes of its own.

    A folder that is shared would keep decoded photos of one training for the next.
    """
    pictures, version = pictures_of(one, trial.photos), edgetl_version()
    with tempfile.TemporaryDirectory(prefix="edgetl-suite-") as name:
        folder = Path(name).resolve()
        data, test = link_photos(one, trial, folder)
        try:
            ended, measured = _TRAINED_BY[trial.variant](trial, data, test, folder)
        except _TrainingError as error:
            return Failed(trial, pictures, str(error), version)
    return Finished(trial, pictures, measured, round(ended.seconds, 1), ended.peak_bytes, version)


def edgetl_version() -> str:
    """edgetl's version, and in a checkout the commit, with "-dirty" where files differ from it."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return __version__
    git = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(git, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return __version__
    return f"{__version__} ({found.stdout.strip()})"


def train_missing(sets: Sequence[ImageSet], wanted: Sequence[Trial], results: ResultsFile) -> None:
    """Train what has no finished result yet, each result written when it is there."""
    by_name = {one.name: one for one in sets}
    done = {result.trial for result in results.finished}
    left = [
        (trial, pictures_of(by_name[trial.set], trial.photos))
        for trial in wanted
        if trial not in done
    ]
    logger.info(f"{len(wanted)} trainings in all; {plan_line(left, results.finished)}")
    for number, (trial, _) in enumerate(left, start=1):
        result = train_once(by_name[trial.set], trial)
        results.append(result)
        logger.info(result.line)
        # The estimate becomes better with each, and a line for each would bury the results.
        if number % 10 == 0 and number < len(left):
            logger.info(plan_line(left[number:], results.finished))


def command(
    sets: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders with train/ and test/ (or validation/), each with a folder for each "
            "class.  [default: those beside the checkout]"
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of results.jsonl.")] = Path("suite-results"),
    photos: Annotated[
        list[str] | None,
        typer.Option(
            help="Photos a class; repeatable, or with commas between.  "
            f"[default: {','.join(map(str, PHOTOS))}]"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each.")] = 3,
    image_size: Annotated[
        int | None, typer.Option(help="Width and height of the input, in pixels.  [default: 224]")
    ] = None,
    variant: Annotated[
        list[Variant] | None,
        typer.Option(
            help="Repeatable; the first is what others are compared with.  "
            f"[default: {', '.join(Variant)}]"
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the summary there too.")
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Train nothing, sum up what is there.")
    ] = False,
) -> None:
    """Train in several variants on several data sets, and compare them on photos held out."""
    # Each variant once, in the order given.
    variants = list(dict.fromkeys(variant or Variant))
    recipe = changed_recipe("default", image_size=image_size)
    size = recipe.height
    if json_file:
        check_out(json_file)
    interrupted = False
    wanted: list[Trial] = []
    sizes = photos_of(photos) if photos else None
    if summary:
        results = ResultsFile(out / "results.jsonl")
    else:
        chosen = read_sets(sets or default_sets())
        wanted = list(
            trials(chosen, sizes or PHOTOS, seeds=seeds, variants=variants, image_size=size)
        )
        _make(out)
        results = ResultsFile(out / "results.jsonl")
        try:
            train_missing(chosen, wanted, results)
        except KeyboardInterrupt:
            interrupted = True
            logger.info("interrupted; what has finished is kept")
    _sum_up(results, variants, size, sizes, json_file)
    if interrupted:
        sys.exit(130)
    if any(failed.trial in wanted for failed in results.failed):
        sys.exit(1)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{quoted(out)}: cannot be made: {reason(error)}") from error
    check_out(out / "any")


def _sum_up(
    results: ResultsFile,
    variants: Sequence[str],
    image_size: int,
    photos: Sequence[Photos] | None,
    json_file: Path | None,
) -> None:
    some = [
        result
        for result in results.finished
        if result.trial.image_size == image_size
        and result.trial.variant in variants
        and (photos is None or result.trial.photos in photos)
    ]
    for failed in results.failed:
        logger.warning(failed.line)
    if not some:
        others = sorted({result.trial.image_size for result in results.finished})
        if others:
            there = ", ".join(map(str, others))
            raise SettingError(f"{quoted(results.path)}: none at --image-size {image_size}, but at "
                               f"{there}, or of other variants or --photos")  # fmt: skip
        logger.info(f"{quoted(results.path)}: nothing has finished yet")
        return
    found = summarize_suite(some, variants)
    if json_file:
        try:
            write_json(json_file, asdict(found))
        except OSError as error:
            logger.error(f"{quoted(json_file)}: {reason(error)}")
    _print(found)


def _print(found: SuiteSummary) -> None:
    out = console(_COLUMNS)
    out.print(accuracy_table(found))
    out.print(overall_table(found))
    if found.verdicts:
        out.print(verdict_table(found))
    out.print(description(found))


if __name__ == "__main__":
    run_command(command)
