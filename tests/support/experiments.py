"""Results of experiments made by hand, and experiments that are stopped.

Confirmations are of `handmade.mixed`, a study of values and a front; an ablation has one step; comparisons of methods
say what each search had chosen, and when; results of `bench notebook` and `bench ladder` have two epochs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.errors import Stopped
from mnist_bench.experiments import confirm
from mnist_bench.experiments.ablation import Ablation, Measured, Step
from mnist_bench.experiments.confirmed import Confirmed, Final, Front, FrontMember
from mnist_bench.experiments.method_comparison import MethodComparison
from mnist_bench.experiments.replays import Choice, Searched, SearchMethod
from mnist_bench.experiments.scored_recipes import Benchmark, Epoch, ScoredRecipe, ScoredRecipes
from mnist_bench.experiments.trainings import Observer, Task
from mnist_bench.numerics.device import Machine
from mnist_bench.options import SEEDS
from mnist_bench.studies import kept_files, record
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report
from support import handmade

EVEN = (12, 14, 13, 13, 12, 14, 13, 13)
ERRORS = {
    1: (60, 64, 62, 66, 63, 63, 61, 65),
    0: (64, 66, 62, 64, 61, 65, 66, 64),
    2: (300, 301, 299, 302, 298, 301, 299, 300),
}
"""Of the candidates of `handmade.mixed`, on 10,000 images: #1 has 63.0, #0 64.0 and #2 300.0."""


def final(number: int, *errors: int | None) -> Final:
    """Return what the nets of a configuration get wrong."""
    return Final(number=number, errors=errors)


FINALS = final(1, 50, 54, 46, 50, 50, 50, 50, 50), final(0, 60, None, 62, 61, 59, 60, 60, 58)
"""Of the winner and of the cheapest, on 10,000 test images."""


def compared(study: StoredStudy, results: Mapping[int, tuple[float | None, ...]], **more: Any) -> Confirmed:
    """Return a confirmation of trials with these results, of which nothing was evaluated."""
    given: dict[str, Any] = {"name": "validation", "step": 1.0, "minimized": True, **more}
    return confirm.compared(study, [study.trials[number] for number in results], results, **given)


def found(errors: Mapping[int, tuple[int | None, ...]] = ERRORS, **changes: Any) -> Confirmed:
    """Return a confirmation of `handmade.mixed`; as it is, #1 is selected, #0 is tied and cheaper, and #2 is worse."""
    whole = compared(handmade.mixed(), errors, train_images=50_000, validation_images=10_000)
    finals = tuple(each for each in FINALS if each.number in errors)
    return replace(whole, **{"test_images": 10_000, "finals": finals, **changes})


def of_values(values: Mapping[int, tuple[float | None, ...]], **changes: Any) -> Confirmed:
    """Return a confirmation of a study of ridge.py:Trainer, of which the last trial was pruned."""
    trials = [handmade.value_trial(number, [0.5] * handmade.VALUE_PERIODS) for number in range(max(values))]
    study = handmade.value_study([*trials, handmade.value_trial(max(values), [0.5])])
    return replace(compared(study, values, name="score", step=0.01, minimized=False), **changes)


def keep(found: Confirmed | Front | Ablation, folder: Path) -> None:
    """Keep a result in a study's folder, as an experiment does."""
    files = StudyFolder(folder)
    confirmed = files.confirm.front if isinstance(found, Front) else files.confirm.result
    kept_files.save(found, files.ablation.result if isinstance(found, Ablation) else confirmed)


def write_records(files: ConfirmFolder, number: int = 1) -> None:
    """Write records of a trial's runs on all images, which came to their ends."""
    study = handmade.mixed()
    made = record.to_json(record.record_of(study, study.trials[number]))
    files.records.mkdir(parents=True, exist_ok=True)
    for seed in range(SEEDS):
        kept_files.write(made, files.record_of(number, seed, on_all=True))


FRONT = Front(
    study="two", digest=handmade.HASH, cost="macs", train_images=60_000, test_images=1000, test_files=None, left_out=3,
    members=tuple(
        FrontMember(number=number, cost=cost, search_accuracy=0.99)
        for number, cost in ((4, 900), (1, 1500), (2, 2_000), (8, 2_000), (7, 3_000), (9, 4_000))
    ),
    finals=(
        final(4, *EVEN), final(1, *(errors + 9 for errors in EVEN)), final(2, *(3, 5, 4, 4, 3, 5, 4, 4)),
        final(8, *EVEN), final(7, 1, 1, 1, 1, 1, 1, 1, None), final(9, *([None] * 8)),
    ),
    earlier=(),
)  # fmt: skip
"""#4 and #2 are on it, #1 and #8 are not; #7 and #9 have runs that did not finish."""


START = Measured(config=to_json(TrainConfig()), errors=(76, 78), parameters=7850, macs=7840, seconds=1.0)
STEP = Step(
    groups=("batchnorm",), change="batchnorm none → after", after=replace(START, errors=(50, 46)), tried=(),
    waiting=(), fewer=29.0, low=21.0, high=37.0,
)  # fmt: skip
PATH = Ablation(
    question="0" * 64, study="conv-0", trial=1, baseline="linear", images=1000, seeds=(7, 8), start=START, steps=(STEP,)
)


