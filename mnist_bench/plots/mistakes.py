"""The validation images that the best net gets wrong, with its confidences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_bench.plots import frame
from mnist_bench.plots.frame import write_heading
from mnist_bench.plots.subject import Predictions, Subject
from search.messages import shortened

MAX_ROWS = 5
"""Largest number of rows of images, the most confident mistakes first."""
COLUMN = 0.9
"""Width of an image's column in inches: eight of them in a wide picture."""
MAX_LABEL = 13
"""Characters of a line above an image."""
SURE = 0.9
"""Confidence from which on the heading counts a mistake as sure."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Mistake:
    """An image that the net assigns to a wrong class."""

    image: NDArray[np.uint8]  # shape (H, W), in colour (H, W, 3)
    index: int  # its index in the training file
    true: str  # the class's name, as `Predictions.class_names` has it
    predicted: str
    confidence: float  # probability of the predicted class, 0..1
    true_confidence: float  # probability of the true class, 0..1

    @property
    def is_numbered(self) -> bool:
        """Whether both classes fit in a line with the confidence, as numbers do."""
        return max(len(self.true), len(self.predicted)) <= 2


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Mistakes:
    """All mistakes of a net, the most confident first."""

    mistakes: tuple[Mistake, ...]
    remarks: tuple[str, ...]  # remarks on their source

    @property
    def finding(self) -> str:
        """The heading: the number of mistakes, and of those of which the net is sure."""
        if not self.mistakes:
            return "Every validation image is recognized"
        if len(self.mistakes) == 1:
            return f"The only mistake is made with {confidence(self.mistakes[0].confidence)} confidence"
        # As they are printed: 89.6% reads as 90%.
        sure = sum(round(100 * mistake.confidence) >= 100 * SURE for mistake in self.mistakes)
        return f"The network is {confidence(SURE)} sure or more in {sure or 'none'} of {len(self.mistakes)} mistakes"


def rows(predictions: Predictions) -> Mistakes:
    """Return the mistakes among a network's predictions, the most confident first."""
    predicted = predictions.predicted
    confidences = predictions.probabilities[np.arange(len(predicted)), predicted]
    order = sorted(predictions.wrong, key=lambda row: -confidences[row])
    return Mistakes(mistakes=tuple(_mistake(predictions, row) for row in order), remarks=predictions.remarks)


def _mistake(predictions: Predictions, row: int) -> Mistake:
    true, predicted = int(predictions.labels[row]), int(predictions.predicted[row])
    return Mistake(
        image=predictions.images[row],
        index=int(predictions.indices[row]),
        true=predictions.class_names[true],
        predicted=predictions.class_names[predicted],
        confidence=float(predictions.probabilities[row, predicted]),
        true_confidence=float(predictions.probabilities[row, true]),
    )


def picture(subject: Subject, width: float = frame.WIDE) -> Figure:
    """Return the mistakes of the study's best net."""
    return draw(rows(subject.predictions), width)


def draw(mistakes: Mistakes, width: float = frame.WIDE) -> Figure:
    """Draw the most confident mistakes as a grid of at most `MAX_ROWS` rows; without mistakes, only the heading."""
    columns = round(width / COLUMN)
    shown = mistakes.mistakes[: MAX_ROWS * columns]
    height = math.ceil(len(shown) / columns)
    row = 1.2 if all(mistake.is_numbered for mistake in shown) else 1.45
    figure = Figure(figsize=(width, 0.9 + row * height), layout="constrained")
    grid = figure.subplots(height, columns, squeeze=False).ravel() if shown else ()
    for axes, mistake in zip(grid, shown, strict=False):
        _draw_one(axes, mistake)
    for axes in grid:
        axes.set_axis_off()
    write_heading(figure, mistakes.finding, _remarks(mistakes, len(shown)))
    return figure


def _draw_one(axes: Axes, mistake: Mistake) -> None:
    axes.imshow(mistake.image, vmin=0, vmax=255)
    axes.set_title(_above(mistake), loc="center", fontsize=8, pad=3, parse_math=False)
    below = f"{confidence(mistake.true_confidence)} · № {mistake.index}"
    axes.text(0.5, -0.04, below, transform=axes.transAxes, ha="center", va="top", fontsize=6.5, color=frame.FAINT)


def _above(mistake: Mistake) -> str:
    if mistake.is_numbered:
        return f"{mistake.true} → {mistake.predicted}  {confidence(mistake.confidence)}"
    true, predicted = shortened(mistake.true, MAX_LABEL), shortened(mistake.predicted, MAX_LABEL - 2)
    return f"{true}\n→ {predicted}\n{confidence(mistake.confidence)}"


def confidence(share: float) -> str:
    """Return a share (0..1) in percent, not rounded to 0 or 100%: `98%`, `>99%`, `<1%`."""
    if 0.995 <= share < 1:
        return ">99%"
    return "<1%" if 0 < share <= 0.005 else f"{100 * share:.0f}%"


def _remarks(mistakes: Mistakes, shown: int) -> list[str]:
    return [
        *mistakes.remarks,
        f"the {shown} most confident mistakes" if shown < len(mistakes.mistakes) else "",
        "above: true → predicted, confidence" if shown else "",
        "below: confidence in the true one, № in the training file, from 0" if shown else "",
    ]
