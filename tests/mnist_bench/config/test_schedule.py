"""Steps, periods, phases and learning rates."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, strategies as st

from mnist_bench.config.schedule import Schedule, epoch_at, lr_factor
from mnist_bench.config.settings import AugmentConfig, OptimConfig, Phase, TrainConfig


def schedule(images: int = 1000, epochs: int = 4, batch_size: int = 100, **settings: object) -> Schedule:
    """Return a schedule of ten steps an epoch, `settings` given to the optimizer."""
    optim = OptimConfig(batch_size=batch_size, lr=0.1, **settings)  # type: ignore[arg-type]
    return Schedule(config=TrainConfig(epochs=epochs, optim=optim), images=images)


def rates(**settings: object) -> list[float]:
    """Return the learning rates of the forty steps."""
    return [schedule(**settings).lr(step) for step in range(40)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("images", "keep", "steps"),
    [(1000, False, 10), (1050, False, 10), (1050, True, 11), (50, False, 1), (102, True, 2), (101, True, 1)],
)
def test_steps_an_epoch(images: int, keep: bool, steps: int) -> None:
    assert schedule(images, keep_last_batch=keep).steps_in(0) == steps


@given(st.lists(st.floats(0.01, 2.99), max_size=6, unique=True), st.integers(8, 2000), st.floats(0, 0.99))
def test_periods_cut_the_steps_without_gap_or_overlap(ends: list[float], images: int, share: float) -> None:
    config = TrainConfig(epochs=3, periods=(*sorted(ends), 3.0), optim=OptimConfig(batch_size=8, hard_share=share))
    whole = Schedule(config=config, images=images)
    ranges = [whole.steps(period) for period in range(1, len(ends) + 2)]
    assert [step for steps in ranges for step in steps] == list(range(whole.total_steps))


@example(2, 8, 0.75, 0.5, 0.0, True)
@example(2, 8, 0.75, 0.5, 0.9, True)
@example(2000, 8, 0.0001, 0.0001, 0.0, False)
@given(
    st.integers(2, 2000), st.integers(8, 300), st.floats(0, 0.99), st.floats(0.0001, 0.99), st.floats(0, 0.99),
    st.booleans(),
)  # fmt: skip
def test_every_step_is_in_one_epoch(
    images: int, batch: int, share: float, easy: float, learned: float, keep: bool
) -> None:
    optim = OptimConfig(
        batch_size=batch, hard_share=share, easy_share=easy, learned_share=learned, keep_last_batch=keep,
    )  # fmt: skip
    whole = Schedule(config=TrainConfig(epochs=3, optim=optim), images=images)
    bounds = [whole.first_step(epoch) for epoch in range(4)]
    assert bounds == sorted({*bounds})
    assert bounds[-1] == whole.total_steps
    found = [whole.epoch_of(step) for step in range(whole.total_steps)]
    assert found == [epoch for epoch in range(3) for _ in range(bounds[epoch], bounds[epoch + 1])]
    for epoch in range(3):
        assert 2 <= whole.batch_size <= whole.images_in(epoch) <= images
    for steps in (range(whole.total_steps), range(1, whole.total_steps - 1)):
        parts = list(whole.by_epoch(steps))
        assert [step for part in parts for step in part] == list(steps)
        assert all(len({whole.epoch_of(step) for step in part}) == 1 for part in parts)


def test_hard_images_make_later_epochs_shorter_by_a_known_number_of_steps() -> None:
    choosing = schedule(epochs=3, hard_share=0.5)
    assert (choosing.hard_images(1), choosing.easy_images(1), choosing.images_in(1)) == (500, 167, 667)
    assert [choosing.steps(period) for period in (1, 2, 3)] == [range(10), range(10, 16), range(16, 22)]
    assert schedule(hard_share=0.5, easy_share=0.1).images_in(1) == 550
    assert schedule(batch_size=700, hard_share=0.5).batch_size == 667
    halves = replace(choosing, config=replace(choosing.config, periods=(0.5, 1.5, 3.0)))
    assert [halves.steps(period) for period in (1, 2, 3)] == [range(5), range(5, 13), range(13, 22)]


def test_learned_images_are_left_out_epoch_by_epoch() -> None:
    dropping = schedule(epochs=5, learned_share=0.4)
    assert [dropping.images_in(epoch) for epoch in range(5)] == [1000, 900, 800, 700, 600]
    assert dropping.first_steps == (0, 10, 19, 27, 34, 40)
    both = schedule(epochs=5, learned_share=0.4, hard_share=0.5, easy_share=0.5)
    assert [both.hard_images(epoch) for epoch in range(5)] == [0, 450, 400, 350, 300]
    assert [both.images_in(epoch) for epoch in range(5)] == [1000, 675, 600, 525, 450]


@given(st.floats(0, 1), st.integers(8, 500), st.floats(0, 0.9), st.floats(0, 0.9))
def test_a_share_of_the_steps_is_over_at_its_epoch(share: float, batch: int, hard: float, learned: float) -> None:
    optim = OptimConfig(batch_size=batch, hard_share=hard, learned_share=learned)
    config = TrainConfig(epochs=4, optim=optim)
    whole = Schedule(config=config, images=10**7)
    assert whole.first_step(epoch_at(config, share)) == pytest.approx(share * whole.total_steps, rel=1e-3, abs=5)


@pytest.mark.parametrize(("drops", "last"), [(0, [0.1] * 20), (1, [0.01] * 20), (2, [0.01] * 10 + [0.001] * 10)])
def test_drops_come_at_shares_of_the_full_budget(drops: int, last: list[float]) -> None:
    found = rates(drops=drops, first_drop_fraction=0.5, second_drop_fraction=0.75, drop_factor=0.1)
    assert found == pytest.approx([0.1] * 20 + last)


@given(st.floats(0.01, 1), st.integers(0, 2))
def test_a_cooldown_takes_what_the_drops_leave_down_to_near_zero(cooldown: float, drops: int) -> None:
    stepped, cooled = rates(drops=drops), rates(drops=drops, cooldown_fraction=cooldown)
    falling = [step for step in range(40) if (step + 0.5) / 40 > 1 - cooldown]
    assert cooled[: 40 - len(falling)] == stepped[: 40 - len(falling)]
    shares = [cooled[step] / stepped[step] for step in falling]
    assert shares == pytest.approx([(1 - (step + 0.5) / 40) / cooldown for step in falling])
    assert all(0 < share <= 1 for share in shares)


@given(st.floats(0, 0.9))
def test_one_cycle_is_a_triangle(warmup: float) -> None:
    found = rates(schedule="one_cycle", warmup_fraction=warmup)
    top = found.index(max(found))
    assert min(found) > 0
    assert max(found) <= 0.1
    assert all(first < second for first, second in pairwise(found[: top + 1]))
    assert all(first > second for first, second in pairwise(found[top:]))
    assert abs((top + 0.5) / 40 - warmup) <= 1 / 40


@pytest.mark.parametrize(
    ("optim", "factors"),
    [
        (OptimConfig(schedule="one_cycle", warmup_fraction=0.25), [0, 1, 2 / 3, 0]),
        (OptimConfig(cooldown_fraction=1.0), [1, 0.75, 0.5, 0]),
    ],
)
def test_a_schedule_meets_its_corners(optim: OptimConfig, factors: list[float]) -> None:
    assert [lr_factor(optim, progress) for progress in (0, 0.25, 0.5, 1)] == pytest.approx(factors)


def test_phases_have_their_own_learning_rate_and_augmentation() -> None:
    gentle = AugmentConfig(rotation_degrees=5)
    phases = (Phase(epochs=1, augment=gentle), Phase(epochs=2, lr=0.007), Phase(epochs=1))
    config = TrainConfig(epochs=4, phases=phases, augment=AugmentConfig(zoom=0.1), optim=OptimConfig(batch_size=100))
    found = Schedule(config=config, images=1000)
    assert [found.lr(step) for step in (9, 10, 29, 30)] == [1e-3, 0.007, 0.007, 1e-3]
    assert [found.augment(step) for step in (9, 10, 39)] == [gentle, config.augment, config.augment]
