"""Which trials of an earlier study lie in a space.

A trial does if the space gives its very configuration: a range has its value, a constant or a default equals it, and no
limit or constraint rules it out. Trained again with its seed, it then gives the same bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from search import canonical_json
from search.differences import differences
from search.errors import UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import Reason
from search.messages import first_few, number_of, show
from search.space.feasibility import constrained
from search.space.ranges import Distribution, same
from search.space.space import Space
from search.study.spec import StudySpec
from search.study.start_list import Continuation, TakenTrial
from search.trainer_api import Planner

SettingsOf = Callable[[Space, TrialRecord], Mapping[str, Any]]
"""Returns every setting of a trial by its path in a space file, given the trial's own space."""
SHOWN = 3
"""Reasons that a message names."""
_BELOW = "config."


def resolved(space: Space, trial: TrialRecord) -> Mapping[str, Any]:
    """Return the settings that the trial's space names, constants among them; without those that did not apply."""
    return space.resolve(trial.params)


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The trials of an earlier study that lie in a space, and why the others do not."""

    continues: Continuation
    trials: int
    """Trials of the earlier study that count."""
    left_out: Mapping[str, int]
    """Numbers of trials, by the words that say why they are left out."""
    enqueued: int
    """Trials of the new study before these."""

    @property
    def given(self) -> int:
        """Trials of the new study before the first one that is not given by its user."""
        return self.enqueued + len(self.continues.trials)

    def check_goal(self, goal: int) -> None:
        """Check that a search for so many trained trials adds one to those that are given."""
        if goal <= self.given:
            taken = number_of(len(self.continues.trials), "trial")
            raise UsageError(
                f"--trials {goal} leaves nothing to search: the new study begins with {taken} of "
                f"{self.continues.study}. Give more than {self.given}."
            )

    def __str__(self) -> str:
        """Return the counts in a sentence or two."""
        verb = "lies" if len(self.continues.trials) == 1 else "lie"
        counts = f"{len(self.continues.trials):,} of {number_of(self.trials, 'trial')} of {self.continues.study}"
        reasons = f" Not included: {_listed(self.left_out)}." if self.left_out else ""
        return f"{counts} {verb} in this space and come first, with the same seeds.{reasons}"


def selected(
    earlier: StudyRecord, spec: StudySpec, planner: Planner[Any], settings_of: SettingsOf = resolved
) -> Selection:
    """Return the trials of an earlier study with which a search can begin.

    Those that crashed, or ran out of memory or time, are left out. One that has not ended is begun again.

    The search trains to the same bits as the earlier study did, as `check_comparable` has checked.

    Raises:
        UsageError: there is none.
    """
    there, plan = earlier.space, constrained(planner, spec.space)
    taken: list[TakenTrial] = []
    left_out: Counter[str] = Counter()
    trained = [trial for trial in earlier.trials if trial.is_trained]
    for trial in trained:
        try:
            params = _params(trial, _settings(there, trial, settings_of), spec.space, plan)
        except _LeftOut as reason:
            left_out[str(reason)] += 1
        else:
            taken.append(TakenTrial(trial=trial.number, params=params, seed=trial.seed))
    if not taken:
        raise UsageError(_none_of(earlier.name, left_out))
    continues = Continuation(study=earlier.name, digest=earlier.digest, trials=tuple(taken))
    return Selection(continues=continues, trials=len(trained), left_out=dict(left_out), enqueued=len(spec.enqueued))


def _none_of(name: str, left_out: Counter[str]) -> str:
    if not left_out:
        return f"Study {name} has no trial to begin with."
    return f"None of the {number_of(left_out.total(), 'trial')} of {name} lies in this space: {_listed(left_out)}."


class _LeftOut(Exception):
    """A trial does not lie in a space; the text completes "2 ..."."""


def _settings(space: Space, trial: TrialRecord, settings_of: SettingsOf) -> Mapping[str, Any]:
    try:
        return settings_of(space, trial)
    except KeyError as error:  # others may have written to the database
        raise _LeftOut(f"without {show(error.args[0])}") from error


def _params(trial: TrialRecord, settings: Mapping[str, Any], space: Space, plan: Planner[Any]) -> Mapping[str, Any]:
    """Return the parameters of a space that give a trial's configuration."""
    if _has_failed(trial.reason):
        raise _LeftOut("that failed")
    params = space.sample(lambda path, span: _value(path, span, settings))
    planned = plan(params)
    if not planned.feasible:
        raise _LeftOut("beyond a limit or a constraint")
    config = dict(plan.codec.to_json(planned.config))
    if canonical_json.dumps(config) != canonical_json.dumps(trial.config):
        raise _LeftOut(f"with another {_first_difference(trial.config, config)}")
    return params


def _first_difference(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    # Below a path of its own, no entry is taken for the description of a machine's numerics, which does not count.
    rows = differences(then, now, _BELOW)
    return rows[0][0].removeprefix(_BELOW) if rows else "configuration"


def _has_failed(reason: Reason) -> bool:
    """Return whether a trial ended for a reason that is expected to end it again, at the cost of a training."""
    match reason:
        case "crashed" | "out_of_memory" | "timed_out":
            return True
        case "complete" | "pruned" | "diverged" | "running" | "paused" | "infeasible":
            return False
        case _:
            assert_never(reason)


def _value(path: str, span: Distribution, settings: Mapping[str, Any]) -> Any:
    """Return the value of a range that equals a setting, as a search draws it."""
    if path not in settings:
        raise _LeftOut(f"without {path}")
    value = settings[path]
    if not span.contains(value):
        raise _LeftOut(f"with another {path}")
    if span.is_listed:
        return next(each for each in span.values if same(each, value))
    return float(value) if span.is_real else value


def _listed(reasons: Mapping[str, int]) -> str:
    """Return the numbers of trials with the reasons, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda item: -item[1])
    return first_few([f"{number} {words}" for words, number in ordered], SHOWN)
