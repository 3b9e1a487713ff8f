"""The leaderboard of a study as plain rows: ranks, intervals, ties, and the settings in which the trials differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnist_bench.config import TrainConfig, all_settings, from_json
from mnist_bench.leaderboard.correctness import accuracy_interval, correctness, validation_images
from mnist_bench.leaderboard.early_stop import first_then, is_ahead
from mnist_bench.leaderboard.ranking import infeasible_trials, listed_trials, pareto_front
from mnist_bench.nets import distinguishing
from mnist_bench.statistics import holm, mcnemar
from search.event_log import EarlyStop, Order, State, StudyRecord, TrialRecord

SIGNIFICANCE = 0.05
"""Trials with an adjusted p-value above it are tied with the first."""
UNTESTED = "Which images each trial got right was not kept, so no test can tell it from the others."
"""Said of the best complete trial where `tie_p_values` has no value for another one."""
CURVE_COLUMNS = ("study", "number", "period", "value", "seconds")
"""What a learning curve has of each period beside what the trainer measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One trial on the leaderboard."""

    rank: int | None
    """1 for the best complete trial; None if the trial is not complete."""
    tied: bool
    """Whether the paired test cannot distinguish the trial from the first."""
    p_value: float | None
    """Holm-adjusted p-value of the paired test against the first; None if the trial was not tested."""
    number: int
    accuracy: float | None
    """Validation accuracy of the last period, 0..1."""
    low: float | None
    high: float | None
    """Ends of Wilson's 95 % interval."""
    errors: int | None
    """Number of validation images that are classified wrongly."""
    state: str
    """As in Optuna: COMPLETE, PRUNED, RUNNING or FAIL."""
    reason: str
    """How the trial ended, see `TrialRecord.reason`."""
    epochs: float
    """Epochs trained."""
    total_epochs: float
    """Epochs of the full budget."""
    parameters: int | None
    macs: int | None
    """Multiply-accumulates for one image."""
    seconds: float
    """Training time."""
    settings: Mapping[str, str]
    """The settings in which the rows differ, as compact cells by heading: for eyes alone."""
    params: Mapping[str, Any]
    """The parameters that the search chose, by dotted name, as they are; inactive ones are left out."""
    excess: Mapping[str, float]
    """By how much the net is over each limit that it exceeds; empty unless the trial is infeasible."""
    seed: int
    """Seed of the training."""
    curve: tuple[Mapping[str, Any], ...]
    """The figures of each period, see `curve_of`; empty where the board has no curves."""
    on_front: bool | None
    """Whether no complete trial dominates this one; None in a study with one objective."""
    first_then: float | None
    """Validation accuracy that the trial of rank 1 had when it had trained as long as this one, which stopped early;
    None if the trial is complete, still trains, or ended without an accuracy."""
    ahead: bool
    """Whether the trial stopped early with a higher accuracy than that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaderboard:
    """A study's rows, best first, and the figures around them."""

    study: str
    digest: str
    """64 hexadecimal digits; `grouped` makes them readable."""
    totals: tuple[int, ...]
    """Goals, in trained trials. There are several if the goal was raised after it had been reached."""
    counts: Mapping[str, int]
    """Number of trials that are complete, pruned, failed, infeasible and running."""
    external: int
    """Number of trials that the machine ended, not their configuration: out of memory or out of time."""
    tied: int
    """Number of complete trials that the test cannot distinguish from the first, the first included."""
    saved_epochs: float
    """Epochs that pruning saved."""
    budget_epochs: float
    """Epochs that all ended trials would have trained without pruning."""
    test_openings: int
    """How often the test set was opened for the study."""
    live: bool
    """Whether a driver is at work on the study."""
    rows: tuple[Row, ...]
    hidden: int
    """Number of rows that `top` leaves out."""
    order: Order
    """The order in which the search handled events: "logical", which can be repeated, or "arrival"."""
    cost: str | None
    """The second objective, which is minimised: "macs" or "parameters"; None in a study with one objective."""
    parameters: tuple[str, ...]
    """Dotted names of all parameters of the study, whether or not a row has them."""
    limits: tuple[str, ...]
    """What the study limits: `macs`, `parameters`."""
    has_curves: bool
    """Whether the rows have their learning curves."""
    has_infeasible: bool
    """Whether infeasible trials have rows."""
    has_batchnorm: bool
    """Whether a row's net has batch normalisation, whose running statistics count as parameters."""
    first: int | None
    """Number of the trial of rank 1, if there is one."""
    stop: EarlyStop | None
    """Why the search ended before its goal, where it did."""
    ahead: tuple[int, ...]
    """Numbers of all trials that stopped early ahead of the first at the same epoch, in the leaderboard's order."""
    front: tuple[int, ...]
    """Numbers of the trials on the Pareto front, the most accurate first; empty with one objective."""

    @property
    def goal(self) -> int:
        """The current goal, in trained trials."""
        return self.totals[-1]


