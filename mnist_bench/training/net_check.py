"""Whether your own network repeats: it is trained a little, in several ways that have to give the same bits.

A way is a trainer, and whether another trial trains next to it. The pictures are made up: they need no file and take a
second.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import CODEC, from_json
from mnist_bench.data.tensors import Dataset, Moments
from mnist_bench.nets.modules import build_net, set_dropout_generator
from mnist_bench.nets.own_net import OwnNet, load_net
from mnist_bench.numerics.device import setup
from mnist_bench.numerics.operations import UnportableOperations, seeded
from mnist_bench.picture_form import PictureForm, parse
from mnist_bench.training.period import Learner, evaluate, learner_before, train_period
from mnist_bench.training.trainer import TorchTrainer
from search.errors import UsageError
from search.executors.jobs import RemoteTrainer
from search.messages import listing, show
from search.trainer_api import Report, Trainer, TrainerSpec

PERIODS = 2
SEED, OTHER_SEED = 0, 1
MADE_UP = 320  # made-up pictures: four fifths train, the others validate
Outcome = list[list[Any]]  # of each period the hash of the weights, the losses, and how many images were wrong


def require(net: OwnNet, settings: Mapping[str, Any], form: PictureForm, *, repeats: bool = True) -> None:
    """Check in a few seconds, on made-up images, that a net gives the same bits in every way.

    Even if the search does not repeat, the weights alone have to restore the net: else it keeps no net.
    """
    config, here = _short(net, settings), trainer_on_made_up(net.loaded.whole_name, asdict(form))
    with net.loaded.blamed():
        first = _trained(here, config) if repeats else []
        for way, (reason, trainer, seeds) in _ways(net, here).items() if repeats else ():
            if (again := _trained(trainer, config, seeds)) != first:
                period = next(number for number in range(PERIODS) if again[number] != first[number]) + 1
                arrival = "--order as-completed searches all the same, and its runs differ"
                raise _refusal(net, way, f"different weights after report {period}", reason, arrival)
        if not is_its_weights(config, here):
            reason = "draws while it is built what is neither a parameter nor a buffer that its state holds"
            kept = "register_buffer keeps such values with the weights"
            raise _refusal(net, "from weights alone", "different logits", reason, kept)


def _ways(net: OwnNet, here: TorchTrainer) -> Mapping[str, tuple[str, Trainer[TrainConfig], Sequence[int]]]:
    """Return ways to train, each with the fault of a net that gives different bits there, a trainer, and the seeds of
    the trials that train in turns."""
    options = {"net": net.loaded.whole_name, "form": asdict(here.data.form)}
    other = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    spec = TrainerSpec(factory=f"{__name__}:trainer_on_made_up", options=options, environment={"PYTHONHASHSEED": other})
    return {
        "trained again": ("draws from a source of its own, or depends on what was trained before", here, [SEED]),
        "next to another trial": ("shares something with other networks of its process", here, [SEED, OTHER_SEED]),
        "without a restore": (
            "keeps something outside its parameters and buffers", _Unrestored(here.data, here.precision), [SEED],
        ),
        "in another process": (
            "depends on the order of a set, on the environment or the time", RemoteTrainer(spec, CODEC), [SEED],
        ),
    }  # fmt: skip


def require_portable(net: OwnNet, settings: Sequence[Mapping[str, Any]], form: PictureForm) -> None:
    """Check, in float32 on made-up images, that no setting makes the bits of a net depend on the processor."""
    trainer = trainer_on_made_up(net.loaded.whole_name, asdict(form), "fp32")
    for each in settings:
        with net.loaded.blamed(), UnportableOperations() as found:
            _trained(trainer, _short(net, each))
        if found.names:
            own = [f"{name}={show(value)}" for name, value in each.items() if settings[0].get(name) != value]
            where = f" with {', '.join(own)}" if own else ""
            raise UsageError(
                f"Network {net.loaded.name} cannot be portable: {listing(sorted(found.names))} depends on the "
                f"processor{where}. Use another precision, or compute it in another way."
            )


def is_its_weights(config: TrainConfig, trainer: TorchTrainer) -> bool:
    """Return whether two nets that begin differently compute alike with the same weights, all that a file holds."""
    first, second = (build_net(config, seeded(seed, "init"), trainer.data.form) for seed in (SEED, OTHER_SEED))
    try:
        second.load_state_dict(first.state_dict())
    except RuntimeError:  # other names or shapes: what it is made of is drawn
        return False
    for net in (first, second):
        set_dropout_generator(net, seeded(SEED, "draws"))
    one, other = (evaluate(net, trainer.data, trainer.precision).logits for net in (first, second))
    return torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)  # a net of NaN is a net all the same


def trainer_on_made_up(net: str, form: Mapping[str, Any], precision: str = "auto") -> TorchTrainer:
    """Return a trainer of your own network on made-up pictures of a form, on the CPU, since every machine has one."""
    load_net(net)
    pictures, draws = parse(form), seeded(SEED, "made-up pictures")
    everything = torch.arange(MADE_UP)
    moments = (Moments(127.5, 73.9),) * pictures.channels
    data = Dataset(
        images=torch.randint(256, (MADE_UP, *pictures.shape), generator=draws, dtype=torch.uint8),
        labels=torch.randint(pictures.classes, (MADE_UP,), generator=draws),
        train=everything[: 4 * MADE_UP // 5],
        validation=everything[4 * MADE_UP // 5 :],
        form=pictures,
        moments=moments,
        moments_of_all=moments,
        data_hash="made up",
        split_hash="made up",
    )
    return TorchTrainer(data, setup("cpu", precision)[1])


class _Unrestored(TorchTrainer):
    """Trains each period with the net that the one before left in memory."""

    _learner: Learner

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train one period; see `period.advance`."""
        if state is None:
            self._learner = learner_before(config, seed, period, state, self.data)
        return train_period(self._learner, config, seed, period, self.data, self.precision)


def _short(net: OwnNet, settings: Mapping[str, Any]) -> TrainConfig:
    """Return the net with its settings; all else at its default, with built-in dropout and augmentation off."""
    plain = from_json({"net": net.complete(settings)})
    return replace(plain, epochs=PERIODS, net_code=net.code)


def _trained(trainer: Trainer[TrainConfig], config: TrainConfig, seeds: Sequence[int] = (SEED,)) -> Outcome:
    """Train with these seeds in turns, a period each from the stored state of the one before, as a search does."""
    outcome: Outcome = []
    states: dict[int, bytes | None] = dict.fromkeys(seeds)
    for period in range(1, PERIODS + 1):
        for seed in seeds:
            states[seed], report = trainer.advance(config, seed, period, states[seed])
            if seed == SEED:
                outcome.append([report.weights, *report.metrics.values(), report.end])
    return outcome


def _refusal(net: OwnNet, way: str, what: str, reason: str, advice: str) -> UsageError:
    return UsageError(f"Network {net.loaded.name} is not repeatable: {way}, it gives {what}, so it {reason}; {advice}.")
