"""The check that replayed steps give the same bits as steps launched one by one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, Phase, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics.kinds import Precision
from mnist_bench.training.cuda.device_cache import DeviceCache
from mnist_bench.training.cuda.static_buffers import StaticTrainLoop, WorkRecorder
from mnist_bench.training.period import TrainLoop, advance_in_steps
from search.messages import first_line
from search.trainer_api import finish

ON = "on"
IMAGES = 272
"""Training images of the check, and those that it evaluates on."""
_DRAWS = AugmentConfig(rotation_degrees=10, translate_pixels=1, grid_pixels=4)
_ADAM = OptimConfig(lr=0.01, batch_size=32, weight_decay=0.1, label_smoothing=0.1, ema_decay=0.9, schedule="one_cycle")
_SGD = OptimConfig(optimizer="sgd_nesterov", lr=0.02, batch_size=32, keep_last_batch=True, drops=1, hard_share=0.5)
_GROWING = OptimConfig(lr=0.01, batch_size=24, batch_growth=2.0, learned_share=0.25)
_SMALL_FIRST = (Phase(epochs=1, augment=AugmentConfig(crop_pixels=4)), Phase(epochs=2))
_DEEP = ModelConfig(
    filters=(8, 16), kernel_size=(5, 3), batchnorm="after_pool", block_dropout=0.1, final_pool="max", hidden_units=32,
    hidden_batchnorm="before_activation", hidden_dropout=0.3, test_shift=1,
)  # fmt: skip
_FLAT = ModelConfig(
    blocks=1, convs_per_block=3, filters=8, convolutions="separable", shared_filters="net", activation="gelu",
    final_pool="mean", hidden_layers=0,
)  # fmt: skip
_MUON = OptimConfig(
    optimizer="muon", filter_norms=True, lr=0.02, batch_size=32, schedule="one_cycle", lookahead_steps=3
)
CHECKED = (
    TrainConfig(epochs=3, model=_DEEP, augment=_DRAWS, optim=_ADAM),
    TrainConfig(epochs=3, periods=(0.5, 2, 3), model=_FLAT, optim=_SGD),
    TrainConfig(epochs=3, model=replace(_DEEP, first_filters="whitened"), optim=_MUON),
    TrainConfig(epochs=3, model=_FLAT, optim=_GROWING, phases=_SMALL_FIRST),
)
"""Every kind of step, which a new kind joins: each optimizer, full and separable convolutions, shared filters, both
final pools, affine and grid distortions, cropped images, averaged weights, look-ahead, fixed weights, a smaller last
batch, growing batches, images chosen by their losses; and an evaluation of shifted views. Three periods, so that an
evaluation is launched, captured and replayed."""
_GROUP, _GROUPED_FROM = 3, 8
"""Steps captured as one, and the step from which on: in the second period, which leaves some for single ones, too."""


def verify_replay(data: Dataset, precision: Precision, record: WorkRecorder) -> str:
    """Return "on" if replayed steps give the bits of steps given out anew, else "off:" and why.

    Raises:
        RuntimeError: training on this device is not deterministic even without graphs.
    """
    some = replace(data, train=data.train[:IMAGES], validation=data.validation[:IMAGES])
    for config in CHECKED:
        expected = _bits(config, some, precision, None)
        try:
            found = _bits(config, some, precision, record)
        except RuntimeError as error:
            if _bits(config, some, precision, None) != expected:
                raise
            return f"off: {first_line(error)}"
        if found != expected:
            if _bits(config, some, precision, None) != expected:
                raise RuntimeError("training on this device is not deterministic")
            return "off: replayed steps give different results"
    return ON


def _bits(config: TrainConfig, data: Dataset, precision: Precision, record: WorkRecorder | None) -> list[object]:
    """Return the states and figures of a whole training in which one train loop stays from period to period."""
    device_cache: DeviceCache[TrainLoop] = DeviceCache(1)
    state: bytes | None = None
    found: list[object] = []
    for period in (1, 2, 3):
        make = partial(StaticTrainLoop, record=record, group=_GROUP, grouped_from=_GROUPED_FROM)
        steps = advance_in_steps(config, 0, period, state, data, precision, make=make, device_cache=device_cache)
        state, report = finish(steps)
        found += [state, report.value, dict(report.metrics), report.weights, dict(report.details), report.end]
    return found
