"""The nets of the 2017 notebook trained again: its figures next to new ones, over several seeds.

They are trained as with Keras 1.2: all 60,000 images, float32, and by the recipes in portable precision. After each
epoch a net is evaluated on the 10,000 test images, as there; so training opens the test set, which its ledger logs. One
thing differs: Keras 1.2 turns, shears and zooms about the point 14.5 of a picture whose middle is 13.5; here it is done
about the middle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from mnist_bench import cells
from mnist_bench.config.settings import DatasetName, TrainConfig
from mnist_bench.data.mnist import form_of
from mnist_bench.experiments.grid import Observer, ResultsWorkplace, product
from mnist_bench.experiments.test_set_scores import chosen, open_scored_grid
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.numerics.kinds import PrecisionName
from mnist_bench.picture_form import PictureForm
from mnist_bench.result_table import Column, Table
from mnist_bench.space_files import space_sources
from mnist_bench.statistics.inference import mean_and_deviation
from search import canonical_json
from search.arguments import check_choice, check_count
from search.messages import number_of
from search.space.space import Space
from search.trainer_api import Report

SHIPPED = "notebook"
"""The folder of the recipes among the shipped spaces."""
FOLDER = "_notebook"
"""The folder of the runs among the results; no study can have this name."""
MEANT = "lr_drop: what the notebook meant to run, batchnorm and then an epoch at a tenth of the learning rate."
PORTABLE = (
    "Trained in portable precision: all figures but the seconds are the same on every x86-64 processor with AVX2."
)
DIGEST = "digest: the first 8 hexadecimal digits of the SHA-256 over the weights and figures of all epochs"
Figure = Literal["accuracy", "loss", "train_loss"]
FIGURES: tuple[Figure, ...] = ("accuracy", "loss", "train_loss")
"""The figures compared: on the test images after the last epoch, and the last epoch's training loss, which varies
least."""
DEVIATIONS = 3.0
"""Beyond this number of standard deviations of the difference between a single run, as the notebook's, and our mean, a
figure is remarkable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """The figures in the notebook's output for one of its nets."""

    accuracy: float | None = None
    """On the test images after the last epoch, 0..1."""
    loss: float | None = None
    """Cross-entropy on the test images after the last epoch, nats."""
    train_loss: float | None = None
    """Mean cross-entropy of the last epoch's batches, nats."""
    parameters: int | None = None
    """As its summary prints them, or as follows from its layers if it prints none."""
    seconds: float | None = None
    """Of the last call of `fit`."""


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "linear": Published(accuracy=0.9231, loss=0.2871, train_loss=0.2660, parameters=7_850, seconds=31),
        "hidden": Published(accuracy=0.9756, loss=0.0829, train_loss=0.0304, parameters=79_510, seconds=60),
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One epoch of one run, with the net's results on the test images after it."""

    train_loss: float | None
    test_loss: float
    test_errors: int
    test_accuracy: float
    seconds: float
    weights: str
    """SHA-256 of the weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotebookRow:
    """One recipe: the notebook's figures and the new ones."""

    recipe: str
    precision: str
    """In which its nets were trained and evaluated."""
    published: Published
    parameters: int
    trainable: int
    epochs: int
    """Of the last call of `fit`, which the seconds are about."""
    runs: tuple[tuple[Epoch, ...], ...]
    """The epochs of each seed's run; without those of a run that diverged."""
    diverged: int = 0
    """Runs that diverged."""

    @property
    def accuracy(self) -> tuple[float, float]:
        """Mean and standard deviation over the seeds, 0..1, after the last epoch."""
        return mean_and_deviation([run[-1].test_accuracy for run in self.runs])

    @property
    def loss(self) -> tuple[float, float]:
        """The same of the loss, nats."""
        return mean_and_deviation([run[-1].test_loss for run in self.runs])

    @property
    def seconds(self) -> float:
        """Mean seconds of the last call of `fit`, evaluation included."""
        return mean_and_deviation([sum(epoch.seconds for epoch in run[-self.epochs :]) for run in self.runs])[0]

    @property
    def train_loss(self) -> tuple[float, float]:
        """The same of the last epoch's training loss, nats."""
        return mean_and_deviation([run[-1].train_loss or math.nan for run in self.runs])

    @property
    def digest(self) -> str:
        """SHA-256 over the epochs of all runs, seconds aside: equal if the same seeds were trained to the same bits."""
        epochs = [[{**asdict(epoch), "seconds": None} for epoch in run] for run in self.runs]
        return canonical_json.sha256([epochs, self.diverged])

    def band(self, figure: Figure) -> tuple[float, float] | None:
        """Return the range in which our runs let expect the figure of one more run; None for a single seed."""
        if len(self.runs) < 2:
            return None
        mean, deviation = getattr(self, figure)
        reach = DEVIATIONS * deviation * (1 + 1 / len(self.runs)) ** 0.5
        return mean - reach, mean + reach

    @property
    def remarkable(self) -> tuple[Figure, ...]:
        """The notebook's figures that lie outside the bands of our runs."""
        found = []
        for name in FIGURES:
            value, band = getattr(self.published, name), self.band(name)
            if value is not None and band is not None and not band[0] <= value <= band[1]:
                found.append(name)
        return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotebookOptions(ResultsWorkplace):
    """The options of the notebook's runs."""

    recipes: tuple[str, ...] = ()
    """Names in PUBLISHED; none for all."""
    seeds: int = 5
    """The nets are trained with the seeds 0 to this less one."""
    precision: PrecisionName = "auto"
    """auto for that of each recipe."""

    def __post_init__(self) -> None:
        check_count("seeds", self.seeds)
        check_choice("precision", self.precision, get_args(PrecisionName))


