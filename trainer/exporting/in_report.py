"""Exported files shown in the report of their run."""

from collections.abc import Iterable, Iterator

from edgetl.edge.errors import quoted, reason
from edgetl.edge.system.files import write_text
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.dataset import SPLIT_WORDS
from edgetl.trainer.exporting.record import ExportedFile, RuntimeCheck, read_record
from edgetl.trainer.report.exports import ShownExport, with_exports
from edgetl.trainer.report.next_steps import export_command
from edgetl.trainer.run.folder import RunFolder


def show_in_report(run: RunFolder) -> None:
    """Write the files of export.json into report.html, in place of those that it shows.

    A report of an older edgetl has no place for them and a run without one does without; one that
    cannot be written is warned of, as the files are there all the same.

    Raises:
        RunFolderError: export.json cannot be read.
    """
    if not run.report.is_file():
        return
    files = read_record(run.exports).files.values()
    try:
        page = run.report.read_text(encoding="utf-8")
        changed = with_exports(page, list(_shown(files)), export_command(run))
        if changed != page:
            write_text(run.report, changed)
    except (OSError, UnicodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not UTF-8"
        logger.warning(f"{quoted(run.report)}: the exported files are not shown there: {why}")


def _shown(files: Iterable[ExportedFile]) -> Iterator[ShownExport]:
    for file in files:
        for check in file.checks:
            yield _of_check(file, check)


def _of_check(file: ExportedFile, check: RuntimeCheck) -> ShownExport:
    parity, found = check.parity, check.difference
    verdict, why = check.verdict or file.verdict, check.why
    name = file.path.name.removeprefix("model.").removesuffix(".tflite").removesuffix(".rejected")
    start = name, f"{check.runtime} {check.version}", verdict, why, file.bytes / 1e6
    if parity is None or found is None:
        return ShownExport(*start)
    low, high = found.interval
    return ShownExport(
        *start,
        keras=parity.keras_accuracy,
        accuracy=parity.accuracy,
        pictures=parity.pictures,
        words=SPLIT_WORDS[file.split],
        difference=(100 * found.difference, 100 * low, 100 * high),
        agreement=found.agreement,
        compared=found.pictures,
        ece=parity.ece,
        keras_ece=parity.keras_ece,
    )
