"""The leaderboard of a study as rows: ranks, early stops and, for nets, intervals, ties and differing settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mnist_bench.config.catalogue import all_settings
from mnist_bench.config.json import from_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.leaderboard.correctness import accuracy_interval, validation_images
from mnist_bench.leaderboard.early_stop_lines import first_then, is_ahead
from mnist_bench.leaderboard.objective import value_name
from mnist_bench.leaderboard.ranking import listed_trials, pareto_front, untrained_trials
from mnist_bench.leaderboard.ties import SIGNIFICANCE, ties_of
from mnist_bench.nets.summary import distinguishing
from mnist_bench.published import ComparedDigest, compared, is_same_everywhere
from mnist_bench.result_table import ShownAsTable, Table
from search.event_log.records import EarlyStop, Order, StudyRecord, TrialRecord
from search.hashed import State

CURVE_COLUMNS = ("study", "number", "period", "value", "seconds")
"""Columns of a learning curve next to those that the trainer measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetFigures:
    """Figures of a trial that only a trained net has."""

    tied: bool
    """Whether the trial is not significantly different from the first."""
    p_value: float | None
    """Holm-adjusted p-value of the paired test against the first; None if the trial was not tested."""
    low: float | None
    """Lower end of Wilson's 95% interval of the accuracy."""
    high: float | None
    """Upper end of the interval."""
    errors: int | None
    """Number of misclassified validation images."""
    parameters: int | None
    """Number of weights, the running statistics of batch normalization included."""
    macs: int | None
    """Multiply-accumulates for one image, forward."""
    settings: Mapping[str, str]
    """The settings in which the rows differ, as compact cells by heading: for display only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaderboardRow:
    """One trial on the leaderboard."""

    rank: int | None
    """1 for the best complete trial; None if the trial is not complete."""
    number: int
    """Number of the trial, from 0."""
    value: float | None
    """Value after the last report: the validation accuracy of a net (0 to 1), or in the unit of another trainer."""
    metrics: Mapping[str, float | int | None]
    """Metrics of another trainer's last report, by name; empty for nets, which have figures of their own."""
    state: str
    """State as in Optuna: COMPLETE, PRUNED, RUNNING or FAIL."""
    reason: str
    """How the trial ended: complete, pruned, infeasible, diverged, crashed, out_of_memory or timed_out; or
    running or paused, if it has not."""
    done: float
    """Epochs that a net trained, or periods of another trainer."""
    total: float
    """Epochs or periods of the full budget."""
    seconds: float
    """Training time in seconds."""
    params: Mapping[str, Any]
    """Parameters that the search chose, by dotted name. Inactive ones are absent; of other trainers they are None."""
    excess: Mapping[str, float]
    """By how much the trial is over each limit that it exceeds; empty unless the trial is infeasible."""
    seed: int
    """Seed of the training."""
    curve: tuple[Mapping[str, Any], ...]
    """The figures of each period, as `curve_of` returns them; empty if the board has no curves."""
    first_then: float | None
    """Value that the trial of rank 1 had after as many reports as this one, which stopped early. None if this trial is
    complete, still trains, or ended without a value."""
    ahead: bool
    """Whether the trial stopped early with a higher value than `first_then`."""
    cost: float | None
    """Second objective of this trial; None with one objective, or if it is not known."""
    on_front: bool | None
    """Whether no complete trial dominates this one; None in a study with one objective."""
    net: NetFigures | None
    """None in a study of another trainer."""
    study: str = ""
    """Name of the trial's study in a leaderboard of several studies; else empty."""

    @property
    def tied(self) -> bool:
        """Whether the trial is a net that the paired test cannot distinguish from the first."""
        return self.net is not None and self.net.tied


