"""The words of a search's views about trials and reports: those of networks, and those of any other work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from mnist_bench import cells
from mnist_bench.config.json import from_json
from mnist_bench.leaderboard.board import epochs_done, period_ends, total_epochs
from mnist_bench.leaderboard.correctness import accuracy_interval, validation_images
from mnist_bench.nets.summary import line
from mnist_bench.studies.foreign import is_foreign
from search.driver.progress import Progress
from search.event_log.records import TrialRecord
from search.objectives.objective import FLAT
from search.study.spec import StudySpec


class TrialWords(ABC):
    """How a search's trials are written."""

    foreign: bool
    """Whether the values are not accuracies of networks."""

    @abstractmethod
    def best(self, trial: TrialRecord) -> str:
        """Return the number, value and settings of a complete trial."""

    @abstractmethod
    def ended(self, trial: TrialRecord) -> str:
        """Return one line about an ended trial."""

    @abstractmethod
    def running(self, trial: TrialRecord, waits_for: str) -> str:
        """Return how far a running trial is, without its settings, in columns; it may wait for something."""

    @abstractmethod
    def unfinished(self, trial: TrialRecord) -> str:
        """Return the number, value, progress and settings of a running trial."""

    @abstractmethod
    def settings(self, trial: TrialRecord) -> str:
        """Return the settings of a trial."""

    @abstractmethod
    def aim(self, cost: str) -> str:
        """Return the aim of a search with a second objective."""

    @abstractmethod
    def unit(self, progress: Progress) -> str:
        """Return the word for what pruning saves."""


def words_of(spec: StudySpec) -> TrialWords:
    """Return the words for the trials of a search with this specification."""
    return words_for(spec.to_json())


def words_for(spec: Mapping[str, Any]) -> TrialWords:
    """Return the words for the trials of a study with this specification."""
    return ValueWords() if is_foreign(spec) else NetWords(validation_images(spec["context"]))


class NetWords(TrialWords):
    """Trials are networks, and values are accuracies on so many validation images."""

    foreign = False

    def __init__(self, images: int) -> None:
        self._images = images

    def best(self, trial: TrialRecord) -> str:
        """See `TrialWords.best`; the accuracy has its interval."""
        low, high = accuracy_interval(trial, self._images) or (None, None)
        accuracy = f"{cells.percent(trial.value)}  {cells.interval(low, high)}"
        return f"#{trial.number}  {accuracy}   {self.settings(trial)}"

    def ended(self, trial: TrialRecord) -> str:
        """See `TrialWords.ended`."""
        trained = cells.epochs(epochs_done(trial), total_epochs(trial))
        ending = cells.ending(trial.state, trial.reason)
        figures = f"{cells.percent(trial.value)}  epoch {trained}  {cells.duration(trial.seconds)}"
        return f"#{trial.number}  {ending}  {figures}  {self.settings(trial)}"

    def running(self, trial: TrialRecord, waits_for: str) -> str:
        """See `TrialWords.running`."""
        done = epochs_done(trial)
        waiting = f"waits for {waits_for}" if waits_for else ""
        words = f"epoch {done:g}/{total_epochs(trial):g}".ljust(11)
        words += f" {cells.percent(trial.value) if done else '':>7}  {waiting:<18}"
        words += f"{cells.count(trial.facts.get('parameters')):>6} parameters"
        speed = f"{trial.seconds / done:.1f} s/epoch" if done else ""
        return f"{words}  {speed:<13}"

    def unfinished(self, trial: TrialRecord) -> str:
        """See `TrialWords.unfinished`."""
        trained = f"after epoch {epochs_done(trial):g} of {total_epochs(trial):g}"
        return f"#{trial.number}  {cells.percent(trial.value)}  {trained}   {self.settings(trial)}"

    def settings(self, trial: TrialRecord) -> str:
        """See `TrialWords.settings`."""
        return line(from_json(trial.config))

    def aim(self, cost: str) -> str:
        """See `TrialWords.aim`."""
        return cells.objectives(cost)

    def unit(self, progress: Progress) -> str:
        """See `TrialWords.unit`: epochs, if each period of the known trials is one."""
        known = progress.running or (() if progress.best is None else (progress.best,))
        ends = {period_ends(trial) for trial in known}
        return "epochs" if ends and all(each == tuple(range(1, len(each) + 1)) for each in ends) else "periods"


class ValueWords(TrialWords):
    """Trials are of any work, and values are in its own unit."""

    foreign = True

    def best(self, trial: TrialRecord) -> str:
        """See `TrialWords.best`."""
        return f"#{trial.number}  {cells.value(trial.value)}   {self.settings(trial)}"

    def ended(self, trial: TrialRecord) -> str:
        """See `TrialWords.ended`; of a crashed trial, it ends with the error."""
        reports = f"  report {_reports(trial)}" if len(trial.costs) > 1 else ""
        figures = f"{cells.value(trial.value)}{reports}  {cells.duration(trial.seconds)}"
        cause = f"  ({trial.cause})" if trial.cause else ""
        ending = cells.ending(trial.state, trial.reason)
        return f"#{trial.number}  {ending}  {figures}  {self.settings(trial)}{cause}"

    def running(self, trial: TrialRecord, waits_for: str) -> str:
        """See `TrialWords.running`."""
        done = len(trial.reports)
        waiting = f"waits for {waits_for}" if waits_for else ""
        reports = f"report {done}/{len(trial.costs)}".ljust(14) if len(trial.costs) > 1 else ""
        speed = f"{cells.duration(trial.seconds / done)}/report" if done else ""
        return f"{reports}{cells.value(trial.value) if done else '':>10}  {waiting:<18}{speed:<14}"

    def unfinished(self, trial: TrialRecord) -> str:
        """See `TrialWords.unfinished`."""
        after = f"after report {len(trial.reports)} of {len(trial.costs)}"
        return f"#{trial.number}  {cells.value(trial.value)}  {after}   {self.settings(trial)}"

    def settings(self, trial: TrialRecord) -> str:
        """See `TrialWords.settings`: the parameters, those at the top level of the space without a section."""
        parameters = trial.params.items()
        return "  ".join(f"{name.removeprefix(f'{FLAT}.')} {cells.short(value)}" for name, value in parameters)

    def aim(self, cost: str) -> str:
        """See `TrialWords.aim`."""
        return f"also minimizes {cost}"

    def unit(self, progress: Progress) -> str:
        """See `TrialWords.unit`."""
        return "reports"


def _reports(trial: TrialRecord) -> str:
    return cells.epochs(len(trial.reports), len(trial.costs))
