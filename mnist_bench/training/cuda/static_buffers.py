"""Training over buffers that stay in place, so that a step and an evaluation can be captured once and replayed.

On a GPU a small net's step is a hundred short kernels, and giving them out one by one takes longer than they do. All
that changes from step to step (which images, how distorted, at which rates) is copied into the buffers; the step reads
it there. A long training has its steps captured in groups: one copy and one replay serve a whole group. Without a
recorder each step is given out anew, to the same bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.nets.modules import set_dropout_generator
from mnist_bench.numerics.kinds import Precision
from mnist_bench.training.augmentation import numbers
from mnist_bench.training.batches import Selection, load, selections, sent
from mnist_bench.training.evaluation import score
from mnist_bench.training.learner import EvaluatedNet, Learner, Rates, in_one_piece, rates_at, take_step
from search.hashed import derived_seed
from search.trainer_api import Steps

WARM_UP = 3
"""Steps of a size given out one by one before one is captured: libraries set themselves up, the optimizer makes its
state."""
GROUP = 8
"""Steps captured as one."""
GROUPED_FROM = 256
"""Steps after which a train loop groups them: to capture a group takes about as long as to give its steps out one by
one, some 12 ms and a stop of all lanes, and saves some 50 us per step. These are estimates; no GPU has been available
yet."""

Work = Callable[[], None]


class WorkRecorder(Protocol):
    """Captures work on the device."""

    def __call__(self, work: Work, generator: torch.Generator | None) -> Work:
        """Return a function that repeats `work` over the same tensors, with further draws from `generator`.

        Whether this call does the work itself is open to the recorder: on a GPU it does not.
        """
        ...


class StaticTrainLoop:
    """A learner with its buffers and the captured parts of its work; see `period.TrainLoop`."""

    def __init__(
        self,
        learner: Learner,
        config: TrainConfig,
        data: Dataset,
        precision: Precision,
        record: WorkRecorder | None = None,
        group: int = GROUP,
        grouped_from: int = GROUPED_FROM,
    ) -> None:
        self.learner = in_one_piece(learner)
        self._group = group if record else 1
        self._grouped_from = grouped_from
        self._config = config
        self._data = data
        self._precision = precision
        self._record = record
        self._schedule = Schedule(config=config, images=len(data.train))
        self._generator = torch.Generator(data.device)
        set_dropout_generator(learner.model, self._generator)
        # The K steps of a group read K B places, K B distortions and K times the rates. They leave the sum of
        # losses, and K B of them. A captured step holds these tensors' addresses, so they are filled, never replaced.
        device = data.device
        size = self._group * max(map(self._schedule.batch_size, range(config.epochs)))
        self._chosen = torch.zeros(size, dtype=torch.int64, device=device)
        augments = [config.augment, *(phase.augment for phase in config.phases if phase.augment)]
        self._distortions = torch.zeros(size, max(map(numbers, augments)), device=device)
        self._rates = torch.zeros(self._group, len(Rates._fields), device=device)
        self._total = torch.zeros((), dtype=torch.float64, device=device)
        self._losses = torch.zeros(size, device=device)
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._correct = torch.zeros(len(data.validation), dtype=torch.bool, device=device)
        self._net = EvaluatedNet(self.learner)
        self._steps_given: Counter[tuple[int, int]] = Counter()
        """Steps so far, by their number of images, and the pixels that are cut off these."""
        self._scored = False
        self._steps_again: dict[tuple[AugmentConfig, int, int], Work] = {}
        self._score_again: Work | None = None

    def train(self, seed: int, period: int) -> Steps[Tensor]:
        """See `period.TrainLoop.train`."""
        steps = self._schedule.steps(period)
        self._generator.manual_seed(derived_seed(seed, "dropout", period))
        self.learner.model.train()
        self._total.zero_()
        # All rates of the period go over at once, (steps, rates); the rows of a group are then copied on the device.
        rates = sent(self._rates_of(steps), self._data.device)
        together = self._group if self._steps_given.total() >= self._grouped_from else 1
        if steps:  # batches may have grown, and the smaller ones do not return; nothing is under way between periods
            size = self._schedule.batch_size(self._schedule.epoch_of(steps.start))
            self._steps_again = {key: work for key, work in self._steps_again.items() if key[2] == size}
        for taken in selections(self._schedule, self._data, seed, steps, self.learner.losses, together):
            first = taken.steps.start - steps.start
            self._rates[: len(taken.steps)].copy_(rates[first : first + len(taken.steps)])
            self._take(taken)
            if taken.losses is not None:
                taken.losses.copy_(self._losses[: len(taken.losses)])
            yield
        return self._total

    def score(self) -> tuple[Tensor, Tensor]:
        """See `period.TrainLoop.score`; the first time it warms up, and is captured the second time."""
        if self._record is None or not self._scored:
            self._score()
        else:
            self._score_again = self._score_again or self._record(self._score, None)
            self._score_again()
        self._scored = True
        return self._loss, self._correct

    def _take(self, taken: Selection) -> None:
        images, count = len(taken.chosen), len(taken.steps)
        self._chosen[:images].copy_(taken.chosen)
        if taken.distortions is not None:
            self._distortions[:images, : taken.distortions.shape[1]].copy_(taken.distortions)
        work = partial(self._step, images, count, taken.augment, distorted=taken.distortions is not None)
        size = self._schedule.batch_size(self._schedule.epoch_of(taken.steps.start))
        kind = size, taken.augment.crop_pixels
        warm, full = self._steps_given[kind] >= WARM_UP, images == count * size
        self._steps_given[kind] += count
        # An epoch's smaller last batch is one step in hundreds: it is not worth a graph.
        if self._record is None or not warm or not full:
            work()
            return
        # A graph an augmentation: interpolation and fill are captured with the step; its strengths are in the numbers.
        # And one a size of batches, which may grow from epoch to epoch.
        key = (taken.augment, count, size)
        if key not in self._steps_again:
            self._steps_again[key] = self._record(work, self._generator)
        self._steps_again[key]()

    def _step(self, images: int, count: int, augment: AugmentConfig, *, distorted: bool) -> None:
        """Take `count` steps on as many images in all, which lie one after the other in the buffers."""
        size = images // count
        for step in range(count):
            some = slice(step * size, (step + 1) * size)
            distortions = self._distortions[some, : numbers(augment)] if distorted else None
            pixels, labels = load(self._data, self._chosen[some], distortions, augment)
            rates = Rates(*self._rates[step].unbind())
            losses = self._losses[some] if self.learner.losses else None
            self._total += take_step(self.learner, self._config.optim, pixels, labels, losses, rates, self._precision)

    def _score(self) -> None:
        loss, correct = score(self._net, self._data, self._precision)
        self._loss.copy_(loss)
        self._correct.copy_(correct)

    def _rates_of(self, steps: range) -> Tensor:
        return torch.tensor([rates_at(self._schedule, step) for step in steps]).view(-1, len(Rates._fields))
