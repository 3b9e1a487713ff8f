"""The net as a page to draw on, `draw.html`: one file that needs no network, with the net in plain JavaScript.

Its weights are float16, first all low bytes and then all high ones, which deflate well: plain base64 would take more
than a megabyte for 400,000 parameters.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from mnist_bench.cells import percent
from mnist_bench.export.layers import known_layers
from mnist_bench.export.winner import Winner
from mnist_bench.nets.planner import Layer, views_of
from mnist_bench.nets.summary import line
from mnist_bench.rendering import render
from search.errors import UsageError

MAX_BARS = 20
"""Largest number of classes of which the page shows every one; of more, it shows the most probable ones."""
TOP = 10
"""Number of bars then."""
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageLayer:
    """A layer as the page computes it."""

    facts: dict[str, Any]  # its kind, shapes, bias and the like, for JSON
    weights: Array | None = None  # of a convolution or a linear layer, in PyTorch's order


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """A drawing area with the network inside, for a page with the style sheet and scripts of `templates`."""

    markup: Markup  # the paper, the bars, and the net's weights
    what: str  # the word for a drawing: digit, or picture


def page(winner: Winner) -> str:
    """Return a page to draw on, as HTML; errors as in `drawing`."""
    validation = winner.validation
    right = f"{percent(validation.accuracy)} of {validation.images:,} validation images right"
    red = " Its gray becomes the red channel; green and blue are 0." if winner.input_spec.red else ""
    of = "trained on all images; in the search its settings got " if winner.on_all else ""
    lines = [
        f"{winner.name}: {line(winner.config)}; {of}{right}.",
        f"The network computes in this page; nothing is sent. {_prepared(winner)}{red}",
    ]
    return render("draw.html.j2", name=winner.name, what=_what(winner), lines=lines, drawing=drawing(winner))


def drawing(winner: Winner) -> Drawing:
    """Return a drawing area with the network inside.

    Raises:
        UsageError: the network's pictures cannot be drawn; see `undrawable`.
    """
    if reason := undrawable(winner):
        raise UsageError(reason)
    net = json.dumps(packed(winner)).replace("<", "\\u003c")
    form = winner.form
    labels = [winner.input_spec.name_of(label) for label in range(form.classes)]
    markup = render(
        "drawing.html.j2",
        net=Markup(net),  # noqa: S704 - JSON, in which nothing ends the element
        what=_what(winner), width=form.width, height=form.height,
        labels=labels if len(labels) <= MAX_BARS else [""] * TOP, named=max(map(len, labels)) > 1,
    )  # fmt: skip
    return Drawing(
        markup=Markup(markup),  # noqa: S704 - ours
        what=_what(winner),
    )


def undrawable(winner: Winner) -> str | None:
    """Return why the network's pictures cannot be drawn, in a sentence; None if they can."""
    if winner.config.net_code is not None:
        return f"{winner.name} is your own network; the page computes only built-in ones."
    if winner.is_drawn:
        return None
    kind = "in color" if winner.input_spec.channels_read > 1 else "on a background that is not black"
    return f"{winner.name} reads images {kind}, which cannot be drawn on the page."


def _what(winner: Winner) -> str:
    return "digit" if winner.input_spec.digits else "picture"


def _prepared(winner: Winner) -> str:
    size = f"{winner.form.height} x {winner.form.width} pixels"
    match winner.input_spec.preparation:
        case "digit":
            return "The image is cropped, fitted into 20 x 20 pixels, and centered, like MNIST's digits."
        case "drawing" | "picture":
            return f"The sheet is scaled to {size}, like the training images."
        case _:
            assert_never(winner.input_spec.preparation)


def packed(winner: Winner) -> dict[str, Any]:
    """Return the network as plain values, which `unpack` in net.js turns into layers."""
    steps = _steps(winner)
    halves = [(s.weights / _unit(s.weights)).astype("<f2") for s in steps if s.weights is not None]
    planes = np.concatenate([half.ravel() for half in halves]).view(np.uint8).reshape(-1, 2).T
    return {
        "mean": winner.input_spec.mean,
        "std": winner.input_spec.std,
        "rows": winner.form.height,
        "columns": winner.form.width,
        "preparation": winner.input_spec.preparation,
        "names": [winner.input_spec.name_of(label) for label in range(winner.form.classes)],
        "views": views_of(winner.config.model),
        "layers": [_plain(step) for step in steps],
        "weights": base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode(),
    }


def _plain(step: PageLayer) -> dict[str, Any]:
    if step.weights is None:
        return step.facts
    return step.facts | {"count": step.weights.size, "unit": _unit(step.weights)}


def _unit(weights: Array) -> float:
    """Return the largest weight: the quotients neither overflow in float16 nor lose digits as subnormal numbers."""
    return float(np.abs(weights).max()) or 1.0


def _steps(winner: Winner) -> list[PageLayer]:
    """Return the layers of the network; a batchnorm right after a layer with weights is folded into them."""
    model = winner.config.model
    values = {name: value.double().numpy() for name, value in winner.net.state_dict().items()}
    steps: list[PageLayer] = []
    for number, layer in enumerate(known_layers(winner)):
        own = {name.partition(".")[2]: value for name, value in values.items() if name.startswith(f"{number}.")}
        if layer.kind == "batchnorm":
            factors = own["weight"] / np.sqrt(own["running_var"] + model.batchnorm_epsilon)
            shifts = own["bias"] - own["running_mean"] * factors
            steps[-1:] = _scaled(steps[-1], factors, shifts)
        else:
            steps += _step(layer, own)
    return steps


def _scaled(step: PageLayer, factors: Array, shifts: Array) -> Iterator[PageLayer]:
    """Yield a step with scaled and shifted maps or units: a single step if it has weights, otherwise two."""
    if step.weights is None:
        yield step
        yield PageLayer(facts={"kind": "scale", "factors": _floats(factors), "shifts": _floats(shifts)})
        return
    weights = step.weights * factors.reshape(-1, *[1] * (step.weights.ndim - 1))
    yield PageLayer(facts=step.facts | {"bias": _floats(step.facts["bias"] * factors + shifts)}, weights=weights)


def _step(layer: Layer, own: dict[str, Array]) -> Iterator[PageLayer]:
    facts: dict[str, Any] = {"kind": layer.kind, "inputs": layer.inputs, "outputs": layer.outputs}
    match layer.kind:
        case "convolution" | "linear":
            facts |= {"kernel": layer.kernel, "bias": _floats(own["bias"])}
            yield PageLayer(facts=facts, weights=own["weight"])
        case "separable":  # as in training, one convolution with the product of its two weights
            facts |= {"kind": "convolution", "kernel": layer.kernel, "bias": _floats(own["1.bias"])}
            yield PageLayer(facts=facts, weights=own["1.weight"] * own["0.weight"].swapaxes(0, 1))
        case "pool":
            yield PageLayer(facts=facts)
        case "final_pool":
            yield PageLayer(facts=facts | {"pool": layer.pixel_pool})
        case "activation":
            yield PageLayer(facts={"kind": layer.kind, "name": layer.activation})
        case "dropout" | "flatten" | "batchnorm":
            pass  # dropout does nothing in evaluation, flatten keeps the order of values; for batchnorm see `_scaled`
        case _:
            assert_never(layer.kind)


def _floats(values: Array) -> list[float]:
    return [float(f"{value:.9g}") for value in values.tolist()]