@dataclass(frozen=True, kw_only=True, slots=True)
class NetTotals:
    """Figures of a whole leaderboard that only a study of nets has."""

    tied: int
    """Number of complete trials that are not significantly different from the first, the first included."""
    test_openings: int
    """Number of test-set evaluations for the study."""
    images: int
    """Number of validation images."""
    has_batchnorm: bool
    """Whether a row's net has batch normalisation, whose running statistics count as parameters."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Leaderboard(ShownAsTable):
    """A study's rows, best first, and the figures around them."""

    study: str
    """Name of the study."""
    digest: str
    """64 hexadecimal digits; `grouped` makes them readable."""
    totals: tuple[int, ...]
    """Trial budgets, in trained trials. There are several if the budget was raised after it had been reached."""
    counts: Mapping[str, int]
    """Number of trials that are complete, pruned, failed, infeasible and running."""
    external: int
    """Number of trials that the machine ended, not their configuration: out of memory or out of time."""
    saved: float
    """Epochs of nets, or periods of another trainer, that pruning saved."""
    budget: float
    """Epochs or periods that all ended trials would have trained without pruning."""
    live: bool
    """Whether a process is searching now."""
    rows: tuple[LeaderboardRow, ...]
    hidden: int
    """Number of rows that `--top` leaves out."""
    order: Order
    """The order in which the search handled events: "deterministic", which can be repeated, or "as-completed"."""
    cost: str | None
    """The second objective, a fact of a trial that is minimized, such as "macs"; None in a study with one objective."""
    front: tuple[int, ...]
    """Numbers of the trials on the Pareto front, those with the highest value first; empty with one objective."""
    parameters: tuple[str, ...]
    """Dotted names of all parameters of the study, whether or not a row has them."""
    value_name: str
    """What the value is called: the `objective` of the space, "value" if it has none."""
    minimized: bool
    """Whether smaller values are better."""
    metrics: tuple[str, ...]
    """Names of the metrics that trials of another trainer report, without that of the value; empty for nets."""
    limits: tuple[str, ...]
    """A limit of the study: `macs`, `parameters`, or a constraint."""
    has_curves: bool
    """Whether the rows have their learning curves."""
    has_infeasible: bool
    """Whether infeasible trials have rows."""
    first: int | None
    """Number of the trial of rank 1, if there is one."""
    stop: EarlyStop | None
    """Why the search ended before its goal, if it did."""
    ahead: tuple[int, ...]
    """Numbers of all trials that stopped early ahead of the first at the same epoch, in the leaderboard's order."""
    net: NetTotals | None
    """None in a study of another trainer."""
    portable: bool = False
    """Whether the search has the same digest on every processor."""
    published: ComparedDigest | None = None
    """The comparison with the published digest of this search: that digest, its `processors`, whether it is `equal`
    (null if another one is expected here), and a `sentence`. None if there is none."""
    boards: tuple[Leaderboard, ...] = ()
    """The leaderboard of each study, if the rows are those of several; else empty."""

    @property
    def goal(self) -> int:
        """The current goal, in trained trials."""
        return self.totals[-1]

    def _table(self) -> Table[LeaderboardRow]:
        from mnist_bench.leaderboard.board_table import table_of  # its module imports this one

        return table_of(self)

    def _finding(self) -> str:
        return "" if self.boards else f"digest {self.digest}"


