"""How all pictures look: colours with a meaning, a heading that says the finding, and files that are the same twice."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from matplotlib import style
from matplotlib.figure import Figure

from search.files import atomic_write

STYLE = Path(__file__).with_name("mnist_bench.mplstyle")

BEST = "#d55e00"
"""The best trial, everywhere: vermilion of Okabe and Ito's palette (2008), for the colour-blind; dark in grey."""
COMPLETE = "#0072b2"
"""Complete trials, and whatever else is plain data: blue of the same palette."""
PRUNED = "#c9ced6"
"""Pruned trials, and whatever else stands back."""
INK = "#222222"
"""Text and thin lines that carry a figure."""
FAINT = "#777777"
"""Remarks, reference lines."""
SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442")
"""Further categories, in this order; never more than these in one picture."""

LARGE = 200
"""So many marks have full size, more of them are smaller."""
OPAQUE = 60
"""So many lines of one look are drawn in full colour, more of them paler."""

Format = Literal["png", "svg"]


def mark_scale(marks: int) -> float:
    """Return what the areas of so many marks are multiplied by, 0..1."""
    return min(1.0, math.sqrt(LARGE / max(1, marks)))


def opacity(lines: int) -> float:
    """Return how opaque so many lines of one look are, 0..1."""
    return min(1.0, OPAQUE / max(1, lines))


def heading(figure: Figure, finding: str, detail: str = "") -> None:
    """Write the finding above a picture, and below it in grey what it was found on.

    The finding is a sentence about this study, not the kind of the plot.
    """
    figure.suptitle(finding, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    if detail:
        figure.supxlabel(detail, x=0.01, ha="left", fontsize=7.5, color=FAINT)


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the project's style; figures are made and saved inside."""
    with style.context(STYLE):
        yield


def save(make: Callable[[], Figure], path: Path, formats: Sequence[Format]) -> list[Path]:
    """Draw a figure in the project's style and write it beside `path`, once a format; the same figure, the same bytes.

    A file is written whole or not at all.

    Raises:
        OSError: a file cannot be written.
    """
    written = []
    with styled():
        figure = make()
        for suffix in formats:
            target = path.with_suffix(f".{suffix}")
            drawn = io.BytesIO()
            figure.savefig(drawn, format=suffix, metadata=_ANONYMOUS[suffix])
            atomic_write(target, drawn.getvalue())
            written.append(target)
    return written


_ANONYMOUS: dict[Format, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}
"""Without the time and the version that would make two equal pictures differ."""
