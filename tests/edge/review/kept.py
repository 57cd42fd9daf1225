"""Pictures as `classify --snapshots` keeps them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from edgetl.edge.results.capture_record import CaptureRecord, capture_exif

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def keep(
    folder: Path,
    number: int,
    shares: Sequence[tuple[str, float]],
    *,
    scene: int = 0,
    correct: str | None = None,
) -> Path:
    """Write the `number`th picture; those of one `scene` look alike."""
    coarse = np.random.default_rng(scene).integers(0, 255, (6, 8, 3), np.uint8)
    picture = Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(number).normal(0, 3, (240, 320, 3))
    pixels = (np.asarray(picture) + noise).clip(0, 255).astype(np.uint8)
    taken = NOON + timedelta(seconds=number)
    record = CaptureRecord(
        source="camera 0",
        frame=number,
        time=taken.isoformat(),
        label=shares[0][0] if shares else "unsure",
        predictions=tuple(shares),
        model="m.tflite",
        sha256="0" * 64,
        kept="unsure",
        correct=correct,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{taken:%Y%m%dT%H%M%S}.000Z-seen.jpg"
    Image.fromarray(pixels).save(path, quality=92, exif=capture_exif("1a2b3c4d", taken, record))
    return path
