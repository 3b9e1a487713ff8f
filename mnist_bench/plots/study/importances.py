"""The importance of each hyperparameter for being among the best quarter of trials, and the share of chance in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mnist_bench.plots import style
from mnist_bench.plots.headings import write_heading
from mnist_bench.plots.study.importance import MAX_TRIALS, Importance, importances
from mnist_bench.plots.study.parameters import parameters
from mnist_bench.plots.study.trials import TrialComparison, compare
from mnist_bench.plots.subject import Subject
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord

KIND = "importances"
MIN_TRIALS = 10
"""With fewer trials, the best quarter has one or two, from which nothing follows."""
MAX_BARS = 30
WIDTH = 1.25
"""Length of the axis, as a multiple of the longest bar or of the median mark, whichever is longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """The importance of one parameter, as it is drawn."""

    label: str
    importance: Importance
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
        names, count = [bar.label for bar in self.bars if bar.importance.stands_out], len(self.bars)
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
    """Return the importance of each parameter for the value after the same training; diverged trials are the worst.

    Raises:
        StudyNotFoundError: there are fewer than ten trials.
    """
    values, score = comparison.values_of(comparison.trials), comparison.kind.score
    trials = [(trial.params, score(value)) for trial, value in zip(comparison.trials, values, strict=True)]
    if len(trials) < MIN_TRIALS:
        raise StudyNotFoundError(
            f"Study {study.name} has {len(trials)} of the {MIN_TRIALS} trials that importances need at least."
        )
    return importances(study.space, trials)


def rows(study: StudyRecord) -> Importances:
    """Return the importance of each parameter; `mnist_bench.plots.study.importance` explains the measure.

    Raises:
        StudyNotFoundError: there are fewer than ten trials, or no parameters.
    """
    comparison = compare(study)
    labels = {parameter.path: parameter.label for parameter in parameters(study)}
    bars = (
        Bar(
            label=labels[importance.path],
            importance=importance,
            trials=sum(importance.path in trial.params for trial in comparison.trials),
        )
        for importance in measure(study, comparison)
        if importance.path in labels
    )
    ordered = sorted(bars, key=lambda bar: -bar.importance.share)
    return Importances(
        bars=tuple(ordered), trials=len(comparison.trials), after=comparison.after, detail=comparison.detail
    )


def picture(subject: Subject, width: float = style.WIDE) -> Figure:
    """Return the importances of the study's parameters."""
    measured = rows(subject.study)
    subject.texts[KIND] = ranking(measured)
    return draw(measured, width)


def lines(subject: Subject) -> tuple[str, ...]:
    """Return the lines printed with the picture once it is drawn: the finding and the ranking."""
    return subject.texts.get(KIND, ())


def ranking(measured: Importances) -> tuple[str, ...]:
    """Return the importances as text, with the limit of chance of each; one beyond its limit has a sign."""
    return (
        f"{measured.finding}.",
        "importance    limit of chance  hyperparameter",
        *(
            f"{bar.importance.share:>10.0%} {'*' if bar.importance.stands_out else ' '}"
            f"  {_limit(bar.importance.chance):>15}  {_named(bar, measured.trials)}"
            for bar in measured.bars
        ),
        "*: beyond its limit. In 95 of 100 shuffled studies, luck alone lifts no hyperparameter beyond its limit.",
    )


def _limit(chance: float) -> str:
    return "over 100%" if chance > 1 else f"{chance:.0%}"


def _named(bar: Bar, trials: int) -> str:
    """Return the name of a parameter, with the number of trials that have it if not all `trials` do."""
    return f"{bar.label} ({bar.trials:,} trials)" if bar.trials < trials else bar.label


def draw(measured: Importances, width: float = style.WIDE) -> Figure:
    """Draw a bar per parameter, hollow if it is conditional, with a mark at its threshold of chance."""
    shown = measured.bars[:MAX_BARS]
    figure = Figure(figsize=(width, 1.5 + 0.2 * len(shown)), layout="constrained")
    axes = figure.subplots()
    axes.set_xlim(0, _reach(shown))
    for row, bar in enumerate(shown):
        _draw_bar(axes, row, bar.importance, hollow=bar.trials < measured.trials)
    axes.set_yticks(range(len(shown)), [_named(bar, measured.trials) for bar in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlabel("share of the importance (%)")
    axes.tick_params(axis="y", length=0)
    write_heading(figure, measured.finding, _remarks(measured, len(measured.bars) - len(shown)))
    return figure


def _reach(bars: Sequence[Bar]) -> float:
    """Return the end of the axis in percent: beyond all bars, but only beyond half of the marks.

    A parameter that few trials have may have a mark so far out that all bars would be stubs; it is drawn as a pointer.
    """
    found = [bar.importance for bar in bars]
    longest = max(importance.share for importance in found)
    return 100 * WIDTH * max(longest, median(importance.chance for importance in found)) or 100.0


def _draw_bar(axes: Axes, row: int, importance: Importance, *, hollow: bool) -> None:
    colour = style.COMPLETE if importance.stands_out else style.PRUNED
    face = "white" if hollow else colour
    axes.barh(row, 100 * importance.share, height=0.6, facecolor=face, edgecolor=colour, linewidth=1.2)
    _draw_mark(axes, row, 100 * importance.chance)
    if importance.stands_out:
        axes.annotate(
            f"{100 * importance.share:.0f}%", (100 * importance.share, row), (4, 0), textcoords="offset points",
            va="center", fontsize=8,
        )  # fmt: skip


def _draw_mark(axes: Axes, row: int, chance: float) -> None:
    """Draw the mark of chance, or a pointer at the edge if it is outside of the axis."""
    edge = axes.get_xlim()[1]
    if chance <= edge:
        axes.plot([chance, chance], [row - 0.38, row + 0.38], color=style.INK, linewidth=1.2)
    else:
        axes.plot(edge, row, ">", color=style.INK, markersize=3.5, clip_on=False)


def _remarks(measured: Importances, hidden: int) -> list[str]:
    shown = measured.bars[:MAX_BARS]
    beyond = any(100 * bar.importance.chance > _reach(shown) for bar in shown)
    hollow = any(bar.trials < measured.trials for bar in measured.bars)
    return [
        f"{measured.detail}: what separates the best quarter from all (PED-ANOVA)",
        f"{MAX_TRIALS} of them measured" if measured.trials > MAX_TRIALS else "",
        "line: luck alone lifts no bar beyond it in 95 of 100 shuffled studies",
        "▶ a line beyond the axis" if beyond else "",
        "hollow: on the trials that have the hyperparameter" if hollow else "",
        f"{hidden} less important ones left out" if hidden else "",
    ]
