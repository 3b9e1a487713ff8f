"""The size of any net, built-in or your own, as limits, costs and tables need it."""

from __future__ import annotations

from mnist_bench.config.schedule import Schedule, crops
from mnist_bench.config.settings import TrainConfig
from mnist_bench.errors import ArchitectureError
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
    check_crops(config, form)
    if config.net_code is not None:
        return building.counts(config.net_code, config.net, form)
    layers = plan_layers(config.model, form)
    return Counts(trainable=layers.trainable, parameters=layers.parameters, macs=layers.evaluation_macs)


def training_macs(config: TrainConfig, images: int, form: PictureForm = MNIST) -> int:
    """Return the multiply-accumulates of the forward passes of a built-in net's training on a set of `images` images.

    Raises:
        ArchitectureError: the net is impossible.
    """
    schedule = Schedule(config=config, images=images)
    macs = {crop: plan_layers(config.model, form.cropped(crop)).macs for crop in crops(config)}
    parts = schedule.by_epoch(range(schedule.total_steps))
    return sum(schedule.images_of(part) * macs[schedule.augment(part.start).crop_pixels] for part in parts)


def check_crops(config: TrainConfig, form: PictureForm) -> None:
    """Check that a configuration's net takes the cropped images of its training.

    Raises:
        ArchitectureError: it does not.
    """
    path = "augment.crop_pixels"
    for crop in filter(None, crops(config)):
        if config.net_code is not None:
            raise ArchitectureError(f"{path} {crop}: your own network is trained on whole images only", path)
        if 2 * crop >= min(form.height, form.width):
            raise ArchitectureError(f"{path} {crop}: nothing is left of {form.height}x{form.width} pixels", path)
        plan_layers(config.model, form)  # a network that whole images do not fit is not the crop's fault
        try:
            layers = plan_layers(config.model, form.cropped(crop)).layers
        except ArchitectureError as error:
            raise ArchitectureError(f"{path} {crop}: {error}", path) from error
        if not any(layer.kind == "final_pool" for layer in layers):
            raise ArchitectureError(
                f"{path} {crop}: needs model.final_pool; otherwise the dense layers read a fixed number of pixels", path
            )
