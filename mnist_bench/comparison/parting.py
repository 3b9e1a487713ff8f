"""The first place at which two searches, or two runs, part: a decision, or the result of a period."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, assert_never

from mnist_bench.comparison.sides import Side
from mnist_bench.config.json import flattened
from mnist_bench.studies import record as records
from mnist_bench.studies.reproduce import figure_difference, figures_of
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import repeats

Part = Literal["proposal", "configuration", "seed", "result", "end", "order", "length"]
"""What differs first: the parameters of a trial, the configuration that follows from them, the seed of a trial, the
result of a period, how a trial ends, which event comes next, or only how far the two went."""
Kind = Literal["ask", "report", "end"]
"""The events of a trial."""
PARAMETER, SETTING, SEED = "parameter ", "setting ", "seed"
"""The figures of a proposal begin with the first two."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parting:
    """The first difference, in the order in which the search handled events."""

    part: Part
    trial: int
    """Its number in the first search."""
    period: int | None
    """From 1; None if it is not about a period."""
    name: str
    """What differs: `train loss`, `optim.lr`."""
    first: str
    second: str
    """The two values as text."""
    before: int
    """Events before it, which agree: proposals, reports and ends of trials."""

    @property
    def is_result(self) -> bool:
        """Whether training gave other results on the same configuration and seed."""
        return self.part == "result"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One event of a search's trial, without what differs from run to run."""

    kind: Kind
    trial: int
    period: int | None
    figures: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What happens, in a few words."""
        match self.kind:
            case "ask":
                return f"trial {self.trial} begins"
            case "report":
                return f"trial {self.trial} reports period {self.period}"
            case "end":
                return f"trial {self.trial} ends"
            case _:
                assert_never(self.kind)


def parting_of(first: Side, second: Side) -> Parting | None:
    """Return where two sides part; None if they do not, or if one of them has nothing.

    Two studies part in an event of the search, others in a period of the two runs.
    """
    if first.is_study and second.is_study and first.study is not None and second.study is not None:
        # In the order of logical time; trial by trial if one was searched as results came.
        by_time = repeats(first.study.order) and repeats(second.study.order)
        return _of_steps(steps_of(first.study, by_time=by_time), steps_of(second.study, by_time=by_time))
    if first.run is None or second.run is None:
        return None
    return _of_steps(
        *(
            [
                Step(kind="report", trial=0, period=number, figures=figures_of(report, "value"))
                for number, report in enumerate(run.reports, start=1)
            ]
            for run in (first.run, second.run)
        )
    )


def _of_steps(first: Sequence[Step], second: Sequence[Step]) -> Parting | None:
    for before, (one, other) in enumerate(zip_longest(first, second)):
        if one is None or other is None:
            longer = one or other
            names = ["nothing" if step is None else step.words for step in (one, other)]
            return Parting(
                part="length", trial=longer.trial, period=longer.period, name="next event", first=names[0],
                second=names[1], before=before,
            )  # fmt: skip
        if (found := _difference(one, other, before)) is not None:
            return found
    return None


def _difference(one: Step, other: Step, before: int) -> Parting | None:
    if (one.kind, one.trial, one.period) != (other.kind, other.trial, other.period):
        return Parting(
            part="order", trial=one.trial, period=one.period, name="next event", first=one.words, second=other.words,
            before=before,
        )  # fmt: skip
    found = figure_difference(one.figures, other.figures)
    if found is None:
        return None
    absent = "the default" if found.name.startswith(SETTING) else "nothing"
    name = found.name.removeprefix(PARAMETER).removeprefix(SETTING)
    first, second = (absent if value == "None" else value for value in (found.then, found.now))
    return Parting(
        part=_part(one.kind, found.name), trial=one.trial, period=one.period, first=first, second=second, before=before,
        name=name.replace("_", " ") if one.kind == "report" else name,
    )  # fmt: skip


def _part(kind: Kind, name: str) -> Part:
    match kind:
        case "ask":
            return "seed" if name == SEED else "proposal" if name.startswith(PARAMETER) else "configuration"
        case "report":
            return "result"
        case "end":
            return "end"
        case _:
            assert_never(kind)


def steps_of(study: StudyRecord, *, by_time: bool = True) -> list[Step]:
    """Return the events of a study's trials, in the order in which a search in deterministic order handles them, or
    trial by trial."""
    timed = [
        ((trial.end_of(done), trial.slot) if by_time else (0, 0), trial.number, number, step)
        for trial in study.trials
        for number, (done, step) in enumerate(_steps_of_trial(trial))
    ]
    return [step for *_, step in sorted(timed, key=lambda each: each[:3])]


def _steps_of_trial(trial: TrialRecord) -> Iterator[tuple[int, Step]]:
    """Yield each event of a trial with the number of periods that it had trained by then."""
    parameters = {f"{PARAMETER}{name}": value for name, value in trial.params.items()}
    settings = {f"{SETTING}{name}": value for name, value in flattened(trial.config)}
    yield 0, Step(kind="ask", trial=trial.number, period=None, figures={**parameters, SEED: trial.seed, **settings})
    for number, report in enumerate(trial.reports, start=1):
        figures = figures_of(records.period_of(report), "value")
        yield number, Step(kind="report", trial=trial.number, period=number, figures=figures)
    if trial.state != "RUNNING":
        ended = {"state": trial.state, "reason": trial.reason}
        yield len(trial.reports), Step(kind="end", trial=trial.number, period=None, figures=ended)
