"""Pictures of images: the errors of the best net, and the digits of a data set, as they are and distorted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, assert_never

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mnist_bench.config.settings import AugmentConfig, Fill, TrainConfig
from mnist_bench.config.values import all_settings, setting_of
from mnist_bench.data.mnist import Images
from mnist_bench.plots.frame import FAINT, INK, NARROW, PRUNED, WIDE, Drawn
from mnist_bench.plots.subject import DataSubject, Predictions, Subject, best_predictions
from mnist_bench.space_files import drawn as drawn_spaces
from mnist_bench.space_files.problems import faults
from mnist_bench.space_files.space_sources import recipe
from mnist_bench.training import batches
from search.errors import SpaceError, UsageError
from search.messages import joined, shortened, show
from search.space.settings import override
from search.space.space import Field, Space

MAX_CLASSES = 30  # a matrix of more has no room for their numbers
MAX_CLASS = 16  # characters of a class's name at its row and column
NAMED = 4  # largest number of equally common confusions that the heading names, and the matrix outlines
COLUMN = 0.9  # width of a mistake's column in inches: eight of them in a wide picture
MISTAKES = 16  # largest number of mistakes that are shown, as far as they fill their rows
MAX_ABOVE = 13  # characters of a line above a mistake
SURE = 0.9  # confidence from which on the remarks count a mistake as sure

SECTION = "augment"
SHOWN = 10
DRAWS = 4  # number of distortions of each digit
CHUNKS = 60
"""Number of parts in which pixels are counted. `np.bincount` converts bytes to int64, eight times the memory: 376 MB
for all of MNIST's pixels at once."""
GAP = 2  # pixels between two digits, and around them all
GREY = 30  # of the gaps, between background (0) and ink (255): without it, the edge of an image would not show
TILE = 0.66  # width and height of a digit with its gap, in inches, if ten fill a row
NOTEBOOK = AugmentConfig(
    rotation_degrees=10, zoom=0.1, zoom_per_axis=True, shear_radians=0.1, interpolation="nearest", fill="edge"
)
"""`ImageDataGenerator(rotation_range=10, zoom_range=0.1, shear_range=0.1)` of Keras 1.2."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Mistake:
    """An image that the net assigns to a wrong class."""

    image: Pixels  # shape (H, W), in colour (H, W, 3)
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
class Errors:
    """The errors of one net: which classes it takes for which, and its mistakes."""

    counts: NDArray[np.int64]  # number of images by true class (row) and predicted class (column)
    mistakes: tuple[Mistake, ...]  # the most confident first
    names: tuple[str, ...]  # of the classes, in their order
    noun: str
    source: tuple[str, ...]  # remarks on where they are from

    @property
    def wrong(self) -> NDArray[np.int64]:
        """The counts without the diagonal."""
        return self.counts - np.diag(np.diag(self.counts))

    @property
    def commonest(self) -> list[tuple[int, int]]:
        """The most frequent confusions, (true, predicted), in the order of their classes; empty without errors."""
        most = self.wrong.max()
        return [(int(true), int(predicted)) for true, predicted in np.argwhere(self.wrong == most)] if most else []

    @property
    def finding(self) -> str:
        """The heading: the most frequent confusion."""
        errors, most = len(self.mistakes), int(self.wrong.max())
        confused = [(self.names[true], self.names[predicted]) for true, predicted in self.commonest]
        match confused:
            case []:
                return "Every validation image is recognized"
            case [(true, predicted)] if errors == 1:
                return f"The only error: {true} is taken for {predicted}"
            case [(true, predicted)]:
                return f"{true} is taken for {predicted} most often: {most} of {errors} errors"
            case _ if most == 1:
                return f"No confusion occurs twice: {errors} errors, each of its own kind"
            case [(true, predicted), (other, taken_for)]:
                both = f"{true} is taken for {predicted} and {other} for {taken_for}"
                return f"{both} most often: {most} of {errors} errors each"
            case _:
                named = ", ".join(f"{true} → {predicted}" for true, predicted in confused[:NAMED])
                more = f" and {len(confused) - NAMED} more" if len(confused) > NAMED else ""
                return f"{named}{more} are the most common confusions: {most} of {errors} errors each"


def errors_of(predictions: Predictions) -> Errors:
    """Return the errors among a net's predictions."""
    classes, names = predictions.probabilities.shape[1], predictions.class_names
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (predictions.labels, predictions.predicted), 1)
    mistakes = []
    for row in predictions.wrong:
        true, predicted = predictions.labels[row], predictions.predicted[row]
        confidence, true_confidence = predictions.probabilities[row, [predicted, true]].tolist()
        mistakes.append(
            Mistake(
                image=predictions.images[row], index=int(predictions.indices[row]), true=names[true],
                predicted=names[predicted], confidence=confidence, true_confidence=true_confidence,
            )
        )  # fmt: skip
    return Errors(
        counts=counts, mistakes=tuple(sorted(mistakes, key=lambda mistake: -mistake.confidence)), names=names,
        noun=predictions.noun, source=predictions.remarks,
    )  # fmt: skip


