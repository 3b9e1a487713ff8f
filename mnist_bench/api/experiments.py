"""Functions that train several seeds: how certain a study's figures are, and how search methods compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mnist_bench.api.arguments import OwnNetSource, as_path, chosen, several, used
from mnist_bench.api.progress import attended
from mnist_bench.experiments import ablation as ablating, confirm as confirming, contest as compare, scored_recipes
from mnist_bench.experiments.ablation import Ablation, AblationOptions
from mnist_bench.experiments.confirm import ConfirmOptions
from mnist_bench.experiments.confirmed import Confirmed, Front, winner_of
from mnist_bench.experiments.contest import Contest, ContestOptions
from mnist_bench.experiments.own_trainer import OwnCode
from mnist_bench.experiments.scored_recipes import LADDER, NOTEBOOK, BenchmarkOptions, ScoredRecipes
from mnist_bench.experiments.trainings import Observer
from mnist_bench.numerics.kinds import PrecisionName
from mnist_bench.space_files.space_sources import Source
from mnist_bench.value_kind import check_nets
from search.defaults import results_in_force
from search.event_log.records import TrialRecord
from search.study.studies import StoredStudy


def confirm(
    study: StoredStudy,
    *,
    top: int = 8,
    test: bool = True,
    workers: int = 1,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    trainer: str | None = None,
    objective: Callable[..., Any] | str | None = None,
    command: str | None = None,
    observer: Observer | None = None,
    progress: bool | None = None,
) -> Confirmed:
    """Retrain a study's best trials with eight fresh seeds each, select one, and evaluate it on the test set once; as
    `mnist-bench confirm`. If that was done before, the earlier result is returned.

    A study of your own trainer has no test set: its values are compared.

    Args:
        study: as `search` or `open_study` returned it.
        top: the largest number of candidates.
        test: whether the selected networks are trained on all images and evaluated on the test set.
        workers: processes that train.
        device: auto, cpu, cuda or cuda:1.
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).
        trainer: your own trainer, if it made the study: its name, `file.py:Trainer` or `package.module:Trainer`.
        objective: your own function, if it made the study, or its name.
        command: your own program, if it made the study, with its arguments as they were searched.
        observer: an `mnist_bench.experiments.trainings.Observer`, here and below; called after every run. If its
            `stopping` returns True, `mnist_bench.errors.Stopped` is raised.
        progress: whether to show the progress in the terminal or notebook, here and below; None to show it unless there
            is an observer.

    Raises:
        StudyNotFoundError: the study has no trial to confirm.
        StudyLockedError: it is being searched, or another process confirms it.
        FingerprintError: this machine computes differently from the one of the search.
        UsageError: an argument is out of range, the data set is not the study's, or the trainer is not named.
        SearchError: no candidate trains to the end.
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device.
        WorkerError: training fails in a process, or processes die.
        StorageError: a file or database cannot be read or written.
        Interrupted: Ctrl-C, or a notebook's stop button, ended the work; the same call continues it.

    Examples:
        >>> found = confirm(open_study("conv-0"), workers=2)  # doctest: +SKIP
        >>> low, high = found.test(found.winner).interval  # doctest: +SKIP
    """
    asked = ConfirmOptions(
        top=top, test=test, workers=workers, device=device, net=used(net), data_dir=as_path(data_dir),
        code=OwnCode(trainer=trainer, objective=objective, command=command),
    )  # fmt: skip
    check_nets(study)
    with attended(observer, progress) as watching:
        return confirming.confirm_study(study, asked, watching)


def confirm_front(
    study: StoredStudy,
    *,
    top: int = 8,
    workers: int = 1,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    observer: Observer | None = None,
    progress: bool | None = None,
) -> Front:
    """Train the configurations on a study's Pareto front with fresh seeds, and evaluate them on the test set once; as
    `mnist-bench confirm --front`. If that was done before, the earlier result is returned.

    Args:
        study: one with two objectives, as `search` or `open_study` returned it.
        top: the largest number of configurations; of a longer front both ends, and evenly between them.
        workers: processes that train.
        device: auto, cpu, cuda or cuda:1.
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).
        observer: called after every run.
        progress: see `confirm`.

    Raises:
        UsageError: an argument is out of range, the study has one objective, or the data set is not the study's.
        StudyNotFoundError: none of its trials is complete.
        StudyLockedError: it is being searched, or another process confirms it.
        FingerprintError: this machine computes differently from the one of the search.
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device.
        WorkerError: training fails in a process, or processes die.
        StorageError: a file or database cannot be read or written.
        Interrupted: Ctrl-C, or a notebook's stop button, ended the work; the same call continues it.

    Examples:
        >>> found = confirm_front(open_study("small-0"), workers=2)  # doctest: +SKIP
        >>> {member.cost: found.test(member.number).mean for member in found.members}  # doctest: +SKIP
    """
    asked = ConfirmOptions(top=top, workers=workers, device=device, net=used(net), data_dir=as_path(data_dir))
    check_nets(study)
    with attended(observer, progress) as watching:
        return confirming.confirm_front(study, asked, watching)


def ablate(
    study: StoredStudy,
    trial: TrialRecord | int | None = None,
    *,
    baseline: Source = "notebook/linear",
    seeds: int = 3,
    budget: float | None = None,
    workers: int = 1,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    observer: Observer | None = None,
    progress: bool | None = None,
) -> Ablation:
    """Measure the effect of each group of settings, from a baseline to a trial; as `mnist-bench ablate`. If that was
    done before, the earlier result is returned.

    Args:
        study: as `search` or `open_study` returned it.
        trial: the trial, or its number; None for the one that `confirm` selected, unless the study was searched
            further since; otherwise the best.
        baseline: a recipe: a file, the name of a bundled one, a mapping or a TrainConfig.
        seeds: the number of fresh seeds, two or more, the same for all configurations.
        budget: seconds after which the remaining groups become one step.
        workers: processes that train.
        device: auto, cpu, cuda or cuda:1.
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).
        observer: called after every run and every step.
        progress: see `confirm`.

    Raises:
        StudyNotFoundError: the study has no such trial, or no complete one.
        UsageError: an argument is out of range, the data set is not the study's, or the baseline is not a recipe or
            trains the same network.
        FingerprintError: this machine computes differently from the one of the search.
        StudyLockedError: another process makes the same ablation.
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device.
        WorkerError: training fails in a process, or processes die.
        StorageError: a file or database cannot be read or written.
        Interrupted: Ctrl-C, or a notebook's stop button, ended the work; the same call continues it.

    Examples:
        >>> path = ablate(open_study("conv-0"), seeds=3)  # doctest: +SKIP
        >>> fewer = {step.groups: step.fewer for step in path.steps}  # doctest: +SKIP
    """
    asked = AblationOptions(
        baseline=baseline, seeds=seeds, budget=budget, workers=workers, device=device, net=used(net),
        data_dir=as_path(data_dir),
    )  # fmt: skip
    check_nets(study)
    end = chosen(study, winner_of(study) if trial is None else trial)
    with attended(observer, progress) as watching:
        return ablating.ablate_study(study, end, asked, watching)


def train_notebook(
    recipes: Sequence[str] = (),
    *,
    seeds: int = 5,
    workers: int = 1,
    device: str = "auto",
    precision: PrecisionName = "auto",
    results: str | Path | None = None,
    observer: Observer | None = None,
    progress: bool | None = None,
) -> ScoredRecipes:
    """Train the 2017 notebook's networks again, and return their figures on the test images; as `mnist-bench bench
    notebook`. As in the notebook, each network is evaluated after every epoch. These evaluations are logged.

    Args:
        recipes: linear, hidden, vgg, ...; empty for all ten.
        seeds: the number of seeds, which count from 0.
        workers: processes that train.
        device: auto, cpu, cuda or cuda:1.
        precision: bf16, fp32 or portable; auto for that of the recipes, which is portable.
        results: folder of the studies, None for the default in force; `_notebook` in it holds the runs.
        observer: called after every run.
        progress: see `confirm`.

    Raises:
        UsageError: there is no such recipe, or an argument is out of range.
        StudyLockedError: another process works on the same runs.
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device, or it does not compute in this precision.
        WorkerError: training fails in a process, or processes die.
        StorageError: a file or database cannot be read or written.
        Interrupted: Ctrl-C, or a notebook's stop button, ended the work; the same call continues it.

    Examples:
        >>> found = train_notebook(["linear"], workers=2)  # doctest: +SKIP
        >>> found.rows[0].parameters  # doctest: +SKIP
        7850
    """
    asked = BenchmarkOptions(
        recipes=several("recipes", recipes), seeds=seeds, workers=workers, device=device, precision=precision,
        results=results_in_force(results),
    )  # fmt: skip
    with attended(observer, progress) as watching:
        return scored_recipes.train(NOTEBOOK, asked, watching)


def train_ladder(
    recipes: Sequence[str] = (),
    *,
    seeds: int = 10,
    workers: int = 1,
    device: str = "auto",
    precision: PrecisionName = "auto",
    results: str | Path | None = None,
    observer: Observer | None = None,
    progress: bool | None = None,
) -> ScoredRecipes:
    """Train the recipes for test accuracies of 99.0, 99.4, 99.6 and 99.7%, and return accuracy and time of each; as
    `mnist-bench bench ladder`. Each run is evaluated on the test images after its last epoch. These evaluations are
    logged.

    Args:
        recipes: "99.0", "99.4", "99.6", "99.7"; empty for all four.
        seeds: the number of seeds, which are the same in every call.
        precision: bf16, fp32 or portable; auto for the device's fastest.
        results: as in `train_notebook`, like all others; `_ladder` in it holds the runs.

    Raises:
        UsageError, StudyLockedError, DataError, DeviceError, WorkerError, StorageError, Interrupted: as
            `train_notebook`.

    Examples:
        >>> ladder = train_ladder(["99.0"], seeds=10)  # doctest: +SKIP
        >>> low, high = ladder.rows[0].interval  # doctest: +SKIP
    """
    asked = BenchmarkOptions(
        recipes=several("recipes", recipes), seeds=seeds, workers=workers, device=device, precision=precision,
        results=results_in_force(results),
    )  # fmt: skip
    with attended(observer, progress) as watching:
        return scored_recipes.train(LADDER, asked, watching)


def compare_methods(
    *,
    tables: Sequence[str] = ("grid-5k",),
    samplers: Sequence[str | Mapping[str, Any]] = ("random", "curves"),
    pruners: Sequence[str | Mapping[str, Any]] = ("asha",),
    sampler_options: Mapping[str, Any] | None = None,
    pruner_options: Mapping[str, Any] | None = None,
    seeds: int = 20,
    first_seed: int = 0,
    trials: int | Sequence[int] = (10, 25, 50),
    concurrent_trials: int = 8,
    processes: int = 1,
    observer: Observer | None = None,
    progress: bool | None = None,
) -> list[Contest]:
    """Compare search methods at equal budgets, and return one contest per table; as `mnist-bench bench search`.

    Args:
        tables: tabular benchmarks to search on: bundled ones, or files.
        samplers: built-in ones, with options as in a space file (`{"name": "tpe", "only_feasible": 1}`), or your own.
            All methods are compared with the first.
        pruners: as `samplers`; every sampler takes part with every pruner.
        sampler_options: options of your own samplers.
        pruner_options: options of your own pruners.
        seeds: number of searches per method; two or more.
        first_seed: seed of the first search of each method.
        trials: the budgets: each the cost of this number of full trainings.
        concurrent_trials: number of trials in progress at the same time.
        processes: concurrent searches on a table; above 1, guard the script with `if __name__ == "__main__":`, because
            each process imports it.
        observer: called as the searches advance.
        progress: see `confirm`.

    Raises:
        UsageError: there is no such table, sampler or pruner, or one does not fit the other or the space; an argument
            is out of range, or no sampler or pruner takes the options.
        StorageError: a table's file is damaged.
        Interrupted: Ctrl-C, or a notebook's stop button, ended the work.

    Examples:
        >>> (contest,) = compare_methods(pruners=["none"], seeds=2, trials=3)
        >>> contest.table, contest.seeds, [method.name for method in contest.methods]
        ('grid-5k', (0, 1), ['random', 'curves'])
    """
    asked = ContestOptions(
        tables=several("tables", tables),
        samplers=several("samplers", samplers),
        pruners=several("pruners", pruners), sampler_options=sampler_options or {}, pruner_options=pruner_options or {},
        seeds=seeds, first_seed=first_seed, trials=(trials,) if isinstance(trials, int) else several("trials", trials),
        concurrent_trials=concurrent_trials, processes=processes,
    )  # fmt: skip
    with attended(observer, progress) as watching:
        return compare.compare_methods(asked, watching)
