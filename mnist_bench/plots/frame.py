"""The frame of all pictures: style, headings with the finding, value axes, grids of images, reproducible files."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from mnist_bench.cells import significant
from mnist_bench.value_kind import Scale
from search.files import atomic_write
from search.messages import shortened

if TYPE_CHECKING:
    from torch import Tensor

STYLE = Path(__file__).with_name("mnist_bench.mplstyle")

BEST = "#d55e00"
"""The best trial, in every picture: vermilion of Okabe and Ito's palette for the colour-blind (2008); dark in grey."""
COMPLETE = "#0072b2"
"""Complete trials and other plain data: blue of the same palette."""
PRUNED = "#c9ced6"
"""Pruned trials and other data in the background."""
INK = "#222222"
"""Text, and thin lines that show a value."""
FAINT = "#777777"
"""Remarks and reference lines."""

WIDE = 7.2
"""Inches: the width of a picture on a row of its own."""
NARROW = 4.6
"""Inches: the width of one that shares a row of a page with another, and is legible on a phone."""
LARGE = 200
"""Number of marks up to which they have their full size; more of them are smaller, by the square root."""
OPAQUE = 60
"""Number of lines of one style up to which they are opaque; more of them share the same amount of ink."""

Format = Literal["png", "svg"]


def mark_scale(marks: int) -> float:
    """Return the factor, 0..1, for the areas of this number of marks."""
    return min(1.0, math.sqrt(LARGE / max(1, marks)))


def opacity(lines: int) -> float:
    """Return the opacity, 0..1, of this number of lines of one"""
    return min(1.0, OPAQUE / max(1, lines))


def heading(figure: Figure, finding: str, detail: str = "") -> None:
    """Write the finding above a picture, and its source in grey below.

    The finding is a sentence about this study, not a title such as "Learning curves".
    """
    figure.suptitle(finding, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK, parse_math=False)
    if detail:
        figure.supxlabel(detail, x=0.01, ha="left", fontsize=7.5, color=FAINT)


@contextmanager
def styled() -> Iterator[None]:
    """Apply the project's style inside the block, in which figures are created and saved."""
    with style.context(STYLE):
        yield


def save(make: Callable[[], Figure], path: Path, formats: Sequence[Format]) -> tuple[Path, ...]:
    """Draw a figure and write it in each format; see `render` and `write`."""
    return write(render(make, formats)[1], path)


def render(make: Callable[[], Figure], formats: Sequence[Format]) -> tuple[str, dict[Format, bytes]]:
    """Draw a figure in the project's style; return its heading in one line, and its bytes by format.

    The same figure always gives the same bytes.
    """
    content: dict[Format, bytes] = {}
    with styled(), warnings.catch_warnings():
        # Names of classes may be in any script; what the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure = make()
        for suffix in formats:
            drawn = io.BytesIO()
            figure.savefig(drawn, format=suffix, metadata=_ANONYMOUS[suffix])
            content[suffix] = drawn.getvalue()
    return " ".join(figure.get_suptitle().split()), content


def write(content: Mapping[Format, bytes], path: Path) -> tuple[Path, ...]:
    """Write a picture atomically, to `path` with each format's suffix, and return the files.

    Raises:
        OSError: a file cannot be written.
    """
    files = {path.with_suffix(f".{suffix}"): data for suffix, data in content.items()}
    for file, data in files.items():
        atomic_write(file, data)
    return tuple(files)


_ANONYMOUS: dict[Format, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}
"""Metadata without the time and the version of Matplotlib, which would make equal pictures differ."""


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
    heading(figure, _balanced(finding, int(HEADING * width)), "\n".join(_lines(remarks, int(REMARKS * width))))


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


GAP = 2
"""Pixels between two images, and around the grid."""
FRAME = 30
"""Grey of the gaps, between background (0) and ink (255): without it, the edge of an image would not show."""
WHITE = 255
"""Value of the gaps between coloured images."""
TILE = 0.66
"""Width and height of an image with its gap, in inches, if ten fill a row."""

COLUMNS = 10
"""Images in a row."""
MAX_LABEL = 9
"""Characters of a column's name, which are as wide as an image."""

Pixels = NDArray[np.uint8]


def pixels(images: Tensor) -> Pixels:
    """Return images, uint8 of shape (N, C, H, W), as they are drawn: (N, H, W), in colour (N, H, W, 3)."""
    last = images.permute(0, 2, 3, 1).cpu().numpy()
    return last[..., 0] if last.shape[3] == 1 else last


def assemble(images: Pixels) -> Pixels:
    """Join images, shape (rows, columns, H, W) or (rows, columns, H, W, 3), to a single one with gaps."""
    rows, columns, height, width, *channels = images.shape
    down, across = height + GAP, width + GAP
    canvas = np.full((rows * down + GAP, columns * across + GAP, *channels), WHITE if channels else FRAME, np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * down + GAP, column * across + GAP
            canvas[top : top + height, left : left + width] = images[row, column]
    return canvas


def draw_grid(axes: Axes, images: Pixels, columns: Sequence[str] = (), rows: Sequence[str] = ()) -> None:
    """Draw images as `assemble` joins them, with the names of the columns above and those of the rows on the left."""
    axes.imshow(assemble(images), vmin=0, vmax=255)
    axes.set_xticks(_centres(len(columns), images.shape[3]), columns, fontsize=9)
    axes.set_yticks(_centres(len(rows), images.shape[2]), rows, fontsize=8)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)


def labelled_figure(
    images: Pixels, labels: Sequence[object], rows: Sequence[str], finding: str, remarks: Sequence[str]
) -> Figure:
    """Return a figure with rows of about ten images, the label above each column, and a heading."""
    figure = Figure(figsize=(7.2, 0.75 + TILE * len(images)))
    draw_grid(figure.add_subplot(), images, [shortened(str(label), MAX_LABEL) for label in labels], rows)
    write_heading(figure, finding, remarks)
    return figure


def _centres(pictures: int, size: int) -> list[float]:
    return [number * (size + GAP) + GAP + (size - 1) / 2 for number in range(pictures)]
