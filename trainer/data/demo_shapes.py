"""The shapes in the demo photos, as polygons, ovals and strokes: fish, houses, trees and clutter.

A shape is drawn in its own units, about -1..1 to each side of its centre, with y downwards.
"""

import colorsys
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
Random = np.random.Generator


@dataclass(frozen=True)
class Pen:
    """What a shape is drawn with: a point p of its own units is matrix @ p + centre in pixels."""

    draw: ImageDraw.ImageDraw
    matrix: npt.NDArray[np.float64]
    centre: npt.NDArray[np.float64]


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """An RGB colour, 0..255; hue is in full turns, saturation and value 0..1."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def shade(colour: Colour, factor: float) -> Colour:
    """`colour` towards black (factor below 1) or white (above 1, white at 2)."""
    end = 0 if factor < 1 else 255
    share = abs(factor - 1)
    red, green, blue = (round(part + (end - part) * share) for part in colour)
    return red, green, blue


def polygon(pen: Pen, points: npt.ArrayLike, colour: Colour) -> None:
    """A filled polygon."""
    pen.draw.polygon(_on_canvas(pen, points), fill=(*colour, 255))


def box(pen: Pen, corners: tuple[float, float, float, float], colour: Colour) -> None:
    """A filled rectangle; `corners` are its left, top, right and bottom."""
    left, top, right, bottom = corners
    polygon(pen, [(left, top), (right, top), (right, bottom), (left, bottom)], colour)


def oval(pen: Pen, centre: Point, radii: Point, colour: Colour) -> None:
    """A filled ellipse."""
    polygon(pen, _arc(centre, radii, 0, 360), colour)


def stroke(pen: Pen, points: npt.ArrayLike, width: float, colour: Colour) -> None:
    """A line through points, `width` in the shape's units."""
    pixels = width * math.sqrt(abs(float(np.linalg.det(pen.matrix))))
    line = _on_canvas(pen, points)
    pen.draw.line(line, fill=(*colour, 255), width=max(round(pixels), 1), joint="curve")


