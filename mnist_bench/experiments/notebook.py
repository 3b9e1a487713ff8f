"""The nets of the 2017 notebook trained again: its figures next to new ones, over several seeds.

They are trained as with Keras 1.2: all 60,000 images, float32, and by the recipes in portable precision. After each
epoch a net is evaluated on the 10,000 test images, as there. One thing differs: Keras 1.2 turns, shears and zooms about
the point 14.5 of a picture whose middle is 13.5; here it is done about the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from types import MappingProxyType
from typing import Any

from mnist_bench import cells
from mnist_bench.experiments.scored_recipes import FIGURES, Benchmark, FigureName, ScoredRecipe, ScoredRecipes
from mnist_bench.result_table import Figure
from mnist_bench.statistics.inference import mean_and_deviation
from search.messages import number_of

MEANT = "lr_drop: what the notebook meant to run, batchnorm and then an epoch at a tenth of the learning rate."
PORTABLE = (
    "Trained in portable precision: all figures but the seconds are the same on every x86-64 processor with AVX2."
)
DIGEST = "digest: the first 8 hexadecimal digits of the SHA-256 over the weights and figures of all epochs"
DEVIATIONS = 3.0
"""Beyond this number of standard deviations of the difference between a single run, as the notebook's, and our mean, a
figure is remarkable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """The figures in the notebook's output for one of its nets."""

    accuracy: float | None = None  # on the test images after the last epoch, 0..1
    loss: float | None = None  # cross-entropy on the test images after the last epoch, nats
    train_loss: float | None = None  # mean cross-entropy of the last epoch's batches, nats
    parameters: int | None = None  # as its summary prints them, or as follows from its layers if it prints none
    seconds: float | None = None  # of the last call of `fit`
    epochs: int = 1  # of the last call of `fit`


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "linear": Published(accuracy=0.9231, loss=0.2871, train_loss=0.2660, parameters=7_850, seconds=31, epochs=10),
        "hidden": Published(accuracy=0.9756, loss=0.0829, train_loss=0.0304, parameters=79_510, seconds=60, epochs=10),
        "vgg": Published(),
        "vgg_as_written": Published(accuracy=0.9684, loss=0.1007, train_loss=0.2619, parameters=161_830, seconds=570),
        "vgg_augmented": Published(accuracy=0.9633, loss=0.1090, train_loss=0.1227, parameters=161_830, seconds=573),
        "dropout": Published(accuracy=0.9849, loss=0.0468, train_loss=0.2592, parameters=336_940, seconds=343),
        "batchnorm": Published(accuracy=0.9814, loss=0.0619, train_loss=0.3070, parameters=340_700, seconds=802),
        "batchnorm_2": Published(accuracy=0.9917, loss=0.0243, train_loss=0.0785, parameters=340_700, seconds=830),
        "lr_drop": Published(),
        "three_channels": Published(),
    }
)
"""By recipe, in the notebook's order; nothing for nets that it did not run, such as a net on the pictures in three
channels that its last cells make."""


def _columns(found: ScoredRecipes) -> list[Figure[ScoredRecipe]]:
    seeds = number_of(found.rows[0].asked, "seed")
    return [
        Figure("recipe", lambda row: row.recipe, 9),
        Figure("notebook", _accuracy_then, 8, "right"),
        Figure(f"ours ({seeds})", _accuracy_now, 8, "right"),
        Figure("parameters", lambda row: f"{row.parameters:,} {'=' if _counts_agree(row) else ' '}", 5, "right"),
        Figure("seconds then → now", _seconds, 4, "right"),
        Figure("loss then → now", lambda row: _losses(row, "loss"), 3, "right"),
        Figure("train loss then → now", lambda row: _losses(row, "train_loss"), 2, "right"),
        Figure("digest", lambda row: row.digest[:8] if row.runs else "–", 1, legend=[DIGEST]),
    ]


def _footnotes(found: ScoredRecipes) -> list[str]:
    """Return the precision, the meaning of the table's signs, as far as it has them, and why it has a row that the
    notebook never ran."""
    lines = [
        PORTABLE if precision == "portable" else f"Trained in {precision} precision."
        for precision in dict.fromkeys(row.precision for row in found.rows)
    ]
    lines += ["= as many parameters as the notebook's network has."] if any(map(_counts_agree, found.rows)) else []
    if marked := [len(row.runs) for row in found.rows if remarkable(row)]:
        noise = "of a run's difference to that mean"
        lines.append(
            f"! more than {DEVIATIONS:g} standard deviations from our mean ({noise}: times the root of 1 + 1/n); by "
            f"chance so are {_by_chance(min(marked))} of the figures."
        )
    return [*lines, *([MEANT] if any(row.recipe == "lr_drop" for row in found.rows) else [])]


def _own_figures(row: ScoredRecipe) -> dict[str, Any]:
    return {"published": asdict(PUBLISHED[row.recipe]), "remarkable": remarkable(row)}


def remarkable(row: ScoredRecipe) -> list[FigureName]:
    """Return the notebook's figures outside the range in which our runs let expect one more run; none for one seed."""
    found = []
    for figure in FIGURES:
        then, values = getattr(PUBLISHED[row.recipe], figure), row.values(figure)
        if then is not None and len(values) > 1:
            mean, deviation = mean_and_deviation(values)
            reach = DEVIATIONS * deviation * (1 + 1 / len(values)) ** 0.5
            found += [] if mean - reach <= then <= mean + reach else [figure]
    return found


def _by_chance(seeds: int) -> str:
    """Return the share of figures beyond the mark if nothing differs: few seeds often give too small a deviation."""
    from scipy.special import stdtr  # type: ignore[import-untyped]

    return f"{200 * float(stdtr(seeds - 1, -DEVIATIONS)):.1f}%"


def _accuracy_then(row: ScoredRecipe) -> str:
    return cells.percent(PUBLISHED[row.recipe].accuracy) + _mark(row, "accuracy")


def _accuracy_now(row: ScoredRecipe) -> str:
    unended = f" ({row.unended} did not finish)" if row.unended else ""
    return _spread(row.values("accuracy"), cells.percent) + unended


def _losses(row: ScoredRecipe, figure: FigureName) -> str:
    then, now = getattr(PUBLISHED[row.recipe], figure), _spread(row.values(figure), "{:.4f}".format)
    return now if then is None else f"{then:.4f}{_mark(row, figure)} → {now}"


def _spread(values: Sequence[float], text: Callable[[float], str]) -> str:
    """Return a mean and, of several values, their standard deviation; a dash for none."""
    if not values:
        return "–"
    mean, deviation = mean_and_deviation(values)
    return text(mean) + (f" ± {text(deviation)}" if len(values) > 1 else "")


def _mark(row: ScoredRecipe, figure: FigureName) -> str:
    return " !" if figure in remarkable(row) else ""


def _counts_agree(row: ScoredRecipe) -> bool:
    return PUBLISHED[row.recipe].parameters == row.parameters


def _seconds(row: ScoredRecipe) -> str:
    """Return the seconds of the last call of `fit`, then and now."""
    published = PUBLISHED[row.recipe]
    then = "" if published.seconds is None else f"{published.seconds:.0f} → "
    now = [sum(epoch.seconds for epoch in run[-published.epochs :]) for run in row.runs]
    return f"{then}{fmean(now):.0f}" if now else "–"


NOTEBOOK = Benchmark(
    name="notebook",
    recipes=tuple(PUBLISHED),
    every_epoch=True,
    seed_of=lambda number: number,
    figures=_columns,
    footnotes=_footnotes,
    own_figures=_own_figures,
)
