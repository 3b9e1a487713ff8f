"""What one trial is: every setting of the net, the augmentation, the optimizer and the schedule.

The classes are frozen and hold plain values; bounds are in the annotations and are checked where a file is read
(`mnist_bench.space_files`), so nothing inside the program needs to check again. Units are there, too, in words. A
setting per block or per layer takes a number for all of them or a list with one entry each. What else is known of a
setting (`Setting`) is in its annotation, and nowhere else; `mnist_bench.config.values` reads it.

The values that a name can have are listed here once. Code that branches on one matches all of them, up to
`assert_never`, so that mypy lists the places where a new value is not handled yet, or looks it up in a table, whose
keys a test compares with the values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Literal, get_type_hints

from annotated_types import Ge, Gt, Le, Len, Lt, Unit

Rate = Annotated[float, Ge(0), Lt(1)]
Activation = Literal["relu", "sigmoid", "tanh", "gelu", "silu"]
BatchnormPlacement = Literal["none", "before_activation", "after_activation"]
BlockBatchnormPlacement = Literal[BatchnormPlacement, "after_pool"]
PoolAxes = Literal["rows_columns", "channels_rows"]
ConvolutionKind = Literal["full", "separable"]
PixelPool = Literal["mean", "max"]
FinalPool = Literal["none", PixelPool]
Initialisation = Literal["kaiming_uniform", "kaiming_normal", "glorot_uniform", "glorot_normal", "orthogonal"]
Interpolation = Literal["bilinear", "nearest"]
Fill = Literal["background", "edge"]
Optimizer = Literal["adam", "sgd_nesterov", "muon"]
LrSchedule = Literal["constant", "one_cycle"]
DatasetName = Literal["mnist", "mnist-red", "fashion-mnist", "kmnist", "qmnist"]
TrainOn = Literal["search_split", "all"]
Count = Annotated[int, Ge(1)]
Convolutions = Annotated[int, Ge(1), Le(8)]
Maps = Annotated[int, Ge(1), Le(512)]
KernelSize = Literal[1, 3, 5, 7]
Units = Annotated[int, Ge(1), Le(4096)]
NetValue = bool | int | float | str | None
"""A setting of your own network, or an entry of a setting that is a list."""
Group = Literal[
    "convolutions", "hidden layers", "batchnorm", "dropout", "augmentation", "optimizer", "schedule", "averaging",
    "label smoothing", "budget", "hard images", "net",
]  # fmt: skip
"""The groups that an ablation changes at once, in the order that breaks ties."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Other settings of which one at least has to be on before a setting does anything."""

    paths: tuple[str, ...]  # attributes of a TrainConfig: `model.blocks`
    is_on: Callable[[Any], bool] = bool  # whether such an attribute's value will do

    def are_met(self, config: object) -> bool:
        """Return whether they are in a TrainConfig."""
        return any(self.is_on(attrgetter(path)(config)) for path in self.paths)


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Metadata of a field, `Annotated[TYPE, Setting(...)]`; a field without it is treated as one with all defaults.

    Space files, the JSON Schema and `space show` need nothing of it: they read the type, its bounds and the docstring.
    `all_settings` fills in the last three.
    """

    group: Group | None = None  # default: its own group, named after it
    ablated: bool = True  # whether an ablation changes it; if not, all runs of the ablation have the default
    needs: tuple[Needs, ...] = ()
    """All of them have to be met; otherwise the setting does nothing. Without a condition it always counts."""
    cells: tuple[str, ...] = ()
    """Headings of the compact cells that show it. Default: its own column, named by its dotted path."""
    unit: str = ""  # the unit that a compact cell writes behind the number
    ending: str = ""
    """The end of a name that compact cells and pictures leave out: `_activation` in `before_activation`."""
    distortion: str | None = None
    """Declares a number of the augmentation as the strength of a distortion: above 0 it changes every training image.
    The text says how. It has places for the strength, as `{value}` or `{percent}`, for the `{axes}` of zoom_per_axis
    and for any other setting of the augmentation, such as `{grid_shift:.2g}`."""
    line: str = ""
    """How the line of the live view tells it where it differs from its default: `rot {value:.2g}°`; it may have places
    for other settings of its section."""
    synonyms: tuple[str, ...] = ()  # names that it has elsewhere, in small letters: a mistaken one is answered with it
    time: float = 0.0
    """Of a distortion that takes longer than others: the time that it adds, as a share of theirs."""
    path: str = ""  # section and name, `optim.lr`; only the name if it is TrainConfig's own
    default: Any = None  # as a plain value
    about: str = ""  # the docstring on one line

    @property
    def name(self) -> str:
        """The path without its section."""
        return self.path.rpartition(".")[2]

    @property
    def ablated_with(self) -> str:
        """The group that an ablation changes it with."""
        return self.group or self.name.replace("_", " ")

    def counts_in(self, config: object) -> bool:
        """Return whether the setting does anything in a TrainConfig."""
        return all(need.are_met(config) for need in self.needs)


BLOCKS = Needs(("model.blocks",))
MAPS_OF_THE_FIRST = Needs(("model.filters",), lambda filters: not isinstance(filters, list | tuple))
HIDDEN = Needs(("model.hidden_layers",))
BATCHNORM = Needs(
    ("model.batchnorm", "model.hidden_batchnorm"),
    lambda placed: {*(placed if isinstance(placed, list | tuple) else (placed,))} != {"none"},
)
DISTORTION = Needs(("augment.distorts",))
GRID = Needs(("augment.grid_pixels",))
MOMENTS = Needs(("optim.optimizer",), lambda optimizer: optimizer == "adam")
MOMENTUM = Needs(("optim.optimizer",), lambda optimizer: optimizer in ("sgd_nesterov", "muon"))
FILTERS = Needs(("optim.optimizer",), lambda optimizer: optimizer == "muon")
WARMUP = Needs(("optim.schedule",), lambda schedule: schedule == "one_cycle")
CONSTANT = Needs(("optim.schedule",), lambda schedule: schedule == "constant")
ONE_DROP = Needs(("optim.drops",))
TWO_DROPS = Needs(("optim.drops",), lambda drops: bool(drops >= 2))
LATER_EPOCHS = Needs(("epochs",), lambda epochs: bool(epochs >= 2))
HARD_IMAGES = Needs(("optim.hard_share",))


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """A stack of convolution blocks, each ending in a 2x2 max-pool, then dense layers, then one logit per class."""

    blocks: Annotated[
        int,
        Ge(0),
        Le(4),
        Setting(group="convolutions", cells=("blocks", "filters"), synonyms=("layers", "num_layers", "depth")),
    ] = 2
    """Convolution blocks; 0 gives a linear model or a multilayer perceptron."""
    convs_per_block: Annotated[
        Convolutions | tuple[Convolutions, ...], Setting(group="convolutions", needs=(BLOCKS,), cells=("convs",))
    ] = 1
    """Convolutions in each block."""
    filters: Annotated[
        Maps | tuple[Maps, ...],
        Unit("channels"),
        Setting(group="convolutions", needs=(BLOCKS,), cells=("filters",), synonyms=("channels", "width")),
    ] = 16
    """Channels of the first block (a number), or of each block (a list; filter_growth is then ignored)."""
    filter_growth: Annotated[
        float, Ge(0.25), Le(8), Setting(group="convolutions", needs=(BLOCKS, MAPS_OF_THE_FIRST), cells=("filters",))
    ] = 2.0
    """Factor from one block's channels to the next's."""
    filter_multiple: Annotated[
        int,
        Ge(1),
        Le(64),
        Unit("channels"),
        Setting(group="convolutions", needs=(BLOCKS, MAPS_OF_THE_FIRST), cells=("filters",)),
    ] = 1
    """Computed numbers of channels are rounded to a multiple of this; 8 or 16 suits vector units."""
    kernel_size: Annotated[
        KernelSize | tuple[KernelSize, ...],
        Unit("pixels"),
        Setting(group="convolutions", needs=(BLOCKS,), cells=("kernel",), synonyms=("kernel",)),
    ] = 3
    """Side of the convolution kernels; padding keeps the image's size."""
    convolutions: Annotated[ConvolutionKind, Setting(group="convolutions", needs=(BLOCKS,), line="{value}")] = "full"
    """"separable": a kernel for each input channel, then a weighted sum of channels (Chollet 2017). The first
    convolution and kernels of 1 pixel stay full. Training is not faster; MACs count the two steps."""
    pool_axes: Annotated[PoolAxes, Setting(group="convolutions", needs=(BLOCKS,))] = "rows_columns"
    """Axes that pooling halves. "channels_rows" repeats a mistake of the 2017 notebook: `tf` ordering on channels-first
    data."""
    final_pool: Annotated[FinalPool, Setting(group="convolutions", needs=(BLOCKS,), line="{value} of pixels")] = "none"
    """Input of the layer after the blocks: every pixel, or the mean (Lin et al. 2014) or maximum of each channel."""
    batchnorm: Annotated[
        BlockBatchnormPlacement,
        Setting(
            group="batchnorm",
            needs=(BLOCKS,),
            cells=("batchnorm",),
            ending="_activation",
            synonyms=("bn", "batch_norm"),
        ),
    ] = "none"
    """Batch normalization in the blocks (Ioffe and Szegedy 2015), before or after the activation. "after_pool": before
    it, and at the end of a block between pool and activation (Jordan 2024)."""
    activation: Annotated[Activation, Setting(group="convolutions", needs=(BLOCKS,))] = "relu"
    """Activation after each convolution."""
    block_dropout: Annotated[
        Rate | tuple[Rate, ...],
        Setting(group="dropout", needs=(BLOCKS,), cells=("dropout",), synonyms=("dropout", "dropout_rate")),
    ] = 0.0
    """Share of whole channels dropped after each block (spatial dropout, Tompson et al. 2015)."""
    hidden_layers: Annotated[
        int, Ge(0), Le(4), Setting(group="hidden layers", cells=("hidden",), synonyms=("layers", "num_layers"))
    ] = 1
    """Dense layers between the blocks and the logits."""
    hidden_units: Annotated[
        Units | tuple[Units, ...],
        Unit("units"),
        Setting(group="hidden layers", needs=(HIDDEN,), cells=("hidden",), synonyms=("units", "hidden_size")),
    ] = 128
    """Units of each dense layer."""
    hidden_activation: Annotated[
        Activation | tuple[Activation, ...], Setting(group="hidden layers", needs=(HIDDEN,))
    ] = "relu"
    """Activation of each dense layer."""
    hidden_batchnorm: Annotated[
        BatchnormPlacement | tuple[BatchnormPlacement, ...],
        Setting(group="batchnorm", needs=(HIDDEN,), cells=("hidden bn",), ending="_activation"),
    ] = "none"
    """Batch normalization of each dense layer."""
    hidden_dropout: Annotated[
        Rate | tuple[Rate, ...],
        Setting(group="dropout", needs=(HIDDEN,), cells=("dropout",), synonyms=("dropout", "dropout_rate")),
    ] = 0.0
    """Share of units dropped after each dense layer (Srivastava et al. 2014)."""
    test_shift: Annotated[int, Ge(0), Le(4), Unit("pixels"), Setting(unit="px", line="evaluated ±{value} px")] = 0
    """In evaluation, two copies of the image are shifted by this many pixels, down and right, and up and left. Their
    mean logits and those of the image are averaged (Jordan 2024). 0 is off."""
    initialisation: Annotated[Initialisation, Setting(group="optimizer", synonyms=("init", "initialization"))] = (
        "kaiming_uniform"
    )
    """Initialization of weights, as named in torch.nn.init; biases start at zero."""
    batchnorm_momentum: Annotated[float, Gt(0), Le(1), Setting(group="batchnorm", needs=(BATCHNORM,))] = 0.1
    """Share of the newest batch in the running statistics (PyTorch's convention; Keras's 0.99 is 0.01 here)."""
    batchnorm_epsilon: Annotated[float, Gt(0), Le(1), Setting(group="batchnorm", needs=(BATCHNORM,))] = 1e-5
    """Added to the variance before the square root."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """Random distortions in either direction, drawn afresh for every image and epoch; all zero means none."""

    rotation_degrees: Annotated[
        float,
        Ge(0),
        Le(90),
        Unit("degrees"),
        Setting(
            group="augmentation",
            cells=("augment",),
            unit="°",
            distortion="turned ±{value}°",
            synonyms=("rotation",),
            line="rot {value:.2g}°",
        ),
    ] = 0.0
    """Largest rotation."""
    zoom: Annotated[
        float,
        Ge(0),
        Le(0.9),
        Setting(group="augmentation", cells=("augment",), distortion="zoomed ±{percent}%{axes}", synonyms=("scale",)),
    ] = 0.0
    """The size changes by a factor between 1 - zoom and 1 + zoom."""
    zoom_per_axis: Annotated[bool, Setting(group="augmentation", needs=(DISTORTION,))] = False
    """Draw the zoom of rows and of columns separately, as Keras does."""
    shear_radians: Annotated[
        float,
        Ge(0),
        Le(1),
        Unit("radians"),
        Setting(group="augmentation", cells=("augment",), distortion="sheared ±{value} rad", synonyms=("shear",)),
    ] = 0.0
    """Largest shear angle; matrix [[1, -sin], [0, cos]] (Keras 1.2)."""
    translate_pixels: Annotated[
        float,
        Ge(0),
        Le(14),
        Unit("pixels"),
        Setting(
            group="augmentation",
            cells=("augment",),
            unit="px",
            distortion="shifted ±{value} px",
            synonyms=("shift", "translate"),
            line="shift {value:.2g} px",
        ),
    ] = 0.0
    """Largest shift along each axis."""
    interpolation: Annotated[Interpolation, Setting(group="augmentation", needs=(DISTORTION,))] = "bilinear"
    """Interpolation between pixels."""
    fill: Annotated[Fill, Setting(group="augmentation", needs=(DISTORTION,))] = "background"
    """Value outside the image: black, or the nearest pixel."""
    grid_pixels: Annotated[
        int,
        Ge(0),
        Le(8),
        Unit("pixels of the grid"),
        Setting(
            group="augmentation",
            distortion="displaced ±{grid_shift:.2g} px on a {value}×{value} grid",
            synonyms=("elastic",),
            line="grid {value}×{value} {grid_shift:.2g} px",
            time=0.8,
        ),
    ] = 0
    """Elastic distortion (after Simard et al. 2003): side of a grid of random displacements, which bicubic
    interpolation smooths. 4 is common; 0 is off."""
    grid_shift: Annotated[
        float, Gt(0), Le(7), Unit("pixels"), Setting(group="augmentation", needs=(GRID,), synonyms=("elastic",))
    ] = 1.0
    """Largest displacement of a grid point along each axis."""

    @property
    def distorts(self) -> bool:
        """Whether any distortion is on."""
        return any(getattr(self, name) for name in _strengths())

    @property
    def strengths(self) -> dict[str, float]:
        """The strength of each distortion by its name: every field that declares one (`Setting.distortion`)."""
        return {name: getattr(self, name) for name in _strengths()}


@cache
def _strengths() -> tuple[str, ...]:
    hints = get_type_hints(AugmentConfig, include_extras=True)
    return tuple(
        name
        for name, hint in hints.items()
        if any(isinstance(item, Setting) and item.distortion for item in getattr(hint, "__metadata__", ()))
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """The optimizer, its learning rate over time, and the loss."""

    optimizer: Annotated[
        Optimizer, Setting(group="optimizer", cells=("optimizer",), ending="_nesterov", synonyms=("opt", "nesterov"))
    ] = "adam"
    """Adam (Kingma and Ba 2015), SGD with Nesterov momentum (Sutskever et al. 2013), or Muon (Jordan et al. 2024). Muon
    orthogonalizes the momentum of the filters: the weights of all convolutions and linear layers but the last. SGD
    trains the others."""
    lr: Annotated[
        float,
        Gt(0),
        Le(10),
        Setting(group="optimizer", cells=("lr → drops",), synonyms=("learning_rate", "lr_max", "max_lr")),
    ] = 1e-3
    """Highest learning rate."""
    beta1: Annotated[Rate, Setting(group="optimizer", needs=(MOMENTS,), synonyms=("beta_1",))] = 0.9
    """Adam's decay of the first moment."""
    beta2: Annotated[Rate, Setting(group="optimizer", needs=(MOMENTS,), synonyms=("beta_2",))] = 0.999
    """Adam's decay of the second moment."""
    epsilon: Annotated[float, Gt(0), Le(1), Setting(group="optimizer", needs=(MOMENTS,), synonyms=("eps",))] = 1e-8
    """Adam's epsilon."""
    momentum: Annotated[Rate, Setting(group="optimizer", needs=(MOMENTUM,))] = 0.9
    """Momentum of SGD and of Muon."""
    filter_lr: Annotated[
        float, Gt(0), Le(10), Setting(group="optimizer", needs=(FILTERS,), line="filter lr {value:.2g}")
    ] = 0.24
    """Muon: highest learning rate of the filters. It has the schedule of lr."""
    filter_norms: Annotated[bool, Setting(group="optimizer", needs=(FILTERS,))] = False
    """Muon: keep the norm of each layer's filters constant (Jordan 2024, airbench94_muon). Weight decay then has no
    effect on them."""
    weight_decay: Annotated[
        float, Ge(0), Le(1), Setting(group="optimizer", cells=("decay",), synonyms=("l2", "wd"))
    ] = 0.0
    """Decoupled weight decay (Loshchilov and Hutter 2019): at the highest lr, each step removes the share lr *
    weight_decay of a weight. Biases and batchnorm do not decay."""
    batch_size: Annotated[
        int,
        Ge(8),
        Le(4096),
        Unit("images"),
        Setting(group="optimizer", cells=("batch",), synonyms=("bs", "batch", "batchsize")),
    ] = 128
    """Images per step, at most all images of an epoch."""
    keep_last_batch: Annotated[bool, Setting(group="optimizer")] = False
    """Train on a smaller last batch of an epoch too, as Keras does; otherwise it is dropped."""
    label_smoothing: Annotated[
        Rate, Setting(group="label smoothing", cells=("smoothing",), synonyms=("smoothing",))
    ] = 0.0
    """Share of the target spread evenly over all classes (Szegedy et al. 2016)."""
    schedule: Annotated[
        LrSchedule, Setting(group="schedule", cells=("lr → drops",), synonyms=("scheduler", "lr_schedule"))
    ] = "constant"
    """"constant": with drops. "one_cycle": linearly up, then down to zero, over the whole budget (Smith 2018)."""
    warmup_fraction: Annotated[
        float,
        Ge(0),
        Lt(1),
        Unit("share of the budget"),
        Setting(group="schedule", needs=(WARMUP,), synonyms=("warmup",)),
    ] = 0.2
    """one_cycle: part in which the learning rate rises."""
    drops: Annotated[int, Ge(0), Le(2), Setting(group="schedule", needs=(CONSTANT,), cells=("lr → drops",))] = 0
    """constant: how often the learning rate drops."""
    first_drop_fraction: Annotated[
        float,
        Gt(0),
        Lt(1),
        Unit("share of the budget"),
        Setting(group="schedule", needs=(ONE_DROP,), cells=("lr → drops",)),
    ] = 0.6
    """Time of the first drop."""
    second_drop_fraction: Annotated[
        float,
        Gt(0),
        Lt(1),
        Unit("share of the budget"),
        Setting(group="schedule", needs=(TWO_DROPS,), cells=("lr → drops",)),
    ] = 0.85
    """Time of the second drop."""
    drop_factor: Annotated[float, Gt(0), Lt(1), Setting(group="schedule", needs=(ONE_DROP,), cells=("lr → drops",))] = (
        0.1
    )
    """Factor of the learning rate at a drop."""
    cooldown_fraction: Annotated[
        float,
        Ge(0),
        Le(1),
        Unit("share of the budget"),
        Setting(group="schedule", needs=(CONSTANT,), cells=("lr → drops",), synonyms=("cooldown",)),
    ] = 0.0
    """constant: last part, in which the learning rate falls linearly to zero; 0 is off."""
    ema_decay: Annotated[Rate, Setting(group="averaging", synonyms=("ema",))] = 0.0
    """Decay of an exponential moving average of the weights, which is evaluated and kept instead of them. In step n it
    is at most (1 + n) / (10 + n), as in TensorFlow: with fewer than 4,500 steps, all values from 0.998 on are equal. 0
    is off."""
    hard_share: Annotated[
        float,
        Ge(0),
        Lt(1),
        Setting(group="hard images", needs=(LATER_EPOCHS,), line="hard {value:.2g}, easy {easy_share:.2g}"),
    ] = 0.0
    """From the second epoch on, train on this share of the images, those with the highest last losses, and on
    easy_share of the others. 0 is off."""
    easy_share: Annotated[float, Gt(0), Lt(1), Setting(group="hard images", needs=(LATER_EPOCHS, HARD_IMAGES))] = 1 / 3
    """With hard_share: share of the other images, drawn anew for each epoch."""
    learned_share: Annotated[
        float, Ge(0), Lt(1), Setting(group="hard images", needs=(LATER_EPOCHS,), line="learned {value:.2g}")
    ] = 0.0
    """Share of the images that the last epoch leaves out: those with the lowest last losses. It rises linearly from 0
    in the first epoch. hard_share and easy_share choose among the others."""

    @property
    def drop_fractions(self) -> tuple[float, ...]:
        """When each of the drops comes, as a share of the full budget of epochs."""
        return (self.first_drop_fraction, self.second_drop_fraction)[: self.drops]


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """A stretch of training with settings of its own, after the notebook's second calls of `fit`."""

    epochs: Annotated[Count, Unit("epochs")]
    """Length of the phase."""
    augment: AugmentConfig | None = None
    """Augmentation in this phase; default: the recipe's."""
    lr: Annotated[float, Gt(0), Le(10)] | None = None
    """Learning rate in this phase; default: the recipe's schedule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Everything that decides a trial's bits, except its seed, the data and the numerics."""

    epochs: Annotated[
        int,
        Ge(1),
        Le(1000),
        Unit("epochs"),
        Setting(group="budget", cells=("lr → drops",), synonyms=("epoch", "num_epochs", "max_epochs")),
    ] = 6
    """Full budget, in passes over the training images."""
    periods: Annotated[
        Annotated[tuple[Annotated[float, Gt(0)], ...], Len(1)] | None, Unit("epochs"), Setting(ablated=False)
    ] = None
    """Epochs after which a trial reports, in rising order; the last equals `epochs`. Default: each whole epoch."""
    train_on: Annotated[TrainOn, Setting(ablated=False)] = "search_split"
    """Images to train on: those of the search's split (50,000 of MNIST's), or all, as for `confirm`. Their mean and
    standard deviation normalize all images."""
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    phases: Annotated[tuple[Phase, ...], Setting(group="budget")] = ()
    """Phases in sequence; their epochs add up to `epochs`. Default: one phase."""
    net_code: Annotated[str | None, Setting(group="net")] = None
    """Your own network: name and SHA-256 of its code; `model` then has no effect. The code is loaded only if a command
    names it with `--net`."""
    # Only that code knows its fields, so there is no class for them; a mapping has no hash.
    net: Mapping[str, NetValue | tuple[NetValue, ...]] = field(default_factory=dict, hash=False)
    """Settings of your own network, by name."""
