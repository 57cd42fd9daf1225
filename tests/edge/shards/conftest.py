"""Small pictures to index, and what an index and its results hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("fsspec")

COLOURS = {"red": (220, 50, 40), "blue": (40, 60, 220)}


def write_photos(folder: Path, count: int) -> Path:
    """`count` pictures in folder/red and as many in folder/blue."""
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("RGB", (24, 24), colour).save(folder / name / f"{number:03}.jpg")
    return folder


def rows_in(folder: Path) -> list[dict[str, Any]]:
    """All rows of an index or of results, as whoever reads the folder sees them."""
    rows: list[dict[str, Any]] = pq.read_table(folder).to_pylist()
    return rows


def shard_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".parquet")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """24 pictures, red and blue."""
    return write_photos(tmp_path / "photos", 12)


@pytest.fixture
def model(third_party_models: Path, labels_file: Path) -> dict[str, Any]:
    """The options of a model that calls pictures blue, green or red."""
    return {"model": third_party_models / "described.tflite", "labels": labels_file}


Arguments = Callable[[dict[str, Any]], list[str]]


def typed(model: dict[str, Any]) -> list[str]:
    """These options as they are typed."""
    return [f"--{name}={value}" for name, value in model.items()]