def errors(subject: Subject) -> Drawn:
    """Draw the errors of the study's best net."""
    return drawn_errors(errors_of(best_predictions(subject)))


def drawn_errors(found: Errors) -> Drawn:
    """Return the picture of a net's errors: the matrix of its confusions, and below it its most confident mistakes."""
    mistakes = found.mistakes
    row = 1.2 if all(mistake.is_numbered for mistake in mistakes) else 1.45

    def panels(width: float) -> list[tuple[float, Callable[[SubFigure], None]]]:
        """Return the inches of each part, and what draws it."""
        columns = round(width / COLUMN)
        shown = mistakes[: MISTAKES // columns * columns]  # whole rows, if there are more
        rows = math.ceil(len(shown) / columns)
        parts = [
            (min(5.0, 0.85 * width) if len(found.counts) <= MAX_CLASSES else 0, partial(_draw_matrix, found=found)),
            (row * rows, partial(_draw_mistakes, mistakes=shown, rows=rows, columns=columns)),
        ]
        return [(height, draw) for height, draw in parts if height]

    def draw(figure: Figure) -> None:
        parts = panels(figure.get_figwidth())
        heights = [height for height, _ in parts]
        places = figure.subfigures(len(parts), 1, squeeze=False, height_ratios=heights).ravel() if parts else ()
        for place, (_, draw_part) in zip(places, parts, strict=True):
            draw_part(place)

    # As they are printed: 89.6% reads as 90%.
    sure = sum(round(100 * mistake.confidence) >= 100 * SURE for mistake in mistakes)
    remarks = [
        *found.source,
        f"made with {SURE:.0%} confidence or more: {sure} of {len(mistakes)} mistakes" if mistakes else "",
        "the most confident ones are shown" if len(mistakes) > MISTAKES else "",
        "above an image: true → predicted, confidence" if mistakes else "",
        "below: confidence in the true one, № in the training file, from 0" if mistakes else "",
    ]
    wide, narrow = (0.9 + sum(height for height, _ in panels(width)) for width in (WIDE, NARROW))
    return Drawn(finding=found.finding, remarks=remarks, draw=draw, height=wide, narrow=narrow)


def _draw_matrix(part: SubFigure, found: Errors) -> None:
    axes: Axes = part.subplots()
    wrong, classes = found.wrong, len(found.counts)
    # Only the errors are shaded: the diagonal is a hundred times as large and would leave them all white. The darkest
    # shade stays well below full blue, so that dark numbers are legible on it.
    axes.imshow(wrong, cmap="Blues", vmin=0, vmax=max(1, 1.8 * wrong.max()))
    for true, predicted in np.argwhere(found.counts):
        colour, size = (FAINT, 8) if true == predicted else (INK, 9)
        text = f"{found.counts[true, predicted]}"
        axes.text(predicted, true, text, ha="center", va="center", color=colour, fontsize=size)
    for true, predicted in found.commonest if len(found.commonest) <= NAMED else ():
        corner = (predicted - 0.5, true - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=INK, linewidth=1.6, zorder=3))
    _write_sums(axes, wrong)
    axes.set(xlabel=f"predicted {found.noun}", ylabel=f"true {found.noun}")
    names = [shortened(name, MAX_CLASS) for name in found.names]
    axes.set_xticks(range(classes), names, parse_math=False, rotation=90 if max(map(len, names)) > 2 else 0)
    axes.set_yticks(range(classes), names, parse_math=False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0, labelsize=9)
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=PRUNED, linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)


