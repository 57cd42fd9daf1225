"""The exported files on a report's page, which export writes there afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.trainer.report.page import render

# What the template has around the parts that are replaced.
FILES = "<!-- exported files -->", "<!-- end of exported files -->"
UNTIL = "<!-- until exported -->", "<!-- end of until exported -->"


@dataclass(frozen=True)
class ShownExport:
    """A file beside Keras, on the same photos, on one runtime.

    Attributes:
        name: the file's, without "model." and ".tflite".
        runtime: with its version.
        verdict, why: of its check; why it is not accepted.
        megabytes: its size.
        keras, accuracy: of Keras and the file on `pictures` photos of `words`, such as "test"; None
            where it does not run.
        difference: of the accuracies on all `compared` photos, in percentage points, with its
            interval; agreement: the share of these given the same class.
        ece, keras_ece: the expected calibration errors on `pictures`, 0..1; None in the record of
            an older edgetl.
    """

    name: str
    runtime: str
    verdict: str
    why: str | None
    megabytes: float
    keras: float | None = None
    accuracy: float | None = None
    pictures: int = 0
    words: str = ""
    difference: tuple[float, float, float] | None = None
    agreement: float | None = None
    compared: int = 0
    ece: float | None = None
    keras_ece: float | None = None


def with_exports(page: str, files: Sequence[ShownExport], command: str) -> str:
    """The page of a report with these exported files in place of those that it has.

    The next step that asks for an export goes with the first file. A page of an older edgetl has
    no place for them, and stays as it is.
    """
    part = render("exports.html.j2", exports=files, export_command=command)
    changed = _replaced(page, FILES, part)
    return _replaced(changed, UNTIL, "") if files else changed


def _replaced(page: str, around: tuple[str, str], part: str) -> str:
    before, start, rest = page.partition(around[0])
    _, end, after = rest.partition(around[1])
    return f"{before}{start}\n{part}{end}{after}" if start and end else page
