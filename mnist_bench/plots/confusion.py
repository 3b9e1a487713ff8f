"""The confusion matrix of the best net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mnist_bench.plots import frame
from mnist_bench.plots.frame import write_heading
from mnist_bench.plots.subject import Predictions, Subject
from search.errors import UsageError
from search.messages import shortened

MAX_CLASSES = 30
"""More have no room for their numbers."""
MAX_LABEL = 16
"""Characters of a class's name at its row and column."""
NAMED = 4
"""Largest number of equally common confusions that the heading names, and the matrix outlines."""
WIDTH = 6.2
"""Inches."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A class that is taken for another."""

    true: int
    predicted: int
    count: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Confusion:
    """The confusion matrix of one net."""

    counts: NDArray[np.int64]  # number of images by true class (row) and predicted class (column)
    names: tuple[str, ...]  # of the classes, in their order
    noun: str
    remarks: tuple[str, ...]

    @property
    def wrong(self) -> NDArray[np.int64]:
        """The counts without the diagonal."""
        return self.counts - np.diag(np.diag(self.counts))

    @property
    def commonest(self) -> tuple[Pair, ...]:
        """The most frequent confusions, in the order of their classes; empty if there are no errors."""
        wrong = self.wrong
        most = int(wrong.max())
        return tuple(Pair(int(i), int(j), most) for i, j in np.argwhere(wrong == most)) if most else ()

    @property
    def finding(self) -> str:
        """The heading: the most frequent confusion."""
        errors, pairs = int(self.wrong.sum()), self.commonest
        confused = [(self.names[pair.true], self.names[pair.predicted]) for pair in pairs]
        match confused:
            case []:
                return "Every validation image is recognized"
            case [(true, predicted)] if errors == 1:
                return f"The only error: {true} is taken for {predicted}"
            case [(true, predicted)]:
                return f"{true} is taken for {predicted} most often: {pairs[0].count} of {errors} errors"
            case _ if pairs[0].count == 1:
                return f"No confusion occurs twice: {errors} errors, each of its own kind"
            case [(true, predicted), (other, taken_for)]:
                both = f"{true} is taken for {predicted} and {other} for {taken_for}"
                return f"{both} most often: {pairs[0].count} of {errors} errors each"
            case _:
                named = ", ".join(f"{true} → {predicted}" for true, predicted in confused[:NAMED])
                more = f" and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
                return f"{named}{more} are the most common confusions: {pairs[0].count} of {errors} errors each"


def rows(predictions: Predictions) -> Confusion:
    """Return the confusion matrix of a net's predictions.

    Raises:
        UsageError: there are more classes than can be drawn.
    """
    classes = predictions.probabilities.shape[1]
    if classes > MAX_CLASSES:
        raise UsageError(f"This plot has room for {MAX_CLASSES} classes; the data set has {classes}.")
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (predictions.labels, predictions.predicted), 1)
    return Confusion(counts=counts, names=predictions.class_names, noun=predictions.noun, remarks=predictions.remarks)


def picture(subject: Subject, width: float = WIDTH) -> Figure:
    """Return the confusion matrix of the study's best net."""
    return draw(rows(subject.predictions), width)


def draw(confusion: Confusion, width: float = WIDTH) -> Figure:
    """Draw the matrix with its errors shaded, and the sums of errors on the right and below."""
    figure = Figure(figsize=(width, width), layout="constrained")
    axes = figure.subplots()
    wrong = confusion.wrong
    # Only the errors are shaded: the diagonal is a hundred times as large and would leave them all white. The darkest
    # shade stays well below full blue, so that dark numbers are legible on it.
    axes.imshow(wrong, cmap="Blues", vmin=0, vmax=max(1, 1.8 * wrong.max()))
    _write_counts(axes, confusion)
    _write_sums(axes, wrong)
    _frame(axes, confusion)
    write_heading(figure, confusion.finding, confusion.remarks)
    return figure


def _write_counts(axes: Axes, confusion: Confusion) -> None:
    for i, j in np.argwhere(confusion.counts):
        right = i == j
        colour = frame.FAINT if right else frame.INK
        axes.text(j, i, f"{confusion.counts[i, j]}", ha="center", va="center", color=colour, fontsize=8 if right else 9)
    for pair in confusion.commonest if len(confusion.commonest) <= NAMED else ():
        axes.add_patch(_outline(pair))


def _outline(pair: Pair) -> Rectangle:
    corner = (pair.predicted - 0.5, pair.true - 0.5)
    return Rectangle(corner, 1, 1, fill=False, edgecolor=frame.INK, linewidth=1.6, zorder=3)


def _write_sums(axes: Axes, wrong: NDArray[np.int64]) -> None:
    look: dict[str, Any] = {"va": "center", "fontsize": 8, "color": frame.FAINT}
    classes = len(wrong)
    axes.text(classes, -0.75, "errors", ha="center", **look)
    axes.text(-0.75, classes, "errors", ha="right", **look)
    axes.text(classes, classes, f"{wrong.sum()}", ha="center", **look)
    for number in range(classes):
        axes.text(classes, number, f"{wrong[number].sum()}", ha="center", **look)
        axes.text(number, classes, f"{wrong[:, number].sum()}", ha="center", **look)


def _frame(axes: Axes, confusion: Confusion) -> None:
    axes.set(xlabel=f"predicted {confusion.noun}", ylabel=f"true {confusion.noun}")
    classes, names = len(confusion.counts), [shortened(name, MAX_LABEL) for name in confusion.names]
    axes.set_xticks(range(classes), names, parse_math=False, rotation=90 if max(map(len, names)) > 2 else 0)
    axes.set_yticks(range(classes), names, parse_math=False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0, labelsize=9)
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=frame.PRUNED, linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
