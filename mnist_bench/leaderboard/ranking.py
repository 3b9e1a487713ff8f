"""The order of trials: ranks, the front, ties by a paired test, early ends ahead of the first; and the leaderboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from mnist_bench.cells import percent
from mnist_bench.config.values import from_json
from mnist_bench.data.test_set import times_evaluated_for
from mnist_bench.leaderboard.board import HASH_DIGITS, Leaderboard, LeaderboardRow, RankedStudy, union
from mnist_bench.nets.summary import distinguishing
from mnist_bench.published import compared
from mnist_bench.statistics import LEVEL, discordant, holm, mcnemar
from mnist_bench.value_kind import correctness, kind_of
from search.errors import UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import State
from search.messages import joined
from search.space.space import score
from search.study.studies import StoredStudy

UNTESTED = "Which images each trial got right was not kept, so no test can compare it with the others."


def leaderboard_of(
    *studies: StudyRecord, top: int | None = None, infeasible: bool = False, curves: bool = False
) -> Leaderboard:
    """Return the leaderboard: complete trials best first, then those that may still continue, pruned, failed.

    With two objectives, the Pareto front comes first; ranks are by value even then. Infeasible trials are counted; with
    `infeasible` they also have a row, after all others. Nets are tied with the first if McNemar's exact test against
    it, corrected for the number of complete trials, is not significant at 5%. Several studies are ordered by value,
    each trial with the rank and the signs of its own study.

    Args:
        studies: one or several.
        top: number of rows; None for all.
        infeasible: whether infeasible trials have rows.
        curves: whether programs get the learning curves.
    """
    found = [_ranked(study, infeasible) for study in studies]
    ranked, rows = tuple(study for study, _ in found), [row for _, of_study in found for row in of_study]
    if len(ranked) > 1:
        _check_one_objective(ranked)
        rows.sort(key=lambda row: (not row.trial.is_trained, place_key(row.trial)))
    shown = rows[:top]
    if ranked[0].kind.of_nets:
        settings = distinguishing([from_json(row.trial.config) for row in shown])
        shown = [replace(row, settings=cells) for row, cells in zip(shown, settings, strict=True)]
    return Leaderboard(
        studies=ranked, rows=tuple(shown), hidden=len(rows) - len(shown), has_curves=curves, has_infeasible=infeasible
    )


def _ranked(study: StudyRecord, infeasible: bool) -> tuple[RankedStudy, list[LeaderboardRow]]:
    """Return a study with what its trials say together, and their rows, all settings left out."""
    kind, complete = kind_of(study.spec), study.complete()
    best = complete[0] if complete else None
    front = [trial.number for trial in pareto_front(study)]
    ties = ties_of(complete) if kind.of_nets and complete else None
    p_values = ties.p_values if ties else {}
    ranks = {trial.number: rank for rank, trial in enumerate(complete, start=1)}
    cost = study.cost
    rows = [
        LeaderboardRow(
            study=study.name,
            trial=trial,
            rank=ranks.get(trial.number),
            p_value=p_values.get(trial.number),
            cost=None if cost is None else trial.facts.get(cost),
            on_front=None if cost is None else trial.number in front,
            first_then=first_then(trial, best),
            ahead=is_ahead(trial, best),
            settings={},
        )
        for trial in listed_trials(study, {*front}, infeasible=infeasible)
    ]
    ended, reported = study.finished(), union(trial.reports[-1].metrics for trial in study.trials if trial.reports)
    ranked = RankedStudy(
        record=study,
        kind=kind,
        counts=counts(study),
        ended=len(ended),
        external=sum(trial.external for trial in study.trials),
        saved=sum(kind.total(trial) - kind.done(trial) for trial in ended if trial.reason == "pruned"),
        budget=sum(map(kind.total, ended)),
        front=tuple(front),
        ahead=tuple(row.trial.number for row in rows if row.ahead),
        tied=1 + len(ties.tied) if ties and p_values else 0,
        test_evaluations=times_evaluated_for(study.files) if kind.of_nets and isinstance(study, StoredStudy) else 0,
        published=compared(study),
        parameters=union([[field.path for field in study.space.ranges], *(trial.params for trial in study.trials)]),
        metrics=[] if kind.of_nets else [name for name in reported if name != kind.name],
        limits=union(trial.constraints for trial in study.trials),
    )
    return ranked, rows


def _check_one_objective(studies: Sequence[RankedStudy]) -> None:
    judged: dict[str, list[str]] = {}
    for study in studies:
        judged.setdefault(_objective(study), []).append(study.record.name)
    if len(judged) > 1:
        told = "; ".join(f"{joined(names)}: {objective}" for objective, names in judged.items())
        raise UsageError(f"Studies of different objectives are not in one leaderboard. {told}.")
    name, times = Counter(study.record.name for study in studies).most_common(1)[0]
    if times > 1:
        raise UsageError(f"{times} studies have the name {name}; in one leaderboard each needs its own.")


def _objective(study: RankedStudy) -> str:
    """Return what a study's trials are judged by, in words that are the same only if it is the same."""
    kind, cost = study.kind, "" if study.record.cost is None else f" and {study.record.cost}"
    if not kind.of_nets:
        return f"{kind.name}{cost}, {'smaller' if kind.minimized else 'larger'} is better"
    data = study.record.spec["context"]["data"]
    files, split = (data[key][:HASH_DIGITS] for key in ("data_hash", "split_hash"))
    dataset = data.get("dataset", "mnist")
    return f"accuracy{cost} on {kind.images:,} validation images of {dataset} (files {files}, split {split})"


