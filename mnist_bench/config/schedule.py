"""The position in training at a given step: epoch, reporting period, phase and learning rate, all of the full budget.

Steps count from 0 over the whole budget, so that a step is the same in every period and every process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from mnist_bench.cells import compact
from mnist_bench.config.settings import AugmentConfig, OptimConfig, Phase, TrainConfig, TrainOn


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The steps of one training run."""

    config: TrainConfig
    images: int
    """Training images, all of which the first epoch takes."""

    @property
    def hard_images(self) -> int:
        """Images that each epoch from the second on takes for their last losses."""
        return round(self.config.optim.hard_share * self.images)

    @property
    def easy_images(self) -> int:
        """Images that each epoch from the second on takes at random among the others, with hard_share."""
        others = self.images - self.hard_images
        # Two of both at least: batch normalisation cannot do with a single image.
        return min(others, max(1, 2 - self.hard_images, round(self.config.optim.easy_share * others)))

    @property
    def later_images(self) -> int:
        """Images of each epoch from the second on."""
        return self.hard_images + self.easy_images if self.config.optim.hard_share else self.images

    @property
    def batch_size(self) -> int:
        """Images per step: the config's, or all images of an epoch if there are fewer."""
        return min(self.config.optim.batch_size, self.later_images)

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch that takes all images; a smaller last batch counts with keep_last_batch alone, and never a
        single image, which batch normalisation cannot do with."""
        return self._steps_for(self.images)

    @property
    def total_steps(self) -> int:
        """Steps of the full budget."""
        return self.first_step(self.config.epochs)

    def first_step(self, epoch: float) -> int:
        """Return the step that begins an epoch, from 0, or a place within it."""
        # The first epoch may have more steps than the others; if it has not, the second term is exactly 0.
        first, later = self.steps_per_epoch, self._steps_for(self.later_images)
        return round(epoch * later + min(epoch, 1) * (first - later))

    def epoch_of(self, step: int) -> int:
        """Return the epoch of a step, from 0."""
        first = self.steps_per_epoch
        return 0 if step < first else 1 + (step - first) // self._steps_for(self.later_images)

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

    def _steps_for(self, images: int) -> int:
        left_over = images % self.batch_size
        return images // self.batch_size + (1 if left_over > 1 and self.config.optim.keep_last_batch else 0)


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
    """Return the epoch, from 0, in which a share (0 to 1) of the budget is over, going by the images that epochs take.

    >>> epoch_at(TrainConfig(epochs=8), 0.5)
    4.0
    >>> round(epoch_at(TrainConfig(epochs=8, optim=OptimConfig(hard_share=0.5, easy_share=0.5)), 0.52), 6)
    4.0

    In the second the later epochs take three quarters of the images.
    """
    optim = config.optim
    if not optim.hard_share:
        return share * config.epochs
    later = optim.hard_share + optim.easy_share * (1 - optim.hard_share)
    done = share * (1 + (config.epochs - 1) * later)
    return done if done < 1 else 1 + (done - 1) / later


def rate_cell(config: TrainConfig) -> str:
    """Return the learning rate over time as a compact cell: `.0093 →×.1@4`.

    >>> rate_cell(TrainConfig(optim=OptimConfig(lr=0.05, schedule="one_cycle")))
    '.05 one-cycle'
    """
    optim, highest = config.optim, compact(config.optim.lr)
    if rates := _rates_of_phases(config):
        return "→".join(map(compact, rates))
    match optim.schedule:
        case "one_cycle":
            return f"{highest} one-cycle"
        case "constant":
            epochs = ",".join(map(_epoch, _drop_epochs(config)))
            drops = f" →×{compact(optim.drop_factor)}@{epochs}" if epochs else ""
            return highest + drops + (f" →0@{_epoch(_cooldown(config))}" if optim.cooldown_fraction else "")
        case _:
            assert_never(optim.schedule)


def rate_words(config: TrainConfig) -> str:
    """Return the learning rate over time in a few words: `lr 0.0093 → ×0.1 at 4`."""
    optim = config.optim
    if rates := _rates_of_phases(config):
        return f"lr {' then '.join(f'{rate:.2g}' for rate in rates)}"
    match optim.schedule:
        case "one_cycle":
            return f"lr {optim.lr:.2g} one-cycle"
        case "constant":
            drops = " and ".join(map(_epoch, _drop_epochs(config)))
            falls = f" → 0 from {_epoch(_cooldown(config))}" if optim.cooldown_fraction else ""
            return f"lr {optim.lr:.2g}" + (f" → ×{optim.drop_factor:.2g} at {drops}" if drops else "") + falls
        case _:
            assert_never(optim.schedule)


def _rates_of_phases(config: TrainConfig) -> list[float]:
    """Return the learning rates of the phases, if all have one of their own and the schedule does nothing."""
    rates = [phase.lr for phase in config.phases if phase.lr is not None]
    return rates if len(rates) == len(config.phases) else []


def _drop_epochs(config: TrainConfig) -> list[float]:
    return [epoch_at(config, fraction) for fraction in config.optim.drop_fractions]


def _cooldown(config: TrainConfig) -> float:
    """Return the epoch from which the learning rate falls to zero."""
    return epoch_at(config, 1 - config.optim.cooldown_fraction)


def _epoch(epoch: float) -> str:
    """Return an epoch with two decimals at most: `120`, `10.5`, `5.67`."""
    return f"{round(epoch, 2):g}"


def images_per_epoch(part: TrainOn, *, train: int, validation: int) -> int:
    """Return the number of images per epoch, given the sizes of both parts of the split."""
    return train if leaves_validation(part) else train + validation


def leaves_validation(part: TrainOn) -> bool:
    """Return whether the validation images are not trained on, so that they can measure how good a net is."""
    match part:
        case "search_split":
            return True
        case "all":
            return False
        case _:
            assert_never(part)
