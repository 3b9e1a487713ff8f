"""The best trial's net, layer by layer: its operations, its parameters and its costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from mnist_bench.cells import percent
from mnist_bench.config import PoolAxes, from_json
from mnist_bench.nets import CONVOLUTIONS, Layer, Shape, plan_layers
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.plots import style
from mnist_bench.plots.headings import write_heading
from mnist_bench.plots.subject import Subject
from search.errors import StudyNotFoundError
from search.event_log import TrialRecord

BOX = 0.68
"""Height of a box, if the rows are 1 apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A layer with weights, and the layers without weights that follow it."""

    number: int
    """From 1."""
    name: str
    """The layer with weights: `conv 3×3, 1 → 24 maps`."""
    convolution: bool
    followed_by: str
    """The layers that follow it, in running order: `batchnorm, relu, pool 2×2`; may be empty."""
    outputs: Shape
    parameters: int
    """Number of weights, biases and running statistics of all its layers."""
    macs: int
    """Multiply-accumulates for one image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Net:
    """A net as units."""

    inputs: Shape
    """Of one picture."""
    units: tuple[Unit, ...]
    source: str
    running: int
    """Number of running statistics, which batchnorm measures and no step trains, among the parameters."""
    fixed: int
    """Number of weights that are not trained, among the parameters."""
    views: int
    """Number of views of an image that an evaluation takes."""

    @property
    def finding(self) -> str:
        """The heading: the totals, and the share of the convolutions in them."""
        parameters, macs = sum(unit.parameters for unit in self.units), sum(unit.macs for unit in self.units)
        convolutions = [unit for unit in self.units if unit.convolution]
        count = len(convolutions)
        if not convolutions:
            linear = f"{len(self.units)} linear layer{'s' if len(self.units) > 1 else ''}"
            return f"{linear}, no convolution: {parameters:,} parameters, {macs:,} multiply-accumulates"
        held = percent(sum(unit.parameters for unit in convolutions) / parameters, 0)
        done = percent(sum(unit.macs for unit in convolutions) / macs, 0)
        them, hold, do = ("convolution", "holds", "does") if count == 1 else (f"{count} convolutions", "hold", "do")
        return f"The {them} {hold} {held} of {parameters:,} parameters and {do} {done} of {macs:,} multiply-accumulates"


def rows(trial: TrialRecord, study: str, form: PictureForm = MNIST) -> Net:
    """Return the net of a trial of a study of pictures of this form.

    Raises:
        StudyNotFoundError: it is your own network, whose layers are not known.
    """
    config = from_json(trial.config)
    if config.net_code is not None:
        raise StudyNotFoundError(
            f"The network of {study}/{trial.number} is your own; `plot layers` shows only built-in networks."
        )
    architecture = plan_layers(config.model, form)
    layers = architecture.layers
    return Net(
        inputs=form.shape,
        units=tuple(_units(layers)),
        source=f"study {study}, trial #{trial.number}",
        running=sum(layer.running for layer in layers),
        fixed=sum(layer.fixed for layer in layers),
        views=len(architecture.views),
    )


def _units(layers: Sequence[Layer]) -> Iterator[Unit]:
    starts = [place for place, layer in enumerate(layers) if layer.kind in {*CONVOLUTIONS, "linear"}]
    ends = [*starts[1:], len(layers)]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
        first, *others = [layer for layer in layers[start:end] if layer.kind != "flatten"]
        yield Unit(
            number=number,
            name=_name(first),
            convolution=first.kind in CONVOLUTIONS,
            followed_by=", ".join(map(_follower, others)),
            outputs=others[-1].outputs if others else first.outputs,
            parameters=sum(layer.parameters for layer in (first, *others)),
            macs=first.macs,
        )


def _name(layer: Layer) -> str:
    change = f"{layer.inputs[0]:,} → {layer.outputs[0]:,}"
    if layer.kind == "linear":
        return f"linear, {change}"
    kind, own = "separable " * (layer.kind == "separable"), ", shared" * (layer.same_as is not None)
    return f"{kind}conv {layer.kernel}×{layer.kernel}, {change} maps{own}"


