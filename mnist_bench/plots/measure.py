"""What the value of a study's trials is, and how their training is counted: of nets, or of another trainer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from mnist_bench.leaderboard.board import epochs_done, period_ends
from mnist_bench.leaderboard.objective import value_name
from mnist_bench.plots.headings import epochs
from mnist_bench.studies.foreign import is_foreign
from mnist_bench.value_scale import Scale
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import number_of


class Measure(ABC):
    """What pictures have to know about the values of trials and about the length of their training."""

    unit: str
    """In what training is counted, in the plural."""
    noun: str
    """What a value is, with its article."""

    @abstractmethod
    def axis(self, values: Sequence[float]) -> Scale:
        """Return the axis for one or more values."""

    @abstractmethod
    def score(self, value: float) -> float:
        """Return a number that is larger for a better value."""

    @abstractmethod
    def worst(self, values: Sequence[float]) -> float:
        """Return a value worse than all of `values`, which stands for that of a diverged trial."""

    @abstractmethod
    def spent(self, done: float) -> str:
        """Return an amount of training in words: `1 epoch`, `3 reports`."""

    @abstractmethod
    def ends(self, trial: TrialRecord) -> tuple[float, ...]:
        """Return the amount of training after which a trial reports; the last one is its full budget."""

    def done(self, trial: TrialRecord) -> float:
        """Return how much a trial was trained."""
        return self.ends(trial)[len(trial.reports) - 1] if trial.reports else 0.0


@dataclass(frozen=True, slots=True)
class NetMeasure(Measure):
    """Accuracies, and epochs."""

    unit = "epochs"
    noun = "an accuracy"

    def axis(self, values: Sequence[float]) -> Scale:
        """See `Measure.axis`."""
        return Scale.of(values)

    def score(self, value: float) -> float:
        """See `Measure.score`."""
        return value

    def worst(self, values: Sequence[float]) -> float:
        """See `Measure.worst`."""
        return 0.0

    def spent(self, done: float) -> str:
        """See `Measure.spent`."""
        return epochs(done)

    def ends(self, trial: TrialRecord) -> tuple[float, ...]:
        """See `Measure.ends`."""
        return period_ends(trial)

    def done(self, trial: TrialRecord) -> float:
        """See `Measure.done`."""
        return epochs_done(trial)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainMeasure(Measure):
    """Values of another trainer in their own unit, and reports."""

    name: str
    minimized: bool = False
    """Whether smaller values are better."""

    unit = "reports"
    noun = "a value"

    def axis(self, values: Sequence[float]) -> Scale:
        """See `Measure.axis`."""
        return Scale.of(values, name=self.name, of_nets=False, minimized=self.minimized)

    def score(self, value: float) -> float:
        """See `Measure.score`."""
        return -value if self.minimized else value

    def worst(self, values: Sequence[float]) -> float:
        """See `Measure.worst`."""
        low, high = min(values), max(values)
        beyond = high - low or 1.0
        return high + beyond if self.minimized else low - beyond

    def spent(self, done: float) -> str:
        """See `Measure.spent`."""
        return number_of(round(done), "report")

    def ends(self, trial: TrialRecord) -> tuple[float, ...]:
        """See `Measure.ends`."""
        return tuple(float(period) for period in range(1, len(trial.costs) + 1))


NETS = NetMeasure()


def measure_of(study: StudyRecord) -> Measure:
    """Return the measure of a study."""
    if not is_foreign(study.spec):
        return NETS
    return PlainMeasure(name=value_name(study.spec), minimized=study.direction == "minimize")
