"""The jobs under way in a worker process: one step of each in turn, in one thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search.errors import FOREIGN
from search.executors.in_process import checked
from search.trainer_api import Report, SteppedTrainer, Steps, Trainer


@dataclass(frozen=True, slots=True)
class Ended:
    """What a lane's job came to: its state and report, or the exception that it raised."""

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

    def turn(self) -> list[Ended]:
        """Take one step in each lane and return the jobs that ended."""
        stepped = [self._step(lane) for lane in tuple(self._steps)]
        return [ended for ended in stepped if ended is not None]

    def _step(self, lane: int) -> Ended | None:
        try:
            next(self._steps[lane])
        except StopIteration as end:
            ended = Ended(lane, _checked(end.value))
        except FOREIGN as error:  # whatever a configuration makes the trainer raise is a result about it
            ended = Ended(lane, error)  # the other lanes go on; whether their process is still sound, the pool decides
        else:
            return None
        del self._steps[lane]
        return ended


def _checked(answer: Any) -> tuple[bytes, Report] | BaseException:
    """Return a trainer's answer, or what is wrong with it: that is the trainer's fault, and if the process died over
    writing it, it would be taken for the machine's, and tried again and again."""
    try:
        return checked(answer)
    except (TypeError, ValueError) as error:
        return error


def _steps(
    trainer: Trainer[Any], config: Mapping[str, Any], seed: int, period: int, state: bytes | None
) -> Steps[tuple[bytes, Report]]:
    """Return the steps of a period; all of it is one step where the trainer knows no smaller ones.

    The configuration is decoded and the trainer called in the first step, so that an exception is this job's, whenever
    it is raised.
    """
    decoded = trainer.codec.from_json(config)
    if isinstance(trainer, SteppedTrainer):
        return (yield from trainer.advance_in_steps(decoded, seed, period, state))
    return trainer.advance(decoded, seed, period, state)
