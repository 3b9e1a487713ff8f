"""The order of trials: the most accurate first, and those that no other dominates."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import assert_never

from search.event_log.records import StudyRecord, TrialRecord


def ordered(study: StudyRecord) -> list[TrialRecord]:
    """Return the trained trials: complete ones, those that may still continue, pruned ones, the rest.

    In each group the most accurate comes first, and before it pruned trials that went further.

    That is the leaderboard's order but for a front, which a leaderboard puts first though its cheapest may be bad.
    """
    return _sorted(study, frozenset())


def listed_trials(study: StudyRecord, front: Set[int], *, infeasible: bool) -> list[TrialRecord]:
    """Return the trials in a leaderboard's order, those of the front first.

    `infeasible` adds the infeasible ones at the end.
    """
    return [*_sorted(study, front), *(untrained_trials(study) if infeasible else ())]


def _sorted(study: StudyRecord, front: Set[int]) -> list[TrialRecord]:
    trials = [trial for trial in study.trials if trial.is_trained]
    return sorted(trials, key=lambda t: (t.number not in front, place_key(t)))


def place_key(trial: TrialRecord) -> tuple[int, int, tuple[float, float, float, int]]:
    """Return the sort key of a trained trial in a leaderboard without a front; its number decides last."""
    return (_group(trial), -reached(trial), trial.rank_key())


def _group(trial: TrialRecord) -> int:
    """Return the place of a trial's group; one that has not reported yet promises nothing."""
    match trial.state:
        case "COMPLETE":
            return 0
        case "RUNNING":
            return 1 if trial.reports else 3
        case "PRUNED":
            return 2
        case "FAIL":
            return 4
        case _:
            assert_never(trial.state)


def untrained_trials(study: StudyRecord) -> list[TrialRecord]:
    """Return the infeasible trials, in the order of their numbers."""
    return [trial for trial in study.trials if not trial.is_trained]


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


def reached(trial: TrialRecord) -> int:
    """Return the periods that a pruned trial trained, and 0 for others: the second sort key of a leaderboard."""
    return len(trial.reports) if trial.state == "PRUNED" else 0
