"""`edgetl benchmark`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgetl.benchmarks.options import BenchmarkOptions
from edgetl.command import Given, JsonOption, command
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.messages import logger
from edgetl.edge.system.native_log import hidden_native_log


def benchmark(
    given: Annotated[dict[str, Any], Given(BenchmarkOptions)],
    before_and_after: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare", metavar="A.json B.json", help="What changed between two, beyond noise."
        ),
    ] = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    if before_and_after:
        if given or as_markdown:
            raise SettingError("--compare reads two files of --json; of options it takes --json")
        _compare(*before_and_after, as_json=as_json)
        return
    options = BenchmarkOptions(**given)
    with hidden_native_log(), gc_disabled():
        from edgetl.benchmarks.benchmarking import benchmark as run_benchmark
        from edgetl.benchmarks.measured import NothingMeasuredError
        from edgetl.benchmarks.record import to_json
        from edgetl.benchmarks.report.tables import markdown, print_measured
    try:
        outcome = run_benchmark(options)
    except NothingMeasuredError as error:
        for failure in error.failures:
            logger.warning(quoted(failure.line))
        raise typer.Exit(1) from None
    measured = outcome.measured
    if as_json:
        print(to_json(measured))
    elif as_markdown:
        print(markdown(measured))
    else:
        print_measured(measured)
    if outcome.errors:
        raise typer.Exit(2)
    if measured.stopped:
        raise typer.Exit(130)
    if measured.failures:
        raise typer.Exit(1)


def _compare(before: Path, after: Path, *, as_json: bool) -> None:
    from edgetl.benchmarks.compare import compare
    from edgetl.benchmarks.record import read_measured
    from edgetl.benchmarks.report.comparison import changes_to_json, print_changes

    changes = compare(read_measured(before), read_measured(after))
    if as_json:
        print(changes_to_json(changes))
    else:
        print_changes(changes)


COMMAND = command(
    benchmark, epilog="Example: edgetl benchmark --pack; on the Pi: edgetl benchmark pack.zip"
)
