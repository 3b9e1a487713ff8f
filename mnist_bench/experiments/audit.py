"""How often pruning was wrong: some pruned trials are trained to their ends after all.

Which ones is decided by a hash of the study's seed and their numbers, so that neither their figures nor anybody's taste
has a say. The study itself stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_bench import cells
from mnist_bench.cells import unit
from mnist_bench.config.json import from_json
from mnist_bench.experiments.grid import Grid, Observer, TrainingRun, Workplace, open_grid_of
from mnist_bench.leaderboard.ranking import undominated
from mnist_bench.result_table import Column, ShownAsTable, Table
from mnist_bench.statistics.inference import wilson
from mnist_bench.studies import sealed_json
from search import canonical_json
from search.driver.tasks import Task
from search.errors import UsageError, WorkerError
from search.event_log.records import StudyRecord, TrialRecord
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditOptions(Workplace):
    """The options of an audit."""

    share: float = 0.05
    """Of the pruned trials, above 0 and up to 1."""

    def __post_init__(self) -> None:
        if not (type(self.share) in (int, float) and 0 < self.share <= 1):
            raise UsageError(f"share={self.share!r}: not a share of the pruned trials; give 0.05, up to 1.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Audited:
    """A pruned trial, trained to its end."""

    number: int
    accuracy: float | None
    """Validation accuracy, 0..1; None if training diverged after all."""
    better: int
    """Complete trials that are better."""
    seconds: float
    """Training time of all its periods, in seconds."""
    on_front: bool | None = None
    """Whether no complete trial dominates it; None with one objective, and in earlier versions."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Audit(ShownAsTable):
    """The result of an audit of pruning."""

    digest: str
    """The study's, before and after."""
    pruned: int
    """Pruned trials in all."""
    complete: int
    """Complete trials in all."""
    best: float | None
    """Accuracy of the best complete trial; None if none is complete."""
    trials: tuple[Audited, ...]
    cost: str | None = None
    """The cost that the study minimises as well; None with one objective, and in earlier versions."""

    def _table(self) -> Table[Audited]:
        return table_of(self)

    @property
    def wrong(self) -> int:
        """Audited trials that are better than the best complete one; with two objectives, those on the front."""
        if self.cost is not None:
            return sum(trial.on_front is True for trial in self.trials)
        return sum(trial.accuracy is not None and not trial.better for trial in self.trials)

    @property
    def placed(self) -> int:
        """Audited trials that are better than some complete one."""
        return sum(trial.accuracy is not None and trial.better < self.complete for trial in self.trials)

    @property
    def share(self) -> tuple[float, float] | None:
        """Wilson's 95% interval of the share of pruned trials that were `wrong`; if all were audited, that share
        itself, twice. None if none was."""
        if not self.trials:
            return None
        if self.is_whole:
            return (self.wrong / self.pruned,) * 2
        return wilson(self.wrong, len(self.trials))

    @property
    def is_whole(self) -> bool:
        """Whether all pruned trials were audited, so that there is nothing to estimate."""
        return 0 < self.pruned == len(self.trials)

    @property
    def seconds(self) -> float:
        """Training time of all audited trials, in seconds."""
        return sum(trial.seconds for trial in self.trials)

    @property
    def highest(self) -> Audited | None:
        """The audited trial with the highest accuracy; of equals, the one that the fewest complete trials beat."""
        ended = [trial for trial in self.trials if trial.accuracy is not None]
        return max(ended, key=lambda trial: (trial.accuracy or 0, -trial.better, -trial.number), default=None)


def drawn_trials(study: StudyRecord, share: float) -> list[TrialRecord]:
    """Return a share (above 0, up to 1) of the pruned trials, rounded up, in the order of their numbers."""
    pruned = [trial for trial in study.trials if trial.reason == "pruned"]
    drawn = sorted(pruned, key=lambda trial: canonical_json.sha256(["audit", study.spec["seed"], trial.number]))
    number = math.ceil(round(share * len(pruned), 9))  # 0.07 * 100 is 7.000000000000001
    return sorted(drawn[:number], key=lambda trial: trial.number)


def audit_study(study: StoredStudy, options: AuditOptions, observer: Observer) -> Audit:
    """Train a share of the study's pruned trials to their ends.

    Each is trained from its beginning with its own configuration and seed, and must have the weights that it had in
    the search. Trials that were audited before are not trained again.

    Raises:
        Stopped: the observer stopped it before its end.
        FingerprintError: the workers compute otherwise than those of the search.
        WorkerError: a trial has other weights than in the search, or the workers cannot continue.
        StudyLockedError, DataError, DeviceError, StorageError, UsageError: as `open_grid_of`.
    """
    folder, drawn = study.files.path, drawn_trials(study, options.share)
    numbers = [trial.number for trial in drawn]
    known = load(folder)
    same = known is not None and (known.digest, known.cost) == (study.digest, study.cost)
    if known is not None and same and [trial.number for trial in known.trials] == numbers:
        return known
    if not drawn:
        return audit_of(study, [])
    with open_grid_of(study, "audit", study.files.audit.path, f"The audit of {study.name}", options, observer) as grid:
        trained = _train(drawn, grid)
    audit = audit_of(study, trained)
    save(audit, folder)
    return audit


