"""Steps over buffers that stay are those of the plain loop; here on a CPU, where a replay is the work again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig, Phase, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics.generators import seeded
from mnist_bench.training.cuda.device_cache import DeviceCache
from mnist_bench.training.cuda.static_buffers import WARM_UP, StaticTrainLoop, Work
from mnist_bench.training.learner import ALIGNED, in_one_piece, make_learner
from mnist_bench.training.period import PlainTrainLoop, TrainLoop, advance, advance_in_steps, make_train_loop
from search.trainer_api import Report, finish

pytestmark = pytest.mark.slow

Bits = list[tuple[bytes, object, dict[str, float | int | None], str]]


class Recorded:
    """A recorder that counts, and replays by doing the work again."""

    def __init__(self) -> None:
        self.steps = 0
        self.evaluations = 0
        self.replays = 0

    def __call__(self, work: Work, generator: torch.Generator | None) -> Work:
        """See `static_buffers.WorkRecorder`."""
        self.steps += generator is not None
        self.evaluations += generator is None
        return partial(self._again, work)

    def _again(self, work: Work) -> None:
        self.replays += 1
        work()


def exact(config: TrainConfig, **settings: object) -> TrainConfig:
    """Return `config` at rates that float32 holds exactly, so that numbers and scalars on the device are equal."""
    rates = {"lr": 2.0**-7, "weight_decay": 0.5, "ema_decay": 2.0**-4}
    return replace(config, optim=replace(config.optim, **{**rates, **settings}))  # type: ignore[arg-type]


def whole(config: TrainConfig, advance_one: Callable[[int, bytes | None], tuple[bytes, Report]]) -> Bits:
    """Return the states and figures of a training of two periods."""
    state: bytes | None = None
    found: Bits = []
    for period in (1, 2):
        state, report = advance_one(period, state)
        found.append((state, report.value, dict(report.metrics), report.weights))
    return found


def plain_bits(config: TrainConfig, digits: Dataset) -> Bits:
    return whole(config, lambda period, state: advance(config, 1, period, state, digits, "fp32"))


def fixed_bits(
    config: TrainConfig, digits: Dataset, record: Recorded | None, device_cache: int = 0, group: int = 1,
    grouped_from: int = WARM_UP,
) -> Bits:  # fmt: skip
    """Return what `plain_bits` does, over buffers that stay."""
    stay: DeviceCache[TrainLoop] = DeviceCache(device_cache)
    make = partial(StaticTrainLoop, record=record, group=group, grouped_from=grouped_from)
    return whole(
        config,
        lambda period, state: finish(
            advance_in_steps(config, 1, period, state, digits, "fp32", make=make, device_cache=stay)
        ),
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimizer": "sgd_nesterov", "weight_decay": 0.0},
        {"optimizer": "muon", "filter_lr": 2.0**-3, "filter_norms": True, "lookahead_steps": 3},
        {"hard_share": 0.3, "batch_size": 96, "keep_last_batch": True},
        {"learned_share": 0.5, "batch_size": 20, "batch_growth": 4.0},
    ],
)
def test_the_bits_are_those_of_the_plain_loop(
    config: TrainConfig, digits: Dataset, settings: dict[str, object]
) -> None:
    config = exact(config, **settings)
    expected = plain_bits(config, digits)
    assert fixed_bits(config, digits, None) == expected
    assert fixed_bits(config, digits, Recorded()) == expected
    assert fixed_bits(config, digits, Recorded(), device_cache=1) == expected
    assert fixed_bits(config, digits, Recorded(), device_cache=1, group=4) == expected


def test_averages_in_one_piece_lie_as_before_and_begin_where_a_tensor_might(
    config: TrainConfig, digits: Dataset
) -> None:
    schedule = Schedule(config=exact(config), images=len(digits.train))
    learner = make_learner(schedule, seeded(1, "init"), digits.device, digits.form)
    moved = in_one_piece(learner)
    assert moved.piece is not None
    assert list(moved.average) == list(learner.average)
    for name, value in moved.average.items():
        assert torch.equal(value, learner.average[name])
        assert value.stride() == learner.average[name].stride()
        assert value.untyped_storage().data_ptr() == moved.piece.averages.untyped_storage().data_ptr()
        assert value.storage_offset() % ALIGNED == 0


@pytest.mark.parametrize(("code", "loop"), [(None, StaticTrainLoop), ("mine.py:Net", PlainTrainLoop)])
def test_a_net_of_ones_own_is_trained_in_one_way_on_all_devices(
    config: TrainConfig, digits: Dataset, code: str | None, loop: type[TrainLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule(config=config, images=len(digits.train))
    learner = make_learner(schedule, seeded(1, "init"), digits.device, digits.form)
    # What is on no CPU has a GPU's train loop; "meta" tensors are there on every machine.
    elsewhere = replace(digits, images=digits.images.to("meta"))
    monkeypatch.setattr(StaticTrainLoop, "__init__", lambda self, *_: None)
    assert type(make_train_loop(learner, replace(config, net_code=code), elsewhere, "fp32")) is loop


def test_steps_of_grown_batches_are_captured_anew(config: TrainConfig, digits: Dataset) -> None:
    record = Recorded()
    growing = exact(config, batch_size=20, batch_growth=2.0)
    fixed_bits(growing, digits, record, device_cache=1)
    assert record.steps == 2
    assert record.replays == 50 - WARM_UP + 25 - WARM_UP + 1


def test_all_but_the_first_steps_and_the_first_evaluation_are_replayed(config: TrainConfig, digits: Dataset) -> None:
    record = Recorded()
    fixed_bits(config, digits, record, device_cache=1)
    assert (record.steps, record.evaluations) == (1, 1)
    assert record.replays == 2 * 10 - WARM_UP + 1


def test_a_train_loop_that_does_not_stay_is_recorded_anew(config: TrainConfig, digits: Dataset) -> None:
    record = Recorded()
    fixed_bits(config, digits, record)
    assert (record.steps, record.evaluations) == (2, 0)


def test_later_periods_replay_several_steps_at_a_time(config: TrainConfig, digits: Dataset) -> None:
    record = Recorded()
    fixed_bits(config, digits, record, device_cache=1, group=4)
    assert record.steps == 2, "a step of the first period, a group of the second"
    assert record.replays == (10 - WARM_UP) + (2 + 2) + 1, "ten steps are two groups and two steps"


def test_a_short_training_never_waits_for_a_group_to_be_recorded(config: TrainConfig, digits: Dataset) -> None:
    record = Recorded()
    fixed_bits(config, digits, record, device_cache=1, group=4, grouped_from=21)
    assert record.steps == 1


def test_a_smaller_last_batch_is_not_recorded(config: TrainConfig, digits: Dataset) -> None:
    record = Recorded()
    small = replace(config, optim=replace(config.optim, batch_size=96, keep_last_batch=True))
    fixed_bits(small, digits, record, device_cache=1)
    assert record.steps == 1
    assert record.replays == 2 * 10 - WARM_UP + 1  # each epoch has ten full batches and one of forty


def test_a_phase_of_cropped_images_is_captured_once_its_steps_are_warm(config: TrainConfig, digits: Dataset) -> None:
    record = Recorded()
    phases = (Phase(epochs=1, augment=AugmentConfig(crop_pixels=4)), Phase(epochs=1))
    cropped = exact(replace(config, model=replace(config.model, final_pool="mean"), phases=phases))
    assert fixed_bits(cropped, digits, record, device_cache=1) == plain_bits(cropped, digits)
    assert record.replays == 2 * (10 - WARM_UP) + 1


def test_each_phase_with_other_distortions_is_recorded(config: TrainConfig, digits: Dataset) -> None:
    record = Recorded()
    phased = exact(replace(config, phases=(Phase(epochs=1), Phase(epochs=1, augment=AugmentConfig()))))
    assert fixed_bits(phased, digits, record, device_cache=1) == plain_bits(phased, digits)
    assert record.steps == 2


@pytest.mark.parametrize(("grids", "group"), [((4, 0), 1), ((2, 5), 4), ((0, 3), 4)])
def test_each_phase_may_have_a_grid_of_its_own(
    config: TrainConfig, digits: Dataset, grids: tuple[int, int], group: int
) -> None:
    first, second = (replace(config.augment, grid_pixels=side) for side in grids)
    phased = exact(replace(config, augment=first, phases=(Phase(epochs=1), Phase(epochs=1, augment=second))))
    assert fixed_bits(phased, digits, Recorded(), device_cache=1, group=group) == plain_bits(phased, digits)


def test_scalars_on_the_device_follow_the_schedule(config: TrainConfig, digits: Dataset) -> None:
    """At rates that float32 rounds the weights are close, and nothing else would be close with a rate that stays."""
    moving = replace(config, optim=replace(config.optim, schedule="one_cycle", lr=0.02))
    for fixed, plain in zip(fixed_bits(moving, digits, Recorded()), plain_bits(moving, digits), strict=True):
        assert fixed[2]["train_loss"] == pytest.approx(plain[2]["train_loss"], rel=1e-3)