def _write_sums(axes: Axes, wrong: NDArray[np.int64]) -> None:
    look: dict[str, Any] = {"va": "center", "fontsize": 8, "color": FAINT}
    classes = len(wrong)
    axes.text(classes, -0.75, "errors", ha="center", **look)
    axes.text(-0.75, classes, "errors", ha="right", **look)
    axes.text(classes, classes, f"{wrong.sum()}", ha="center", **look)
    for number in range(classes):
        axes.text(classes, number, f"{wrong[number].sum()}", ha="center", **look)
        axes.text(number, classes, f"{wrong[:, number].sum()}", ha="center", **look)


def _draw_mistakes(part: SubFigure, mistakes: Sequence[Mistake], rows: int, columns: int) -> None:
    grid = part.subplots(rows, columns, squeeze=False).ravel()
    for axes, mistake in zip(grid, mistakes, strict=False):
        axes.imshow(mistake.image, vmin=0, vmax=255)
        axes.set_title(_above(mistake), loc="center", fontsize=8, pad=3, parse_math=False)
        below = f"{confidence(mistake.true_confidence)} · № {mistake.index}"
        axes.text(0.5, -0.04, below, transform=axes.transAxes, ha="center", va="top", fontsize=6.5, color=FAINT)
    for axes in grid:
        axes.set_axis_off()


def _above(mistake: Mistake) -> str:
    if mistake.is_numbered:
        return f"{mistake.true} → {mistake.predicted}  {confidence(mistake.confidence)}"
    true, predicted = shortened(mistake.true, MAX_ABOVE), shortened(mistake.predicted, MAX_ABOVE - 2)
    return f"{true}\n→ {predicted}\n{confidence(mistake.confidence)}"


def confidence(share: float) -> str:
    """Return a share (0..1) in percent, not rounded to 0 or 100%: `98%`, `>99%`, `<1%`."""
    if 0.995 <= share < 1:
        return ">99%"
    return "<1%" if 0 < share <= 0.005 else f"{100 * share:.0f}%"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Digits:
    """Statistics of a training set, and its first digits with their distortions."""

    shape: tuple[int, ...]  # (N, 28, 28)
    mean: float  # mean of all pixels, 0 to 255
    std: float  # their standard deviation, in the same unit
    background: float  # share of pixels that are 0, 0..1
    labels: tuple[int, ...]  # of the first ten
    images: Pixels  # shape (1 + DRAWS, 10, 28, 28): the unchanged digits, then one row per draw


def digits_of(data: Images, config: AugmentConfig, seed: int) -> Digits:
    """Return the statistics of a training set, its first digits, and `DRAWS` distortions of each, of the seed."""
    parts = np.array_split(data.images, CHUNKS)
    shares = np.sum([np.bincount(part.ravel(), minlength=256) for part in parts], axis=0) / data.images.size
    values = np.arange(256)
    mean, first = float(shares @ values), data.images[:SHOWN]
    draws = [distorted(first, batches.distortions(config, len(first), seed, n), config) for n in range(DRAWS)]
    return Digits(
        shape=data.images.shape, mean=mean, std=float(shares @ (values - mean) ** 2) ** 0.5,
        background=float(shares[0]), labels=tuple(data.labels[:SHOWN].tolist()), images=np.stack([first, *draws]),
    )  # fmt: skip


