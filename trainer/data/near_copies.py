"""Pairs of photos that show the same moment or the same file once more.

Photos of a burst, and a photo that was resized, recompressed, mirrored, cropped or brightened, have
the same fine structure once they are laid over each other. So two steps: coarse brightness finds
candidates, among all pairs; and the best correlation of fine structure under small shifts decides.
Unrelated photos of one kind (sky above ground, a hand before a wall) agree in the first only. How
often both err is measured by `python -m edgetl.benchmarks.dev.near_copies`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile

import cv2
import numpy as np
import numpy.typing as npt

from edgetl.edge.model.preprocessing import Pixels
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.progress import progress

# Coarse brightness: a grid of this many values a side, whose correlation makes a candidate.
_GRID = 8
_CANDIDATE = 0.65
# How many of the pictures after it each is compared with.
WITHIN = 50_000
# In uniform data nearly every pair is one: of each photo only these many, the most alike of those
# after it.
_CANDIDATES_EACH = 16

# Fine structure: a thumbnail without its low frequencies, those beyond a blur of _LOW pixels, nor
# its noise; and of even contrast, lest one strong edge (a horizon, an outline before a wall) or a
# passer-by decide. Its middle is looked for in the other one, shifted by up to _SHIFT pixels (8 %).
_THUMBNAIL = 64
_NOISE, _LOW, _NEIGHBOURHOOD = 1.0, 3.0, 4.5
_SHIFT = 5
# Contrast, in grey values, that is not amplified: it would be noise.
_LEAST_CONTRAST = 3.0
# Standard deviation, in grey values, below which there is no structure to compare.
_FLAT = 1.0

_CHUNK = 256
# Correlations in memory at a time.
_BLOCK = 1 << 22

_Grey = npt.NDArray[np.uint8]
_Grids = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """Two rows, `first` below `second`, and the correlation of their fine structure, -1..1."""

    first: int
    second: int
    correlation: float


def alike(pixels: MemoryMappedArray, *, above: float) -> Iterator[Pair]:
    """The pairs of pictures whose fine structure correlates by more than `above`.

    Each picture is compared with the WITHIN after it, which are all of most data sets: near-copies
    lie beside each other by path, and so time does not grow with the square of a million.

    Args:
        pixels: uint8 [pictures, height, width, 3] RGB. Pictures of one colour are like none.
        above: a correlation, 0..1.
    """
    grids, structures = _described(pixels)
    for first, second, mirrored in _candidates(grids):
        other = structures[second]
        correlation = _correlation(structures[first], other[:, ::-1] if mirrored else other)
        if correlation > above:
            yield Pair(first, second, correlation)


def _described(pixels: MemoryMappedArray) -> tuple[_Grids, _Grey]:
    """Coarse brightness, of unit norm, and fine structure of each picture; flat ones have zeros."""
    grids = np.zeros((len(pixels), _GRID * _GRID), np.float32)
    # On disk, where the system keeps of it what fits: 4 GB of a million pictures.
    with TemporaryFile() as file:
        shape = (len(pixels), _THUMBNAIL, _THUMBNAIL)
        structures = np.memmap(file, np.uint8, mode="w+", shape=shape)
    with progress("near-copies", len(pixels)) as advance:
        for start in range(0, len(pixels), _CHUNK):
            for row, picture in enumerate(pixels[start : start + _CHUNK], start):
                grids[row], structures[row] = _descriptors(picture)
                advance()
    return grids, structures


def _descriptors(picture: Pixels) -> tuple[_Grids, _Grey]:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    coarse = cv2.resize(grey, (_GRID, _GRID), interpolation=cv2.INTER_AREA).ravel()
    grid: _Grids = (coarse - coarse.mean()).astype(np.float32)
    small = cv2.resize(grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    fine = cv2.GaussianBlur(small, (0, 0), _NOISE) - cv2.GaussianBlur(small, (0, 0), _LOW)
    if fine.std() < _FLAT or grid.std() < _FLAT:
        return np.zeros_like(grid), np.zeros_like(small, np.uint8)
    contrast = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), _NEIGHBOURHOOD))
    even = fine / (contrast + _LEAST_CONTRAST)
    # A byte a pixel, so that 100,000 pictures fit; 4 standard deviations either way.
    structure = np.clip(128 + even * (32 / even.std()), 0, 255).astype(np.uint8)
    return grid / np.linalg.norm(grid), structure


def _candidates(grids: _Grids) -> Iterator[tuple[int, int, bool]]:
    """Pairs of rows, the lower first, and whether the second is more alike mirrored."""
    turned = grids.reshape(-1, _GRID, _GRID)[:, :, ::-1].reshape(grids.shape)
    # A number a pair, as a million tuples would take hundreds of megabytes.
    codes: list[npt.NDArray[np.int64]] = []
    step = max(1, _BLOCK // max(1, min(len(grids), WITHIN)))
    for start in range(0, len(grids), step):
        block = grids[start : start + step]
        end = start + step + WITHIN
        plain, mirrored = block @ grids[start:end].T, block @ turned[start:end].T
        # Each row with those after it.
        plain[np.tril_indices(len(block))] = mirrored[np.tril_indices(len(block))] = -1
        best = np.maximum(plain, mirrored)
        for row in np.flatnonzero(best.max(axis=1) > _CANDIDATE):
            others = np.flatnonzero(best[row] > _CANDIDATE)
            if len(others) > _CANDIDATES_EACH:
                chosen = np.argpartition(-best[row, others], _CANDIDATES_EACH)[:_CANDIDATES_EACH]
                others = others[chosen]
            turn = mirrored[row, others] > plain[row, others]
            codes.append(((start + row) * len(grids) + start + others) * 2 + turn)
    for code in np.concatenate(codes) if codes else ():
        pair, turn = divmod(int(code), 2)
        yield *divmod(pair, len(grids)), bool(turn)


def _correlation(one: _Grey, other: _Grey) -> float:
    """The best correlation of the middle of one with a part of the other of the same size."""
    middle = one[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
    return float(cv2.matchTemplate(other, middle, cv2.TM_CCOEFF_NORMED).max())
