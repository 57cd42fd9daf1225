"""`edgetl benchmark`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from edgetl.command import JsonOption, command
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.messages import logger
from edgetl.edge.system.native_log import hidden_native_log


class RuntimeOption(StrEnum):
    litert = "litert"
    tflite_runtime = "tflite-runtime"


def benchmark(
    context: typer.Context,
    targets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN|MODEL|PACK",
            help="A run, .tflite files, a pack of another machine's. [default: runs/latest]",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Other pictures, a folder a class; or where a run's are now."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Classes of files that hold none, one a line."),
    ] = None,
    runtime: Annotated[
        list[RuntimeOption] | None,
        typer.Option(
            metavar="NAME", help="litert, tflite-runtime. Repeatable. [default: all installed]"
        ),
    ] = None,
    threads: Annotated[
        list[int] | None,
        typer.Option(
            # Thousands would leave none for the other rows' processes.
            min=1,
            max=256,
            metavar="N",
            help="Repeatable. [default: the cores here, 4 at most]",
        ),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="In which each row has its turn.")
    ] = 15,
    pictures: Annotated[
        int, typer.Option(min=1, metavar="N", help="At most, the classes balanced.")
    ] = 1000,
    pack: Annotated[
        Path | None,
        typer.Option(
            metavar="[FILE]", help="Pack models, pictures and Keras' answers for a device."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page and its figures there, too.")
    ] = None,
    earlier_and_later: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare", metavar="A.json B.json", help="What changed between two, beyond noise."
        ),
    ] = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    from tempfile import TemporaryDirectory

    if earlier_and_later:
        if _typed(context) - {"earlier_and_later", "as_json"}:
            raise SettingError("--compare reads two files of --json; of options it takes --json")
        _compare(*earlier_and_later, as_json=as_json)
        return
    with hidden_native_log(), gc_disabled():
        from edgetl.benchmarks.measure import benchmark as run_benchmark
        from edgetl.benchmarks.cases import plan
        from edgetl.benchmarks.measured import NothingMeasuredError
        from edgetl.benchmarks.record import to_json
        from edgetl.benchmarks.report.report import check_report, write_benchmark_report
        from edgetl.benchmarks.report.tables import markdown
        from edgetl.edge.model.model_file import read_labels
        from edgetl.edge.system.shutdown import GracefulShutdown
    with GracefulShutdown(), TemporaryDirectory(prefix="edgetl-benchmark-") as temporary:
        try:
            planned = plan(
                targets or [],
                Path(temporary),
                data=data,
                labels=read_labels(labels) if labels else None,
                runtimes=[choice.value for choice in runtime or []],
                threads=threads or [],
                most=pictures,
            )
            if pack:
                _check_packing(planned, pack)
            if report:
                check_report(report)
            done = run_benchmark(planned, Path(temporary), rounds=rounds)
        except NothingMeasuredError as error:
            for failure in error.failures:
                logger.warning(quoted(failure.line))
            raise typer.Exit(1) from None
        if as_json:
            print(to_json(done.measured))
        elif as_markdown:
            print(markdown(done.measured))
        else:
            _print_measured(done.measured)
        for failure in done.measured.failures:
            logger.warning(quoted(failure.line))
        # What goes wrong with one of them does not take the other.
        try:
            if report:
                logger.warning(f"report: {quoted(write_benchmark_report(done.measured, report))}")
        finally:
            if pack:
                _write_pack(done, planned, pack)
    if done.measured.stopped:
        logger.warning(done.measured.stopped)
        raise typer.Exit(130)
    if done.measured.failures:
        raise typer.Exit(1)


def _typed(context: typer.Context) -> set[str]:
    """The parameters of a command that were typed, by their names in Python."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def _compare(earlier: Path, later: Path, *, as_json: bool) -> None:
    from edgetl.benchmarks.compare import compare
    from edgetl.benchmarks.record import read_measured
    from edgetl.benchmarks.report.comparison import changes_to_json, print_changes

    changes = compare(read_measured(earlier), read_measured(later))
    if as_json:
        print(changes_to_json(changes))
    else:
        print_changes(changes)


def _check_packing(planned: Any, pack: Path) -> None:
    from edgetl.benchmarks.pack import check_pack_path

    if not any(subject.is_keras for subject in planned.subjects):
        raise SettingError("--pack is made of a run, whose Keras model it stands in for; name one")
    if all(subject.is_keras for subject in planned.subjects):
        raise SettingError("--pack: there is no model file to pack; make one with: edgetl export")
    check_pack_path(pack)


def _write_pack(done: Any, planned: Any, pack: Path) -> None:
    from edgetl.benchmarks.pack import write_pack

    rows = [row for row in done.measured.rows if row.is_keras]
    if not rows or done.keras_probabilities is None:
        raise SettingError("--pack: nothing is packed, because Keras could not be measured")
    models = {s.path: None for s in planned.subjects if not s.is_keras}
    packed = write_pack(
        pack,
        done.pictures,
        list(models),
        rows,
        done.keras_probabilities,
        machine=done.measured.machine.name,
    )
    logger.warning(
        f"{quoted(pack)}: {packed} of {len(done.pictures.paths)} pictures, {len(models)} models, "
        f"{pack.stat().st_size / 1e6:.1f} MB; copy it to a device, and there: "
        f"edgetl benchmark {quoted(pack.name)}"
    )


def _print_measured(measured: Any) -> None:
    from rich.console import Console

    from edgetl.benchmarks.report.tables import method, tables

    console = Console()
    for table in tables(measured):
        console.print(table)
    for line in method(measured):
        console.print(line, highlight=False, markup=False)


COMMAND = command(
    benchmark, epilog="Example: edgetl benchmark --pack; on the Pi: edgetl benchmark pack.zip"
)
COMMAND.alone = (("--pack", "pack.zip", lambda text: text.lower().endswith(".zip")),)
