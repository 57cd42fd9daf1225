import json
from dataclasses import asdict
from pathlib import Path

import pytest

from edgetl.edge.collect.wanted import Wanted, wanted_of
from edgetl.edge.model.learning_curve import ClassNeed, CurvePoint, LearningCurve

CURVE = LearningCurve(
    (CurvePoint(10, 0.4, 40), CurvePoint(40, 0.2, 40)), 0.5, 0.2, 0.95,
    {
        "open": ClassNeed(20, 0.9, 30),
        "closed": ClassNeed(20, 1.0, 0),
        "none": ClassNeed(5, 0.2, None),
    },
)  # fmt: skip


@pytest.fixture
def runs(in_tmp_path: Path) -> Path:
    """A run on ./photos, which `latest` points to."""
    run = in_tmp_path / "runs" / "a"
    run.mkdir(parents=True)
    (in_tmp_path / "photos").mkdir()
    (run / "config.json").write_text(json.dumps({"data": {"path": str(in_tmp_path / "photos")}}))
    (run / "metrics.json").write_text(json.dumps({"learning_curve": asdict(CURVE)}))
    (in_tmp_path / "runs" / "latest").symlink_to("a")
    return run


def test_the_newest_run_on_the_folder_says_how_many_more(runs: Path) -> None:
    found = wanted_of(Path("photos"))
    assert found == Wanted("a", 0.95, {"open": 50, "closed": 20})
    assert [found.more("open", count) for count in (20, 35, 60)] == [30, 15, 0]
    assert found.more("none", 5) is None


def test_a_run_on_other_photos_or_an_older_one_says_nothing(runs: Path) -> None:
    assert wanted_of(Path("others")) is None
    for text in ("{}", '{"learning_curve": null}', '{"learning_curve": {"points": 1}}', "no JSON"):
        (runs / "metrics.json").write_text(text)
        assert wanted_of(Path("photos")) is None
    (runs / "metrics.json").unlink()
    assert wanted_of(Path("photos")) is None
    (runs.parent / "latest").unlink()
    assert wanted_of(Path("photos")) is None
