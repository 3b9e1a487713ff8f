"""The jobs under way in a worker process: one step of each in turn, in one thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search.errors import FOREIGN
from search.executors.in_process import checked
from search.trainer_api import Report, SteppedTrainer, Steps, Trainer


@dataclass(frozen=True, slots=True)
class EndedJob:
    """The result of a lane's job: its state and report, or the exception that it raised."""

    lane: int
    result: tuple[bytes, Report] | BaseException


class Lanes:
    """Lanes by number; a number is free again when its job has ended."""

    def __init__(self, trainer: Trainer[Any]) -> None:
        self._trainer = trainer
        self._steps: dict[int, Steps[tuple[bytes, Report]]] = {}

    @property
    def are_busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._steps)

    def begin(self, lane: int, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> None:
        """Put a job into a free lane; its first step is taken in the next turn."""
        self._steps[lane] = _steps(self._trainer, config, seed, period, state)

    def turn(self) -> list[EndedJob]:
        """Take one step in each lane and return the jobs that ended."""
        stepped = [self._step(lane) for lane in tuple(self._steps)]
        return [ended for ended in stepped if ended is not None]

    def _step(self, lane: int) -> EndedJob | None:
        try:
            next(self._steps[lane])
        except StopIteration as end:
            ended = EndedJob(lane, end.value)
        except FOREIGN as error:  # whatever a configuration makes the trainer raise is a result about it
            # The other lanes continue; the pool decides whether their process is still sound.
            ended = EndedJob(lane, error)
        else:
            return None
        del self._steps[lane]
        return ended


def _steps(
    trainer: Trainer[Any], config: Mapping[str, Any], seed: int, period: int, state: bytes | None
) -> Steps[tuple[bytes, Report]]:
    """Return the steps of a period; all of it is one step if the trainer knows no smaller ones.

    The configuration is decoded in the first step and the answer checked in the last one, so that an exception is this
    job's, whenever it is raised. If the process died over writing an answer, the machine would be blamed for it, and
    the period tried again and again.
    """
    decoded = trainer.codec.from_json(config)
    if isinstance(trainer, SteppedTrainer):
        return checked((yield from trainer.advance_in_steps(decoded, seed, period, state)))
    return checked(trainer.advance(decoded, seed, period, state))
