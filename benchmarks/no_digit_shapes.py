"""Drawings that are no digits, white on black: one set to develop a rule on, and another to judge it.

The sets share no font, and no way of drawing a face, a shape, a scribble or noise. Letters that look like digits are a
kind of their own. Each drawing is 140x140 pixels, brightness 0 to 255, turned a little and sometimes blurred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import cos, pi, sin
from pathlib import Path
from typing import TypeAlias

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 140
Sheet: TypeAlias = NDArray[np.float64]
Points: TypeAlias = Sequence[tuple[float, float]] | Sheet
Draw: TypeAlias = np.random.Generator

ALIKE = "BDGIJOQSTZbgijloqstyz"
"""Letters that are easily taken for a digit."""
LETTERS = "".join(sign for sign in map(chr, range(ord("A"), ord("z") + 1)) if sign.isalpha() and sign not in ALIKE)
SIGNS = "?!&@%#$+=*/<>{}§€£¥©αβγδεζηθλμνξπρσφχψωΔΘΛΞΠΣΦΨΩ"
TO_DEVELOP = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSansMono",
)  # fmt: skip
TO_JUDGE = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmr10", "cmss10", "cmtt10", "cmti10")
STROKES: Mapping[str, Sequence[Points]] = {
    "A": [[(1, 10), (5, 0), (9, 10)], [(2.6, 6.5), (7.4, 6.5)]],
    "E": [[(9, 0), (1, 0), (1, 10), (9, 10)], [(1, 5), (7, 5)]],
    "F": [[(9, 0), (1, 0), (1, 10)], [(1, 5), (7, 5)]],
    "H": [[(1, 0), (1, 10)], [(9, 0), (9, 10)], [(1, 5), (9, 5)]],
    "K": [[(1, 0), (1, 10)], [(8, 0), (1, 5.5), (9, 10)]],
    "M": [[(0, 10), (1, 0), (5, 7), (9, 0), (10, 10)]],
    "N": [[(1, 10), (1, 0), (9, 10), (9, 0)]],
    "P": [[(1, 10), (1, 0), (6, 0), (8.5, 1.5), (8.5, 4), (6, 5.5), (1, 5.5)]],
    "R": [[(1, 10), (1, 0), (6, 0), (8.5, 1.5), (8.5, 4), (6, 5.5), (1, 5.5)], [(4, 5.5), (9, 10)]],
    "U": [[(1, 0), (1, 7), (3, 10), (7, 10), (9, 7), (9, 0)]],
    "V": [[(0, 0), (5, 10), (10, 0)]],
    "W": [[(0, 0), (2.5, 10), (5, 3), (7.5, 10), (10, 0)]],
    "X": [[(0, 0), (10, 10)], [(10, 0), (0, 10)]],
    "Y": [[(0, 0), (5, 5), (10, 0)], [(5, 5), (5, 10)]],
}
"""Capitals as strokes in a square of 10, y downwards; they join the set that judges."""


def development() -> dict[str, list[Sheet]]:
    """Return the drawings to develop on, by kind."""
    draw = np.random.default_rng(1)
    return {
        "letters": _glyphs(LETTERS, TO_DEVELOP, draw, 2), "letters like digits": _glyphs(ALIKE, TO_DEVELOP, draw, 2),
        **_several({"smileys": _face, "shapes": _shape, "scribbles": _scribble, "noise": _squares}, draw),
    }  # fmt: skip


def judging() -> dict[str, list[Sheet]]:
    """Return the drawings to judge on, by kind."""
    draw = np.random.default_rng(2)
    return {
        "letters": _glyphs(LETTERS, TO_JUDGE, draw, 2), "letters like digits": _glyphs(ALIKE, TO_JUDGE, draw, 2),
        "letters by hand": [_by_hand(strokes, draw) for strokes in STROKES.values() for _ in range(20)],
        "signs and Greek": _glyphs(SIGNS, ("STIXGeneral", "STIXGeneralItalic"), draw, 2),
        **_several(
            {"smileys": _other_face, "shapes": _other_shape, "scribbles": _other_scribble, "noise": _clouds}, draw
        ),
    }  # fmt: skip


def printed(fonts: Iterable[str]) -> list[Sheet]:
    """Return digits as fonts print them, five of each."""
    return _glyphs("0123456789", fonts, np.random.default_rng(3), 5)


def _several(kinds: Mapping[str, Callable[[Draw], Sheet]], draw: Draw) -> dict[str, list[Sheet]]:
    return {name: [made(draw) for _ in range(200)] for name, made in kinds.items()}


class _Paper:
    """A sheet of twice the size, with a round pen."""

    def __init__(self, width: float) -> None:
        self._image = Image.new("L", (2 * SIDE, 2 * SIDE))
        self.pen = ImageDraw.Draw(self._image)
        self.width = width

    def line(self, points: Points, *, times: float = 1.0, closed: bool = False) -> None:
        """Draw a line through points, `times` as wide as the pen."""
        places = [(float(x), float(y)) for x, y in points]
        places += places[:1] if closed else []
        width = round(self.width * times)
        self.pen.line(places, fill=255, width=width, joint="curve")
        for x, y in places:
            self.dot(x, y, width / 2)

    def dot(self, x: float, y: float, radius: float) -> None:
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)

    def done(self, draw: Draw, turn: float = 12) -> Sheet:
        """Return the sheet, turned by up to so many degrees."""
        turned = self._image.rotate(draw.uniform(-turn, turn), Image.Resampling.BICUBIC)
        small = turned.resize((SIDE, SIDE), Image.Resampling.BOX)
        return np.asarray(small.filter(ImageFilter.GaussianBlur(draw.uniform(0, 1.5))), np.float64)


def _paper(draw: Draw) -> _Paper:
    return _Paper(int(draw.integers(12, 34)))


def _glyphs(signs: str, fonts: Iterable[str], draw: Draw, each: int) -> list[Sheet]:
    return [_glyph(sign, font, draw) for font in fonts for sign in signs for _ in range(each)]


def _glyph(sign: str, font: str, draw: Draw) -> Sheet:
    paper = _Paper(0)
    file = Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    shape = ImageFont.truetype(str(file), 170)
    paper.pen.text((SIDE, SIDE), sign, fill=255, font=shape, anchor="mm", stroke_width=int(draw.integers(0, 6)))
    return paper.done(draw)


def _arc(x: float, y: float, wide: float, high: float, start: float, end: float) -> Sheet:
    turn = np.linspace(start, end, 40)
    return np.stack([x + wide * np.cos(turn), y + high * np.sin(turn)], 1)


def _corners(count: int, radius: float = 95, start: float = -pi / 2) -> list[tuple[float, float]]:
    turns = [start + 2 * pi * number / count for number in range(count)]
    return [(SIDE + radius * cos(turn), SIDE + radius * sin(turn)) for turn in turns]


def _face(draw: Draw) -> Sheet:
    paper, radius = _paper(draw), draw.uniform(80, 100)
    paper.line(_arc(SIDE, SIDE, radius, radius * draw.uniform(0.85, 1.1), 0, 2 * pi))
    for side in (-1, 1):
        paper.dot(SIDE + side * radius * 0.4, SIDE - radius * 0.3, draw.uniform(8, 16))
    mouth = _arc(SIDE, SIDE + radius * 0.05, radius * 0.5, radius * draw.uniform(0.3, 0.5), 0.15 * pi, 0.85 * pi)
    paper.line(mouth, times=0.7)
    return paper.done(draw)


def _other_face(draw: Draw) -> Sheet:
    """Return a face with a nose, with crosses as eyes, a sad one, or one without an outline."""
    paper, radius, kind = _paper(draw), draw.uniform(75, 105), int(draw.integers(4))
    if kind < 3:
        paper.line(_arc(SIDE, SIDE, radius * draw.uniform(0.8, 1.05), radius, 0, 2 * pi))
    for side in (-1, 1):
        x, y = SIDE + side * radius * draw.uniform(0.3, 0.45), SIDE - radius * 0.32
        crossed = [[(x - 12, y - 12), (x + 12, y + 12)], [(x + 12, y - 12), (x - 12, y + 12)]]
        for stroke in crossed if kind == 1 else [[(x, y - 14), (x, y + 14)]]:
            paper.line(stroke, times=0.6)
    if kind == 0:
        paper.line([(140, 130), (130, 155), (145, 158)], times=0.4)
    sad = _arc(SIDE, SIDE + radius * 0.6, radius * 0.45, radius * 0.3, 1.1 * pi, 1.9 * pi)
    glad = _arc(SIDE, SIDE + radius * 0.1, radius * 0.5, radius * 0.45, 0.1 * pi, 0.9 * pi)
    paper.line(sad if kind == 2 else glad, times=0.6)
    return paper.done(draw)


def _shape(draw: Draw) -> Sheet:
    paper, kind = _paper(draw), int(draw.integers(8))
    star = [point for pair in zip(_corners(5), _corners(5, 40, -0.3 * pi), strict=True) for point in pair]
    outlines = [_corners(4, start=-pi / 4), _corners(3), star]
    crosses = [[[(50, 140), (230, 140)], [(140, 50), (140, 230)]], [[(60, 60), (220, 220)], [(220, 60), (60, 220)]]]
    if kind < 3:
        paper.line(outlines[kind], closed=True)
    elif kind < 5:
        for stroke in crosses[kind - 3]:
            paper.line(stroke)
    else:
        paper.pen.polygon([_corners(4, start=-pi / 4), _corners(3), _corners(60, 90)][kind - 5], fill=255)
    return paper.done(draw, 30)


def _other_shape(draw: Draw) -> Sheet:
    paper, kind = _paper(draw), int(draw.integers(9))
    turn = np.linspace(0, 2 * pi, 60)
    high = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
    heart = np.stack([140 + 91 * np.sin(turn) ** 3, 130 - 6 * high], 1)
    spiral = np.linspace(0, 6 * pi, 120)
    outlines: list[Points] = [_corners(5), _corners(6), [(60, 70), (220, 70), (220, 210), (60, 210)], heart]
    lines: list[list[Points]] = [
        [np.stack([140 + 4.8 * spiral * np.cos(spiral), 140 + 4.8 * spiral * np.sin(spiral)], 1)],
        [[(50, 150), (110, 210), (230, 70)]], [[(40, 140), (230, 140)], [(170, 80), (230, 140), (170, 200)]],
        [[_corners(6)[number], _corners(6)[number + 3]] for number in range(3)],
    ]  # fmt: skip
    if kind < 4:
        paper.line(outlines[kind], closed=True)
    elif kind < 8:
        for stroke in lines[kind - 4]:
            paper.line(stroke, times=0.6 if kind == 4 else 1)
    else:
        paper.pen.polygon(_corners(6), fill=255)
    return paper.done(draw, 30)


def _scribble(draw: Draw) -> Sheet:
    """Return one to three smooth curves through random points."""
    paper = _paper(draw)
    kernel = np.hanning(25) / np.hanning(25).sum()
    for _ in range(int(draw.integers(1, 4))):
        knots = draw.uniform(50, 230, (int(draw.integers(5, 9)), 2))
        times = np.linspace(0, len(knots) - 1, 120)
        curve = [np.interp(times, range(len(knots)), knots[:, axis]) for axis in (0, 1)]
        paper.line(np.stack([np.convolve(np.pad(each, 12, mode="edge"), kernel, "valid") for each in curve], 1))
    return paper.done(draw)


def _other_scribble(draw: Draw) -> Sheet:
    """Return a zigzag, a row of loops, or a closed curve of few waves."""
    paper, kind = _paper(draw), int(draw.integers(3))
    times = np.linspace(0, 1, 200)
    if kind == 0:
        count = int(draw.integers(5, 10))
        across = 50 + 180 * np.arange(count) / (count - 1) + draw.normal(0, 6, count)
        curve = [across, np.where(np.arange(count) % 2, 70, 210) + draw.normal(0, 18, count)]
    elif kind == 1:
        turns = 2 * pi * draw.uniform(3, 5) * times
        curve = [60 + 160 * times + 35 * np.cos(turns), 140 + draw.uniform(40, 70) * np.sin(turns)]
    else:
        sizes, phases = draw.normal(0, 1, (2, 4, 1)), draw.uniform(0, 2 * pi, (2, 4, 1))
        waves = (sizes * np.sin(np.arange(1, 5)[:, None] * 2 * pi * times + phases)).sum(1)
        curve = [140 + 90 * wave / np.abs(wave).max() for wave in waves]
    paper.line(np.stack(curve, 1), times=0.7)
    return paper.done(draw)


def _squares(draw: Draw) -> Sheet:
    sheet = np.zeros((SIDE, SIDE))
    count = int(draw.integers(6, 24))
    size = 100 // count
    inked = (draw.random((count, count)) < draw.uniform(0.15, 0.6)) * 255.0
    sheet[20 : 20 + size * count, 20 : 20 + size * count] = np.kron(inked, np.ones((size, size)))
    return sheet


def _clouds(draw: Draw) -> Sheet:
    grey = draw.normal(0, 1, (SIDE, SIDE))
    scaled = Image.fromarray(((grey - grey.min()) / (grey.max() - grey.min()) * 255).astype(np.uint8))
    smooth = np.asarray(scaled.filter(ImageFilter.GaussianBlur(draw.uniform(2, 9))), np.float64)
    sheet = (smooth > np.quantile(smooth, draw.uniform(0.5, 0.8))) * 255.0
    return np.pad(sheet[20:120, 20:120], 20)


def _by_hand(strokes: Sequence[Points], draw: Draw) -> Sheet:
    paper = _Paper(int(draw.integers(20, 44)))
    wide, high, slant = draw.uniform(12, 17), draw.uniform(14, 19), draw.uniform(-0.2, 0.3)
    for stroke in strokes:
        places = np.array(stroke, float) + draw.normal(0, 0.35, (len(stroke), 2)) - 5
        paper.line(np.stack([140 + places[:, 0] * wide - slant * places[:, 1] * high, 140 + places[:, 1] * high], 1))
    return paper.done(draw, 8)