def leaderboard_of(
    study: StudyRecord,
    *,
    top: int | None = None,
    test_openings: int = 0,
    infeasible: bool = False,
    curves: bool = False,
) -> Leaderboard:
    """Return the leaderboard: complete trials best first, then those that may still continue, pruned, failed.

    With two objectives, the Pareto front comes first; ranks are by accuracy even then. Infeasible trials are counted;
    they have a row, after all others, where `infeasible` asks for it. Trials are tied with the first if McNemar's exact
    test against it, Holm-adjusted for the number of complete trials, is not significant at 5 %.

    Args:
        study: the study.
        top: number of rows; None for all.
        test_openings: how often the test set was opened for the study.
        infeasible: whether infeasible trials have rows.
        curves: whether rows have their learning curves.
    """
    front = pareto_front(study)
    on_front = {trial.number for trial in front}
    listed = listed_trials(study, on_front, infeasible=infeasible)
    shown = listed[:top]
    complete = study.complete()
    ranks = {trial.number: rank for rank, trial in enumerate(complete, start=1)}
    p_values = tie_p_values(complete)
    # Of the rows that are shown: what differs only among the others would be a column of equal cells.
    configs = [from_json(trial.config) for trial in shown]
    images = validation_images(study.spec["context"])
    saved, budget = saved_epochs(study)
    return Leaderboard(
        study=study.name,
        digest=study.digest,
        totals=study.totals,
        counts=counts(study),
        external=sum(trial.external for trial in study.trials),
        tied=sum(p > SIGNIFICANCE for p in p_values.values()) + 1 if p_values else 0,
        saved_epochs=saved,
        budget_epochs=budget,
        test_openings=test_openings,
        live=study.live,
        rows=tuple(
            _row(
                trial,
                ranks.get(trial.number),
                images,
                p_values.get(trial.number),
                settings,
                on_front=None if study.cost is None else trial.number in on_front,
                curves=curves,
                first=study.best,
            )
            for trial, settings in zip(shown, distinguishing(configs), strict=True)
        ),
        hidden=len(listed) - len(shown),
        order=study.order,
        cost=study.cost,
        front=tuple(trial.number for trial in front),
        parameters=parameters_of(study),
        limits=limits_of(study),
        has_curves=curves,
        has_infeasible=infeasible,
        first=None if study.best is None else study.best.number,
        stop=study.stop,
        ahead=tuple(trial.number for trial in listed if is_ahead(trial, study.best)),
        has_batchnorm=any(map(_has_batchnorm, configs)),
    )


def parameters_of(study: StudyRecord) -> tuple[str, ...]:
    """Return the dotted names of all parameters: the space's ranges, in its order, whether or not a trial has them."""
    ranges = [field.path for field in study.space.ranges]
    return tuple(dict.fromkeys([*ranges, *(name for trial in study.trials for name in trial.params)]))


def limits_of(study: StudyRecord) -> tuple[str, ...]:
    """Return what a study limits, as far as its trials tell."""
    return tuple(dict.fromkeys(name for trial in study.trials for name in trial.constraints))


def excess_of(trial: TrialRecord) -> dict[str, float]:
    """Return by how much a trial is over each limit that it exceeds."""
    return {name: excess for name, excess in trial.constraints.items() if excess > 0}