def sentence(audit: Audit) -> str:
    """Return in words how often pruning was wrong, and the cost of the audit."""
    if not audit.trials:
        return "No trial was pruned, so there is nothing to audit."
    place = "the best" if audit.cost is None else f"on the front of accuracy and {unit(audit.cost)}"
    found = (
        f"Audited {len(audit.trials)} of {audit.pruned} pruned trials: {audit.wrong or 'none'} would have been {place}"
        f"{_of_all(audit)}"
    )
    if audit.complete and audit.cost is None:
        found += f"; {audit.placed or 'none'} would have ranked above one of the {audit.complete} complete trials"
    return f"{found}.{_highest(audit)} It took {cells.duration(audit.seconds)} of worker time."


def table_of(audit: Audit) -> Table[Audited]:
    """Return a row an audited trial, by number."""
    return Table(
        rows=audit.trials,
        columns=[
            Column("trial", lambda row: f"#{row.number}", 9, "right", lambda row: row.number),
            Column("validation", lambda row: cells.percent(row.accuracy), 9),
            Column("better complete trials", lambda row: str(row.better), 8, "right"),
            *(
                []
                if audit.cost is None
                else [Column[Audited]("on the front", lambda row: "yes" if row.on_front else "", 7)]
            ),
        ],
        caption=[sentence(audit)],
    )


def _of_all(audit: Audit) -> str:
    """Return the estimate for all pruned trials; empty if all were audited."""
    if audit.is_whole or audit.share is None:
        return ""
    low, high = audit.share
    return f" (of all pruned: {100 * low:.0f}% to {100 * high:.0f}%, 95% interval)"


def _highest(audit: Audit) -> str:
    best, found = audit.best, audit.highest
    if best is None or found is None or found.accuracy is None:
        return ""
    points = 100 * (found.accuracy - best)
    if points == 0:  # trials of equal accuracy are ranked by their loss
        distance = f"as much as the search's best, with a {'higher' if found.better else 'lower'} loss"
    else:
        distance = f"{abs(points):.2f} percentage points {'above' if points > 0 else 'below'} the search's best"
    return f" The best of them, #{found.number}, would have reached {100 * found.accuracy:.2f}%, {distance}."


def _train(drawn: Sequence[TrialRecord], grid: Grid) -> list[TrialRecord]:
    """Return the trials with the reports of all their periods."""
    names = {f"#{trial.number}": trial for trial in drawn}

    def compare(task: Task, period: int, report: Report, state: bytes) -> Report:
        _check_same(names[task.name], period, report)
        return report

    runs = [
        TrainingRun(name=name, config=from_json(trial.config), seed=trial.seed, title=name)
        for name, trial in names.items()
    ]
    curves = grid.train(runs, on_period=compare)
    return [replace(trial, reports=tuple(curves[name, trial.seed])) for name, trial in names.items()]


def _check_same(trial: TrialRecord, period: int, report: Report) -> None:
    if period <= len(trial.reports) and report.weights != trial.reports[period - 1].weights:
        raise WorkerError(
            f"Trial {trial.number} has different weights after report {period} than in the search "
            f"({trial.reports[period - 1].weights[:8]}, here {report.weights[:8]}): the machines differ."
        )


def audit_of(study: StudyRecord, trials: Sequence[TrialRecord]) -> Audit:
    """Return how pruned trials of a study, trained to their ends, compare with its complete ones."""
    complete, cost = study.complete(), study.cost
    return Audit(
        digest=study.digest,
        pruned=sum(trial.reason == "pruned" for trial in study.trials),
        complete=len(complete),
        best=complete[0].value if complete else None,
        cost=cost,
        trials=tuple(
            Audited(
                number=trial.number, accuracy=trial.value, seconds=trial.seconds,
                better=sum(other.rank_key() < trial.rank_key() for other in complete),
                on_front=None if cost is None else _is_on_front(trial, complete, cost),
            )
            for trial in trials
        ),
    )  # fmt: skip


def _is_on_front(trial: TrialRecord, complete: Sequence[TrialRecord], cost: str) -> bool:
    return trial.value is not None and any(other is trial for other in undominated([*complete, trial], cost))


def save(audit: Audit, folder: Path) -> None:
    """Keep an audit in the study's folder `folder`; errors as in `sealed_json.save`."""
    sealed_json.save(audit, StudyFolder(folder).audit.result)


def load(folder: Path) -> Audit | None:
    """Return the audit of the study whose folder is `folder`, None if there is none; errors as in
    `sealed_json.load`."""
    return sealed_json.load(StudyFolder(folder).audit.result, Audit, "audit")
