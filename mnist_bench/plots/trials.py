"""Trials as several pictures need them: their endings, their parameters, and the same training of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from mnist_bench.config.values import setting_of
from mnist_bench.plots.frame import three_digits
from mnist_bench.value_kind import NETS, Scale, ValueKind, kind_of
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import shortened, show
from search.space.ranges import Distribution, NumberRange, place, same
from search.space.space import Field

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

    @property
    def filled(self) -> list[float]:
        """The value of each trial; that of a diverged one is worse than all others."""
        worst = self.kind.worst(self.values)
        return [worst if trial.value is None else trial.value for trial in self.trials]

    @property
    def axis(self) -> Scale:
        """The axis for the values."""
        return self.kind.scale(self.values)

    @property
    def after(self) -> str:
        """The training of the comparison in words: `after 1 epoch`."""
        return f"after {self.kind.spent(self.done)}"

    @property
    def detail(self) -> str:
        """Remark on the source of a picture's figures."""
        number = f"{len(self.trials):,} trials" if len(self.trials) > 1 else "1 trial"
        return f"study {self.study}: {number}, compared {self.after}"


def compare(study: StudyRecord) -> TrialComparison:
    """Return the trials after the last period that all complete and pruned trials have trained.

    Diverged trials are included, however early they diverged. Running and failed trials with fewer periods are not.
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


MAX_OPTIONS = 6  # a parameter with at most this number of integers or levels is drawn as options, not as numbers
JITTER = (5**0.5 - 1) / 2
"""The golden ratio: the fractional parts of its multiples spread evenly over 0..1, however many there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter that the search chose."""

    path: str
    label: str  # its name; with its section if another section has the same name
    distribution: Distribution

    @property
    def options(self) -> tuple[Any, ...]:
        """The values of a choice, of a few integers or of a few levels; empty for other ranges."""
        if isinstance(self.distribution, NumberRange):
            return tuple(self.distribution.values) if self.distribution.count <= MAX_OPTIONS else ()
        return self.distribution.values

    @property
    def numbers(self) -> NumberRange | None:
        """The range, if it is drawn as numbers; None for a parameter with options."""
        return self.distribution if isinstance(self.distribution, NumberRange) and not self.options else None

    @property
    def varies(self) -> bool:
        """Whether the parameter has more than one value."""
        return self.distribution.count > 1

    @property
    def log(self) -> bool:
        """Whether the axis is logarithmic."""
        return self.numbers is not None and self.numbers.log

    def names(self, length: int) -> list[str]:
        """Return the labels of the options, each of at most `length` characters."""
        return [self.text(option, length) for option in self.options]

    def text(self, value: Any, length: int) -> str:
        """Return the label of a value, of at most `length` characters if it is an option."""
        if self.numbers:
            return three_digits(value)
        return shortened(show(value).removesuffix(setting_of(self.path).ending), length)

    def index(self, value: Any) -> int:
        """Return the index of a value among the options."""
        return next(index for index, option in enumerate(self.options) if same(option, value))

    def place(self, value: Any) -> float:
        """Return the place of a value on the axis, from 0 to 1; options are at even distances."""
        if self.numbers is None:
            return self.index(value) / (len(self.options) - 1)
        return place(self.numbers, value)


def parameters(study: StudyRecord) -> list[Parameter]:
    """Return the parameters with more than one value that at least one trial has, in the order of the space."""
    space = study.space
    fields = [field for field in space.fields if any(field.path in trial.params for trial in study.trials)]
    names = Counter(_name(field) for field in fields)
    searched = [
        Parameter(
            path=field.path,
            label=_name(field) if names[_name(field)] == 1 else field.path,
            distribution=field.distribution,
        )
        for field in fields
        if field.distribution is not None
    ]
    varying = [parameter for parameter in searched if parameter.varies]
    if not varying:
        raise StudyNotFoundError(
            f"Study {study.name} has no trial with a searched parameter, so there is none to show."
        )
    return varying


def jitter(number: int) -> float:
    """Return a shift from -0.5 to 0.5 that keeps equal values apart; a trial has the same shift in every drawing."""
    return (number * JITTER) % 1 - 0.5


def _name(field: Field) -> str:
    return field.path.partition(".")[2] or field.path