def curve_of(trial: TrialRecord) -> tuple[Mapping[str, Any], ...]:
    """Return plain figures of each period: its number from 1 on, all that it measured, its value and its seconds.

    What a trainer of the user's own measured under a name that a column of curves has is `metrics.NAME`.
    """
    return tuple(
        {
            "period": number,
            **{f"metrics.{name}" if name in CURVE_COLUMNS else name: value for name, value in report.metrics.items()},
            "value": report.value,
            "seconds": report.seconds,
        }
        for number, report in enumerate(trial.reports, start=1)
    )


def _has_batchnorm(config: TrainConfig) -> bool:
    return all_settings()["model.batchnorm_momentum"].counts_in(config)


def counts(study: StudyRecord) -> dict[str, int]:
    """Return the number of complete, pruned, failed, running and infeasible trials; the last do not count as pruned."""
    states = Counter(trial.state for trial in study.trials if trial.reason != "infeasible")
    names: dict[str, State] = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL", "running": "RUNNING"}
    return {name: states[state] for name, state in names.items()} | {"infeasible": len(infeasible_trials(study))}


def saved_epochs(study: StudyRecord) -> tuple[float, float]:
    """Return (epochs that pruning saved, epochs that all ended trials would have trained without it)."""
    ended = study.finished()
    pruned = [trial for trial in ended if trial.reason == "pruned"]
    saved = sum(total_epochs(trial) - epochs_done(trial) for trial in pruned)
    return saved, sum(total_epochs(trial) for trial in ended)


def epochs_done(trial: TrialRecord) -> float:
    """Return the epochs that a trial trained."""
    epoch = trial.reports[-1].metrics.get("epoch") if trial.reports else None
    return float(epoch) if epoch is not None else 0.0


def total_epochs(trial: TrialRecord) -> float:
    """Return the epochs of a trial's full budget."""
    return float(trial.config["epochs"])


def period_ends(trial: TrialRecord) -> tuple[float, ...]:
    """Return the epochs after which a trial reports; the last one is its full budget."""
    whole = range(1, int(trial.config["epochs"]) + 1)
    return tuple(float(end) for end in trial.config["periods"] or whole)


def tie_p_values(complete: Sequence[TrialRecord]) -> dict[int, float]:
    """Return the adjusted p-values of the first trial against each other one, by number.

    Trials are left out if the database does not hold which images they got right.
    """
    first = correctness(complete[0]) if complete else None
    if first is None:
        return {}
    others = {trial.number: correctness(trial) for trial in complete[1:]}
    tested = {number: bits for number, bits in others.items() if bits is not None and bits.shape == first.shape}
    adjusted = holm([mcnemar(first, bits) for bits in tested.values()])
    return dict(zip(tested, adjusted, strict=True))


def grouped(digest: str) -> str:
    """Return a digest in groups of four digits."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))


def _row(
    trial: TrialRecord,
    rank: int | None,
    images: int,
    p_value: float | None,
    settings: Mapping[str, str],
    *,
    on_front: bool | None,
    curves: bool,
    first: TrialRecord | None,
) -> Row:
    errors = trial.reports[-1].metrics.get("errors") if trial.reports else None
    low, high = accuracy_interval(trial, images) or (None, None)
    return Row(
        rank=rank,
        tied=p_value is not None and p_value > SIGNIFICANCE,
        p_value=p_value,
        number=trial.number,
        accuracy=trial.value,
        low=low,
        high=high,
        errors=None if errors is None else int(errors),
        state=trial.state,
        reason=trial.reason,
        epochs=epochs_done(trial),
        total_epochs=total_epochs(trial),
        parameters=trial.facts.get("parameters"),
        macs=trial.facts.get("macs"),
        seconds=trial.seconds,
        settings=settings,
        params=dict(trial.params),
        excess=excess_of(trial),
        seed=trial.seed,
        curve=curve_of(trial) if curves else (),
        on_front=on_front,
        first_then=first_then(trial, first),
        ahead=is_ahead(trial, first),
    )