def counts(study: StudyRecord) -> dict[str, int]:
    """Return the number of complete, pruned, failed, running and infeasible trials; the last do not count as pruned."""
    states = Counter(trial.state for trial in study.trials if trial.is_trained)
    names: dict[str, State] = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL", "running": "RUNNING"}
    infeasible = sum(not trial.is_trained for trial in study.trials)
    return {name: states[state] for name, state in names.items()} | {"infeasible": infeasible}


def ordered(study: StudyRecord) -> list[TrialRecord]:
    """Return the trained trials: complete ones, those that may still continue, pruned ones, the rest.

    In each group the most accurate comes first, and before it pruned trials that went further. That is the
    leaderboard's order but for a front, which a leaderboard puts first though its cheapest may be bad.
    """
    return listed_trials(study, frozenset(), infeasible=False)


def listed_trials(study: StudyRecord, front: Set[int], *, infeasible: bool) -> list[TrialRecord]:
    """Return the trials in a leaderboard's order, those of the front first.

    `infeasible` adds the infeasible ones at the end, in the order of their numbers.
    """
    trained = [trial for trial in study.trials if trial.is_trained]
    trained.sort(key=lambda trial: (trial.number not in front, place_key(trial)))
    return [*trained, *(trial for trial in study.trials if infeasible and not trial.is_trained)]


def place_key(trial: TrialRecord) -> tuple[int, int, tuple[float, float, float, int]]:
    """Return the sort key of a trained trial in a leaderboard without a front; its number decides last."""
    # A trial that runs and has not reported yet promises nothing.
    groups: Mapping[State, int] = {"COMPLETE": 0, "RUNNING": 1 if trial.reports else 3, "PRUNED": 2, "FAIL": 4}
    return groups[trial.state], -len(trial.reports) if trial.state == "PRUNED" else 0, trial.rank_key()


def pareto_front(study: StudyRecord) -> list[TrialRecord]:
    """Return the complete trials that no other dominates, the most accurate first; none with one objective."""
    return [] if study.cost is None else undominated(study.complete(), study.cost)


def undominated(complete: Sequence[TrialRecord], cost: str) -> list[TrialRecord]:
    """Return those of the complete trials that no other dominates, the most accurate first.

    A trial dominates another if it is at least as accurate and at most as costly, and better in one of the two. `cost`
    is the name of a fact.
    """
    front: list[TrialRecord] = []
    # From the cheapest trial up, a trial is on the front if it is more accurate than all before it, or equals the last
    # one in both: n log n steps, where comparing all pairs of 10,000 trials would take 10^8.
    for trial in sorted(complete, key=lambda trial: (trial.facts[cost], -(trial.score or 0.0))):
        best = front[-1] if front else None
        equal = best is not None and (trial.score, trial.facts[cost]) == (best.score, best.facts[cost])
        if best is None or equal or (trial.score or 0.0) > (best.score or 0.0):
            front.append(trial)
    return sorted(front, key=TrialRecord.rank_key)


def first_then(trial: TrialRecord, first: TrialRecord | None) -> float | None:
    """Return the value that the first complete trial had after as many periods as another trial trained in all.

    None if the other trial is complete, still trains, or ended without a value.
    """
    periods = len(trial.reports)
    is_cut = trial.state != "COMPLETE" and trial.reason != "running" and trial.value is not None
    return first.reports[periods - 1].value if is_cut and first and periods <= len(first.reports) else None


def is_ahead(trial: TrialRecord, first: TrialRecord | None) -> bool:
    """Return whether a trial stopped early, and had a better value than the first one after as many periods."""
    then = first_then(trial, first)
    return then is not None and trial.score is not None and trial.score > score(then, trial.direction)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ties:
    """The first complete trial, tested against each other one by McNemar's exact test, corrected."""

    first: TrialRecord
    p_values: Mapping[int, float]  # by number; without the trials whose correct images are not stored
    tied: tuple[TrialRecord, ...]  # those that the test cannot distinguish from the first; best first, without it

    @property
    def all(self) -> tuple[TrialRecord, ...]:
        """The first trial and those tied with it, best first."""
        return (self.first, *self.tied)

    @property
    def accuracies(self) -> str:
        """The accuracies of all of them in words: `99.40 to 99.50%`, or `99.50% each`."""
        values = [trial.value or 0.0 for trial in self.all]
        if len({percent(value) for value in values}) == 1:
            return f"{percent(max(values))} each"
        return f"{100 * min(values):.2f} to {percent(max(values))}"


def ties_of(complete: Sequence[TrialRecord]) -> Ties:
    """Return the ties among complete trials, of which there is at least one; they are ordered, best first."""
    first, *others = complete
    of_first = correctness(first)
    tested = {
        other.number: mcnemar(*discordant(of_first, bits))
        for other in others
        if of_first is not None and (bits := correctness(other)) is not None and bits.shape == of_first.shape
    }
    p_values = dict(zip(tested, holm([*tested.values()]), strict=True))
    tied = tuple(trial for trial in others if p_values.get(trial.number, 0.0) > LEVEL)
    return Ties(first=first, p_values=p_values, tied=tied)
