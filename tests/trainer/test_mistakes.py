"""The mistakes of a real run, explained by the model that is kept and did not learn from them."""

from pathlib import Path

import pytest

from edgetl.trainer.run.folder import RunFolder, read_run
from tests.html_page import Page

pytestmark = pytest.mark.slow


def test_mistakes_on_held_out_photos_are_explained(five_class_run: Path) -> None:
    run = RunFolder(five_class_run)
    page = Page(run.report.read_text(encoding="utf-8"))
    split_of = {example.file: example.split for example in read_run(run).dataset.examples}
    alts = [str(attributes["alt"]) for attributes in page.all("img")]
    found = [number for number, alt in enumerate(alts) if ", taken for " in alt]
    assert found, "this run is known to have mistakes"
    for number in found:
        file = alts[number].partition(", of the class ")[0]
        assert split_of[file] in ("test", "validation")
        assert alts[number + 1].startswith("the same photo, coloured where it speaks for ")
        nearest = alts[number + 2 : number + 5]
        assert {split_of[one] for one in nearest} == {"train"}
        assert len(set(nearest)) == 3


def test_the_report_has_the_files_that_were_exported(five_class_run: Path) -> None:
    page = Page((five_class_run / "report.html").read_text(encoding="utf-8"))
    said = page.sections["exported-files"]
    assert "float32accepted" in said
    assert "int8" in said
    assert "Not exported yet" not in said
