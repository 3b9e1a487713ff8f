"""Where training stands at a step: epochs, reporting periods, phases, and the learning rate, all of the full budget.

Steps count from 0 over the whole budget, so that a step is the same in every period, whoever runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import assert_never

from mnist_bench.config.settings import AugmentConfig, OptimConfig, Phase, TrainConfig, TrainOn


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The steps of one training run."""

    config: TrainConfig
    images: int
    """Training images an epoch."""

    @property
    def batch_size(self) -> int:
        """Images a step: the config's, or all images where there are fewer."""
        return min(self.config.optim.batch_size, self.images)

    @property
    def steps_per_epoch(self) -> int:
        """Steps an epoch; a smaller last batch counts with keep_last_batch alone, and never a single image,
        which batch normalisation cannot do with."""
        left_over = self.images % self.batch_size
        return self.images // self.batch_size + (1 if left_over > 1 and self.config.optim.keep_last_batch else 0)

    @property
    def total_steps(self) -> int:
        """Steps of the full budget."""
        return self.config.epochs * self.steps_per_epoch

    @property
    def period_ends(self) -> tuple[float, ...]:
        """Epochs at which a period ends; the whole epochs where the config names none."""
        return self.config.periods or tuple(float(epoch + 1) for epoch in range(self.config.epochs))

    def steps(self, period: int) -> range:
        """Return the steps of a period, which counts from 1; without steps where two periods lie too close."""
        bounds = [0, *(round(end * self.steps_per_epoch) for end in self.period_ends)]
        return [range(first, last) for first, last in pairwise(bounds)][period - 1]

    def augment(self, step: int) -> AugmentConfig:
        """Return the augmentation at a step: its phase's, or the recipe's."""
        phase = self._phase(step)
        return (phase.augment if phase else None) or self.config.augment

    def lr(self, step: int) -> float:
        """Return the learning rate of a step: its phase's, or the schedule's at the middle of the step."""
        phase = self._phase(step)
        if phase and phase.lr is not None:
            return phase.lr
        return self.config.optim.lr * lr_factor(self.config.optim, (step + 0.5) / self.total_steps)

    def _phase(self, step: int) -> Phase | None:
        end = 0
        for phase in self.config.phases:
            end += phase.epochs * self.steps_per_epoch
            if step < end:
                return phase
        return None


def lr_factor(optim: OptimConfig, progress: float) -> float:
    """Return the share of the highest learning rate at `progress` (0 to 1) through the full budget.

    one_cycle is the triangle of Smith (2018) from zero up to the peak and down to zero; constant drops by steps.
    """
    match optim.schedule:
        case "one_cycle":
            warmup = optim.warmup_fraction
            return progress / warmup if progress < warmup else (1 - progress) / (1 - warmup)
        case "constant":
            drops = (optim.first_drop_fraction, optim.second_drop_fraction)[: optim.drops]
            return optim.drop_factor ** sum(progress >= drop for drop in drops)
        case _:
            assert_never(optim.schedule)


def images_per_epoch(part: TrainOn, *, train: int, validation: int) -> int:
    """Return how many images an epoch takes, of a split into so many."""
    return train if leaves_validation(part) else train + validation


def leaves_validation(part: TrainOn) -> bool:
    """Return whether the validation images are not trained on, so that they can tell how good a net is."""
    match part:
        case "search_split":
            return True
        case "all":
            return False
        case _:
            assert_never(part)
