"""A taught model's file: the rewritten network, and what goes behind it."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

import edgetl
from edgetl.edge.errors import ModelFileError, quoted
from edgetl.edge.explain.dense_head import DenseHead
from edgetl.edge.model.associated_files import read_associated_files, with_files
from edgetl.edge.model.labels import labels_text
from edgetl.edge.model.model_file import LABELS_NAME, MANIFEST_NAME, ModelFile
from edgetl.edge.model.tflite_metadata import Description
from edgetl.edge.teach.gate import Gate
from edgetl.edge.teach.head import Head
from edgetl.edge.teach.learning import Lesson
from edgetl.edge.teach.rewriting import with_head
from edgetl.edge.teach.sample import (
    SAMPLE_NAME,
    FeatureSample,
    drawn_rows,
    packed_sample,
    read_sample,
)

_TAUGHT = " Taught on a device."


@dataclass(frozen=True)
class LessonRecord:
    """What edgetl.json has of a lesson.

    Attributes:
        when: ISO 8601, UTC.
        of: the SHA-256 of the file before.
        photos: how many of each class were taught.
        before, after: the accuracy on held-out photos of the classes from before, 0..1, or None
            without any.
    """

    when: str
    of: str
    photos: Mapping[str, int]
    before: float | None
    after: float | None
    verdict: str


def rewritten(model: ModelFile, ends: DenseHead, head: Head) -> bytes:
    """The model's flatbuffer with another head and another name.

    Raises:
        ModelFileError: it has fields that are not known here.
    """
    labels = head.labels
    names = ", ".join(labels[:20]) + (", ..." if len(labels) > 20 else "")
    described = model.description.removesuffix(_TAUGHT)
    described = re.sub(r"\b\d+ classes\b", f"{len(labels)} classes", described) + _TAUGHT
    name = f"Image classifier: {names}"
    try:
        return with_head(
            model, ends.pooled, head, Description(name, described, model.author, model.version)
        )
    except ValueError as error:
        raise ModelFileError(
            f"{quoted(model.path)}: cannot be taught ({error}); export it again with this edgetl"
        ) from error


def packed(
    flatbuffer: bytes, model: ModelFile, lesson: Lesson, head: Head, record: LessonRecord | None
) -> bytes:
    """The flatbuffer with labels, edgetl.json and the sample, to which the lesson's photos belong.

    What edgetl.json had of checks and held-out photos is of the file before, and left out.

    Args:
        flatbuffer: `rewritten`.
        model: the file before.
        lesson: that was learned.
        head: the new one.
        record: of the lesson, None for a file that is still to be checked.
    """
    assert model.manifest is not None
    lessons = [*model.manifest.get("taught", ())]
    manifest: dict[str, Any] = {
        **model.manifest,
        "edgetl": edgetl.__version__,
        "classes": list(head.labels),
        "precision": None,
        "parity": None,
        "taught": [*lessons, asdict(record)] if record else lessons,
        "model_bytes": len(flatbuffer),
        "model_sha256": hashlib.sha256(flatbuffer).hexdigest(),
    }
    rows = drawn_rows(lesson.targets)
    sample = FeatureSample(lesson.features[rows], lesson.targets[rows])
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    files, _ = read_associated_files(model.content)
    files |= {
        LABELS_NAME: labels_text(head.labels).encode(),
        MANIFEST_NAME: text.encode(),
        SAMPLE_NAME: packed_sample(sample),
    }
    return with_files(flatbuffer, files)


def lesson_record(model: ModelFile, gate: Gate) -> LessonRecord:
    """What edgetl.json is to have of a lesson to this model."""
    found = gate.difference
    right = [(one, one.sampled + one.taught) for one in gate.classes if one.before is not None]
    total = sum(photos for _, photos in right)
    before, after = (
        sum(share * photos for share, photos in shares) / total if found and total else None
        for shares in (
            [(one.before or 0.0, photos) for one, photos in right],
            [(one.after, photos) for one, photos in right],
        )
    )
    return LessonRecord(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        of=model.content_sha256,
        photos={one.label: one.taught for one in gate.classes if one.taught},
        before=before,
        after=after,
        verdict=gate.verdict,
    )


def sample_of(model: ModelFile, head: Head) -> FeatureSample | None:
    """The sample in a model's file, None if it has none.

    Raises:
        ModelFileError: it is damaged.
    """
    files, _ = read_associated_files(model.content)
    if SAMPLE_NAME not in files:
        return None
    channels = head.weights.shape[1]
    try:
        return read_sample(files[SAMPLE_NAME], channels=channels, classes=len(head.classes))
    except ValueError as error:
        raise ModelFileError(
            f"{quoted(model.path)}: damaged ({SAMPLE_NAME}: {error}); copy it here again"
        ) from error


def empty_sample(head: Head) -> FeatureSample:
    """A sample without photos."""
    none = np.empty((0, head.weights.shape[1]), np.float32)
    return FeatureSample(none, np.empty(0, np.int64))
