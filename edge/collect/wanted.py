"""How many more photos the classes of a folder want, as the newest run on it found."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetl.edge.model.latest import latest_run
from edgetl.edge.model.learning_curve import LearningCurve
from edgetl.edge.system.files import read_json
from edgetl.edge.system.json_record import DamagedError, from_json

_MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class Wanted:
    """What a run wants of its photos.

    Attributes:
        run: its folder's name.
        recall: that is wanted of each class, 0..1.
        totals: how many photos each class should have; classes of which nothing can be said are
            left out.
    """

    run: str
    recall: float
    totals: Mapping[str, int]

    def more(self, label: str, count: int) -> int | None:
        """How many more photos a class wants that has `count`; None where it is not known."""
        total = self.totals.get(label)
        return None if total is None else max(0, total - count)


def wanted_of(folder: Path) -> Wanted | None:
    """What the run that runs/latest points to wants; None if it is not of this folder.

    A run that cannot be read, or has no learning curve, wants nothing: photos are collected all the
    same.
    """
    latest = latest_run()
    if latest is None:
        return None
    try:
        config = _read(latest / "config.json")
        if Path(config["data"]["path"]).resolve() != folder.resolve():
            return None
        curve: LearningCurve = from_json(
            LearningCurve, _read(latest / "metrics.json")["learning_curve"]
        )
    except (OSError, ValueError, LookupError, TypeError, DamagedError):
        return None
    totals = {
        label: need.photos + need.more
        for label, need in curve.classes.items()
        if need.more is not None
    }
    return Wanted(latest.resolve().name, curve.recall_wanted, totals)


def _read(path: Path) -> Any:
    return read_json(path, at_most=_MOST_BYTES)