TPE_ASHA = SearchMethod(sampler="tpe", pruner="asha")
RANDOM = SearchMethod(sampler="random")


def trace(*choices: tuple[float, float]) -> tuple[Choice, ...]:
    """Return a search that made choices: (spent by then, their regret); the error of each is a tenth of its regret."""
    return tuple(
        Choice(spent=at, trial=number, params={"optim.lr": 0.01}, score=regret / 10, regret=regret)
        for number, (at, regret) in enumerate(choices)
    )


def comparison(searches: Mapping[str, Mapping[str, Sequence[tuple[Choice, ...]]]], **changed: Any) -> MethodComparison:
    """Return a comparison of these searches by method and table, one a seed, at budgets of 4 and 10."""
    tables = next(iter(searches.values()))
    found = tuple(
        Searched(table=table, method=method, seed=seed, choices=choices)
        for method, of_method in searches.items()
        for table, traces in of_method.items()
        for seed, choices in enumerate(traces)
    )
    values: dict[str, Any] = {
        "methods": tuple(searches), "tables": tuple(tables), "seeds": tuple(range(len(next(iter(tables.values()))))),
        "trials": (4, 10), "concurrent_trials": 8, "searches": found, "develops": (), "plan": None,
    }  # fmt: skip
    return MethodComparison(**(values | changed))


def finals(regrets: Mapping[str, Mapping[str, Sequence[float]]], **changed: Any) -> MethodComparison:
    """Return a comparison in which each search chose what has such a regret at a budget of 5, and 0.8 at 2."""
    return comparison(
        {
            method: {table: [trace((2, 0.8), (5, end)) for end in ends] for table, ends in of_method.items()}
            for method, of_method in regrets.items()
        },
        **changed,
    )


CLOSE = {"tpe + asha": {"b": [0.2, 0.19, 0.15]}, "random": {"b": [0.19, 0.24, 0.16]}}
"""The ends of three seeds, of which nothing is shown."""
CLEAR = {"tpe + asha": {"a": [0.2, 0.18, 0.22, 0.2]}, "random": {"a": [0.3, 0.29, 0.31, 0.3]}}
"""Those of four seeds: random ends 9 to 11 points above the first."""


MACHINE = Machine(processor="An Abacus", cores=2, gpu=None, precision="fp32", python="3.11.7", versions={"torch": "2"})


def scored(recipe: str, *accuracies: float, **others: Any) -> ScoredRecipe:
    """Return a recipe of two epochs, whose runs have these accuracies on 10,000 test images after the last one."""
    runs = tuple((epoch(0.5), epoch(accuracy, weights="01")) for accuracy in accuracies)
    fields: dict[str, Any] = {
        "recipe": recipe, "precision": "fp32", "epochs": 2, "parameters": 7_850, "training_flop": 136_800_000_000,
        "seeds": tuple(range(len(runs))), "runs": runs, "unended": 0,
    }  # fmt: skip
    return ScoredRecipe(**fields | others)


def epoch(accuracy: float, *, seconds: float = 2.0, weights: str = "00", train_loss: float = 0.1) -> Epoch:
    """Return an epoch with this accuracy on 10,000 test images."""
    return Epoch(
        train_loss=train_loss, test_loss=0.2, test_errors=round(10_000 * (1 - accuracy)), test_accuracy=accuracy,
        seconds=seconds, weights=weights,
    )  # fmt: skip


def result(benchmark: Benchmark, *rows: ScoredRecipe, workers: int = 2) -> ScoredRecipes:
    """Return a result with these rows."""
    return ScoredRecipes(benchmark=benchmark, machine=MACHINE, workers=workers, train_images=60_000, rows=rows)


class Stopping(Observer):
    """Keeps what it hears, and stops an experiment when a function of the number of runs that ended says so."""

    def __init__(self, stopping: Callable[[int], bool] = lambda runs: False) -> None:
        self.started: list[int] = []
        self.seconds: list[float | None] = []
        self.ended: list[Task] = []
        self.news: list[str] = []
        self._stopping = stopping

    @property
    def runs(self) -> int:
        """The number of runs that ended."""
        return len(self.ended)

    def on_start(self, runs: Sequence[Task], seconds: float | None) -> None:
        self.started.append(len(runs))
        self.seconds.append(seconds)

    def on_run(self, run: Task, reports: Sequence[Report]) -> None:
        self.ended.append(run)

    def on_notice(self, text: str) -> None:
        self.news.append(text)

    def stopping(self) -> bool:
        return self._stopping(self.runs)


def stopped_after(hear: Callable[..., object]) -> Callable[..., NoReturn]:
    """Return an experiment that tells `hear` its arguments and is stopped then."""

    def experiment(*arguments: Any, **options: Any) -> NoReturn:
        hear(*arguments, **options)
        raise Stopped

    return experiment