def leaderboard_of(
    study: StudyRecord,
    *,
    of_nets: bool = True,
    top: int | None = None,
    test_openings: int = 0,
    infeasible: bool = False,
    curves: bool = False,
) -> Leaderboard:
    """Return the leaderboard: complete trials best first, then those that may still continue, pruned, failed.

    With two objectives, the Pareto front comes first; ranks are by value even then. Infeasible trials are counted; with
    `infeasible` they also have a row, after all others. Nets are tied with the first if McNemar's exact test against
    it, Holm-adjusted for the number of complete trials, is not significant at 5%.

    Args:
        study: the study.
        of_nets: whether it is a study of nets; one of another trainer has no figures of nets.
        top: number of rows; None for all.
        test_openings: how often the test set was opened for the study.
        infeasible: whether infeasible trials have rows.
        curves: whether rows have their learning curves.
    """
    best = study.best  # asked once: the answer looks at every complete trial
    front = pareto_front(study)
    on_front = {trial.number for trial in front}
    listed = listed_trials(study, on_front, infeasible=infeasible)
    shown = listed[:top]
    names = parameters_of(study) if of_nets else drawn_parameters(study)
    nets, totals = _net_figures(study, shown, test_openings) if of_nets else ([None] * len(shown), None)
    ranks = {trial.number: rank for rank, trial in enumerate(study.complete(), start=1)}
    saved, budget = saved_epochs(study) if of_nets else saved_periods(study)
    rows = [
        LeaderboardRow(
            rank=ranks.get(trial.number),
            number=trial.number,
            value=trial.value,
            metrics={} if of_nets else metrics_of(trial),
            state=trial.state,
            reason=trial.reason,
            done=epochs_done(trial) if of_nets else len(trial.reports),
            total=total_epochs(trial) if of_nets else len(trial.costs),
            seconds=trial.seconds,
            params=dict(trial.params) if of_nets else {name: trial.params.get(name) for name in names},
            excess=excess_of(trial),
            seed=trial.seed,
            curve=curve_of(trial) if curves else (),
            first_then=first_then(trial, best),
            ahead=is_ahead(trial, best),
            cost=None if study.cost is None else trial.facts.get(study.cost),
            on_front=None if study.cost is None else trial.number in on_front,
            net=net,
        )
        for trial, net in zip(shown, nets, strict=True)
    ]
    return Leaderboard(
        study=study.name,
        digest=study.digest,
        totals=study.totals,
        counts=counts(study),
        external=sum(trial.external for trial in study.trials),
        saved=saved,
        budget=budget,
        live=study.live,
        rows=tuple(rows),
        hidden=len(listed) - len(shown),
        order=study.order,
        cost=study.cost,
        front=tuple(trial.number for trial in front),
        parameters=names,
        value_name=value_name(study.spec),
        minimized=study.direction == "minimize",
        metrics=() if of_nets else measured(study),
        limits=limits_of(study),
        has_curves=curves,
        has_infeasible=infeasible,
        first=None if best is None else best.number,
        stop=study.stop,
        ahead=tuple(trial.number for trial in listed if is_ahead(trial, best)),
        net=totals,
        portable=is_same_everywhere(study.spec),
        published=compared(study),
    )


def cut(board: Leaderboard, top: int) -> Leaderboard:
    """Return a board with its first `top` rows."""
    hidden = board.hidden + max(0, len(board.rows) - top)
    return replace(board, rows=board.rows[:top], hidden=hidden)


def _net_figures(
    study: StudyRecord, shown: Sequence[TrialRecord], test_openings: int
) -> tuple[list[NetFigures], NetTotals]:
    """Return the figures of the nets that are shown, and those of the whole study."""
    complete = study.complete()
    ties = ties_of(complete) if complete else None
    p_values = ties.p_values if ties else {}
    # Of the shown rows only: a setting that differs among the others alone would be a column of equal cells.
    configs = [from_json(trial.config) for trial in shown]
    images = validation_images(study.spec["context"])
    figures = [
        _net(trial, images, p_values.get(trial.number), settings)
        for trial, settings in zip(shown, distinguishing(configs), strict=True)
    ]
    tied = len(ties.all) if ties and p_values else 0
    has_batchnorm = any(map(_has_batchnorm, configs))
    return figures, NetTotals(tied=tied, test_openings=test_openings, images=images, has_batchnorm=has_batchnorm)


def _net(trial: TrialRecord, images: int, p_value: float | None, settings: Mapping[str, str]) -> NetFigures:
    errors = trial.reports[-1].metrics.get("errors") if trial.reports else None
    low, high = accuracy_interval(trial, images) or (None, None)
    return NetFigures(
        tied=p_value is not None and p_value > SIGNIFICANCE,
        p_value=p_value,
        low=low,
        high=high,
        errors=None if errors is None else int(errors),
        parameters=trial.facts.get("parameters"),
        macs=trial.facts.get("macs"),
        settings=settings,
    )


