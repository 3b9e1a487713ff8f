"""What a figure shows, in the units of its axes; reports without pictures; a page as its elements and its text."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from mnist_bench.plots import kinds
from mnist_bench.plots.frame import Drawn, figure_of
from mnist_bench.plots.subject import Subject
from search.study.studies import StoredStudy


def marks(figure: Figure) -> list[tuple[float, float]]:
    """Return the places of all scattered marks in order."""
    drawn = (found for axes in figure.axes for found in axes.collections if isinstance(found, PathCollection))
    return sorted((float(x), float(y)) for found in drawn for x, y in np.asarray(found.get_offsets()))


def lines(figure: Figure) -> Iterator[tuple[list[float], list[float]]]:
    """Yield the horizontal and vertical places of each line in a collection, in the order in which they are drawn."""
    for axes in figure.axes:
        for found in axes.collections:
            for line in found.get_segments() if isinstance(found, LineCollection) else ():
                yield line[:, 0].tolist(), line[:, 1].tolist()


def plotted(axes: Axes) -> list[tuple[list[float], list[float]]]:
    """Return the horizontal and vertical places of each line that was plotted on its own."""
    return [(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()) for line in axes.lines]


def texts(figure: Figure) -> list[str]:
    """Return the texts inside of the axes."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def rows(figure: Figure) -> list[str]:
    """Return the labels of the first axes' rows."""
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def no_pictures() -> None:
    """From now on, let the reports of this process have headings."""
    vars(kinds)["drawn"] = heading


def heading(kind: str, *_: Any) -> Drawn:
    """Return a heading in place of a picture."""
    return Drawn(finding=kind, remarks=(), draw=lambda figure: None, height=1)


def picture(kind: str, study: StoredStudy) -> Figure:
    """Return the picture of this kind of a study."""
    return figure_of(kinds.drawn(kind, Subject(study=study)))


VOID = {"meta", "link", "img", "input"}


class Checked(HTMLParser):
    """Reads a page, checks that its elements are closed in turn, and keeps what they hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]
