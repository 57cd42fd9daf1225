"""A benchmark in one call: what `edgetl benchmark` does, its report and pack included."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.benchmarks.cases import Plan, plan
from edgetl.benchmarks.measure import Benchmark, measure
from edgetl.benchmarks.measured import Measured
from edgetl.benchmarks.options import BenchmarkOptions
from edgetl.benchmarks.pack import check_pack_path, write_pack
from edgetl.benchmarks.report.report import check_report, write_benchmark_report
from edgetl.edge.errors import EdgetlError, SettingError, quoted
from edgetl.edge.system.messages import logger


@dataclass(frozen=True)
class Outcome:
    """What a benchmark gave.

    Attributes:
        measured: the figures, and what could not be measured.
        errors: why the report or the pack that was asked for is not written.
    """

    measured: Measured
    errors: tuple[EdgetlError, ...]


def benchmark(options: BenchmarkOptions) -> Outcome:
    """Measure Keras and .tflite files; write the report and the pack that are asked for.

    Whatever a reader of the figures must know is logged. Ctrl-C keeps the finished rounds.

    Raises:
        NothingMeasuredError: no case could be measured.
        EdgetlError: there is nothing to measure, or what is asked for cannot be written; but what
            turns out after measuring is in the outcome's `errors`, as the figures stand.
        KeyboardInterrupt: before a round was finished.
    """
    with TemporaryDirectory(prefix="edgetl-benchmark-") as temporary:
        planned = plan(options, Path(temporary))
        if options.pack:
            _check_packing(planned, options.pack)
        if options.report:
            check_report(options.report)
        done = measure(planned, Path(temporary), rounds=options.rounds)
        measured = done.measured
        for line in (*measured.notes, *(failure.line for failure in measured.failures)):
            logger.warning(quoted(line))
        errors = []
        # What goes wrong with one of them does not stop the other.
        for path, write in ((options.report, _write_report), (options.pack, _write_pack)):
            try:
                if path:
                    write(done, planned, path)
            except EdgetlError as error:
                logger.error(str(error))
                errors.append(error)
    if measured.stopped:
        logger.warning(measured.stopped)
    return Outcome(measured, tuple(errors))


def _check_packing(planned: Plan, pack: Path) -> None:
    if not any(case.is_keras for case in planned.cases):
        raise SettingError("--pack is made of a run, whose Keras model it stands in for; name one")
    if all(case.is_keras for case in planned.cases):
        raise SettingError("--pack: there is no model file to pack; make one with: edgetl export")
    check_pack_path(pack)


def _write_report(done: Benchmark, _: Plan, report: Path) -> None:
    logger.info(f"report: {quoted(write_benchmark_report(done.measured, report))}")


def _write_pack(done: Benchmark, planned: Plan, pack: Path) -> None:
    cases = [case for case in done.measured.cases if case.is_keras]
    if not cases or done.keras_probabilities is None:
        raise SettingError("--pack: nothing is packed, because Keras could not be measured")
    of_files = (Path(case.job.model) for case in planned.cases if not case.is_keras)
    models = list(dict.fromkeys(of_files))
    machine = done.measured.machine.name
    packed = write_pack(
        pack, done.pictures, models, cases, done.keras_probabilities, machine=machine
    )
    logger.info(
        f"{quoted(pack)}: {packed} of {len(done.pictures.paths)} pictures, {len(models)} models, "
        f"{pack.stat().st_size / 1e6:.1f} MB; copy it to a device, and there: "
        f"edgetl benchmark {quoted(pack.name)}"
    )
