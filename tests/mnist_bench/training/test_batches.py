"""Which images an epoch takes: all of them, or the hardest and some of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors.torch import load as tensors_in

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import OptimConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics.operations import seeded
from mnist_bench.training.batches import LastLosses, batches, no_losses
from mnist_bench.training.period import advance
from mnist_bench.training.trainer import TorchTrainer, fit
from search.hashed import Name
from support.dose import dose

IMAGES = 1000


def choosing(hard: float = 0.5, easy: float = 1 / 3, **others: object) -> Schedule:
    """Return the schedule of three epochs of which the later two take a share of 1,000 images."""
    optim = OptimConfig(hard_share=hard, easy_share=easy, **others)  # type: ignore[arg-type]
    return Schedule(config=TrainConfig(epochs=3, optim=optim), images=IMAGES)


def second_epoch(schedule: Schedule) -> range:
    return range(schedule.first_step(1), schedule.first_step(2))


@pytest.fixture
def hard(plain: TrainConfig) -> TrainConfig:
    """Return three epochs without dropout, the later ones on two thirds of the images."""
    return replace(plain, epochs=3, optim=replace(plain.optim, hard_share=0.5))


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.integers(8, 300), st.integers(0, 2**31))
@settings(max_examples=dose(200))
def test_an_epoch_takes_the_hardest_and_a_fixed_number_of_others(
    digits: Dataset, share: float, easy: float, batch_size: int, seed: int
) -> None:
    schedule = choosing(share, easy, batch_size=batch_size, keep_last_batch=True)
    earlier = torch.rand(IMAGES, generator=seeded(seed, Name("losses")))
    losses = LastLosses(earlier.clone(), torch.zeros(IMAGES))
    steps = second_epoch(schedule)
    chosen = torch.cat([taken.chosen for taken in batches(schedule, digits, seed, steps, losses)])
    assert len(set(chosen.tolist())) == len(chosen)
    # All but a last image alone, which makes no batch.
    assert schedule.images_in(1) - len(chosen) in (0, 1)
    hardest = set(earlier.argsort(descending=True)[: schedule.hard_images(1)].tolist())
    assert len(hardest - set(chosen.tolist())) <= schedule.images_in(1) - len(chosen)
    place = torch.empty(IMAGES, dtype=torch.int64)
    place[torch.randperm(IMAGES, generator=seeded(seed, "order", 1))] = torch.arange(IMAGES)
    assert torch.equal(place[chosen], place[chosen].sort().values)  # in the epoch's order


def test_each_epoch_and_each_seed_distorts_every_image_anew(plain: TrainConfig, digits: Dataset) -> None:
    schedule = Schedule(config=plain, images=IMAGES)

    def distortions(seed: int, epoch: int) -> torch.Tensor:
        """Return how each image is distorted, by the image's place."""
        steps = range(schedule.first_step(epoch), schedule.first_step(epoch + 1))
        taken = list(batches(schedule, digits, seed, steps, None))
        drawn = torch.cat([some.distortions for some in taken if some.distortions is not None])
        return drawn[torch.cat([some.chosen for some in taken]).argsort()]

    first = distortions(1, 0)
    assert torch.equal(first, distortions(1, 0))
    for other in (distortions(1, 1), distortions(2, 0)):
        assert len(other) == len(first) == IMAGES
        assert not (first == other).all(dim=1).any()


def test_a_later_epoch_goes_by_what_each_image_lost_when_it_was_last_taken(digits: Dataset) -> None:
    schedule = choosing(batch_size=100)
    losses = no_losses(schedule, digits.device)
    assert losses is not None
    taken = list(batches(schedule, digits, 1, range(10), None))
    for number, batch in enumerate(batches(schedule, digits, 1, range(10), losses)):
        assert torch.equal(batch.chosen, taken[number].chosen)  # the first epoch takes all
        assert batch.losses is not None
        batch.losses.copy_(batch.chosen)  # the later an image stands, the harder it is
    assert torch.equal(losses.earlier, torch.arange(1000.0))  # the epoch has ended
    second = torch.cat([batch.chosen for batch in batches(schedule, digits, 1, second_epoch(schedule), losses)])
    assert (second >= 500).sum() == pytest.approx(450, abs=50)  # six batches of a hundred, of 667 images


