"""The notebook's best net as it would be written today: Keras 3 on its torch backend, `model.fit`.

    python benchmarks/peers/keras_loop.py batchnorm-128 --augmented

Keras 1's ImageDataGenerator is gone; layers of the model augment in its place, each by resampling the pictures once
more, and a shear is drawn from one side alone. Channels come first, which the torch backend computes 2 to 3 times as
fast as Keras's default.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import measured
import numpy as np
from keras import layers
from plain_net import each

from mnist_bench.config.settings import AugmentConfig, ModelConfig, TrainConfig
from mnist_bench.data.guard import close_test_set
from mnist_bench.data.mnist import DataOptions, load_training_set
from mnist_bench.nets.architecture import block_filters

CHANNELS = 1
"""The axis of channels."""


class Clock(keras.callbacks.Callback):
    """Holds the seconds of the latest epoch, its validation included."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - self.started


def make_model(config: TrainConfig) -> keras.Model:
    """Return the compiled net of a recipe with a batchnorm after each activation."""
    model, optim = config.model, config.optim
    stack = [keras.Input((1, 28, 28)), *_distortions(config.augment), *_blocks(model), layers.Flatten(), *_head(model)]
    net = keras.Sequential(stack)
    net.compile(
        optimizer=keras.optimizers.Adam(optim.lr, optim.beta1, optim.beta2, optim.epsilon),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return net


def _distortions(augment: AugmentConfig) -> list[layers.Layer]:
    if not augment.distorts:
        return []
    read = {"fill_mode": "nearest", "interpolation": augment.interpolation}
    zoom = (-augment.zoom, augment.zoom)
    return [
        layers.RandomRotation(augment.rotation_degrees / 360, **read),
        layers.RandomShear(x_factor=math.sin(augment.shear_radians), **read),
        layers.RandomZoom(zoom, zoom, **read),
    ]


def _blocks(model: ModelConfig) -> Iterator[layers.Layer]:
    for filters, convolutions in zip(block_filters(model), each(model.convs_per_block, model.blocks), strict=True):
        for _ in range(convolutions):
            yield layers.Conv2D(filters, model.kernel_size, padding="same", activation=model.activation)
            yield layers.BatchNormalization(CHANNELS, 1 - model.batchnorm_momentum, model.batchnorm_epsilon)
        yield layers.MaxPooling2D(2)


def _head(model: ModelConfig) -> Iterator[layers.Layer]:
    for rate in each(model.hidden_dropout, model.hidden_layers):
        yield layers.Dense(model.hidden_units, activation=model.hidden_activation)
        yield layers.BatchNormalization(CHANNELS, 1 - model.batchnorm_momentum, model.batchnorm_epsilon)
        yield layers.Dropout(rate)
    yield layers.Dense(10)


def main() -> None:
    """Train an epoch to warm up, then one by the clock, its evaluation included."""
    asked = measured.arguments(__doc__).parse_args()
    config = measured.config(asked.net, augmented=asked.augmented)
    close_test_set()
    keras.utils.set_random_seed(0)
    keras.config.set_image_data_format("channels_first")
    data = load_training_set(DataOptions(subset=asked.images))
    pictures = data.images.images[:, None].astype("float32") / 255
    everything = np.union1d(data.split.train, data.split.validation)
    training, validation = [(pictures[part], data.images.labels[part]) for part in (everything, data.split.validation)]
    clock = Clock()
    net = make_model(config)
    found = net.fit(
        *training, batch_size=config.optim.batch_size, epochs=2, validation_data=validation, callbacks=[clock],
        verbose=0,
    )  # fmt: skip
    accuracy = float(found.history["val_accuracy"][-1])
    measured.say(seconds=clock.seconds, images=asked.images, accuracy=accuracy, precision="fp32")


if __name__ == "__main__":
    main()
