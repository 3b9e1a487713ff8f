"""How all pictures look: colours with a meaning, a heading that says the finding, and files that are the same twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from matplotlib import style
from matplotlib.figure import Figure

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

Format = Literal["png", "svg"]


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

    Raises:
        OSError: a file cannot be written.
    """
    written = []
    with styled():
        figure = make()
        for suffix in formats:
            target = path.with_suffix(f".{suffix}")
            figure.savefig(target, format=suffix, metadata=_ANONYMOUS[suffix])
            written.append(target)
    return written


_ANONYMOUS: dict[Format, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}
"""Without the time and the version that would make two equal pictures differ."""
