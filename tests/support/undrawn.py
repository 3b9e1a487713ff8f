"""A report with headings instead of pictures, each of which takes a fifth of a second to draw."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from mnist_bench.plots import drawing


def pictures() -> None:
    """From now on, let the reports of this process have headings."""
    vars(drawing)["picture"] = heading


def heading(kind: str, *_: Any, **__: Any) -> Figure:
    """Return a heading in place of a picture."""
    figure = Figure(figsize=(1, 1))
    figure.suptitle(kind)
    return figure
