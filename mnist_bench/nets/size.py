"""The size of any net, ours or one of the user's own: what limits, costs and tables need of it."""

from __future__ import annotations

from dataclasses import dataclass

from mnist_bench import own_nets
from mnist_bench.config import TrainConfig
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.picture_form import MNIST, PictureForm


@dataclass(frozen=True, kw_only=True, slots=True)
class NetSize:
    """What is counted of a net before it is built."""

    parameters: int
    """Weights, biases and running statistics."""
    macs: int
    """Multiply-accumulates for one image, forward."""


def net_size(config: TrainConfig, form: PictureForm = MNIST) -> NetSize:
    """Return the size of a configuration's net for pictures of a form.

    Raises:
        ArchitectureError: the net is impossible.
        UsageError, PluginError: of a net of the user's own, see `own_nets.counts`.
    """
    if config.net_code is None:
        layers = plan_layers(config.model, form)
        return NetSize(parameters=layers.parameters, macs=layers.macs)
    counts = own_nets.counts(config.net_code, config.net, form)
    return NetSize(parameters=counts.parameters, macs=counts.macs)
