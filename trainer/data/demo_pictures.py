"""Demo photos to train on where there are none: paper cut-outs of fish, houses and trees.

Every picture is drawn from a seed, so a demo needs no download.
Backgrounds, clutter and light are drawn alike for all classes, and so are colours but for most
trees being green: it takes the shape to tell the classes apart.
"""

import colorsys
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from edgetl.edge.errors import DataError, quoted, reason

CLASSES: tuple[str, ...] = ("fish", "house", "tree")

_SMALLEST_SIDE = 32
# Everything is drawn this many times larger and then reduced: ImageDraw has hard edges only.
_SUPERSAMPLING = 2

_Colour = tuple[int, int, int]
_Points = Sequence[tuple[float, float]]
_Random = np.random.Generator


@dataclass(frozen=True)
class _Easel:
    """Where a shape goes: `matrix` and `centre` take its own units, about -1..1, to the canvas."""

    draw: ImageDraw.ImageDraw
    matrix: npt.NDArray[np.float64]
    centre: npt.NDArray[np.float64]


def draw_picture(label: str, *, seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Draw one picture.

    Args:
        label: one of CLASSES.
        seed: 0 or more. The same label, seed and size give the same pixels.
        size: width and height in pixels, 32 or more each.

    Returns:
        An RGB image of that size.

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
        _clutter(draw, canvas, rng)
    easel = _place(draw, canvas, rng)
    {"fish": _fish, "house": _house, "tree": _tree}[label](easel, main, rng)
    for _ in range(rng.integers(0, 2)):
        _clutter(draw, canvas, rng)
    picture = _with_shadow(background, cutouts.reduce(_SUPERSAMPLING), rng)
    return _photographed(picture, rng)


def write_demo_pictures(folder: Path, *, per_class: int = 120, seed: int = 0) -> Path:
    """Write the set as folder/<class>/<class>-0001.jpg and so on, whole or not at all.

    A complete set is left untouched, whatever its seed. The bytes depend on the seed, on
    the versions of Pillow and NumPy, and on how the processor rounds.

    Args:
        folder: where the set goes; its parents are made.
        per_class: pictures of each class, 1 or more.
        seed: 0 or more.

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
        _refuse_other_files(folder, per_class)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            drawn = Path(beside, folder.name)
            for label in CLASSES:
                (drawn / label).mkdir(parents=True)
                for name, number in zip(_names(label, per_class), range(per_class), strict=True):
                    _write_picture(drawn / label / name, label, (seed, number))
            _move(drawn, folder, per_class)
    except OSError as error:
        raise DataError(f"{quoted(folder)}: cannot be written: {reason(error)}") from error
    return folder


def _names(label: str, per_class: int) -> list[str]:
    return [f"{label}-{number:04d}.jpg" for number in range(1, per_class + 1)]


def _visible(folder: Path) -> set[str]:
    # File managers leave hidden files such as .DS_Store wherever they look.
    return {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}


def _is_complete(folder: Path, per_class: int) -> bool:
    return (
        folder.is_dir()
        and _visible(folder) == set(CLASSES)
        and all(
            (folder / label).is_dir() and _visible(folder / label) == set(_names(label, per_class))
            for label in CLASSES
        )
    )


def _refuse_other_files(folder: Path, per_class: int) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(
            f"{quoted(folder)}: is not the complete set of {per_class * len(CLASSES)} demo "
            f"pictures; delete it to have them drawn anew, or train on it by naming it"
        )


def _move(drawn: Path, folder: Path, per_class: int) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        # Windows renames onto no existing folder, not even an empty one.
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


def _hsv(hue: float, saturation: float, value: float) -> _Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _shade(colour: _Colour, factor: float) -> _Colour:
    """`colour` towards black (factor below 1) or white (above 1, white at 2)."""
    end = 0 if factor < 1 else 255
    share = abs(factor - 1)
    red, green, blue = (round(part + (end - part) * share) for part in colour)
    return red, green, blue


def _colours(label: str, rng: _Random) -> tuple[_Colour, _Colour]:
    """A colour for the object and one for the background that it can be seen on."""
    # Most trees are green, as a child would draw them; a few of every colour keep green no rule.
    hue = rng.normal(0.31, 0.05) if label == "tree" and rng.random() < 0.6 else rng.random()
    while True:
        main = _hsv(hue, rng.uniform(0.35, 0.85), rng.uniform(0.45, 0.95))
        paper = _hsv(rng.random(), rng.uniform(0.03, 0.4), rng.uniform(0.45, 0.98))
        if math.dist(main, paper) > 130:
            return main, paper


def _background(paper: _Colour, canvas: tuple[int, int], rng: _Random) -> Image.Image:
    other = _shade(
        paper, rng.uniform(0.86, 0.96) if rng.random() < 0.5 else rng.uniform(1.08, 1.25)
    )
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
    along = np.floor((x * math.cos(angle) + y * math.sin(angle)) / period).astype(np.int64)
    if kind == "checks":
        along = along + np.floor((y * math.cos(angle) - x * math.sin(angle)) / period).astype(
            np.int64
        )
    return Image.fromarray(np.array([paper, other], np.uint8)[along % 2])


def _interpolated(
    one: _Colour, other: _Colour, shares: npt.NDArray[np.float64], canvas: tuple[int, int]
) -> Image.Image:
    mixed = np.asarray(one) + (np.asarray(other) - np.asarray(one)) * shares[..., None]
    return Image.fromarray(mixed.astype(np.uint8)).resize(canvas, Image.Resampling.BICUBIC)


def _place(draw: ImageDraw.ImageDraw, canvas: tuple[int, int], rng: _Random) -> _Easel:
    scale = min(canvas) * rng.uniform(0.33, 0.47)
    angle = math.radians(rng.normal(0, 7))
    mirror = rng.choice([-1, 1])
    turn = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float64
    )
    matrix = scale * turn @ np.diag([mirror * rng.uniform(0.9, 1.12), rng.uniform(0.9, 1.12)])
    room = np.maximum(np.asarray(canvas) / 2 - scale, 0)
    return _Easel(draw, matrix, np.asarray(canvas) / 2 + room * rng.uniform(-0.9, 0.9, 2))


def _clutter(draw: ImageDraw.ImageDraw, canvas: tuple[int, int], rng: _Random) -> None:
    """One small shape anywhere: a disc, a triangle, a square, a stick or a squiggle."""
    scale = min(canvas) * rng.uniform(0.02, 0.07)
    angle = rng.uniform(0, math.tau)
    cosine, sine = math.cos(angle), math.sin(angle)
    matrix = scale * np.array([[cosine, -sine], [sine, cosine]], np.float64)
    easel = _Easel(draw, matrix, np.asarray(canvas) * rng.uniform(0.02, 0.98, 2))
    colour = _hsv(rng.random(), rng.uniform(0.1, 0.8), rng.uniform(0.25, 0.95))
    match rng.integers(5):
        case 0:
            _oval(easel, (0, 0), (1, rng.uniform(0.6, 1)), colour)
        case 1:
            _polygon(easel, [(-1, 0.8), (1, 0.8), (rng.uniform(-0.5, 0.5), -0.9)], colour)
        case 2:
            _box(easel, (-0.8, -rng.uniform(0.4, 0.8), 0.8, 0.6), colour)
        case 3:
            _stroke(easel, [(-3, 0), (3, 0)], 0.25, colour)
        case _:
            wave = [(x, 0.7 * math.sin(2.2 * x)) for x in np.linspace(-3, 3, 24)]
            _stroke(easel, wave, 0.28, colour)


def _with_shadow(background: Image.Image, cutouts: Image.Image, rng: _Random) -> Image.Image:
    alpha = cutouts.getchannel("A")
    reach = max(min(background.size) // 60, 1)
    shadow = ImageChops.offset(alpha, int(rng.integers(-reach, reach + 1)), reach)
    shadow = shadow.filter(ImageFilter.BoxBlur(reach))
    strength = rng.uniform(0.25, 0.6)
    shadow = shadow.point([round(level * strength) for level in range(256)])
    background.paste((15, 15, 30), (0, 0), shadow)
    background.paste(cutouts, (0, 0), alpha)
    return background


def _photographed(picture: Image.Image, rng: _Random) -> Image.Image:
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


def _polygon(easel: _Easel, points: _Points, colour: _Colour) -> None:
    easel.draw.polygon(_on_canvas(easel, points), fill=(*colour, 255))


def _box(easel: _Easel, box: tuple[float, float, float, float], colour: _Colour) -> None:
    left, top, right, bottom = box
    _polygon(easel, [(left, top), (right, top), (right, bottom), (left, bottom)], colour)


def _oval(
    easel: _Easel, centre: tuple[float, float], radii: tuple[float, float], colour: _Colour
) -> None:
    _polygon(easel, _arc(centre, radii, 0, 360), colour)


def _stroke(easel: _Easel, points: _Points, width: float, colour: _Colour) -> None:
    pixels = width * math.sqrt(abs(float(np.linalg.det(easel.matrix))))
    line = _on_canvas(easel, points)
    easel.draw.line(line, fill=(*colour, 255), width=max(round(pixels), 1), joint="curve")


def _on_canvas(easel: _Easel, points: _Points) -> list[tuple[float, float]]:
    placed = np.asarray(points, np.float64) @ easel.matrix.T + easel.centre
    return [(x, y) for x, y in placed.tolist()]


def _arc(
    centre: tuple[float, float], radii: tuple[float, float], start: float, end: float
) -> list[tuple[float, float]]:
    """Points of an ellipse from angle `start` to `end`, in degrees clockwise from the right."""
    angles = np.radians(np.linspace(start, end, 40))
    across, down = centre[0] + radii[0] * np.cos(angles), centre[1] + radii[1] * np.sin(angles)
    return list(zip(across.tolist(), down.tolist(), strict=True))


def _fish(easel: _Easel, colour: _Colour, rng: _Random) -> None:
    """Swims to the right. The body is a profile around y = 0 from the tail to the nose."""
    plump = rng.uniform(0.36, 0.58)
    tail, nose = -0.62, 0.95
    dark, light = _shade(colour, 0.68), _shade(colour, 1.45)
    fin = _hsv(rng.random(), 0.65, 0.85) if rng.random() < 0.4 else dark

    def half_height(x: float) -> float:
        along = min(max((x - tail) / (nose - tail), 0.0), 1.0)
        return plump * (
            0.17 * (1 - along) + math.pow(math.sin(math.pi * math.pow(along, 0.85)), 0.8)
        )

    spread = rng.uniform(0.38, 0.6)
    fork = [(-0.8, spread), (-1.05, spread * 1.05)]
    mirrored = [(x, -y) for x, y in reversed(fork)]
    _polygon(easel, [(tail + 0.12, 0), *fork, (-0.88, 0), *mirrored], fin)
    crest = plump + rng.uniform(0.2, 0.42)
    top = [(-0.4, -half_height(-0.4) * 0.8), (-0.25, -crest * 0.9), (0.1, -crest)]
    _polygon(easel, [*top, (0.45, -half_height(0.45) * 0.8)], fin)
    below = [(-0.25, half_height(-0.25) * 0.8), (-0.3, crest * 0.9)]
    _polygon(easel, [*below, (0.2, half_height(0.2) * 0.8)], fin)
    xs = np.linspace(tail, nose, 40).tolist()
    upper = [(x, -half_height(x)) for x in xs]
    lower = [(x, half_height(x)) for x in reversed(xs)]
    _polygon(easel, upper + lower, colour)
    _polygon(easel, lower + [(x, 0.35 * half_height(x)) for x in xs], light)
    pattern = rng.choice(["bands", "scales", "spots"])
    if pattern == "bands":
        band = _shade(colour, 1.7) if rng.random() < 0.5 else _shade(colour, 0.45)
        for left in np.linspace(-0.42, 0.22, rng.integers(2, 4)):
            across = np.linspace(left, left + 0.15, 8).tolist()
            edge = [(x + 0.06, half_height(x + 0.06)) for x in reversed(across)]
            _polygon(easel, [(x, -half_height(x)) for x in across] + edge, band)
    elif pattern == "scales":
        for x in np.arange(-0.35, 0.4, 0.17):
            reach = half_height(x) * 0.72
            for y in np.arange(-reach, reach + 0.01, 0.17):
                _stroke(easel, _arc((x, y), (0.09, 0.085), 90, 270), 0.028, dark)
    else:
        for _ in range(9):
            x = rng.uniform(-0.45, 0.35)
            y = rng.uniform(-0.75, 0.5) * half_height(x)
            _oval(easel, (x, y), (0.06, 0.055), dark)
    _stroke(easel, _arc((0.42, 0), (0.14, half_height(0.5) * 0.75), -75, 75), 0.04, dark)
    _polygon(easel, [(0.25, 0.08), (-0.08, 0.02), (-0.14, 0.3), (0.05, 0.27)], fin)
    _oval(easel, (0.69, -0.13), (0.115, 0.115), (250, 250, 245))
    _oval(easel, (0.715, -0.12), (0.062, 0.068), (25, 25, 30))
    _oval(easel, (0.735, -0.145), (0.022, 0.022), (255, 255, 255))
    _stroke(easel, _arc((0.82, 0.04), (0.12, 0.1), 40, 130), 0.035, _shade(colour, 0.4))
    for number in range(rng.integers(0, 4)):
        at = (1.08 + rng.uniform(-0.06, 0.06), -0.12 - 0.24 * number)
        radius = 0.05 + 0.02 * number
        _oval(easel, at, (radius, radius), (215, 235, 250))
        _oval(easel, (at[0] - 0.015, at[1] - 0.015), (radius * 0.5, radius * 0.5), (255, 255, 255))


def _house(easel: _Easel, colour: _Colour, rng: _Random) -> None:
    """Walls from y = -0.1 down to 0.9, a roof on them, and what makes it a home."""
    half = rng.uniform(0.6, 0.82)
    roof = _hsv(rng.random(), rng.uniform(0.4, 0.8), rng.uniform(0.3, 0.75))
    dark = _shade(colour, 0.72)
    peak = rng.uniform(-0.95, -0.7)
    side = rng.choice([-1, 1])
    if rng.random() < 0.75:
        _chimney(easel, side * half * 0.55, peak, rng)
    _box(easel, (-half, -0.15, half, 0.9), colour)
    if rng.random() < 0.5:
        for y in np.arange(0.0, 0.88, 0.15):
            _stroke(easel, [(-half, y), (half, y)], 0.02, _shade(colour, 0.86))
    _box(easel, (-half, 0.8, half, 0.9), dark)
    flat = rng.choice([0.0, 0.0, 0.35]) * half
    eaves = half + 0.16
    _polygon(easel, [(-eaves, -0.08), (-flat, peak), (flat, peak), (eaves, -0.08)], roof)
    for share in (0.3, 0.55, 0.8):
        y = peak + (-0.08 - peak) * share
        reach = flat + (eaves - flat) * share
        _stroke(easel, [(-reach, y), (reach, y)], 0.025, _shade(roof, 0.8))
    _stroke(easel, [(-eaves, -0.08), (eaves, -0.08)], 0.07, _shade(roof, 0.65))
    door = _hsv(rng.random(), 0.6, rng.uniform(0.3, 0.8))
    middle = float(rng.choice([-0.5, 0.0, 0.5])) * half
    _box(easel, (middle - 0.17, 0.3, middle + 0.17, 0.9), _shade(door, 0.6))
    _box(easel, (middle - 0.13, 0.34, middle + 0.13, 0.9), door)
    _oval(easel, (middle + 0.08, 0.64), (0.025, 0.025), (250, 220, 120))
    glass = (255, 226, 130) if rng.random() < 0.45 else (190, 222, 242)
    for x in (-0.5 * half, 0.5 * half):
        if abs(x - middle) > 0.3:
            _window(easel, (x, 0.42), glass, roof, shutters=half > 0.7)
        elif middle != 0:
            _window(easel, (x, 0.1), glass, roof, shutters=False)
    if flat == 0 and rng.random() < 0.7:
        _oval(easel, (0, (peak - 0.08) / 2 + 0.05), (0.12, 0.12), (245, 240, 230))
        _oval(easel, (0, (peak - 0.08) / 2 + 0.05), (0.085, 0.085), glass)
    if rng.random() < 0.4:
        _fence(easel, side * half, side)


def _chimney(easel: _Easel, x: float, peak: float, rng: _Random) -> None:
    brick = _hsv(rng.uniform(0, 0.06), 0.55, rng.uniform(0.45, 0.7))
    _box(easel, (x - 0.1, peak + 0.08, x + 0.1, -0.2), brick)
    _box(easel, (x - 0.13, peak + 0.02, x + 0.13, peak + 0.11), _shade(brick, 0.7))
    for number in range(rng.integers(0, 4)):
        radius = 0.06 + 0.035 * number
        at = (x + 0.1 * number + rng.uniform(-0.03, 0.03), peak - 0.07 - 0.13 * number)
        _oval(easel, at, (radius * 1.2, radius), _shade((205, 205, 212), 1 + 0.15 * number))


def _window(
    easel: _Easel, centre: tuple[float, float], glass: _Colour, trim: _Colour, *, shutters: bool
) -> None:
    x, y = centre
    if shutters:
        _box(easel, (x - 0.26, y - 0.15, x + 0.26, y + 0.15), trim)
    _box(easel, (x - 0.17, y - 0.17, x + 0.17, y + 0.17), (245, 240, 230))
    _box(easel, (x - 0.135, y - 0.135, x + 0.135, y + 0.135), glass)
    _stroke(easel, [(x, y - 0.14), (x, y + 0.14)], 0.035, (245, 240, 230))
    _stroke(easel, [(x - 0.14, y), (x + 0.14, y)], 0.035, (245, 240, 230))


def _fence(easel: _Easel, start: float, side: float) -> None:
    white = (240, 238, 230)
    for number in range(4):
        x = start + side * (0.1 + 0.14 * number)
        _box(easel, (x - 0.04, 0.62, x + 0.04, 0.9), white)
        _polygon(easel, [(x - 0.04, 0.62), (x, 0.55), (x + 0.04, 0.62)], white)
    _box(
        easel, (min(start, start + side * 0.57), 0.7, max(start, start + side * 0.57), 0.76), white
    )


def _tree(easel: _Easel, colour: _Colour, rng: _Random) -> None:
    """A trunk from y = 0.95 up, and a leafy, a pointed or a bare crown."""
    bark = _hsv(rng.uniform(0.03, 0.1), rng.uniform(0.3, 0.65), rng.uniform(0.28, 0.55))
    thick = rng.uniform(0.07, 0.13)
    edge = [(thick * 2, 0.95), (thick, 0.7), (thick * 0.7, -0.2)]
    _polygon(easel, [*edge, *((-x, y) for x, y in reversed(edge))], bark)
    for x in (-0.35, 0.3):
        _stroke(easel, [(x * thick, 0.8), (x * thick * 0.8, 0.35)], 0.02, _shade(bark, 0.7))
    crown = rng.choice(["leafy", "leafy", "pointed", "bare"])
    if crown == "pointed":
        _fir(easel, colour, rng)
    else:
        for x, y in ((-0.42, -0.25), (0.4, -0.3), (-0.3, 0.02)):
            _stroke(easel, [(0, 0.35), (x * 0.5, y * 0.5 + 0.1), (x, y)], thick * 0.7, bark)
        if crown == "leafy":
            _leaves(easel, colour, rng)
        else:
            _twigs(easel, colour, bark, rng)


def _fir(easel: _Easel, colour: _Colour, rng: _Random) -> None:
    tiers = int(rng.integers(3, 5))
    for tier in range(tiers):
        low = 0.6 - tier * 0.36 * 3 / tiers
        half = 0.68 * (1 - tier / (tiers + 0.6))
        top = low - 0.72
        hem = [
            (x, low + (0.07 if i % 2 else -0.02)) for i, x in enumerate(np.linspace(half, -half, 9))
        ]
        _polygon(easel, [(0, top), *hem], _shade(colour, 0.75 + 0.1 * tier))
        _polygon(easel, [(0, top), hem[5], hem[7], hem[8]], _shade(colour, 0.85 + 0.1 * tier))
    if rng.random() < 0.4:
        for tier in range(tiers * 3):
            y = rng.uniform(-0.6, 0.5)
            x = rng.uniform(-0.4, 0.4) * (y + 0.9) / 1.4
            _oval(easel, (x, y), (0.045, 0.045), _hsv(tier * 0.3, 0.6, 0.95))


def _leaves(easel: _Easel, colour: _Colour, rng: _Random) -> None:
    """Clumps from the dark ones below to the light ones at the top left, where the light is."""
    wide, tall = rng.uniform(0.4, 0.56), rng.uniform(0.36, 0.5)
    for factor, reach, radius in ((0.72, 1.0, 0.3), (0.88, 0.75, 0.27), (1.12, 0.5, 0.2)):
        lift = (1 - reach) * 0.18
        for angle in np.linspace(0, math.tau, 9)[:-1] + rng.uniform(0, 0.7):
            x = reach * wide * math.cos(angle) - lift * 0.8
            y = -0.38 - lift + reach * tall * math.sin(angle)
            size = radius * rng.uniform(0.85, 1.15)
            _oval(easel, (x, y), (size, size), _shade(colour, factor))
        _oval(
            easel, (-lift * 0.8, -0.38 - lift), (reach * wide, reach * tall), _shade(colour, factor)
        )
    fruit = _hsv(rng.choice([0.0, 0.12, 0.93]), 0.75, 0.9)
    for _ in range(rng.choice([0, 0, 7, 11])):
        angle, reach = rng.uniform(0, math.tau), math.sqrt(rng.random())
        at = (reach * wide * 1.1 * math.cos(angle), -0.38 + reach * tall * 1.1 * math.sin(angle))
        _oval(easel, at, (0.055, 0.055), fruit)


def _twigs(easel: _Easel, colour: _Colour, bark: _Colour, rng: _Random) -> None:
    """Branches that fork, with a few last leaves on them."""
    tips = [((0.0, 0.0), -90.0 + turn, 0.5) for turn in (-42, -4, 38)]
    for depth in range(3):
        grown = []
        for (x, y), angle, length in tips:
            bend = angle + rng.uniform(-12, 12)
            end = (
                x + length * math.cos(math.radians(bend)),
                y + length * math.sin(math.radians(bend)),
            )
            _stroke(easel, [(x, y), end], 0.085 - 0.025 * depth, bark)
            grown += [(end, bend + turn, length * 0.62) for turn in (-28, 26)]
        tips = grown
    for (x, y), _, _ in tips:
        for _ in range(4):
            at = (x + rng.uniform(-0.15, 0.15), y + rng.uniform(-0.15, 0.15))
            _oval(easel, at, (0.085, 0.07), _shade(colour, rng.uniform(0.8, 1.3)))
