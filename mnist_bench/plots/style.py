"""The style of all pictures: colours with a meaning, a heading with the finding, files that are reproducible."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from matplotlib import style
from matplotlib.figure import Figure

from search.files import atomic_write

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
    """Return the opacity, 0..1, of this number of lines of one style."""
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
