"""The trials that charts show: their curves, and their figures and settings in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, assert_never

from mnist_bench import cells
from mnist_bench.config import from_json
from mnist_bench.leaderboard import accuracy_interval, ordered, period_ends, validation_images, value_name
from mnist_bench.nets import line
from mnist_bench.studies import is_foreign
from search.event_log import StudyRecord, TrialRecord
from search.hashed import Reason
from search.objectives import FLAT

LISTED = 200
"""Largest number of trials in the charts: those that the leaderboard lists first, and those in progress."""

Ending = Literal["complete", "pruned", "running", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownTrial:
    """One trial."""

    number: int
    ending: Ending
    done: tuple[float, ...]
    """Epochs, or numbers of reports, after which it reported a value."""
    values: tuple[float, ...]
    """The values reported, one for each of `done`."""
    figures: Mapping[str, str]
    """Its state and results in words, by name."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Its parameters in words, by dotted name; those at the top level of the space without a section."""

    @property
    def label(self) -> str:
        """The trial in one sentence, for people who hear the page."""
        return f"Trial {self.number}: {', '.join(self.figures.values())}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownStudy:
    """The trials of a study that charts show, and what their values are."""

    name: str
    """The name of the value."""
    unit: str
    """In what training is counted: `epochs` or `reports`."""
    of_nets: bool
    minimized: bool
    """Whether smaller values are better."""
    budget: tuple[float, ...]
    """Epochs, or numbers of reports, after which a trial reports; the last is the full budget."""
    trials: tuple[ShownTrial, ...]
    """In the order of their numbers."""
    bests: tuple[tuple[int, float], ...]
    """Number and value of each complete trial that ranks above all complete ones before it."""
    all: int
    """Number of feasible trials, with those that are not shown."""


def shown_study(study: StudyRecord, most: int = LISTED) -> ShownStudy:
    """Return what charts of a study show: at most `most` trials that do not train now, and all that do."""
    foreign = is_foreign(study.spec)
    trained = [trial for trial in study.trials if trial.is_trained]
    first = {trial.number for trial in ordered(study)[:most]}
    shown = [trial for trial in trained if trial.number in first or trial.state == "RUNNING"]
    ends = _reports if foreign else period_ends
    words = _figures_of_values if foreign else _figures_of_nets(validation_images(study.spec["context"]))
    return ShownStudy(
        name=value_name(study.spec) if foreign else "validation accuracy",
        unit="reports" if foreign else "epochs",
        of_nets=not foreign,
        minimized=study.direction == "minimize",
        budget=ends(trained[0]) if trained else (1.0,),
        trials=tuple(_shown(trial, ends(trial), words(trial)) for trial in shown),
        bests=tuple(_bests(trained)),
        all=len(trained),
    )


def summary_of(trial: TrialRecord, *, foreign: bool) -> str:
    """Return the settings of a trial in one line."""
    if not foreign:
        return line(from_json(trial.config))
    return "  ".join(f"{name} {value}" for name, value in _settings(trial).items())


def _shown(trial: TrialRecord, ends: Sequence[float], figures: Mapping[str, str]) -> ShownTrial:
    known = [(done, report.value) for done, report in zip(ends, trial.reports, strict=False)]
    reported = [(done, value) for done, value in known if value is not None]
    return ShownTrial(
        number=trial.number,
        ending=_ending(trial.reason),
        done=tuple(done for done, _ in reported),
        values=tuple(value for _, value in reported),
        figures=figures,
        settings=_settings(trial),
    )


def _ending(reason: Reason) -> Ending:
    match reason:
        case "complete" | "pruned":
            return reason
        case "running" | "paused":
            return "running"
        case "infeasible" | "duplicate" | "diverged" | "out_of_memory" | "timed_out" | "crashed":
            return "failed"
        case _:
            assert_never(reason)


def _settings(trial: TrialRecord) -> dict[str, str]:
    return {name.removeprefix(f"{FLAT}."): cells.short(value) for name, value in trial.params.items()}


def _reports(trial: TrialRecord) -> tuple[float, ...]:
    return tuple(float(period) for period in range(1, len(trial.costs) + 1))


def _figures_of_nets(images: int) -> Callable[[TrialRecord], dict[str, str]]:
    def figures(trial: TrialRecord) -> dict[str, str]:
        ends = period_ends(trial)
        done = ends[len(trial.reports) - 1] if trial.reports else 0.0
        accuracy = f"{cells.percent(trial.value)} {cells.interval(*(accuracy_interval(trial, images) or (None, None)))}"
        return {
            "validation": accuracy.strip(),
            "state": cells.ending(trial.state, trial.reason),
            "trained": f"{done:g} of {ends[-1]:g} epochs",
            "parameters": cells.count(trial.facts.get("parameters")),
            "time": cells.duration(trial.seconds),
        }

    return figures


def _figures_of_values(trial: TrialRecord) -> dict[str, str]:
    return {
        "value": cells.value(trial.value),
        "state": cells.ending(trial.state, trial.reason),
        "trained": f"{len(trial.reports)} of {len(trial.costs)} reports",
        "time": cells.duration(trial.seconds),
        **({"error": cells.safe(trial.cause)} if trial.cause else {}),
    }


def _bests(trials: Sequence[TrialRecord]) -> list[tuple[int, float]]:
    bests: list[TrialRecord] = []
    for trial in trials:
        is_better = not bests or trial.rank_key() < bests[-1].rank_key()
        if trial.state == "COMPLETE" and trial.value is not None and is_better:
            bests.append(trial)
    return [(trial.number, trial.value) for trial in bests if trial.value is not None]
