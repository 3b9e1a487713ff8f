"""Pictures that are no digits, white on black."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 112


def smiley(width: int = 10) -> NDArray[np.float64]:
    """Return a face, of shape (112, 112), with lines of this width in pixels."""
    sheet = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(sheet)
    pen.ellipse((10, 10, 102, 102), outline=255, width=width)
    for x in (36, 66):
        pen.ellipse((x, 34, x + 10, 44), fill=255)
    pen.arc((34, 40, 78, 80), 20, 160, fill=255, width=width)
    return np.asarray(sheet, np.float64)


def chequered(squares: int = 8) -> NDArray[np.float64]:
    """Return a chequerboard with a black margin, of shape (112, 112)."""
    size = 80 // squares
    board = np.kron(np.indices((squares, squares)).sum(0) % 2 * 255.0, np.ones((size, size)))
    return np.pad(board, (SIDE - size * squares) // 2)


def letters() -> dict[str, NDArray[np.float64]]:
    """Return some letters, drawn with a pen as on the page of an export, each of shape (112, 112)."""
    return {name: _drawn(strokes) for name, strokes in STROKES.items()}


STROKES = {
    "E": [[(85, 15), (25, 15), (25, 97), (85, 97)], [(25, 56), (75, 56)]],
    "K": [[(25, 15), (25, 97)], [(85, 15), (25, 60), (90, 97)]],
    "M": [[(12, 97), (20, 15), (56, 75), (92, 15), (100, 97)]],
    "W": [[(10, 15), (32, 97), (56, 40), (80, 97), (102, 15)]],
    "X": [[(15, 15), (97, 97)], [(97, 15), (15, 97)]],
}


def _drawn(strokes: list[list[tuple[int, int]]]) -> NDArray[np.float64]:
    sheet = Image.new("L", (SIDE, SIDE))
    for stroke in strokes:
        ImageDraw.Draw(sheet).line(stroke, fill=255, width=9, joint="curve")
    return np.asarray(sheet, np.float64)
