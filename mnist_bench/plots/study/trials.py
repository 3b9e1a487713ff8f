"""Trials as several pictures need them: how they ended, and how they compare after the same training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from mnist_bench.value_kind import NETS, Scale, ValueKind, kind_of
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord

Ending = Literal["complete", "pruned", "unfinished", "failed"]


def ending(trial: TrialRecord) -> Ending:
    """Return how a trained trial ended. Trials that diverged or that the machine ended count as failed."""
    match trial.reason:
        case "complete" | "pruned":
            return trial.reason
        case "running" | "paused":
            return "unfinished"
        case "diverged" | "out_of_memory" | "timed_out" | "crashed" | "infeasible":
            return "failed"
        case _:
            assert_never(trial.reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """A trial after the training of the comparison."""

    number: int
    params: Mapping[str, Any]  # sampled values by path
    value: float | None  # its value; None if the trial had diverged before
    complete: bool  # whether the trial was trained to the end


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialComparison:
    """Trials after the same training, the only way to compare pruned trials with complete ones."""

    study: str
    kind: ValueKind = NETS
    done: float  # epochs or reports
    trials: tuple[Compared, ...]  # in the order of their numbers
    best: int | None  # the number of the study's best complete trial

    @property
    def values(self) -> list[float]:
        """The values of the trials that have one."""
        return [trial.value for trial in self.trials if trial.value is not None]

    def values_of(self, trials: Sequence[Compared]) -> list[float]:
        """Return the values of trials; that of a diverged one is worse than all others."""
        worst = self.kind.worst(self.values)
        return [worst if trial.value is None else trial.value for trial in trials]

    @property
    def axis(self) -> Scale:
        """The axis for the values."""
        return self.kind.scale(self.values)

    @property
    def after(self) -> str:
        """The training of the comparison in words: `after 1 epoch`."""
        return f"after {self.kind.spent(self.done)}"

    @property
    def top(self) -> list[Compared]:
        """The best quarter of the trials, with all trials that are as good as its last one."""
        score = self.kind.score
        ranked = sorted(map(score, self.values), reverse=True)
        last = ranked[min(-(-len(self.trials) // 4), len(ranked)) - 1]
        return [trial for trial in self.trials if trial.value is not None and score(trial.value) >= last]

    @property
    def detail(self) -> str:
        """Remark on the source of a picture's figures."""
        number = f"{len(self.trials):,} trials" if len(self.trials) > 1 else "1 trial"
        return f"study {self.study}: {number}, compared {self.after}"


def compare(study: StudyRecord) -> TrialComparison:
    """Return the trials after the last period that all complete and pruned trials have trained.

    Diverged trials are included, however early they diverged. Running and failed trials with fewer periods are not.

    Raises:
        StudyNotFoundError: no trial has a value yet.
    """
    kind = kind_of(study.spec)
    reporting = [trial for trial in study.trials if trial.reports]
    period = min((len(t.reports) for t in reporting if ending(t) in ("complete", "pruned")), default=1)
    compared = [trial for trial in reporting if len(trial.reports) >= period or trial.reason == "diverged"]
    trials = tuple(_compared(trial, period) for trial in sorted(compared, key=lambda trial: trial.number))
    if all(trial.value is None for trial in trials):
        raise StudyNotFoundError(f"Study {study.name} has no trial with a value yet, so nothing can be compared.")
    best = study.best.number if study.best else None
    done = kind.ends(compared[0])[period - 1]
    return TrialComparison(study=study.name, kind=kind, done=done, trials=trials, best=best)


def _compared(trial: TrialRecord, period: int) -> Compared:
    value = trial.reports[period - 1].value if len(trial.reports) >= period else None
    return Compared(number=trial.number, params=trial.params, value=value, complete=ending(trial) == "complete")
