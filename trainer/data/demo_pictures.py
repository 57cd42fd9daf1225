"""Demo photos for when there are no others: paper cut-outs of fish, houses and trees.

Every picture is drawn from a seed, so a demo needs no download. Backgrounds, clutter, light and
colours are distributed alike in all classes, except that most trees are green: only the shape
tells the classes apart.
"""

import contextlib
import math
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from edgetl.edge.errors import DataError, quoted, reason
from edgetl.trainer.data.demo_shapes import SHAPES, Colour, Pen, Random, clutter, hsv, shade, turned

CLASSES: tuple[str, ...] = tuple(SHAPES)

_SMALLEST_SIDE = 32
# Everything is drawn this many times larger and then reduced: ImageDraw has hard edges only.
_SUPERSAMPLING = 2


def draw_picture(label: str, *, seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """One picture, RGB; the same label, seed and size give the same pixels.

    `label` is one of CLASSES, `seed` 0 or more, `size` width and height in pixels, each 32 or more.

    Raises:
        ValueError: an argument is out of range.
    """
    if label not in CLASSES:
        raise ValueError(f"label {label!r} is none of {', '.join(CLASSES)}")
    if min(size) < _SMALLEST_SIDE:
        raise ValueError(f"size {size} has a side shorter than {_SMALLEST_SIDE}")
    rng = np.random.default_rng((seed, CLASSES.index(label), *size))
    main, paper = _colours(label, rng)
    canvas = (size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING)
    background = _background(paper, canvas, rng).reduce(_SUPERSAMPLING)
    # Transparent, yet in the object's colour: edges would else blend towards black.
    cutouts = Image.new("RGBA", canvas, (*main, 0))
    draw = ImageDraw.Draw(cutouts)
    for _ in range(rng.integers(1, 6)):
        clutter(draw, canvas, rng)
    SHAPES[label](_pen(draw, canvas, rng), main, rng)
    for _ in range(rng.integers(0, 2)):
        clutter(draw, canvas, rng)
    picture = _with_shadow(background, cutouts.reduce(_SUPERSAMPLING), rng)
    return _photographed(picture, rng)


def write_demo_pictures(folder: Path, *, per_class: int = 120, seed: int = 0) -> Path:
    """Write the set as folder/<class>/<class>-0001.jpg and so on, whole or not at all.

    A complete set is left untouched, whatever its seed. The bytes depend on the seed (0 or more),
    on the versions of Pillow and NumPy, and on how the processor rounds.

    Returns:
        `folder`.

    Raises:
        DataError: `folder` holds something else, or cannot be written.
        ValueError: a number is out of range.
    """
    if per_class < 1:
        raise ValueError(f"per_class {per_class} is less than 1")
    try:
        if _is_complete(folder, per_class):
            return folder
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise DataError(
                f"{quoted(folder)}: is not the complete set of {per_class * len(CLASSES)} demo "
                f"pictures; delete it to have them drawn again, or train on it by naming it"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            drawn = Path(beside, folder.name)
            for label in CLASSES:
                (drawn / label).mkdir(parents=True)
                for number, name in enumerate(_names(label, per_class)):
                    _write_picture(drawn / name, label, (seed, number))
            _move(drawn, folder, per_class)
    except OSError as error:
        raise DataError(f"{quoted(folder)}: cannot be written: {reason(error)}") from error
    return folder


def _names(label: str, per_class: int) -> list[str]:
    return [f"{label}/{label}-{number:04d}.jpg" for number in range(1, per_class + 1)]


def _is_complete(folder: Path, per_class: int) -> bool:
    # File managers leave hidden files such as .DS_Store wherever they look.
    found = {*folder.glob("[!.]*"), *folder.glob("[!.]*/[!.]*")}
    names = (name for label in CLASSES for name in (label, *_names(label, per_class)))
    return found == {folder / name for name in names}


def _move(drawn: Path, folder: Path, per_class: int) -> None:
    # Windows renames onto no existing folder, not even an empty one.
    with contextlib.suppress(OSError):
        folder.rmdir()
    try:
        drawn.rename(folder)
    except OSError:
        # Another process may have drawn the same set meanwhile; then there is nothing to do.
        if not _is_complete(folder, per_class):
            raise


def _write_picture(path: Path, label: str, seeds: tuple[int, int]) -> None:
    rng = np.random.default_rng((*seeds, CLASSES.index(label)))
    long, short = int(rng.integers(288, 353)), int(rng.integers(216, 265))
    size = (long, short) if rng.random() < 0.65 else (short, long)
    picture = draw_picture(label, seed=int(rng.integers(2**31)), size=size)
    picture.save(path, format="JPEG", quality=int(rng.integers(45, 93)))


def _colours(label: str, rng: Random) -> tuple[Colour, Colour]:
    """A colour for the object and one for the background that it can be seen on."""
    # Most trees are green, as a child would draw them; a few are not, so that green alone does not
    # tell.
    hue = rng.normal(0.31, 0.05) if label == "tree" and rng.random() < 0.6 else rng.random()
    while True:
        main = hsv(hue, rng.uniform(0.35, 0.85), rng.uniform(0.45, 0.95))
        paper = hsv(rng.random(), rng.uniform(0.03, 0.4), rng.uniform(0.45, 0.98))
        if math.dist(main, paper) > 130:
            return main, paper


def _background(paper: Colour, canvas: tuple[int, int], rng: Random) -> Image.Image:
    other = shade(paper, rng.uniform(0.86, 0.96) if rng.random() < 0.5 else rng.uniform(1.08, 1.25))
    kind = rng.choice(["plain", "gradient", "stripes", "checks", "blotches"])
    if kind == "plain":
        return Image.new("RGB", canvas, paper)
    if kind == "gradient":
        return _interpolated(paper, other, rng.random((2, 2)), canvas)
    if kind == "blotches":
        rough = rng.random((rng.integers(4, 14), rng.integers(4, 14)))
        return _interpolated(paper, other, rough, canvas)
    width, height = canvas
    angle, period = rng.uniform(0, math.pi), rng.uniform(0.05, 0.14) * max(canvas)
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    along = np.floor((x * math.cos(angle) + y * math.sin(angle)) / period)
    if kind == "checks":
        along += np.floor((y * math.cos(angle) - x * math.sin(angle)) / period)
    return Image.fromarray(np.array([paper, other], np.uint8)[along.astype(np.int64) % 2])


def _interpolated(
    one: Colour, other: Colour, shares: npt.NDArray[np.float64], canvas: tuple[int, int]
) -> Image.Image:
    mixed = np.asarray(one) + (np.asarray(other) - np.asarray(one)) * shares[..., None]
    return Image.fromarray(mixed.astype(np.uint8)).resize(canvas, Image.Resampling.BICUBIC)


def _pen(draw: ImageDraw.ImageDraw, canvas: tuple[int, int], rng: Random) -> Pen:
    scale = min(canvas) * rng.uniform(0.33, 0.47)
    turn = turned(math.radians(rng.normal(0, 7)))
    mirror = rng.choice([-1, 1])
    matrix = scale * turn @ np.diag([mirror * rng.uniform(0.9, 1.12), rng.uniform(0.9, 1.12)])
    room = np.maximum(np.asarray(canvas) / 2 - scale, 0)
    return Pen(draw, matrix, np.asarray(canvas) / 2 + room * rng.uniform(-0.9, 0.9, 2))


def _with_shadow(background: Image.Image, cutouts: Image.Image, rng: Random) -> Image.Image:
    alpha = cutouts.getchannel("A")
    reach = max(min(background.size) // 60, 1)
    shadow = ImageChops.offset(alpha, int(rng.integers(-reach, reach + 1)), reach)
    shadow = shadow.filter(ImageFilter.BoxBlur(reach))
    strength = rng.uniform(0.25, 0.6)
    shadow = shadow.point([round(level * strength) for level in range(256)])
    background.paste((15, 15, 30), (0, 0), shadow)
    background.paste(cutouts, (0, 0), alpha)
    return background


def _photographed(picture: Image.Image, rng: Random) -> Image.Image:
    """As a cheap camera would see it: uneven and tinted light, a soft lens, a noisy sensor."""
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.3)))
    light = Image.fromarray(rng.uniform(0.8, 1.12, (2, 3)).astype(np.float32))
    field = np.asarray(light.resize(picture.size, Image.Resampling.BICUBIC))[..., None]
    tint = rng.uniform(0.9, 1.06, 3).astype(np.float32)
    seen = np.asarray(picture, np.float32) * field * tint
    noise = rng.standard_normal(seen.shape, np.float32)
    seen += noise * np.float32(rng.uniform(1, 7))
    return Image.fromarray(seen.clip(0, 255).astype(np.uint8))