def train_notebook(options: NotebookOptions, observer: Observer) -> list[NotebookRow]:
    """Train the recipes with every seed and return a row each.

    A run that was trained before in the same precision, by the same code on the same kind of machine, is not trained
    again.

    Raises:
        Stopped: the observer stopped it before its end.
        UsageError: there is no such recipe, or an argument is out of range.
        StudyLockedError: another process trains the notebook in these results.
        DataError, DeviceError, WorkerError, StorageError: as `open_grid` and `open_test_set`.
    """
    names = chosen(options.recipes, PUBLISHED, "recipe of the notebook")
    precision = () if options.precision == "auto" else (f"precision={options.precision}",)
    spaces = {name: space_sources.load(f"{SHIPPED}/{name}", precision) for name in names}
    rows: list[NotebookRow] = []
    for where in dict.fromkeys(map(_where, spaces.values())):
        configs = {name: space_sources.recipe(space) for name, space in spaces.items() if _where(space) == where}
        rows += _rows(configs, *where, options, observer)
    return sorted(rows, key=lambda row: [*PUBLISHED].index(row.recipe))


def _where(space: Space) -> tuple[DatasetName, str]:
    """Return the data set and the precision of a recipe: the same workers train recipes that agree in both."""
    return space_sources.dataset_of(space), str(space.settings.get("precision", "auto"))


def _rows(
    configs: Mapping[str, TrainConfig], dataset: DatasetName, precision: str, options: NotebookOptions,
    observer: Observer,
) -> list[NotebookRow]:  # fmt: skip
    """Return the rows of recipes that train on this data set in this precision, as `train_notebook` does."""
    data = replace(options.data, dataset=dataset, form=form_of(dataset, options.data.form))
    seeds = range(options.seeds)
    purpose = f"notebook: {', '.join(configs)}; {number_of(options.seeds, 'seed')}"
    with open_scored_grid(
        FOLDER, f"The notebook in {options.results}/", observer, options, data=data, purpose=purpose,
        precision=precision,
    ) as (grid, scores):  # fmt: skip
        curves = grid.train(product(configs, seeds), on_period=scores.after_every_period)
    computed_in = str(grid.numerics["precision"])
    return [
        _row(name, config, computed_in, data.form, [curves[name, seed] for seed in seeds])
        for name, config in configs.items()
    ]


def _row(
    name: str, config: TrainConfig, precision: str, form: PictureForm, runs: Sequence[Sequence[Report]]
) -> NotebookRow:
    net = plan_layers(config.model, form)
    ended = [reports for reports in runs if reports[-1].end is None]
    return NotebookRow(
        recipe=name,
        precision=precision,
        published=PUBLISHED[name],
        parameters=net.parameters,
        trainable=net.trainable,
        epochs=config.phases[-1].epochs if config.phases else config.epochs,
        runs=tuple(tuple(_epoch(report) for report in reports) for reports in ended),
        diverged=len(runs) - len(ended),
    )


def _epoch(report: Report) -> Epoch:
    metrics: Mapping[str, Any] = report.metrics
    return Epoch(
        train_loss=metrics["train_loss"],
        test_loss=metrics["test_loss"],
        test_errors=metrics["test_errors"],
        test_accuracy=metrics["test_accuracy"],
        seconds=report.seconds,
        weights=report.weights,
    )