def drawn_parameters(study: StudyRecord) -> tuple[str, ...]:
    """Return the dotted names of the parameters that some trial has."""
    return tuple(dict.fromkeys(name for trial in study.trials for name in trial.params))


def parameters_of(study: StudyRecord) -> tuple[str, ...]:
    """Return the dotted names of all parameters: the space's ranges, in its order, whether or not a trial has them."""
    ranges = [field.path for field in study.space.ranges]
    return tuple(dict.fromkeys([*ranges, *drawn_parameters(study)]))


def metrics_of(trial: TrialRecord) -> dict[str, float | int | None]:
    """Return the metrics of a trial's last report."""
    return dict(trial.reports[-1].metrics) if trial.reports else {}


def measured(study: StudyRecord) -> tuple[str, ...]:
    """Return the names of the metrics that some last report has, without the name of the value."""
    names = dict.fromkeys(name for trial in study.trials for name in metrics_of(trial))
    names.pop(value_name(study.spec), None)
    return tuple(names)


def limits_of(study: StudyRecord) -> tuple[str, ...]:
    """Return the names of a study's limits, as found in its trials."""
    return tuple(dict.fromkeys(name for trial in study.trials for name in trial.constraints))


def excess_of(trial: TrialRecord) -> dict[str, float]:
    """Return by how much a trial is over each limit that it exceeds."""
    return {name: excess for name, excess in trial.constraints.items() if excess > 0}


def curve_of(trial: TrialRecord) -> tuple[Mapping[str, Any], ...]:
    """Return plain figures of each period: its number from 1 on, all that it measured, its value and its seconds.

    If a trainer measured something under the name of a column of curves, that figure is `metrics.NAME`.
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
    """Return the number of complete, pruned, failed, running and infeasible trials; the last do not count as pruned.

    Duplicates have a number of their own, if there are any.
    """
    states = Counter(trial.state for trial in study.trials if trial.is_trained)
    untrained = Counter(trial.reason for trial in untrained_trials(study))
    names: dict[str, State] = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL", "running": "RUNNING"}
    return {name: states[state] for name, state in names.items()} | {"infeasible": 0, **untrained}


def saved_epochs(study: StudyRecord) -> tuple[float, float]:
    """Return (epochs that pruning saved, epochs that all ended trials would have trained without it)."""
    ended = study.finished()
    pruned = [trial for trial in ended if trial.reason == "pruned"]
    saved = sum(total_epochs(trial) - epochs_done(trial) for trial in pruned)
    return saved, sum(total_epochs(trial) for trial in ended)


def saved_periods(study: StudyRecord) -> tuple[int, int]:
    """Return (periods that pruning saved, periods that all ended trials would have trained without it)."""
    ended = study.finished()
    saved = sum(len(trial.costs) - len(trial.reports) for trial in ended if trial.reason == "pruned")
    return saved, sum(len(trial.costs) for trial in ended)


def epochs_done(trial: TrialRecord) -> float:
    """Return the epochs that a trial trained."""
    epoch = trial.reports[-1].metrics.get("epoch") if trial.reports else None
    return float(epoch) if epoch is not None else 0.0


def total_epochs(trial: TrialRecord) -> float:
    """Return the epochs of a trial's full budget."""
    return float(trial.config.get("epochs", TrainConfig().epochs))


def period_ends(trial: TrialRecord) -> tuple[float, ...]:
    """Return the epochs after which a trial reports; the last one is its full budget."""
    whole = range(1, int(total_epochs(trial)) + 1)
    return tuple(float(end) for end in trial.config.get("periods") or whole)


def grouped(digest: str) -> str:
    """Return a digest in groups of four digits."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))