def _follower(layer: Layer) -> str:
    match layer.kind:
        case "activation":
            return layer.activation
        case "pool":
            return _pool(layer.pool_axes)
        case "final_pool":
            return f"{layer.pixel_pool} of all pixels"
        case "dropout":
            return f"dropout {layer.rate:.2g}"
        # All but the first begin a unit, or are not drawn.
        case "batchnorm" | "convolution" | "separable" | "linear" | "flatten":
            return layer.kind
        case _:
            assert_never(layer.kind)


def _pool(axes: PoolAxes) -> str:
    match axes:
        case "rows_columns":
            return "pool 2×2"
        case "channels_rows":
            return "pool 2×2 (maps, rows)"
        case _:
            assert_never(axes)


def picture(subject: Subject) -> Figure:
    """Return the diagram of the study's best net."""
    return draw(rows(subject.best, subject.study.name, subject.form))


def draw(net: Net) -> Figure:
    """Draw the units from top to bottom: a box with the shape of the output, a bar for parameters, a bar for MACs."""
    count = len(net.units)
    figure = Figure(figsize=(7.2, 1.3 + 0.46 * (count + 1)), layout="constrained")
    flow, parameters, macs = figure.subplots(1, 3, sharey=True, width_ratios=(3.4, 1, 1))
    _draw_flow(flow, net)
    _draw_bars(parameters, [unit.parameters for unit in net.units], "parameters")
    _draw_bars(macs, [unit.macs for unit in net.units], "MACs")
    flow.set_ylim(count + 0.5, -0.5)
    image = "image" if net.views == 1 else f"of the {net.views} views of an image"
    units = "shapes: maps × rows × columns", f"MACs: multiply-accumulates for one {image}"
    untrained = ((net.running, "running statistics of batchnorm"), (net.fixed, "fixed weights"))
    among = " and ".join(f"{count:,} {words}" for count, words in untrained if count)
    write_heading(figure, net.finding, (net.source, *units, f"parameters: incl. {among}" if among else ""))
    return figure


def _draw_flow(axes: Axes, net: Net) -> None:
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_title("layer", loc="left")
    axes.set_title("output", loc="right")
    _draw_box(axes, 0, "input", "", net.inputs)
    for unit in net.units:
        _draw_box(axes, unit.number, f"{unit.number}  {unit.name}", unit.followed_by, unit.outputs)
        ends = (unit.number - BOX / 2, unit.number - 1 + BOX / 2)
        axes.annotate("", (0.38, ends[0]), (0.38, ends[1]), arrowprops={"arrowstyle": "->", "color": style.FAINT})


def _draw_box(axes: Axes, row: int, name: str, below: str, outputs: Shape) -> None:
    box = FancyBboxPatch(
        (0.01, row - BOX / 2), 0.77, BOX, boxstyle="round,pad=0,rounding_size=0.02", mutation_aspect=10,
        facecolor="#f4f6f8", edgecolor=style.FAINT, linewidth=0.8,
    )  # fmt: skip
    axes.add_patch(box)
    axes.text(0.03, row - 0.13 * bool(below), name, va="center", fontsize=8.5)
    axes.text(0.03, row + 0.19, below, va="center", fontsize=7, color=style.FAINT)
    axes.text(1, row, "×".join(map(str, outputs)), va="center", ha="right", fontsize=8)


def _draw_bars(axes: Axes, counts: Sequence[int], title: str) -> None:
    bars = axes.barh(range(1, len(counts) + 1), counts, height=0.5, color=style.COMPLETE)
    axes.bar_label(bars, [f"{count:,}" for count in counts], padding=3, fontsize=7.5)
    axes.set_xlim(0, 1.7 * max(counts))  # the rest is for the number next to the longest bar
    axes.set_title(title, loc="left")
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    axes.spines[:].set_visible(False)