def test_a_period_within_an_epoch_goes_on_with_its_images(digits: Dataset) -> None:
    schedule, losses = choosing(batch_size=100), LastLosses(torch.arange(1000.0), torch.zeros(1000))
    once = LastLosses(*(value.clone() for value in losses))
    straight = [batch.chosen for batch in batches(schedule, digits, 1, range(10, 16), once)]
    for batch in batches(schedule, digits, 1, range(10, 13), losses):
        assert batch.losses is not None
        batch.losses.fill_(7.0)
    late = [batch.chosen for batch in batches(schedule, digits, 1, range(13, 16), losses)]
    assert all(map(torch.equal, late, straight[3:]))
    assert (losses.earlier[torch.cat(straight[:3])] == 7).all()
    assert (losses.newest[:300] == 7).all()


def test_images_that_were_left_over_are_the_hardest(digits: Dataset) -> None:
    schedule = choosing(0.1, 0.01, batch_size=90)
    losses = no_losses(schedule, digits.device)
    assert losses is not None
    seen: set[int] = set()
    for batch in batches(schedule, digits, 1, range(11), losses):
        assert batch.losses is not None
        batch.losses.fill_(0.5)
        seen |= {*batch.chosen.tolist()}
    left_over = {*range(1000)} - seen
    assert {*losses.earlier.isinf().nonzero().flatten().tolist()} == left_over
    assert len(left_over) == 10


def test_learned_images_are_left_out_and_return_if_others_are_easier(digits: Dataset) -> None:
    optim = OptimConfig(batch_size=100, learned_share=0.5)
    schedule = Schedule(config=TrainConfig(epochs=3, optim=optim), images=IMAGES)
    losses = LastLosses(torch.arange(1000.0), torch.zeros(1000))
    taken = []
    for batch in batches(schedule, digits, 1, second_epoch(schedule), losses):
        assert batch.losses is not None
        batch.losses.zero_()
        taken += batch.chosen.tolist()
    assert {*taken} <= {*range(250, 1000)}
    assert len(taken) == 700  # seven batches of a hundred, of 750 images
    last = range(schedule.first_step(2), schedule.first_step(3))
    found = torch.cat([batch.chosen for batch in batches(schedule, digits, 1, last, losses)])
    assert {*found.tolist()} >= {*range(250)} - {0}
    assert len(found) == 500


def test_without_a_share_nobody_asks_for_losses(plain: TrainConfig, digits: Dataset) -> None:
    schedule = Schedule(config=plain, images=1000)
    assert no_losses(schedule, digits.device) is None
    assert next(batches(schedule, digits, 1, range(1))).losses is None
    state, _ = advance(plain, 1, 1, None, digits, "fp32")
    assert not [name for name in tensors_in(state) if name.startswith("losses")]


def test_the_first_epoch_is_that_of_a_training_on_all_images(hard: TrainConfig, digits: Dataset) -> None:
    all_images = replace(hard, optim=replace(hard.optim, hard_share=0.0))
    chosen, everything = (fit(TorchTrainer(digits, "fp32"), config, 1).reports for config in (hard, all_images))
    assert chosen[0].weights == everything[0].weights
    assert chosen[1].weights != everything[1].weights


@pytest.mark.parametrize("more", [{}, {"learned_share": 0.5}])
def test_cut_into_periods_or_straight_gives_the_same_weights(
    hard: TrainConfig, digits: Dataset, more: dict[str, float]
) -> None:
    hard = replace(hard, optim=replace(hard.optim, **more))  # type: ignore[arg-type]
    cuts = ((0.5, 1.0, 1.25, 1.75, 2.1, 3.0), (3.0,))
    cut, straight = (fit(TorchTrainer(digits, "fp32"), replace(hard, periods=ends), 1) for ends in cuts)
    assert cut.reports[-1].weights == straight.reports[-1].weights
    found, expected = (tensors_in(result.state) for result in (cut, straight))
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert {name for name in expected if name.startswith("losses")} == {"losses.earlier", "losses.newest"}