def turned(angle: float) -> npt.NDArray[np.float64]:
    """The matrix that turns by an angle in radians, clockwise as y is downwards."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]], np.float64)


def _on_canvas(pen: Pen, points: npt.ArrayLike) -> list[float]:
    placed = np.asarray(points, np.float64) @ pen.matrix.T + pen.centre
    return [number for point in placed.tolist() for number in point]


def _arc(centre: Point, radii: Point, start: float, end: float) -> npt.NDArray[np.float64]:
    """Points of an ellipse from angle `start` to `end`, in degrees clockwise from the right."""
    angles = np.radians(np.linspace(start, end, 40))
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points: npt.NDArray[np.float64] = circle * radii + centre
    return points


def fish(pen: Pen, colour: Colour, rng: Random) -> None:
    """Swims to the right. The body is a profile around y = 0 from the tail to the nose."""
    plump = rng.uniform(0.36, 0.58)
    tail, nose = -0.62, 0.95
    dark, light = shade(colour, 0.68), shade(colour, 1.45)
    fin = hsv(rng.random(), 0.65, 0.85) if rng.random() < 0.4 else dark

    def half_height(x: float) -> float:
        along = min(max((x - tail) / (nose - tail), 0.0), 1.0)
        return plump * (
            0.17 * (1 - along) + math.pow(math.sin(math.pi * math.pow(along, 0.85)), 0.8)
        )

    spread = rng.uniform(0.38, 0.6)
    fork = [(-0.8, spread), (-1.05, spread * 1.05)]
    mirrored = [(x, -y) for x, y in reversed(fork)]
    polygon(pen, [(tail + 0.12, 0), *fork, (-0.88, 0), *mirrored], fin)
    crest = plump + rng.uniform(0.2, 0.42)
    top = [(-0.4, -half_height(-0.4) * 0.8), (-0.25, -crest * 0.9), (0.1, -crest)]
    polygon(pen, [*top, (0.45, -half_height(0.45) * 0.8)], fin)
    below = [(-0.25, half_height(-0.25) * 0.8), (-0.3, crest * 0.9)]
    polygon(pen, [*below, (0.2, half_height(0.2) * 0.8)], fin)
    xs = np.linspace(tail, nose, 40).tolist()
    upper = [(x, -half_height(x)) for x in xs]
    lower = [(x, half_height(x)) for x in reversed(xs)]
    polygon(pen, upper + lower, colour)
    polygon(pen, lower + [(x, 0.35 * half_height(x)) for x in xs], light)
    pattern = rng.choice(["bands", "scales", "spots"])
    if pattern == "bands":
        band = shade(colour, 1.7) if rng.random() < 0.5 else shade(colour, 0.45)
        for left in np.linspace(-0.42, 0.22, rng.integers(2, 4)):
            across = np.linspace(left, left + 0.15, 8).tolist()
            edge = [(x + 0.06, half_height(x + 0.06)) for x in reversed(across)]
            polygon(pen, [(x, -half_height(x)) for x in across] + edge, band)
    elif pattern == "scales":
        for x in np.arange(-0.35, 0.4, 0.17):
            reach = half_height(x) * 0.72
            for y in np.arange(-reach, reach + 0.01, 0.17):
                stroke(pen, _arc((x, y), (0.09, 0.085), 90, 270), 0.028, dark)
    else:
        for _ in range(9):
            x = rng.uniform(-0.45, 0.35)
            y = rng.uniform(-0.75, 0.5) * half_height(x)
            oval(pen, (x, y), (0.06, 0.055), dark)
    stroke(pen, _arc((0.42, 0), (0.14, half_height(0.5) * 0.75), -75, 75), 0.04, dark)
    polygon(pen, [(0.25, 0.08), (-0.08, 0.02), (-0.14, 0.3), (0.05, 0.27)], fin)
    oval(pen, (0.69, -0.13), (0.115, 0.115), (250, 250, 245))
    oval(pen, (0.715, -0.12), (0.062, 0.068), (25, 25, 30))
    oval(pen, (0.735, -0.145), (0.022, 0.022), (255, 255, 255))
    stroke(pen, _arc((0.82, 0.04), (0.12, 0.1), 40, 130), 0.035, shade(colour, 0.4))
    for number in range(rng.integers(0, 4)):
        at = (1.08 + rng.uniform(-0.06, 0.06), -0.12 - 0.24 * number)
        radius = 0.05 + 0.02 * number
        oval(pen, at, (radius, radius), (215, 235, 250))
        oval(pen, (at[0] - 0.015, at[1] - 0.015), (radius * 0.5, radius * 0.5), (255, 255, 255))


def house(pen: Pen, colour: Colour, rng: Random) -> None:
    """Walls from y = -0.1 down to 0.9, a roof on them, and what makes it a home."""
    half = rng.uniform(0.6, 0.82)
    roof = hsv(rng.random(), rng.uniform(0.4, 0.8), rng.uniform(0.3, 0.75))
    dark = shade(colour, 0.72)
    peak = rng.uniform(-0.95, -0.7)
    side = rng.choice([-1, 1])
    if rng.random() < 0.75:
        _chimney(pen, side * half * 0.55, peak, rng)
    box(pen, (-half, -0.15, half, 0.9), colour)
    if rng.random() < 0.5:
        for y in np.arange(0.0, 0.88, 0.15):
            stroke(pen, [(-half, y), (half, y)], 0.02, shade(colour, 0.86))
    box(pen, (-half, 0.8, half, 0.9), dark)
    flat = rng.choice([0.0, 0.0, 0.35]) * half
    eaves = half + 0.16
    polygon(pen, [(-eaves, -0.08), (-flat, peak), (flat, peak), (eaves, -0.08)], roof)
    for share in (0.3, 0.55, 0.8):
        y = peak + (-0.08 - peak) * share
        reach = flat + (eaves - flat) * share
        stroke(pen, [(-reach, y), (reach, y)], 0.025, shade(roof, 0.8))
    stroke(pen, [(-eaves, -0.08), (eaves, -0.08)], 0.07, shade(roof, 0.65))
    door = hsv(rng.random(), 0.6, rng.uniform(0.3, 0.8))
    middle = float(rng.choice([-0.5, 0.0, 0.5])) * half
    box(pen, (middle - 0.17, 0.3, middle + 0.17, 0.9), shade(door, 0.6))
    box(pen, (middle - 0.13, 0.34, middle + 0.13, 0.9), door)
    oval(pen, (middle + 0.08, 0.64), (0.025, 0.025), (250, 220, 120))
    glass = (255, 226, 130) if rng.random() < 0.45 else (190, 222, 242)
    for x in (-0.5 * half, 0.5 * half):
        if abs(x - middle) > 0.3:
            _window(pen, (x, 0.42), glass, roof, shutters=half > 0.7)
        elif middle != 0:
            _window(pen, (x, 0.1), glass, roof, shutters=False)
    if flat == 0 and rng.random() < 0.7:
        oval(pen, (0, (peak - 0.08) / 2 + 0.05), (0.12, 0.12), (245, 240, 230))
        oval(pen, (0, (peak - 0.08) / 2 + 0.05), (0.085, 0.085), glass)
    if rng.random() < 0.4:
        _fence(pen, side * half, side)


def _chimney(pen: Pen, x: float, peak: float, rng: Random) -> None:
    brick = hsv(rng.uniform(0, 0.06), 0.55, rng.uniform(0.45, 0.7))
    box(pen, (x - 0.1, peak + 0.08, x + 0.1, -0.2), brick)
    box(pen, (x - 0.13, peak + 0.02, x + 0.13, peak + 0.11), shade(brick, 0.7))
    for number in range(rng.integers(0, 4)):
        radius = 0.06 + 0.035 * number
        at = (x + 0.1 * number + rng.uniform(-0.03, 0.03), peak - 0.07 - 0.13 * number)
        oval(pen, at, (radius * 1.2, radius), shade((205, 205, 212), 1 + 0.15 * number))


def _window(pen: Pen, centre: Point, glass: Colour, trim: Colour, *, shutters: bool) -> None:
    x, y = centre
    if shutters:
        box(pen, (x - 0.26, y - 0.15, x + 0.26, y + 0.15), trim)
    box(pen, (x - 0.17, y - 0.17, x + 0.17, y + 0.17), (245, 240, 230))
    box(pen, (x - 0.135, y - 0.135, x + 0.135, y + 0.135), glass)
    stroke(pen, [(x, y - 0.14), (x, y + 0.14)], 0.035, (245, 240, 230))
    stroke(pen, [(x - 0.14, y), (x + 0.14, y)], 0.035, (245, 240, 230))


def _fence(pen: Pen, start: float, side: float) -> None:
    white = (240, 238, 230)
    for number in range(4):
        x = start + side * (0.1 + 0.14 * number)
        box(pen, (x - 0.04, 0.62, x + 0.04, 0.9), white)
        polygon(pen, [(x - 0.04, 0.62), (x, 0.55), (x + 0.04, 0.62)], white)
    box(pen, (min(start, start + side * 0.57), 0.7, max(start, start + side * 0.57), 0.76), white)


def tree(pen: Pen, colour: Colour, rng: Random) -> None:
    """A trunk from y = 0.95 up, and a leafy, a pointed or a bare crown."""
    bark = hsv(rng.uniform(0.03, 0.1), rng.uniform(0.3, 0.65), rng.uniform(0.28, 0.55))
    thick = rng.uniform(0.07, 0.13)
    edge = [(thick * 2, 0.95), (thick, 0.7), (thick * 0.7, -0.2)]
    polygon(pen, [*edge, *((-x, y) for x, y in reversed(edge))], bark)
    for x in (-0.35, 0.3):
        stroke(pen, [(x * thick, 0.8), (x * thick * 0.8, 0.35)], 0.02, shade(bark, 0.7))
    crown = rng.choice(["leafy", "leafy", "pointed", "bare"])
    if crown == "pointed":
        _fir(pen, colour, rng)
    else:
        for x, y in ((-0.42, -0.25), (0.4, -0.3), (-0.3, 0.02)):
            stroke(pen, [(0, 0.35), (x * 0.5, y * 0.5 + 0.1), (x, y)], thick * 0.7, bark)
        if crown == "leafy":
            _leaves(pen, colour, rng)
        else:
            _twigs(pen, colour, bark, rng)


def _fir(pen: Pen, colour: Colour, rng: Random) -> None:
    tiers = int(rng.integers(3, 5))
    for tier in range(tiers):
        low = 0.6 - tier * 0.36 * 3 / tiers
        half = 0.68 * (1 - tier / (tiers + 0.6))
        top = low - 0.72
        across = enumerate(np.linspace(half, -half, 9))
        hem = [(x, low + (0.07 if i % 2 else -0.02)) for i, x in across]
        polygon(pen, [(0, top), *hem], shade(colour, 0.75 + 0.1 * tier))
        polygon(pen, [(0, top), hem[5], hem[7], hem[8]], shade(colour, 0.85 + 0.1 * tier))
    if rng.random() < 0.4:
        for tier in range(tiers * 3):
            y = rng.uniform(-0.6, 0.5)
            x = rng.uniform(-0.4, 0.4) * (y + 0.9) / 1.4
            oval(pen, (x, y), (0.045, 0.045), hsv(tier * 0.3, 0.6, 0.95))


def _leaves(pen: Pen, colour: Colour, rng: Random) -> None:
    """Clumps from the dark ones below to the light ones at the top left, where the light is."""
    wide, tall = rng.uniform(0.4, 0.56), rng.uniform(0.36, 0.5)
    for factor, reach, radius in ((0.72, 1.0, 0.3), (0.88, 0.75, 0.27), (1.12, 0.5, 0.2)):
        lift = (1 - reach) * 0.18
        for angle in np.linspace(0, math.tau, 9)[:-1] + rng.uniform(0, 0.7):
            x = reach * wide * math.cos(angle) - lift * 0.8
            y = -0.38 - lift + reach * tall * math.sin(angle)
            size = radius * rng.uniform(0.85, 1.15)
            oval(pen, (x, y), (size, size), shade(colour, factor))
        oval(pen, (-lift * 0.8, -0.38 - lift), (reach * wide, reach * tall), shade(colour, factor))
    fruit = hsv(rng.choice([0.0, 0.12, 0.93]), 0.75, 0.9)
    for _ in range(rng.choice([0, 0, 7, 11])):
        angle, reach = rng.uniform(0, math.tau), math.sqrt(rng.random())
        at = (reach * wide * 1.1 * math.cos(angle), -0.38 + reach * tall * 1.1 * math.sin(angle))
        oval(pen, at, (0.055, 0.055), fruit)


def _twigs(pen: Pen, colour: Colour, bark: Colour, rng: Random) -> None:
    """Branches that fork, with a few last leaves on them."""
    tips = [((0.0, 0.0), -90.0 + turn, 0.5) for turn in (-42, -4, 38)]
    for depth in range(3):
        grown = []
        for (x, y), angle, length in tips:
            bend = angle + rng.uniform(-12, 12)
            along = math.radians(bend)
            end = (x + length * math.cos(along), y + length * math.sin(along))
            stroke(pen, [(x, y), end], 0.085 - 0.025 * depth, bark)
            grown += [(end, bend + turn, length * 0.62) for turn in (-28, 26)]
        tips = grown
    for (x, y), _, _ in tips:
        for _ in range(4):
            at = (x + rng.uniform(-0.15, 0.15), y + rng.uniform(-0.15, 0.15))
            oval(pen, at, (0.085, 0.07), shade(colour, rng.uniform(0.8, 1.3)))


Shape = Callable[[Pen, Colour, Random], None]
SHAPES: dict[str, Shape] = {"fish": fish, "house": house, "tree": tree}


def clutter(draw: ImageDraw.ImageDraw, canvas: tuple[int, int], rng: Random) -> None:
    """One small shape anywhere: a disc, a triangle, a square, a stick or a squiggle."""
    scale = min(canvas) * rng.uniform(0.02, 0.07)
    matrix = scale * turned(rng.uniform(0, math.tau))
    pen = Pen(draw, matrix, np.asarray(canvas) * rng.uniform(0.02, 0.98, 2))
    colour = hsv(rng.random(), rng.uniform(0.1, 0.8), rng.uniform(0.25, 0.95))
    match rng.integers(5):
        case 0:
            oval(pen, (0, 0), (1, rng.uniform(0.6, 1)), colour)
        case 1:
            polygon(pen, [(-1, 0.8), (1, 0.8), (rng.uniform(-0.5, 0.5), -0.9)], colour)
        case 2:
            box(pen, (-0.8, -rng.uniform(0.4, 0.8), 0.8, 0.6), colour)
        case 3:
            stroke(pen, [(-3, 0), (3, 0)], 0.25, colour)
        case _:
            wave = [(x, 0.7 * math.sin(2.2 * x)) for x in np.linspace(-3, 3, 24)]
            stroke(pen, wave, 0.28, colour)
