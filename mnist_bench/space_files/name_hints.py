"""Which setting was meant by a name that is none: what other programs call it, or where it stands."""

from __future__ import annotations

from collections.abc import Mapping

from mnist_bench.config import all_settings
from mnist_bench.space_files.content import SETTINGS
from search.messages import did_you_mean

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "learning_rate": ("optim.lr",),
    "lr_max": ("optim.lr",),
    "max_lr": ("optim.lr",),
    "l2": ("optim.weight_decay",),
    "wd": ("optim.weight_decay",),
    "bs": ("optim.batch_size",),
    "batch": ("optim.batch_size",),
    "batchsize": ("optim.batch_size",),
    "beta_1": ("optim.beta1",),
    "beta_2": ("optim.beta2",),
    "eps": ("optim.epsilon",),
    "opt": ("optim.optimizer",),
    "scheduler": ("optim.schedule",),
    "lr_schedule": ("optim.schedule",),
    "warmup": ("optim.warmup_fraction",),
    "cooldown": ("optim.cooldown_fraction",),
    "ema": ("optim.ema_decay",),
    "smoothing": ("optim.label_smoothing",),
    "nesterov": ("optim.optimizer",),
    "dropout": ("model.block_dropout", "model.hidden_dropout"),
    "dropout_rate": ("model.block_dropout", "model.hidden_dropout"),
    "layers": ("model.blocks", "model.hidden_layers"),
    "num_layers": ("model.blocks", "model.hidden_layers"),
    "depth": ("model.blocks",),
    "channels": ("model.filters",),
    "width": ("model.filters",),
    "units": ("model.hidden_units",),
    "hidden_size": ("model.hidden_units",),
    "kernel": ("model.kernel_size",),
    "bn": ("model.batchnorm",),
    "batch_norm": ("model.batchnorm",),
    "init": ("model.initialisation",),
    "initialization": ("model.initialisation",),
    "rotation": ("augment.rotation_degrees",),
    "shear": ("augment.shear_radians",),
    "shift": ("augment.translate_pixels",),
    "translate": ("augment.translate_pixels",),
    "scale": ("augment.zoom",),
    "elastic": ("augment.grid_pixels", "augment.grid_shift"),
    "epoch": ("epochs",),
    "num_epochs": ("epochs",),
    "max_epochs": ("epochs",),
    "n_images": ("subset",),
}
"""Names that are used elsewhere, in small letters, with the settings that they may mean."""


def nearest(name: str, section: str = "") -> str:
    """Return the hint "; did you mean `optim.lr`?"; empty if nothing is near.

    A setting of `section`, where it stood, is called by its bare name.
    """
    prefix = f"{section}."
    known = [*all_settings(), *(setting for setting in SETTINGS if setting not in all_settings())]
    meant = SYNONYMS.get(name.lower().replace("-", "_")) or tuple(
        path for path in known if path.rpartition(".")[2] == name.lower() and path != prefix + name
    )
    if meant:
        return f"; did you mean {' or '.join(f'`{path.removeprefix(prefix)}`' for path in meant)}?"
    if section:
        return did_you_mean(name, [path.removeprefix(prefix) for path in known if path.startswith(prefix)])
    return ""