def plain(row: NotebookRow) -> dict[str, Any]:
    """Return a row as plain values for JSON; without means if every run diverged."""
    figures: dict[str, Any] = {"seconds": row.seconds if row.runs else None, "remarkable": row.remarkable}
    for name in FIGURES:
        mean, deviation = getattr(row, name) if row.runs else (None, None)
        deviation = deviation if len(row.runs) > 1 else None
        band = row.band(name) if row.runs else None
        figures |= {name: mean, f"{name}_deviation": deviation, f"{name}_band": band}
    return {**asdict(row), **figures, "digest": row.digest if row.runs else None}


def table_of(rows: Sequence[NotebookRow], seeds: int) -> Table[NotebookRow]:
    """Return a row per recipe, each trained with `seeds` seeds."""
    return Table(
        rows=rows,
        columns=[
            Column("recipe", lambda row: row.recipe, 9),
            Column("notebook", lambda row: cells.percent(row.published.accuracy) + _mark(row, "accuracy"), 8, "right"),
            Column(f"ours ({number_of(seeds, 'seed')})", _accuracy, 8, "right"),
            Column("parameters", _parameters, 5, "right"),
            Column("seconds then → now", _seconds, 4, "right"),
            Column("loss then → now", lambda row: _losses(row, "loss"), 3, "right"),
            Column("train loss then → now", lambda row: _losses(row, "train_loss"), 2, "right"),
            Column("digest", lambda row: row.digest[:8] if row.runs else "–", 1, legend=[DIGEST]),
        ],
        footnotes=_footnotes(rows),
        record=_record,
        document={"rows": [plain(row) for row in rows]},
    )


def _footnotes(rows: Sequence[NotebookRow]) -> list[str]:
    """Return the precision, the meaning of the table's signs, as far as it has them, and why it has a row that the
    notebook never ran."""
    lines = [
        PORTABLE if precision == "portable" else f"Trained in {precision} precision."
        for precision in dict.fromkeys(row.precision for row in rows)
    ]
    lines += ["= as many parameters as the notebook's network has."] if any(map(_counts_agree, rows)) else []
    if any(row.remarkable for row in rows):
        noise = "of a run's difference to that mean"
        lines.append(
            f"! more than {DEVIATIONS:g} standard deviations from our mean ({noise}: times the root of 1 + 1/n); by "
            f"chance so are {_by_chance(min(len(row.runs) for row in rows if row.remarkable))} of the figures."
        )
    return [*lines, *([MEANT] if any(row.recipe == "lr_drop" for row in rows) else [])]


def _by_chance(seeds: int) -> str:
    """Return the share of figures beyond the mark if nothing differs: few seeds often give too small a deviation."""
    from scipy.special import stdtr  # type: ignore[import-untyped]

    return f"{200 * float(stdtr(seeds - 1, -DEVIATIONS)):.1f}%"


def _accuracy(row: NotebookRow) -> str:
    diverged = f" ({row.diverged} diverged)" if row.diverged else ""
    if not row.runs:
        return diverged.strip() or "–"
    mean, deviation = row.accuracy
    return cells.percent(mean) + (f" ± {100 * deviation:.2f}%" if len(row.runs) > 1 else "") + diverged


def _losses(row: NotebookRow, figure: Figure) -> str:
    then = getattr(row.published, figure)
    words = "" if then is None else f"{then:.4f}{_mark(row, figure)} → "
    if not row.runs:
        return f"{words}–"
    mean, deviation = getattr(row, figure)
    return f"{words}{mean:.4f}" + (f" ± {deviation:.4f}" if len(row.runs) > 1 else "")


def _mark(row: NotebookRow, figure: Figure) -> str:
    return " !" if figure in row.remarkable else ""


def _counts_agree(row: NotebookRow) -> bool:
    return row.published.parameters == row.parameters


def _parameters(row: NotebookRow) -> str:
    return f"{row.parameters:,}" + (" =" if _counts_agree(row) else "  ")


def _seconds(row: NotebookRow) -> str:
    then = "" if row.published.seconds is None else f"{row.published.seconds:.0f} → "
    return f"{then}{row.seconds:.0f}" if row.runs else "–"


def _record(row: NotebookRow) -> dict[str, Any]:
    values = plain(row)
    figures = {name: value for name, value in values.items() if isinstance(value, str | int | float)}
    published = {f"notebook_{name}": value for name, value in values["published"].items()}
    return {**figures, **published, "seeds": len(row.runs), "diverged": row.diverged}
