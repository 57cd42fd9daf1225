"""What a photo's own EXIF data say of how edgetl took it: the session, the time, and what was seen.

Training finds photos of one moment by session and time (Make, Model, DateTimeOriginal); `edgetl
review` suggests a class by what the model made of it, JSON in ImageDescription.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from edgetl.edge.model.special_labels import UNKNOWN, UNSURE
from edgetl.edge.results.probability import shortest
from edgetl.edge.results.result import Result

MAKE = "edgetl"
_CLASSES = 5
# EXIF data have 64 kB in all: a longer label, in characters, is no class of ours.
_LONGEST_LABEL = 200


@dataclass(frozen=True)
class CaptureRecord:
    """What was known of a picture when it was kept.

    Attributes:
        time: when it was classified, as ISO 8601 has it.
        predictions: label and probability, 0..1, of the most probable classes, best first.
        model, sha256: the model file's name and digest.
        kept: the occasion, as a person wrote it.
        correct: the class that a person said it is, None if nobody did.
    """

    source: str
    frame: int | None
    time: str
    label: str
    predictions: tuple[tuple[str, float], ...]
    model: str
    sha256: str
    kept: str
    correct: str | None = None

    @property
    def classes(self) -> tuple[tuple[str, float], ...]:
        """The predictions that are classes: without "unknown" and "unsure"."""
        return tuple(one for one in self.predictions if one[0] not in (UNKNOWN, UNSURE))


def record_of(
    result: Result,
    labels: tuple[str, ...],
    *,
    model: str,
    sha256: str,
    kept: str,
    correct: str | None = None,
) -> CaptureRecord:
    """The record of a result; `labels` are the model's, in order."""
    best = result.probabilities.argsort(kind="stable")[::-1][:_CLASSES]
    named = [(labels[index], shortest(result.probabilities[index])) for index in best]
    return CaptureRecord(
        source=result.source,
        frame=result.frame,
        time=result.time.isoformat(timespec="milliseconds"),
        label=result.label,
        predictions=tuple(one for one in named if len(one[0]) <= _LONGEST_LABEL),
        model=model,
        sha256=sha256,
        kept=kept,
        correct=correct,
    )


def capture_exif(session: str, taken: datetime, record: CaptureRecord | None = None) -> Image.Exif:
    """The EXIF data of a photo.

    Args:
        session: what distinguishes the run that took it.
        taken: when, UTC.
        record: what was seen in it.
    """
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = MAKE, session
    # Not get_ifd, which in Pillow 9.4 gives a part that is not saved.
    time = f"{taken:%Y:%m:%d %H:%M:%S}"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal.value: time}
    if record is not None:
        predictions = [{"label": label, "probability": p} for label, p in record.predictions]
        facts = {**vars(record), "predictions": predictions}
        exif[ExifTags.Base.ImageDescription] = json.dumps(facts, separators=(",", ":"))
    return exif


def read_capture_record(path: Path) -> CaptureRecord | None:
    """The record in a photo; None where there is none, or the photo cannot be read."""
    try:
        with Image.open(path) as image:
            exif = image.getexif()
            if exif.get(ExifTags.Base.Make) != MAKE:
                return None
            return _parsed(json.loads(str(exif.get(ExifTags.Base.ImageDescription))))
    # What Pillow raises for damaged EXIF data is not documented: SyntaxError and struct.error too.
    except Exception:
        return None


def _parsed(facts: dict[str, Any]) -> CaptureRecord | None:
    predictions = tuple(
        (str(one["label"]), min(1.0, max(0.0, float(one["probability"]))))
        for one in facts["predictions"]
    )
    correct, frame = facts.get("correct"), facts.get("frame")
    return CaptureRecord(
        frame=None if frame is None else int(frame),
        predictions=tuple(sorted(predictions, key=lambda one: -one[1])),
        correct=None if correct is None else str(correct),
        **{
            name: str(facts.get(name, ""))
            for name in ("source", "time", "label", "model", "sha256", "kept")
        },
    )
