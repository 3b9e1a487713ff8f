"""A training of two periods, done in one of several ways, whose result is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import torch

from mnist_bench.config.json import from_json, to_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.tensors import Dataset, Moments
from mnist_bench.nets.modules import build_net
from mnist_bench.numerics import generators, portable
from mnist_bench.numerics.device import choose_precision, setup
from mnist_bench.numerics.kinds import PrecisionName
from mnist_bench.own_nets import own_net
from mnist_bench.own_nets.draws import seed_draws
from mnist_bench.picture_form import PictureForm, parse
from mnist_bench.training.evaluation import logits
from mnist_bench.training.period import advance, learner_before, train_period
from search.trainer_api import Report

PERIODS = 2
SEED, OTHER_SEED = 0, 1
MADE_UP = 320
"""Made-up pictures: four fifths train, the others validate."""
Outcome = list[list[Any]]
"""Of each period the hash of the weights, the losses, and how many images were wrong."""


@dataclass(frozen=True, kw_only=True)
class ShortTraining:
    """The net to train."""

    net: str  # by which other processes of this machine load the net
    settings: Mapping[str, Any]
    form: PictureForm

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ShortTraining:
        """Return the argument of `to_json`."""
        return cls(net=values["net"], settings=values["settings"], form=parse(values["form"]))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for another process."""
        settings = to_json(self.config)["net"] if self.settings else {}
        return {"net": self.net, "settings": settings, "form": asdict(self.form)}

    @cached_property
    def config(self) -> TrainConfig:
        """The net with its settings; all else at its default, with built-in dropout and augmentation therefore off."""
        net = own_net.load_net(self.net)
        plain = from_json({"net": net.settings.complete(self.settings)})
        return replace(plain, epochs=PERIODS, net_code=net.code)

    @cached_property
    def images(self) -> Dataset:
        """Made-up pictures, which need no file and take a second; on the CPU, since every machine has one."""
        return _made_up(self.form, setup("cpu"))

    def anew(self) -> Outcome:
        """Train from the start, each period from the stored state of the one before, as a search does."""
        return self._in_turns([SEED])[0]

    def unportable(self) -> list[str]:
        """Train as `anew` does, and return the operations whose bits depend on the processor, by name.

        It trains in float32, as portable precision does; in another precision a net may use other operations.
        """
        with portable.UnportableOperations() as found:
            self._in_turns([SEED], "fp32")
        return sorted(found.names)

    def without_restoring(self) -> Outcome:
        """Train both periods with the net that the first one left in memory."""
        precision = choose_precision(self.images.device, "auto")
        learner = learner_before(self.config, SEED, 1, None, self.images)
        return [
            _outcome(train_period(learner, self.config, SEED, period, self.images, precision)[1])
            for period in range(1, PERIODS + 1)
        ]

    def beside_another(self) -> Outcome:
        """Train in turns with another trial of this process, a period each, as a worker does."""
        return self._in_turns([SEED, OTHER_SEED])[0]

    def from_weights_alone(self) -> bool:
        """Return whether two nets that begin differently compute alike once they have the same weights.

        A file of weights holds nothing else, so that a net read from it may be any of the two.
        """
        precision = choose_precision(self.images.device, "auto")
        first, second = (
            build_net(self.config, generators.seeded(seed, "init"), self.form) for seed in (SEED, OTHER_SEED)
        )
        try:
            second.load_state_dict(first.state_dict())
        except RuntimeError:  # other names or shapes: what it is made of is drawn
            return False
        for net in (first, second):
            seed_draws(net, generators.seeded(SEED, "draws"))
        one, other = (logits(net, self.images, precision) for net in (first, second))
        return torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)  # a net of NaN is a net all the same

    def _in_turns(self, seeds: list[int], named: PrecisionName = "auto") -> list[Outcome]:
        outcomes: list[Outcome] = [[] for _ in seeds]
        states: list[bytes | None] = [None for _ in seeds]
        precision = choose_precision(self.images.device, named)
        for period in range(1, PERIODS + 1):
            for place, seed in enumerate(seeds):
                states[place], report = advance(self.config, seed, period, states[place], self.images, precision)
                outcomes[place].append(_outcome(report))
        return outcomes


def _outcome(report: Report) -> list[Any]:
    return [report.weights, *report.metrics.values(), report.end]


def _made_up(form: PictureForm, device: torch.device) -> Dataset:
    draws = generators.seeded(SEED, "made-up pictures")
    everything = torch.arange(MADE_UP, device=device)
    moments = (Moments(127.5, 73.9),) * form.channels
    return Dataset(
        images=torch.randint(256, (MADE_UP, *form.shape), generator=draws, dtype=torch.uint8).to(device),
        labels=torch.randint(form.classes, (MADE_UP,), generator=draws).to(device),
        train=everything[: 4 * MADE_UP // 5],
        validation=everything[4 * MADE_UP // 5 :],
        form=form,
        moments=moments,
        moments_of_all=moments,
        data_hash="made up",
        split_hash="made up",
    )
