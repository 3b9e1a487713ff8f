"""The nets whose speed is measured: fixed, so that figures compare between machines and versions."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.space_files import space_sources

AUGMENT = AugmentConfig(rotation_degrees=10, zoom=0.1, shear_radians=0.1, translate_pixels=1.5)
TWO_CONV = TrainConfig(
    epochs=1,
    model=ModelConfig(blocks=2, filters=(24, 32), kernel_size=(5, 3), hidden_layers=1, hidden_units=256),
    augment=AUGMENT,
    optim=OptimConfig(lr=1e-2, beta1=0.7, beta2=0.9, batch_size=256, schedule="one_cycle"),
)
CONV_MID = TrainConfig(
    epochs=1,
    model=ModelConfig(blocks=2, filters=(16, 32), kernel_size=(5, 3), batchnorm="before_activation", hidden_units=128),
    augment=AUGMENT,
    optim=OptimConfig(lr=3e-3, batch_size=128, ema_decay=0.99),
)


@cache
def nets() -> dict[str, TrainConfig]:
    """Return the nets by name, each for one epoch of the search's split.

    two-conv is a small net with a fast recipe. batchnorm-N is the notebook's best net and recipe at batch size N (the
    notebook has 32). conv-mid is a net of medium size from version 0.1's spaces/conv.yaml.
    """
    notebook = replace(space_sources.recipe(space_sources.load("notebook/batchnorm")), train_on="search_split")
    return {
        "two-conv": TWO_CONV,
        "batchnorm-128": replace(notebook, optim=replace(notebook.optim, batch_size=128)),
        "batchnorm-32": notebook,
        "conv-mid": CONV_MID,
    }
