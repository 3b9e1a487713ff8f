"""What one trial is: every setting of the net, the augmentation, the optimizer and the schedule.

The classes are frozen and hold plain values; bounds stand in the annotations and are checked where a file is read
(`mnist_bench.space_files`), so nothing inside the program needs to check again. A field's docstring gives its unit.
A setting per block or per layer takes a number for all of them or a list with one entry each.

The values that a name can have stand here once. Code that branches on one matches all of them, up to `assert_never`, so
that mypy lists the places where a new value is not handled yet (`tests/test_closed_sets.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len, Lt

Rate = Annotated[float, Ge(0), Lt(1)]
Activation = Literal["relu", "sigmoid", "tanh", "gelu", "silu"]
BatchnormPlacement = Literal["none", "before_activation", "after_activation"]
BlockBatchnormPlacement = Literal[BatchnormPlacement, "after_pool"]
PoolAxes = Literal["rows_columns", "channels_rows"]
Initialisation = Literal["kaiming_uniform", "kaiming_normal", "glorot_uniform", "glorot_normal", "orthogonal"]
Interpolation = Literal["bilinear", "nearest"]
Fill = Literal["background", "edge"]
Optimizer = Literal["adam", "sgd_nesterov"]
LrSchedule = Literal["constant", "one_cycle"]
DatasetName = Literal["mnist", "fashion-mnist", "kmnist", "qmnist"]
TrainOn = Literal["search_split", "all"]
Count = Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """A stack of convolution blocks, each ending in a 2x2 max-pool, then dense layers, then ten logits."""

    blocks: Annotated[int, Ge(0), Le(4)] = 2
    """Convolution blocks; 0 gives a linear model or a multilayer perceptron."""
    convs_per_block: Annotated[int, Ge(1), Le(8)] | tuple[Annotated[int, Ge(1), Le(8)], ...] = 1
    """Convolutions in each block."""
    filters: Annotated[int, Ge(1), Le(512)] | tuple[Annotated[int, Ge(1), Le(512)], ...] = 16
    """Feature maps of the first block (a number), or of each block (a list; filter_growth is then ignored)."""
    filter_growth: Annotated[float, Ge(0.25), Le(8)] = 2.0
    """Factor from one block's feature maps to the next's, rounded to a multiple of filter_multiple."""
    filter_multiple: Annotated[int, Ge(1), Le(64)] = 1
    """Computed feature maps are rounded to a multiple of this; 8 or 16 suits vector units."""
    kernel_size: Literal[1, 3, 5, 7] | tuple[Literal[1, 3, 5, 7], ...] = 3
    """Side of the convolutions' kernels, in pixels; padding keeps the picture's size."""
    pool_axes: PoolAxes = "rows_columns"
    """Axes that pooling halves. "channels_rows" is the notebook's slip: `tf` ordering on channels-first data."""
    batchnorm: BlockBatchnormPlacement = "none"
    """Batch normalisation in the blocks (Ioffe and Szegedy 2015), and on which side of the activation; "after_pool" is
    before it too, and at a block's end between pool and activation (Jordan 2024), on a quarter of the pixels."""
    activation: Activation = "relu"
    """Activation after each convolution."""
    block_dropout: Rate | tuple[Rate, ...] = 0.0
    """Share of whole feature maps dropped after each block (spatial dropout, Tompson et al. 2015)."""
    hidden_layers: Annotated[int, Ge(0), Le(4)] = 1
    """Dense layers between the blocks and the logits."""
    hidden_units: Annotated[int, Ge(1), Le(4096)] | tuple[Annotated[int, Ge(1), Le(4096)], ...] = 128
    """Units of each dense layer."""
    hidden_activation: Activation | tuple[Activation, ...] = "relu"
    """Activation of each dense layer."""
    hidden_batchnorm: BatchnormPlacement | tuple[BatchnormPlacement, ...] = "none"
    """Batch normalisation of each dense layer."""
    hidden_dropout: Rate | tuple[Rate, ...] = 0.0
    """Share of units dropped after each dense layer (Srivastava et al. 2014)."""
    initialisation: Initialisation = "kaiming_uniform"
    """How weights start, by its name in torch.nn.init; biases start at zero."""
    batchnorm_momentum: Annotated[float, Gt(0), Le(1)] = 0.1
    """Share of the newest batch in the running statistics (PyTorch's convention; Keras's 0.99 is 0.01 here)."""
    batchnorm_epsilon: Annotated[float, Gt(0), Le(1)] = 1e-5
    """Added to the variance before the square root."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """Random affine distortions, drawn afresh for every image and epoch; all zero means none."""

    rotation_degrees: Annotated[float, Ge(0), Le(90)] = 0.0
    """Largest rotation either way, in degrees."""
    zoom: Annotated[float, Ge(0), Le(0.9)] = 0.0
    """Largest relative change of size: a factor between 1 - zoom and 1 + zoom."""
    zoom_per_axis: bool = False
    """Draw the zoom of rows and of columns separately, as Keras does."""
    shear_radians: Annotated[float, Ge(0), Le(1)] = 0.0
    """Largest shear angle either way, in radians; matrix [[1, -sin], [0, cos]] (Keras 1.2)."""
    translate_pixels: Annotated[float, Ge(0), Le(14)] = 0.0
    """Largest shift either way along rows and along columns, in pixels."""
    interpolation: Interpolation = "bilinear"
    """How a pixel between pixels is read."""
    fill: Fill = "background"
    """What is read outside the picture: black, or the nearest pixel."""

    @property
    def distorts(self) -> bool:
        """Whether any distortion is on."""
        return any((self.rotation_degrees, self.zoom, self.shear_radians, self.translate_pixels))


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """The optimizer, its learning rate over time, and the loss."""

    optimizer: Optimizer = "adam"
    """Adam (Kingma and Ba 2015), or SGD with Nesterov momentum (Sutskever et al. 2013)."""
    lr: Annotated[float, Gt(0), Le(10)] = 1e-3
    """Learning rate at its highest."""
    beta1: Rate = 0.9
    """Adam's decay of the first moment."""
    beta2: Rate = 0.999
    """Adam's decay of the second moment."""
    epsilon: Annotated[float, Gt(0), Le(1)] = 1e-8
    """Adam's epsilon."""
    momentum: Rate = 0.9
    """SGD's momentum."""
    weight_decay: Annotated[float, Ge(0), Le(1)] = 0.0
    """Decoupled weight decay (Loshchilov and Hutter 2019), a share of the weight a step at the highest lr is
    lr * weight_decay; biases and batchnorm are spared."""
    batch_size: Annotated[int, Ge(8), Le(4096)] = 128
    """Images a step; what is left over at an epoch's end is dropped for that epoch, except with keep_last_batch."""
    keep_last_batch: bool = False
    """Train on the smaller last batch of an epoch too, as Keras does."""
    label_smoothing: Rate = 0.0
    """Share of the target spread evenly over the ten classes (Szegedy et al. 2016)."""
    schedule: LrSchedule = "constant"
    """"constant" with drops, or "one_cycle": up and down to zero linearly over the whole budget (Smith 2018)."""
    warmup_fraction: Annotated[float, Ge(0), Lt(1)] = 0.2
    """one_cycle: the share of the budget in which the learning rate rises."""
    drops: Annotated[int, Ge(0), Le(2)] = 0
    """constant: how often the learning rate drops."""
    first_drop_fraction: Annotated[float, Gt(0), Lt(1)] = 0.6
    """When the first drop comes, as a share of the full budget of epochs."""
    second_drop_fraction: Annotated[float, Gt(0), Lt(1)] = 0.85
    """When the second drop comes, as a share of the full budget of epochs."""
    drop_factor: Annotated[float, Gt(0), Lt(1)] = 0.1
    """What a drop multiplies the learning rate by."""
    ema_decay: Rate = 0.0
    """Exponential moving average of the weights, share of the old average kept a step; 0 is off. Where it is on,
    the averaged weights are what is evaluated and kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """A stretch of training with settings of its own, after the notebook's second calls of `fit`."""

    epochs: Count
    """Length of the phase, in epochs."""
    augment: AugmentConfig | None = None
    """Augmentation in this phase; left out, the recipe's."""
    lr: Annotated[float, Gt(0), Le(10)] | None = None
    """Learning rate in this phase; left out, the recipe's schedule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Everything that decides a trial's bits, besides its seed, the data and the numerics."""

    epochs: Annotated[int, Ge(1), Le(1000)] = 6
    """Full budget, in passes over the training images."""
    periods: Annotated[tuple[Annotated[float, Gt(0)], ...], Len(1)] | None = None
    """Epochs at whose end a value is reported, rising, the last equal to `epochs`; left out, each whole epoch."""
    train_on: TrainOn = "search_split"
    """The 50,000 images of the search's split, or all 60,000 (for `confirm` and the notebook's recipes); pictures are
    normalised by the mean and standard deviation of the same."""
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    phases: tuple[Phase, ...] = ()
    """Phases in sequence; their epochs add up to `epochs`. Left out: one phase."""
