"""The size of any net, built-in or your own, as limits, costs and tables need it."""

from __future__ import annotations

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.own_nets import building
from mnist_bench.own_nets.building import Counts
from mnist_bench.picture_form import MNIST, PictureForm


def net_size(config: TrainConfig, form: PictureForm = MNIST) -> Counts:
    """Return the size of a configuration's net for pictures of a form, before it is built.

    Raises:
        ArchitectureError: the net is impossible.
        UsageError, PluginError: of your own network, see `own_nets.counts`.
    """
    if config.net_code is not None:
        return building.counts(config.net_code, config.net, form)
    layers = plan_layers(config.model, form)
    return Counts(trainable=layers.trainable, parameters=layers.parameters, macs=layers.evaluation_macs)


def training_flop(config: TrainConfig, images: int, form: PictureForm = MNIST) -> int:
    """Return the floating-point operations of a built-in net's training on a set of `images` images.

    A multiply-accumulate of a convolution or a linear layer is two operations forward, and four backward, for the
    gradients of inputs and weights (Kaplan et al. 2020, 2.1).

    Raises:
        ArchitectureError: the net is impossible.
    """
    schedule = Schedule(config=config, images=images)
    return 6 * schedule.images_of(range(schedule.total_steps)) * plan_layers(config.model, form).macs
