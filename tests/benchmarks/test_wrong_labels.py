"""Wrong labels are found: those of a few colours, and of the reference data."""

from pathlib import Path

import pytest

from edgetl.benchmarks.dev.wrong_labels import measure, swapped_copy
from tests.conftest import write_colour_pictures


def test_photos_are_swapped_as_many_as_asked(tmp_path: Path) -> None:
    photos = write_colour_pictures(tmp_path / "photos", ["blue", "red"], 20)
    wrong = swapped_copy(photos, tmp_path / "copy", share=0.1, seed=0)
    links = [path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy").rglob("*.jpg")]
    assert len(links) == 40
    differ = {link.as_posix() for link in links if link.parts[0] not in link.name}
    assert wrong == differ
    assert len(wrong) == 4


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(0, marks=pytest.mark.slow),
        *(pytest.param(seed, marks=pytest.mark.by_hand) for seed in (1, 2)),
    ],
)
def test_nine_tenths_of_the_wrong_labels_are_among_the_first(
    tmp_path: Path, reference_data: Path, seed: int
) -> None:
    found = measure(reference_data / "train", share=0.05, seed=seed, cache=tmp_path)
    assert (found.photos, found.swapped) == (2000, 100)
    assert found.first >= 0.9
    # Most of those that are listed are wrong, and most that are wrong are listed.
    assert found.right >= 0.7 * max(found.listed, found.swapped)
    assert found.seconds < 30
