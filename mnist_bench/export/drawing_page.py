"""The net as a page to draw on, `draw.html`: one file that needs no network, with the net in plain JavaScript.

Its weights are float16, first all low bytes and then all high ones, which deflate well: plain base64 would take more
than a megabyte for 400,000 parameters.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from mnist_bench.cells import percent
from mnist_bench.export.layers import operations
from mnist_bench.export.winner import TrainedNet, Winner
from mnist_bench.nets.summary import line
from mnist_bench.rendering import render
from search.errors import UsageError

MAX_BARS = 20  # largest number of classes of which the page shows every one; of more, it shows the most probable ones
TOP = 10  # number of bars then


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """A drawing area with the network inside, for a page with the style sheet and scripts of `templates`."""

    markup: Markup  # the paper, the bars, and the net's weights
    what: str  # the word for a drawing: digit, or picture


def page(winner: Winner) -> str:
    """Return a page to draw on, as HTML."""
    validation = winner.validation
    right = f"{percent(validation.accuracy)} of {validation.images:,} validation images right"
    of = "trained on all images; in the search its settings got " if winner.on_all else ""
    lines = [
        f"{winner.name}: {line(winner.config)}; {of}{right}.",
        f"The network computes in this page; nothing is sent. {_prepared(winner)}{winner.in_red}",
    ]
    return render("draw.html.j2", name=winner.name, what=_what(winner), lines=lines, drawing=drawing(winner))


def drawing(trained: TrainedNet) -> Drawing:
    """Return a drawing area with the network inside."""
    if reason := undrawable(trained):
        raise UsageError(reason)
    graph = json.dumps(packed(trained)).replace("<", "\\u003c")
    form = trained.form
    labels = [trained.input_spec.name_of(label) for label in range(form.classes)]
    markup = render(
        "drawing.html.j2",
        net=Markup(graph),  # noqa: S704 - JSON, in which nothing ends the element
        what=_what(trained), width=form.width, height=form.height,
        labels=labels if len(labels) <= MAX_BARS else [""] * TOP, named=max(map(len, labels)) > 1,
    )  # fmt: skip
    return Drawing(
        markup=Markup(markup),  # noqa: S704 - ours
        what=_what(trained),
    )


def undrawable(trained: TrainedNet) -> str | None:
    """Return why the network's pictures cannot be drawn, in a sentence; None if they can."""
    if trained.config.net_code is not None:
        return f"{trained.name} is your own network; the page computes only built-in ones."
    if trained.is_drawn:
        return None
    kind = "in color" if trained.input_spec.channels_read > 1 else "on a background that is not black"
    return f"{trained.name} reads images {kind}, which cannot be drawn on the page."


def _what(trained: TrainedNet) -> str:
    return "digit" if trained.input_spec.digits else "picture"


def _prepared(trained: TrainedNet) -> str:
    size = f"{trained.form.height} x {trained.form.width} pixels"
    match trained.input_spec.preparation:
        case "digit":
            return "The image is cropped, fitted into 20 x 20 pixels, and centered, like MNIST's digits."
        case "drawing" | "picture":
            return f"The sheet is scaled to {size}, like the training images."
        case _:
            assert_never(trained.input_spec.preparation)


def packed(trained: TrainedNet) -> dict[str, Any]:
    """Return the network's ONNX graph as plain values, which `unpack` in net.js reads.

    Weights of layers are float16, in units of the largest: so they neither overflow nor lose digits as subnormal
    numbers.
    """
    nodes, arrays = operations(trained)
    units = {name: float(np.abs(array).max()) or 1.0 for name, array in arrays.items() if array.ndim in (2, 4)}
    halves = np.concatenate([(arrays[name] / unit).astype("<f2").ravel() for name, unit in units.items()])
    planes = halves.view(np.uint8).reshape(-1, 2).T
    return {
        "channels": trained.form.channels, "rows": trained.form.height, "columns": trained.form.width,
        "preparation": trained.input_spec.preparation,
        "names": [trained.input_spec.name_of(label) for label in range(trained.form.classes)],
        "nodes": nodes,
        "arrays": [
            (name, array.shape, None, units[name]) if name in units else (name, array.shape, _numbers(array))
            for name, array in arrays.items()
        ],
        "weights": base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode(),
    }  # fmt: skip


def _numbers(array: NDArray[Any]) -> list[float]:
    return [float(f"{value:.9g}") for value in array.ravel().tolist()]
