"""The frame of all pictures: size, style, the finding above, remarks below, and files that are reproducible.

A kind of picture gives what is `Drawn`; it never makes a figure, writes a heading or opens a file.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import TextWrapper
from typing import Literal

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mnist_bench.cells import significant
from mnist_bench.value_kind import Scale
from search.files import atomic_write

STYLE = Path(__file__).with_name("mnist_bench.mplstyle")

BEST = "#d55e00"
"""The best trial, in every picture: vermilion of Okabe and Ito's palette for the colour-blind (2008); dark in grey."""
COMPLETE = "#0072b2"  # complete trials and other plain data: blue of the same palette
PRUNED = "#c9ced6"  # pruned trials and other data in the background
INK = "#222222"  # text, and thin lines that show a value
FAINT = "#777777"  # remarks and reference lines
HALO = withStroke(linewidth=2, foreground="white")
"""A white outline, which keeps small text legible over lines and marks."""

WIDE = 7.2  # inches: the width of a picture on a row of its own
NARROW = 4.6  # inches: the width of one that shares a row of a page with another, and is legible on a phone
HEADING = 10.5  # characters per inch of a heading, in bold type of 11 points
REMARKS = 18  # characters per inch of the remarks, in type of 7.5 points
LARGE = 200  # number of marks up to which they have their full size; more of them are smaller, by the square root
OPAQUE = 60  # number of lines of one style up to which they are opaque; more of them share the same amount of ink
UNIT = re.compile(r"(?<=\d) (?=(?:epochs?|px|rad|s|min|h)\b)")
"""The space between a number and its unit, at which a line must not break."""
NO_BREAK = "\u00a0"

Format = Literal["png", "svg"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """What a kind of picture shows of its rows."""

    finding: str  # a sentence about these rows, not a title such as "Learning curves"
    remarks: Sequence[str]  # on their source, and on what the marks mean; empty ones are left out
    draw: Callable[[Figure], None]  # draws into an empty figure of the right size
    height: float  # inches
    narrow: float | None = None  # inches, at half the width of a page; None if the picture needs all of it
    lines: tuple[str, ...] = ()  # printed with the picture


def figure_of(drawn: Drawn, *, narrow: bool = False) -> Figure:
    """Return the picture, `narrow` if it can be."""
    size = (NARROW, drawn.narrow) if narrow and drawn.narrow is not None else (WIDE, drawn.height)
    figure = Figure(figsize=size, layout="constrained")
    drawn.draw(figure)
    write_heading(figure, drawn.finding, drawn.remarks)
    return figure


def render(drawn: Drawn, formats: Sequence[Format], *, narrow: bool = False) -> dict[Format, bytes]:
    """Return a picture in the project's style, by format; the same rows always give the same bytes."""
    content: dict[Format, bytes] = {}
    with style.context(STYLE), warnings.catch_warnings():
        # Names of classes may be in any script; what the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure = figure_of(drawn, narrow=narrow)
        for suffix in formats:
            file = io.BytesIO()
            figure.savefig(file, format=suffix, metadata=_ANONYMOUS[suffix])
            content[suffix] = file.getvalue()
    return content


def write(content: Mapping[Format, bytes], path: Path) -> tuple[Path, ...]:
    """Write a picture atomically, to `path` with each format's suffix, and return the files."""
    files = {path.with_suffix(f".{suffix}"): data for suffix, data in content.items()}
    for file, data in files.items():
        atomic_write(file, data)
    return tuple(files)


_ANONYMOUS: dict[Format, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}
"""Metadata without the time and the version of Matplotlib, which would make equal pictures differ."""


def write_heading(figure: Figure, finding: str, remarks: Iterable[str]) -> None:
    """Write the finding above a picture, and the remarks that are not empty below it.

    Both are folded between words, but not between a number and its unit.
    """
    width = figure.get_figwidth()
    text = _balanced(finding, int(HEADING * width))
    figure.suptitle(text, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK, parse_math=False)
    if lines := _lines(remarks, int(REMARKS * width)):
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7.5, color=FAINT)


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


def set_value_axis(axes: Axes, scale: Scale) -> None:
    """Set up the vertical axis for the heights of a scale."""
    if scale.kind != "linear":
        axes.set_yscale("log")
    axes.set_ylim(*scale.edges())
    labels = {tick.height: tick.label for tick in scale.ticks()}
    axes.yaxis.set_major_locator(FixedLocator(sorted(labels)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: labels.get(tick, "")))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def mark_scale(marks: int) -> float:
    """Return the factor, 0..1, for the areas of this number of marks."""
    return min(1.0, math.sqrt(LARGE / max(1, marks)))


def opacity(lines: int) -> float:
    """Return the opacity, 0..1, of this number of lines of one style."""
    return min(1.0, OPAQUE / max(1, lines))


def three_digits(number: float) -> str:
    """Return a number with three significant digits, and all digits of its whole part: `0.0093`, `8.31`, `211`."""
    return f"{number:,.0f}" if number == round(number) or abs(number) >= 100 else significant(number, 3)
