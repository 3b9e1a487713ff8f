"""Which hyperparameters matter for being among the best quarter of trials, and how much of that chance explains."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import optuna
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from mnist_bench.plots.frame import COMPLETE, INK, PRUNED, Drawn
from mnist_bench.plots.subject import Subject
from mnist_bench.plots.trials import TrialComparison, compare, parameters
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord
from search.space.space import Space
from search.strategies.optuna_samplers import OptunaRanges

TOP = 0.25
"""Share of the trials that count as good. Optuna's 0.1 leaves 5 of 50 trials, too few to distinguish anything from
chance."""
SHUFFLES = 99  # shuffles; with the real order a hundred. Each costs as much as one measurement.
LEVEL = 0.95  # share of the shuffled studies in which no parameter at all exceeds its threshold
MAX_TRIALS = 400  # a larger study is thinned evenly to this number of trials; shuffling all would take minutes

Trial = tuple[Mapping[str, Any], float]  # parameters and value; a greater value is better


@dataclass(frozen=True, kw_only=True, slots=True)
class Importance:
    """How much one parameter matters."""

    path: str
    share: float  # of the importance of all parameters, 0..1
    chance: float  # threshold of the share that chance alone rarely exceeds

    @property
    def stands_out(self) -> bool:
        """Whether the share is larger than chance explains."""
        return self.share > self.chance


def importance_of_each(space: Space, trials: Sequence[Trial]) -> list[Importance]:
    """Return the importance of each parameter that at least one trial has, the largest first.

    Importance is PED-ANOVA's, by Optuna: how far the parameter's density among the best quarter of the trials is from
    its density among all (Watanabe et al. 2023). A conditional parameter is measured on the trials that have it, and
    weighted by their number (Conditional PED-ANOVA, 2026). The measure shows which parameters separate good trials from
    others where the search has been; it does not measure the effect of a parameter.

    The threshold comes from a permutation test: the values are shuffled among the trials 99 times. Each parameter's
    threshold lies above its mean by a number of its standard deviations. The number is the same for all parameters: in
    95% of the shuffled studies no parameter exceeds its own threshold (a step of Westfall and Young's max-T, 1993).
    The shuffles are the same at every call.
    """
    evenly = np.linspace(0, len(trials) - 1, min(len(trials), MAX_TRIALS))
    used = [trials[round(index)] for index in evenly]
    paths = [field.path for field in space.fields if any(field.path in params for params, _ in used)]
    if not paths:
        return []
    rng = np.random.default_rng(0)
    losses = np.array([-value for _, value in used])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's, about small groups and about the sign of a target
        study = _study(space, used)
        raw = _measure(study, paths, losses)
        shuffled = np.array([_measure(study, paths, rng.permutation(losses)) for _ in range(SHUFFLES)])
    total = raw.sum() or 1.0
    thresholds = _thresholds(shuffled)
    found = [
        Importance(path=path, share=share, chance=chance)
        for path, share, chance in zip(paths, (raw / total).tolist(), (thresholds / total).tolist(), strict=True)
    ]
    return sorted(found, key=lambda importance: -importance.share)


def _study(space: Space, trials: Sequence[Trial]) -> optuna.Study:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    ranges = OptunaRanges(space)
    for params, value in trials:
        spans = {path: ranges.optunas[path] for path in params}
        study.add_trial(create_trial(params=ranges.encode(params), distributions=spans, value=-value))
    return study


def _measure(study: optuna.Study, paths: list[str], losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the importances, shape (paths,), that result if the trials have these losses, shape (trials,)."""
    evaluator = PedAnovaImportanceEvaluator(target_quantile=TOP)
    by_path = evaluator.evaluate(study, params=paths, target=lambda trial: float(losses[trial.number]))
    return np.array([by_path[path] for path in paths])


def _thresholds(shuffled: NDArray[np.float64]) -> NDArray[np.float64]:
    mean, deviation = shuffled.mean(0), shuffled.std(0)
    # In units of each parameter's own deviation: one threshold for all would be set by the noisiest parameter alone.
    highest = ((shuffled - mean) / np.where(deviation > 0, deviation, 1)).max(1)
    thresholds: NDArray[np.float64] = mean + np.quantile(highest, LEVEL) * deviation
    return thresholds


MIN_TRIALS = 10  # with fewer trials, the best quarter has one or two, from which nothing follows
MAX_BARS = 30
WIDTH = 1.25  # length of the axis, as a multiple of the longest bar or of the median mark, whichever is longer


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar(Importance):
    """The importance of one parameter, as it is drawn."""

    label: str
    trials: int  # number of compared trials that have the parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class Importances:
    """The importance of each hyperparameter, the largest first."""

    bars: tuple[Bar, ...]
    trials: int  # number of compared trials
    after: str  # the training after which the trials are compared: `after 1 epoch`
    detail: str  # remark on the compared trials

    @property
    def finding(self) -> str:
        """The heading: which parameters stand out from chance."""
        return f"{self.after.capitalize()}, {self._outstanding()}"

    def _outstanding(self) -> str:
        names, count = [bar.label for bar in self.bars if bar.stands_out], len(self.bars)
        match names:
            case []:
                return f"no hyperparameter stands out from chance on {self.trials:,} trials"
            case [only] if count == 1:
                return f"{only}, the only hyperparameter, stands out from chance"
            case [only]:
                return f"{only} alone stands out from chance, of {count} hyperparameters"
            case [first, _] if count == 2:
                return f"both hyperparameters stand out from chance, {first} more"
            case [first, second]:
                others = "1 other hyperparameter does" if count == 3 else f"{count - 2} other hyperparameters do"
                return f"{first} and {second} stand out from chance, {others} not"
            case _:
                most = " and ".join(names[:2])
                return f"{len(names)} of {count} hyperparameters stand out from chance, {most} most"


def measure(study: StudyRecord, comparison: TrialComparison) -> list[Importance]:
    """Return the importance of each parameter for the value after the same training; diverged trials are the worst."""
    values, score = comparison.filled, comparison.kind.score
    trials = [(trial.params, score(value)) for trial, value in zip(comparison.trials, values, strict=True)]
    if len(trials) < MIN_TRIALS:
        raise StudyNotFoundError(
            f"Study {study.name} has {len(trials)} of the {MIN_TRIALS} trials that importances need at least."
        )
    return importance_of_each(study.space, trials)


def importances_of(study: StudyRecord) -> Importances:
    """Return the importance of each parameter."""
    comparison = compare(study)
    labels = {parameter.path: parameter.label for parameter in parameters(study)}
    bars = tuple(
        Bar(
            path=found.path, share=found.share, chance=found.chance, label=labels[found.path],
            trials=sum(found.path in trial.params for trial in comparison.trials),
        )
        for found in measure(study, comparison)
        if found.path in labels
    )  # fmt: skip
    return Importances(bars=bars, trials=len(comparison.trials), after=comparison.after, detail=comparison.detail)


def importances(subject: Subject) -> Drawn:
    """Draw a bar per parameter, hollow if it is conditional, with a mark at its threshold of chance."""
    return drawn(importances_of(subject.study))


def drawn(measured: Importances) -> Drawn:
    """Return the picture of these importances, and their ranking in text."""
    shown = measured.bars[:MAX_BARS]
    reach = _reach(shown)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_xlim(0, reach)
        for row, bar in enumerate(shown):
            _draw_bar(axes, row, bar, hollow=bar.trials < measured.trials)
        axes.set_yticks(range(len(shown)), [_named(bar, measured.trials) for bar in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel("share of the importance (%)")
        axes.tick_params(axis="y", length=0)

    hollow, hidden = any(bar.trials < measured.trials for bar in measured.bars), len(measured.bars) - len(shown)
    remarks = [
        f"{measured.detail}: what separates the best quarter from all (PED-ANOVA)",
        f"{MAX_TRIALS} of them measured" if measured.trials > MAX_TRIALS else "",
        "line: luck alone lifts no bar beyond it in 95 of 100 shuffled studies",
        "▶ a line beyond the axis" if any(100 * bar.chance > reach for bar in shown) else "",
        "hollow: on the trials that have the hyperparameter" if hollow else "",
        f"{hidden} less important ones left out" if hidden else "",
    ]
    height = 1.5 + 0.2 * len(shown)
    return Drawn(
        finding=measured.finding, remarks=remarks, draw=draw, height=height, narrow=height, lines=_ranking(measured)
    )


def _ranking(measured: Importances) -> tuple[str, ...]:
    """Return the importances as text, with the limit of chance of each; one beyond its limit has a sign."""
    return (
        f"{measured.finding}.",
        "importance    limit of chance  hyperparameter",
        *(
            f"{bar.share:>10.0%} {'*' if bar.stands_out else ' '}"
            f"  {_limit(bar.chance):>15}  {_named(bar, measured.trials)}"
            for bar in measured.bars
        ),
        "*: beyond its limit. In 95 of 100 shuffled studies, luck alone lifts no hyperparameter beyond its limit.",
    )


def _limit(chance: float) -> str:
    return "over 100%" if chance > 1 else f"{chance:.0%}"


def _named(bar: Bar, trials: int) -> str:
    """Return the name of a parameter, with the number of trials that have it if not all `trials` do."""
    return f"{bar.label} ({bar.trials:,} trials)" if bar.trials < trials else bar.label


def _reach(bars: Sequence[Bar]) -> float:
    """Return the end of the axis in percent: beyond all bars, but only beyond half of the marks.

    A parameter that few trials have may have a mark so far out that all bars would be stubs; it is drawn as a pointer.
    """
    return 100 * WIDTH * max(max(bar.share for bar in bars), median(bar.chance for bar in bars)) or 100.0


def _draw_bar(axes: Axes, row: int, bar: Bar, *, hollow: bool) -> None:
    colour = COMPLETE if bar.stands_out else PRUNED
    face = "white" if hollow else colour
    axes.barh(row, 100 * bar.share, height=0.6, facecolor=face, edgecolor=colour, linewidth=1.2)
    chance, edge = 100 * bar.chance, axes.get_xlim()[1]
    if chance <= edge:
        axes.plot([chance, chance], [row - 0.38, row + 0.38], color=INK, linewidth=1.2)
    else:
        axes.plot(edge, row, ">", color=INK, markersize=3.5, clip_on=False)
    if bar.stands_out:
        axes.annotate(
            f"{100 * bar.share:.0f}%", (100 * bar.share, row), (4, 0), textcoords="offset points", va="center",
            fontsize=8,
        )  # fmt: skip
