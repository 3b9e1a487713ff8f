"""Headings and remarks of pictures, folded to the width of the figure, and numbers in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import TextWrapper

from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from mnist_bench.cells import significant
from mnist_bench.plots import style

HEADING = 10.5
"""Characters per inch of a heading, in bold type of 11 points."""
REMARKS = 18
"""Characters per inch of the remarks, in type of 7.5 points."""

UNIT = re.compile(r"(?<=\d) (?=(?:epochs?|px|rad|s|min|h)\b)")
"""The space between a number and its unit, at which a line must not break."""
NO_BREAK = "\u00a0"

HALO = withStroke(linewidth=2, foreground="white")
"""A white outline, which keeps small text legible over lines and marks."""


def write_heading(figure: Figure, finding: str, remarks: Iterable[str]) -> None:
    """Write the finding above a picture, and the remarks that are not empty below it.

    Both are folded between words, but not between a number and its unit.
    """
    width = figure.get_figwidth()
    style.heading(figure, _balanced(finding, int(HEADING * width)), "\n".join(_lines(remarks, int(REMARKS * width))))


def _balanced(text: str, width: int) -> str:
    """Fold a text into as few lines as `width` allows, but of similar lengths: no single word on the last line."""
    narrowest = min(width, max(map(len, text.split())))  # a narrower line would cut a word
    fewest = len(_folded(text, width))
    folded = (_folded(text, narrower) for narrower in range(narrowest, width + 1))
    return "\n".join(next(lines for lines in folded if len(lines) <= fewest))


def _folded(text: str, width: int) -> list[str]:
    folded = TextWrapper(width, break_on_hyphens=False).wrap(UNIT.sub(NO_BREAK, text))
    return [line.replace(NO_BREAK, " ") for line in folded]


def _lines(remarks: Iterable[str], width: int) -> list[str]:
    lines: list[str] = []
    for remark in filter(None, remarks):
        if lines and len(f"{lines[-1]} · {remark}") <= width:
            lines[-1] += f" · {remark}"
        else:
            lines += _folded(remark, width)
    return lines


def three_digits(number: float) -> str:
    """Return a number with three significant digits, and all digits of its whole part: `0.0093`, `8.31`, `211`."""
    return f"{number:,.0f}" if number == round(number) or abs(number) >= 100 else significant(number, 3)