def distorted(images: Pixels, drawn: torch.Tensor | None, config: AugmentConfig) -> Pixels:
    """Return images, shape (N, H, W), as training distorts them by N maps of `batches.distortions`, or as they are."""
    if drawn is None:
        return images
    moved = batches.resample(torch.tensor(images, dtype=torch.float32).unsqueeze(1), drawn, config)
    pixels: Pixels = moved[:, 0].round().clamp(0, 255).to(torch.uint8).numpy()
    return pixels


def digits(subject: DataSubject) -> Drawn:
    """Draw a row of the first digits, and below it one row per draw of the subject's augmentation."""
    config = augmentation_of(subject.overrides)
    found = digits_of(subject.images, config, subject.seed)
    count, height, width = found.shape

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.imshow(assemble(found.images), vmin=0, vmax=255)
        rows = ["original", *(f"draw {number}" for number in range(1, len(found.images)))]
        axes.set_xticks(_centres(len(found.labels), width), [str(label) for label in found.labels], fontsize=9)
        axes.set_yticks(_centres(len(rows), height), rows, fontsize=8)
        axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
        axes.spines[:].set_visible(False)

    return Drawn(
        finding=f"{count:,} images of {height} × {width} pixels, and the first ten {in_words(config)}",
        remarks=[
            "training files only", f"pixels from 0 to 255: mean {found.mean:.2f}, standard deviation {found.std:.2f}, "
            f"{100 * found.background:.0f}% are background",
            f"seed {subject.seed}", reading(config),
        ],
        draw=draw, height=0.75 + TILE * len(found.images),
        lines=(
            str(found.shape), f"mean {found.mean:.4f}, standard deviation {found.std:.4f} of all pixels (0 to 255)",
            " ".join(map(str, found.labels)),
        ),
    )  # fmt: skip


def augmentation_of(assignments: Sequence[str]) -> AugmentConfig:
    """Return the notebook's augmentation with each `augment.FIELD=VALUE` of `--set` applied."""
    for assignment in assignments:
        if not assignment.strip().startswith(f"{SECTION}."):
            raise UsageError(f"--set {show(assignment)}: this plot takes only {SECTION}.FIELD=VALUE")
    fields = tuple(Field(f"{SECTION}.{name}", value) for name, value in asdict(NOTEBOOK).items())
    space = override(Space(SECTION, "--set", {}, fields), assignments)
    if problems := faults(drawn_spaces.Drawn(space)):
        raise SpaceError(problems)
    return recipe(space).augment


def assemble(images: Pixels) -> Pixels:
    """Join images, shape (rows, columns, H, W), to a single one with gaps."""
    rows, columns, height, width = images.shape
    canvas = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP), GREY, np.uint8)
    for row, column in np.ndindex(rows, columns):
        top, left = row * (height + GAP) + GAP, column * (width + GAP) + GAP
        canvas[top : top + height, left : left + width] = images[row, column]
    return canvas


def _centres(pictures: int, size: int) -> list[float]:
    return [number * (size + GAP) + GAP + (size - 1) / 2 for number in range(pictures)]


def in_words(config: AugmentConfig) -> str:
    """Return the strengths of a distortion: `turned ±12°, zoomed ±8% and shifted ±2 px`."""
    axes = " (each axis apart)" if config.zoom_per_axis else ""
    words = [
        (setting_of(f"{SECTION}.{name}").distortion or "").format(
            value=f"{strength:.2g}", percent=f"{100 * strength:.2g}", axes=axes, **asdict(config)
        )
        for name, strength in config.strengths.items()
        if strength
    ]
    return joined(words) or "not distorted"


def reading(config: AugmentConfig) -> str:
    """Return how pixels are resampled: `bilinear interpolation, background outside`; empty if they are not."""
    if not all_settings()[f"{SECTION}.interpolation"].counts_in(TrainConfig(augment=config)):
        return ""
    return f"{config.interpolation} interpolation, {_outside(config.fill)}"


def _outside(fill: Fill) -> str:
    match fill:
        case "background":
            return "background outside"
        case "edge":
            return "the edge repeated outside"
        case _:
            assert_never(fill)
