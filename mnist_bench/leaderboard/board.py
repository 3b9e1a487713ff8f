"""The leaderboard of a study as plain rows: ranks, intervals, ties, and what distinguishes the trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnist_bench.config import from_json
from mnist_bench.leaderboard.correctness import accuracy_interval, correctness, validation_images
from mnist_bench.nets import distinguishing
from mnist_bench.statistics import holm, mcnemar
from search.event_log import Order, State, StudyRecord, TrialRecord

SIGNIFICANCE = 0.05
STATE_ORDER = ("COMPLETE", "PRUNED", "RUNNING", "FAIL")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One trial on the leaderboard."""

    rank: int | None
    """1 for the best complete trial; None where the trial is not complete."""
    tied: bool
    """Whether the paired test cannot tell the trial from the first."""
    p_value: float | None
    """Holm-adjusted p-value of the paired test against the first; None where there was none."""
    number: int
    accuracy: float | None
    """Validation accuracy of the last period, 0..1."""
    low: float | None
    high: float | None
    """Ends of Wilson's 95 % interval."""
    errors: int | None
    state: str
    reason: str
    epochs: float
    """Epochs trained."""
    total_epochs: float
    """Epochs of the full budget."""
    parameters: int | None
    macs: int | None
    """Multiply-accumulates for one image."""
    seconds: float
    settings: Mapping[str, str]
    """What distinguishes the rows, as compact cells by heading."""
    on_front: bool | None = None
    """Whether no complete trial dominates this one; None in a study with one objective."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaderboard:
    """A study's rows, best first, and the figures around them."""

    study: str
    digest: str
    """64 hexadecimal digits; see `grouped` for reading it."""
    totals: tuple[int, ...]
    """Trained trials asked for; several where the goal was raised after it had been reached."""
    counts: Mapping[str, int]
    """Trials by state and by reason: complete, pruned, failed, infeasible, running."""
    external: int
    """Trials that the machine ended, not their configuration: out of memory, out of time."""
    tied: int
    """Complete trials that the test cannot tell from the first, the first among them."""
    saved_epochs: float
    budget_epochs: float
    """Epochs that ended trials did not train, of those that they would have without pruning."""
    test_openings: int
    live: bool
    rows: tuple[Row, ...]
    hidden: int
    """Rows left out by `top`."""
    order: Order = "logical"
    """Whether periods were taken up in logical order, so that the search repeats, or as they arrived."""
    cost: str | None = None
    """What is minimised beside the accuracy: "macs", "parameters"; None in a study with one objective."""
    front: tuple[int, ...] = ()
    """Numbers of the trials on the Pareto front, the most accurate first; empty with one objective."""

    @property
    def goal(self) -> int:
        """Trained trials asked for in all."""
        return self.totals[-1]


def leaderboard_of(study: StudyRecord, *, top: int | None = None, test_openings: int = 0) -> Leaderboard:
    """Return the leaderboard: complete trials best first, then pruned, unfinished and failed ones.

    With two objectives those on the Pareto front come before all others; a rank is by accuracy even then. Infeasible
    trials are counted and have no row. Ties: McNemar's exact test of the most accurate against each other complete
    trial, Holm-corrected, at 5 %.
    """
    listed = ordered(study)
    shown = listed[:top]
    complete = study.complete()
    ranks = {trial.number: rank for rank, trial in enumerate(complete, start=1)}
    p_values = tie_p_values(complete)
    cells = distinguishing([from_json(trial.config) for trial in shown])
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
            _row(trial, ranks.get(trial.number), images, p_values.get(trial.number), settings, on_front)
            for trial, settings, on_front in zip(shown, cells, _front_marks(study, shown), strict=True)
        ),
        hidden=len(listed) - len(shown),
        order=study.order,
        cost=study.cost,
        front=tuple(trial.number for trial in pareto_front(study)),
    )


def ordered(study: StudyRecord) -> list[TrialRecord]:
    """Return the trials in the leaderboard's order; pruned ones that went further come before others."""
    trials = [trial for trial in study.trials if trial.reason != "infeasible"]
    front = {trial.number for trial in pareto_front(study)}
    return sorted(trials, key=lambda t: (t.number not in front, STATE_ORDER.index(t.state), -reached(t), t.rank_key()))


def pareto_front(study: StudyRecord) -> list[TrialRecord]:
    """Return the complete trials that no other one dominates, the most accurate first; none with one objective."""
    return [] if study.cost is None else undominated(study.complete(), study.cost)


def undominated(complete: Sequence[TrialRecord], cost: str) -> list[TrialRecord]:
    """Return those of complete trials that no other one dominates, the most accurate first.

    A trial dominates another if it is as accurate and costs as little, and is better in one of the two; `cost` is the
    name of a fact.
    """
    front: list[TrialRecord] = []
    for trial in sorted(complete, key=lambda trial: (trial.facts[cost], -(trial.value or 0.0))):
        best = front[-1] if front else None
        equal = best is not None and (trial.value, trial.facts[cost]) == (best.value, best.facts[cost])
        if best is None or equal or (trial.value or 0.0) > (best.value or 0.0):
            front.append(trial)
    return sorted(front, key=TrialRecord.rank_key)


def counts(study: StudyRecord) -> dict[str, int]:
    """Return how many trials are complete, pruned, failed, infeasible and running; infeasible ones count once."""
    states = Counter(trial.state for trial in study.trials if trial.reason != "infeasible")
    infeasible = sum(trial.reason == "infeasible" for trial in study.trials)
    names: dict[str, State] = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL", "running": "RUNNING"}
    return {name: states[state] for name, state in names.items()} | {"infeasible": infeasible}


def saved_epochs(study: StudyRecord) -> tuple[float, float]:
    """Return (epochs that pruned trials were spared, epochs of all ended trials' full budgets)."""
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


def tie_p_values(complete: Sequence[TrialRecord]) -> dict[int, float]:
    """Return adjusted p-values of the first against each other trial, by number; those without stored bits left out."""
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


def reached(trial: TrialRecord) -> int:
    """Return what orders trials of one state: how far a pruned one went."""
    return len(trial.reports) if trial.state == "PRUNED" else 0


def _front_marks(study: StudyRecord, shown: Sequence[TrialRecord]) -> list[bool | None]:
    front = pareto_front(study)
    return [None if study.cost is None else trial in front for trial in shown]


def _row(
    trial: TrialRecord,
    rank: int | None,
    images: int,
    p_value: float | None,
    settings: Mapping[str, str],
    on_front: bool | None,
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
        on_front=on_front,
    )
