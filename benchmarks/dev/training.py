"""How long variants of training take beside one another, and what they reach, on this machine.

    python -m edgetl.benchmarks.dev.training DATA --seeds 3

Needs Linux or macOS: a process's memory comes from os.wait4.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from edgetl.benchmarks.dev.command_line import console, run_command
from edgetl.benchmarks.dev.processes import last_line, run_to_end
from edgetl.benchmarks.dev.training_plan import (
    DEFAULT_VARIANTS,
    EDGETL_OPTIONS,
    Variant,
    changed_recipe,
    check_layout,
    check_out,
)
from edgetl.benchmarks.dev.training_summary import (
    Comparison,
    Outcome,
    comparison_table,
    description,
    read_outcome,
    summarize,
)
from edgetl.benchmarks.machine import condition, this_machine
from edgetl.benchmarks.measured import Failure
from edgetl.edge.errors import quoted, reason
from edgetl.edge.system.files import write_json
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.dataset import Dataset

# TensorFlow stays out of this process: the peak memory that the kernel gives for a child begins
# with that of the process which started it.


def measure(
    data: Path, *, variants: Sequence[Variant], seeds: int, options: Sequence[str]
) -> Iterator[Outcome | Failure]:
    """Train in rounds, each seed with every variant: a machine that slows down slows them all."""
    for seed in range(seeds):
        for variant in variants:
            # Every process has a folder of its own: were pictures that one decoded kept beside the
            # run for the next, edgetl would look faster than it is.
            with tempfile.TemporaryDirectory(prefix=f"edgetl-{variant}-{seed}-") as folder:
                yield _train_once(data, variant, seed, options, Path(folder))


def _train_once(
    data: Path, variant: Variant, seed: int, options: Sequence[str], folder: Path
) -> Outcome | Failure:
    if variant is Variant.notebook:
        figures = folder / "figures.json"
        command = ["-m", "edgetl.benchmarks.dev.notebook", str(data), "--out", str(figures)]
    else:
        figures = folder / "run" / "metrics.json"
        command = ["-m", "edgetl", "train", str(data), "--out", str(folder / "run")]
        command += EDGETL_OPTIONS[variant]
    log = folder / "stderr.txt"
    ended = run_to_end([sys.executable, *command, "--seed", str(seed), *options], log)
    if ended.status:
        problem = f"failed with status {ended.status}: {last_line(log.read_text(errors='replace'))}"
        return Failure(f"{variant}, seed {seed}", "", 0, problem)
    return read_outcome(json.loads(figures.read_text(encoding="utf-8")), variant, seed, ended)


def _warm_up(dataset: Dataset) -> None:
    """Bring the pictures and the libraries into the system's file cache.

    Else whichever variant is the first would read them from the disk for all the others.
    """
    for example in dataset.examples:
        with contextlib.suppress(OSError):
            dataset.path(example).read_bytes()
    subprocess.run([sys.executable, "-c", "import edgetl.trainer.training"], capture_output=True)


def command(
    data: Annotated[Path, typer.Argument(help="A folder with train/ and validation/.")],
    seeds: Annotated[int, typer.Option(min=1, help="Trainings each variant has.")] = 3,
    variant: Annotated[
        list[Variant] | None,
        typer.Option(
            "--variant",
            help="Repeatable; the first is what others are compared with.  "
            f"[default: {', '.join(DEFAULT_VARIANTS)}]",
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write everything there too, as it comes.")
    ] = None,
    image_size: Annotated[int | None, typer.Option(help="For a small test.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="For a small test.")] = None,
    head_epochs: Annotated[int | None, typer.Option(help="For a small test.")] = None,
    epochs: Annotated[int | None, typer.Option(help="For a small test.")] = None,
) -> None:
    """Train several variants and compare their time, accuracy and memory."""
    sizes = {"image_size": image_size, "batch_size": batch_size}
    settings = {**sizes, "head_epochs": head_epochs, "epochs": epochs}
    # Each variant once, in the order given.
    variants = list(dict.fromkeys(variant or DEFAULT_VARIANTS))
    for name in {"default" if chosen is Variant.default else "reference" for chosen in variants}:
        changed_recipe(name, **settings)
    options = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in settings.items()
        if value is not None
    ]
    dataset = check_layout(data)
    if json_file:
        check_out(json_file)
    now = condition()
    compared = Comparison(
        this_machine(now, now), {split: len(dataset.of(split)) for split in ("train", "validation")}
    )
    interrupted = False
    try:
        logger.info("reading pictures and libraries once: no variant has a slower start")
        _warm_up(dataset)
        for result in measure(data, variants=variants, seeds=seeds, options=options):
            if isinstance(result, Outcome):
                compared.outcomes.append(result)
            else:
                compared.failures.append(result)
            logger.info(result.line)
            if json_file:
                _write(json_file, compared, variants)
    except KeyboardInterrupt:
        interrupted = True
        logger.info("interrupted; what has finished is kept")
    if compared.outcomes:
        out = console()
        out.print(comparison_table(summarize(compared.outcomes, variants), variants[0]))
        out.print(description(compared))
    if interrupted or compared.failures:
        sys.exit(130 if interrupted else 1)


def _write(path: Path, compared: Comparison, variants: Sequence[Variant]) -> None:
    summaries = summarize(compared.outcomes, variants)
    so_far = replace(compared, machine=replace(compared.machine, after=condition()))
    try:
        write_json(path, {**asdict(so_far), "summaries": [asdict(s) for s in summaries]})
    except OSError as error:
        logger.error(f"{quoted(path)}: {reason(error)}")


if __name__ == "__main__":
    run_command(command)
