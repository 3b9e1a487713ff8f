"""The position in training at a given step: epoch, reporting period, phase and learning rate, all of the full budget.

Steps count from 0 over the whole budget, so that a step is the same in every period and every process.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import assert_never

from mnist_bench.config.settings import AugmentConfig, OptimConfig, Phase, TrainConfig, TrainOn

MANY = 10**12  # images with which a part of an image or of a step does not count


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The steps of one training run; epochs count from 0."""

    config: TrainConfig
    images: int  # training images, all of which the first epoch takes

    @property
    def chooses(self) -> bool:
        """Whether later epochs choose their images by the last losses."""
        return bool(self.config.optim.hard_share or self.config.optim.learned_share)

    def unlearned_images(self, epoch: int) -> int:
        """Return from how many images an epoch chooses its own: from all that are not left out as learned."""
        left_out = round(self.config.optim.learned_share * self._share_of_rise(epoch) * self.images)
        return max(min(2, self.images), self.images - left_out)

    def hard_images(self, epoch: int) -> int:
        """Return how many images an epoch takes for their last losses, with hard_share."""
        return round(self.config.optim.hard_share * self.unlearned_images(epoch)) if epoch else 0

    def easy_images(self, epoch: int) -> int:
        """Return how many of the other images that are not learned an epoch takes at random."""
        hard = self.hard_images(epoch)
        others = self.unlearned_images(epoch) - hard
        if not (epoch and self.config.optim.hard_share):
            return others
        # Two of both at least: batch normalisation cannot do with a single image.
        return min(others, max(1, 2 - hard, round(self.config.optim.easy_share * others)))

    def images_in(self, epoch: int) -> int:
        """Return how many images an epoch takes."""
        return self.hard_images(epoch) + self.easy_images(epoch)

    @cached_property
    def batch_size(self) -> int:
        """The images per step: the config's, or all images of the last epoch if there are fewer."""
        return min(self.config.optim.batch_size, self.images_in(max(1, self.config.epochs - 1)))

    def steps_in(self, epoch: int) -> int:
        """Return the steps of an epoch.

        A smaller last batch counts with keep_last_batch alone, and never a single image, which batch normalisation
        cannot do with.
        """
        steps, left_over = divmod(self.images_in(epoch), self.batch_size)
        return steps + (1 if left_over > 1 and self.config.optim.keep_last_batch else 0)

    @property
    def total_steps(self) -> int:
        """Steps of the full budget."""
        return self.first_steps[-1]

    @cached_property
    def first_steps(self) -> tuple[int, ...]:
        """The step that begins each epoch, from 0, and at last the number of all steps."""
        return tuple(accumulate(map(self.steps_in, range(self.config.epochs)), initial=0))

    def first_step(self, epoch: float) -> int:
        """Return the step that begins an epoch, from 0, or a place within it."""
        if epoch == int(epoch):
            return self.first_steps[int(epoch)]
        steps = [self.steps_in(number) for number in range(max(2, self.config.epochs))]
        # Two epochs of as many steps add exactly 0, whatever the numbers are rounded to.
        changes = (min(epoch, end) * (first - then) for end, (first, then) in enumerate(pairwise(steps), start=1))
        return round(epoch * steps[-1] + sum(changes))

    def epoch_of(self, step: int) -> int:
        """Return the epoch of a step, from 0."""
        return bisect_right(self.first_steps, step) - 1

    def images_of(self, steps: range) -> int:
        """Return how many images a range of steps takes, each as often as it comes; each batch counts as a full one."""
        return len(steps) * self.batch_size

    @property
    def period_ends(self) -> tuple[float, ...]:
        """Epochs at which a period ends; the whole epochs if the config names none."""
        return self.config.periods or tuple(float(epoch + 1) for epoch in range(self.config.epochs))

    def steps(self, period: int) -> range:
        """Return the steps of a period, which counts from 1; an empty range if two periods lie too close."""
        ends = (0, *self.period_ends)
        return range(self.first_step(ends[period - 1]), self.first_step(ends[period]))

    def by_epoch(self, steps: range) -> Iterator[range]:
        """Yield the parts of a range of steps that lie in one epoch each."""
        start = steps.start
        while start < steps.stop:
            stop = min(steps.stop, self.first_step(self.epoch_of(start) + 1))
            yield range(start, stop)
            start = stop

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
        epoch, end = self.epoch_of(step) if self.config.phases else 0, 0
        for phase in self.config.phases:
            end += phase.epochs
            if epoch < end:
                return phase
        return None

    def _share_of_rise(self, epoch: int) -> float:
        return epoch / max(1, self.config.epochs - 1)


def lr_factor(optim: OptimConfig, progress: float) -> float:
    """Return the share of the highest learning rate at `progress` (0 to 1) through the full budget.

    one_cycle is the triangle of Smith (2018) from zero up to the peak and down to zero; constant drops by steps, and
    may end in a fall to zero (a trapezoid, Hägele et al. 2024).
    """
    match optim.schedule:
        case "one_cycle":
            warmup = optim.warmup_fraction
            return progress / warmup if progress < warmup else (1 - progress) / (1 - warmup)
        case "constant":
            factor = optim.drop_factor ** sum(progress >= drop for drop in optim.drop_fractions)
            cooldown = optim.cooldown_fraction
            return factor * (1 - progress) / cooldown if cooldown and progress > 1 - cooldown else factor
        case _:
            assert_never(optim.schedule)


def epoch_at(config: TrainConfig, share: float) -> float:
    """Return the epoch, from 0, in which a share (0 to 1) of the budget's steps is over.

    >>> epoch_at(TrainConfig(epochs=8), 0.5)
    4.0
    >>> round(epoch_at(TrainConfig(epochs=8, optim=OptimConfig(hard_share=0.5, easy_share=0.5)), 0.52), 6)
    4.0

    In the second the later epochs take three quarters of the images.
    """
    many = Schedule(config=config, images=MANY)
    step = share * many.total_steps
    epoch = min(config.epochs - 1, many.epoch_of(int(step)))
    return epoch + (step - many.first_steps[epoch]) / many.steps_in(epoch)


def images_per_epoch(part: TrainOn, *, train: int, validation: int) -> int:
    """Return the number of images per epoch, given the sizes of both parts of the split."""
    return train if leaves_validation(part) else train + validation


def leaves_validation(part: TrainOn) -> bool:
    """Return whether the validation images are not trained on, so that they can measure how good a net is."""
    return {"search_split": True, "all": False}[part]
