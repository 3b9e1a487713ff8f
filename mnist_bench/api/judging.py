"""How certain a study's figures are: again with fresh seeds, again bit for bit; and how search methods compare."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mnist_bench import options
from mnist_bench.api.reading import FORMATS
from mnist_bench.numerics.kinds import PrecisionName
from mnist_bench.options import OBSERVER, STRATEGIES, argument, documented, in_python, option
from search.arguments import CONCURRENT_TRIALS, check_choice
from search.files import check_target
from search.strategies.pruners import PRUNERS
from search.strategies.samplers import SAMPLERS

if TYPE_CHECKING:
    from mnist_bench.bench import Speed
    from mnist_bench.experiments.ablation import Ablation
    from mnist_bench.experiments.confirmed import Confirmed, Front
    from mnist_bench.experiments.method_comparison import MethodComparison
    from mnist_bench.experiments.replays import Searched
    from mnist_bench.experiments.scored_recipes import Benchmark, ScoredRecipes
    from mnist_bench.experiments.trainings import Observer
    from mnist_bench.space_files.space_sources import Source
    from mnist_bench.studies.claims import Checked
    from mnist_bench.studies.record import PeriodResult
    from search.event_log.records import StudyRecord

Watcher = Annotated["Observer | None", OBSERVER]
Top = Annotated[
    int,
    option(
        "Number of trials to retrain: the best complete ones, and pruned ones if fewer than two are complete. Of a "
        "Pareto front: both ends, and evenly spaced trials between them.",
        "N",
        least=1,
        most=100,
    ),
]
Seeds = Annotated[int, option("Number of seeds.", "N", least=1, most=1000)]
COMPARED: Mapping[str, Any] = {
    "samplers": ("random", "curves"),
    "pruners": ("asha",),
    "seeds": 20,
    "trials": (10, 25, 50),
}
"""What `bench search` compares unless an option or its plan says otherwise; all tables that the package ships."""
OnComparedPeriod = Annotated[
    "Callable[[PeriodResult, PeriodResult], None]",
    in_python("Called after each reporting interval, with its result as it was and as it is now."),
]


@documented
def confirm(
    study: options.Study,
    *,
    top: Top = options.TOP,
    test: Annotated[bool, option("Stop after the comparison (step 1), without the test set.", of="nets")] = True,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data: options.Data = None,
    net: options.Net = None,
    trainer: options.Trainer = None,
    objective: options.Objective = None,
    command: options.Command = None,
    observer: Watcher = None,
    progress: options.Progress = None,
) -> "Confirmed":
    """Retrain a study's best trials with fresh seeds, select one, and evaluate it on the test set once; as
    `mnist-bench confirm`. If that was done before, the earlier result is returned.

    A study of your own trainer has no test set: its values are compared.

    Raises:
        StudyNotFoundError: the study has no trial to confirm.
        StudyLockedError: it is being searched, or another process confirms it.
        FingerprintError: this machine computes differently from the one of the search.
        UsageError: an argument is out of range, the data set is not the study's, or the trainer is not named.
        SearchError: no candidate trains to the end.
        StorageError: a file or database cannot be read or written.

    Examples:
        >>> found = confirm(open_study("conv-0"), workers=2)  # doctest: +SKIP
        >>> low, high = found.test(found.winner).interval  # doctest: +SKIP
    """
    from mnist_bench.api.arguments import workplace_of
    from mnist_bench.experiments import confirm as confirming
    from mnist_bench.experiments.own_trainer import OwnCode

    code = OwnCode(trainer=trainer, objective=objective, command=command)
    with workplace_of(study, observer, progress, workers=workers, device=device, data=data, net=net) as place:
        return confirming.confirm_study(study, place, top=top, test=test, code=code)


@documented
def confirm_front(
    study: options.Study,
    *,
    top: Top = options.TOP,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data: options.Data = None,
    net: options.Net = None,
    observer: Watcher = None,
    progress: options.Progress = None,
) -> "Front":
    """Train the configurations on a study's Pareto front with fresh seeds, and evaluate them on the test set once; as
    `mnist-bench confirm --front`. If that was done before, the earlier result is returned.

    Raises:
        UsageError: an argument is out of range, the study has one objective, or the data set is not the study's.
        StudyNotFoundError: none of its trials is complete.
        StudyLockedError: it is being searched, or another process confirms it.
        FingerprintError: this machine computes differently from the one of the search.
        StorageError: a file or database cannot be read or written.

    Examples:
        >>> found = confirm_front(open_study("small-0"), workers=2)  # doctest: +SKIP
        >>> {member.cost: found.test(member.number).mean for member in found.members}  # doctest: +SKIP
    """
    from mnist_bench.api.arguments import workplace_of
    from mnist_bench.experiments import confirm as confirming
    from mnist_bench.value_kind import check_nets

    check_nets(study)
    with workplace_of(study, observer, progress, workers=workers, device=device, data=data, net=net) as place:
        return confirming.confirm_front(study, place, top=top)


@documented
def ablate(
    study: options.Study,
    trial: options.Trial = None,
    *,
    baseline: Annotated[
        "Source",
        option(
            "Baseline to start from: a recipe file, or the name of a bundled recipe.",
            "RECIPE",
            typed=str,
            python="Also a mapping or a TrainConfig.",
        ),
    ] = "notebook/linear",
    seeds: Annotated[int, option("Number of fresh seeds, two or more.", "N", least=2, most=100)] = 3,
    budget: Annotated[
        float | None,
        options.duration("Time after which all remaining changes become one step, e.g. 15m.", least=0.001),
    ] = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data: options.Data = None,
    net: options.Net = None,
    observer: Watcher = None,
    progress: options.Progress = None,
) -> "Ablation":
    """Change a baseline into a trial, one group of settings at a time, and measure each change; as `mnist-bench
    ablate`. If that was done before, the earlier result is returned.

    Raises:
        StudyNotFoundError: the study has no such trial, or no complete one.
        UsageError: an argument is out of range, the data set is not the study's, or the baseline is not a recipe or
            trains the same network.
        FingerprintError: this machine computes differently from the one of the search.
        StudyLockedError: another process makes the same ablation.
        StorageError: a file or database cannot be read or written.

    Examples:
        >>> path = ablate(open_study("conv-0"), seeds=3)  # doctest: +SKIP
        >>> fewer = {step.groups: step.fewer for step in path.steps}  # doctest: +SKIP
    """
    from mnist_bench.api.arguments import chosen, workplace_of
    from mnist_bench.experiments.ablation import ablate_study
    from mnist_bench.experiments.confirmed import winner_of
    from mnist_bench.value_kind import check_nets

    check_nets(study)
    end = chosen(study, winner_of(study) if trial is None else trial)
    with workplace_of(study, observer, progress, workers=workers, device=device, data=data, net=net) as place:
        return ablate_study(study, end, place, baseline=baseline, seeds=seeds, budget=budget)


@documented
def train_notebook(
    recipes: Annotated[
        Sequence[str],
        argument("Recipes: linear, hidden, vgg and others.", "RECIPE", default="all ten"),
    ] = (),
    *,
    seeds: Seeds = 5,
    workers: options.Workers = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    results: options.Results = None,
    observer: Watcher = None,
    progress: options.Progress = None,
) -> "ScoredRecipes":
    """Train the 2017 notebook's networks again, and return their figures on the test images; as `mnist-bench bench
    notebook`. As in the notebook, each network is evaluated after every epoch. These evaluations are logged.

    Raises:
        UsageError: there is no such recipe, or an argument is out of range.
        StudyLockedError: another process works on the same runs.
        StorageError: a file or database cannot be read or written.

    Examples:
        >>> found = train_notebook(["linear"], workers=2)  # doctest: +SKIP
        >>> found.rows[0].parameters  # doctest: +SKIP
        7850
    """
    from mnist_bench.experiments.scored_recipes import NOTEBOOK

    # The recipes' own precision is portable, which no GPU computes.
    count = options.workers_for(device if precision in ("bf16", "fp32") else "cpu", workers)
    return _scored(NOTEBOOK, recipes, seeds, count, device, precision, results, observer, progress)


@documented
def train_ladder(
    recipes: Annotated[
        Sequence[str],
        argument("Recipes: 99.0, 99.4, 99.6 or 99.7.", "RECIPE", default="all four"),
    ] = (),
    *,
    seeds: Seeds = 10,
    workers: options.Workers = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    results: options.Results = None,
    observer: Watcher = None,
    progress: options.Progress = None,
) -> "ScoredRecipes":
    """Train the recipes for test accuracies of 99.0, 99.4, 99.6 and 99.7%, and return accuracy and time of each; as
    `mnist-bench bench ladder`. Each run is evaluated on the test images after its last epoch. These evaluations are
    logged.

    Raises:
        UsageError, StudyLockedError, StorageError: as `train_notebook`.

    Examples:
        >>> ladder = train_ladder(["99.0"], seeds=10)  # doctest: +SKIP
        >>> low, high = ladder.rows[0].interval  # doctest: +SKIP
    """
    from mnist_bench.experiments.scored_recipes import LADDER

    count = options.workers_for(device, workers)
    return _scored(LADDER, recipes, seeds, count, device, precision, results, observer, progress)


def _scored(
    benchmark: "Benchmark", recipes: Sequence[str], seeds: int, workers: int, device: str,
    precision: PrecisionName, results: str | Path | None, observer: "Observer | None", progress: bool | None,
) -> "ScoredRecipes":  # fmt: skip
    from mnist_bench.api.arguments import attended
    from mnist_bench.experiments import scored_recipes
    from mnist_bench.experiments.trainings import Workplace
    from search.defaults import results_in_force

    folder = results_in_force(results)
    with attended(observer, progress) as watching:
        place = Workplace(observer=watching, workers=workers, device=device)
        return scored_recipes.train(benchmark, recipes, place, seeds=seeds, precision=precision, results=folder)


@documented
def compare_methods(
    *,
    tables: Annotated[
        Sequence[str] | None,
        option(
            "Tables, with commas between: conv-5k, grid-5k, those of scikit-learn's models (scikit-learn/mlp-wine), or "
            "files.",
            "NAMES",
            default="all that the package ships",
            read=options.names,
        ),
    ] = None,
    samplers: Annotated[
        Sequence[str | Mapping[str, Any]] | None,
        option(
            f"Samplers, with commas between: {', '.join(SAMPLERS)}, or others, as for `search --sampler`.",
            "NAMES",
            panel=STRATEGIES,
            default=",".join(COMPARED["samplers"]),
            read=options.strategies,
        ),
    ] = None,
    pruners: Annotated[
        Sequence[str | Mapping[str, Any]] | None,
        option(
            f"Pruners, with commas between: {', '.join(PRUNERS)}, or others, as for `search --pruner`.",
            "NAMES",
            panel=STRATEGIES,
            default=",".join(COMPARED["pruners"]),
            read=options.strategies,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        option(
            "Searches per method and table, two or more.", "N", least=2, most=10_000, default=str(COMPARED["seeds"])
        ),
    ] = None,
    trials: Annotated[
        int | Sequence[int] | None,
        option(
            "Budgets, with commas between, in full trainings of an average configuration.",
            "N",
            names=("--trials", "-n"),
            default=",".join(map(str, COMPARED["trials"])),
            read=options.numbers,
        ),
    ] = None,
    plan: Annotated[
        str | Path | None,
        option(
            "YAML file that fixes in advance: tables, samplers, pruners, seeds, trials, endpoint and margin. Options "
            "override it. What it does not fix is printed as not planned.",
            "FILE",
            typed=Path,
        ),
    ] = None,
    figure: Annotated[
        str | Path | None,
        option(
            "Also draw normalized regret over the budget into this file, .png or .svg.",
            "FILE",
            names=("--plot",),
            typed=Path,
        ),
    ] = None,
    concurrent_trials: options.ConcurrentTrials = CONCURRENT_TRIALS,
    processes: Annotated[
        int,
        in_python(
            'Concurrent searches; above 1, guard the script with `if __name__ == "__main__":`, because each process '
            "imports it.",
            least=1,
        ),
    ] = 1,
    known: Annotated["Sequence[Searched]", in_python("Searches of earlier calls, which are not repeated.")] = (),
    on_search: Annotated[
        "Callable[[Searched], None]", in_python("Called with each search that has ended.")
    ] = lambda searched: None,
    observer: Watcher = None,
    progress: options.Progress = None,
) -> "MethodComparison":
    """Compare search methods at equal budgets on recorded tables; as `mnist-bench bench search`.

    Raises:
        UsageError: there is no such table, sampler or pruner, or one does not fit the other or the space; an argument
            is out of range, no sampler or pruner takes the options, or the plan has a fault.
        StorageError: a table's file is damaged.

    Examples:
        >>> found = compare_methods(tables=["grid-5k"], pruners=["none"], seeds=2, trials=3)
        >>> found.tables, found.seeds, found.methods
        (('grid-5k',), (0, 1), ('random', 'curves'))
    """
    from mnist_bench.api.arguments import as_path, attended
    from mnist_bench.experiments import method_comparison, method_plan
    from mnist_bench.tables import SHIPPED

    picture = as_path(figure)
    if picture is not None:
        check_choice("--plot", picture.suffix[1:], FORMATS)
        check_target(picture, folder=False)
    file = as_path(plan)
    fixed = method_plan.read(file) if file else None
    given = {
        "tables": tables, "samplers": samplers, "pruners": pruners, "seeds": seeds,
        "trials": (trials,) if isinstance(trials, int) else trials,
    }  # fmt: skip
    asked: dict[str, Any] = {
        name: getattr(fixed, name, default) if given[name] is None else given[name]
        for name, default in {"tables": SHIPPED, **COMPARED}.items()
    }
    with attended(observer, progress) as watching:
        found = method_comparison.compare_methods(
            watching, **asked, concurrent_trials=concurrent_trials, plan=fixed, processes=processes, known=known,
            on_search=on_search,
        )  # fmt: skip
    if picture is not None:
        from mnist_bench.plots import frame, search_methods

        (suffix,) = (each for each in FORMATS if each == picture.suffix[1:])
        frame.write(frame.render(search_methods.regret(found), [suffix]), picture)
    return found


@documented
def measure_speed(
    *,
    repeats: Annotated[int, in_python("Repetitions of every measurement.", least=1)] = 5,
    workers: options.Workers = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    on_round: Annotated[
        Callable[[int], None], in_python("Called with the number of each round that begins, 0 for the warm-up.")
    ] = lambda number: None,
) -> "Speed":
    """Measure how fast this machine trains four fixed networks, on all cores at once; as `mnist-bench doctor --speed`.

    Raises:
        UsageError: an argument is out of range.

    Examples:
        >>> found = measure_speed(repeats=1)  # doctest: +SKIP
        >>> speeds = {net.net: net.median for net in found.nets}  # images per second  # doctest: +SKIP
    """
    from mnist_bench import bench
    from mnist_bench.numerics.kinds import cores

    processes = cores() if workers is None else workers
    return bench.measure_speed(on_round, repeats=repeats, workers=processes, device=device, precision=precision)


@documented
def reproduce(
    study: Annotated["StudyRecord", in_python("As `search` or `open_study` returned it.")],
    trial: options.Trial = None,
    *,
    weights: Annotated[
        bool,
        option(
            "Keep the weights in the study's folder if they are identical. Only for its ten best trials.", of="nets"
        ),
    ] = False,
    device: options.Device = "auto",
    data: options.Data = None,
    net: options.Net = None,
    trainer: options.Trainer = None,
    objective: options.Objective = None,
    command: options.Command = None,
    on_period: OnComparedPeriod = lambda then, now: None,
) -> "Checked":
    """Train a trial again, the study's best one by default, and compare it bit for bit; as `mnist-bench reproduce`.

    Raises:
        StudyNotFoundError: the study has no such trial, or no complete one.
        UsageError: the data set or the trainer is not the study's, the trainer is not named, or the study keeps no
            weights of this trial.
        WorkerError: your own trainer cannot be started, or raises.

    Examples:
        >>> reproduce(open_study("tiny-0"), 1).identical
        True
    """
    from functools import partial

    from mnist_bench.api.arguments import as_path, chosen
    from mnist_bench.experiments import own_trainer
    from mnist_bench.studies import claims
    from mnist_bench.studies.kept_files import check_kept, keep_weights
    from mnist_bench.value_kind import check_nets
    from search.errors import UsageError
    from search.study.studies import StoredStudy

    again, keep = chosen(study, trial), None
    if weights:
        check_nets(study, "weights=True")
        if not isinstance(study, StoredStudy):
            raise UsageError(
                "weights=True keeps weights in the study's folder; give a study from open_study or search."
            )
        check_kept(study, again)
        keep = partial(keep_weights, study, again)
    claim = claims.claim_of(study, again)
    if claim.record is None:
        code = own_trainer.OwnCode(trainer=trainer, objective=objective, command=command)
        return claims.check(claim, own_trainer.trainer_for(study, code), on_period)
    remade = claims.trainer_for(claim.record, device=device, data_dir=as_path(data), net=options.loaded_net(net))
    return claims.check(claim, remade, on_period, keep)


@documented
def reproduce_record(
    record: Annotated[
        str | Path | Mapping[str, Any],
        in_python("A file from `mnist-bench show STUDY/17 --json`, or the content of one."),
    ],
    *,
    device: options.Device = "auto",
    data: options.Data = None,
    net: options.Net = None,
    on_period: OnComparedPeriod = lambda then, now: None,
) -> "Checked":
    """Train a recorded trial again, as `reproduce` does.

    Raises:
        UsageError: it is not a record, or the data set is not the record's.

    Examples:
        >>> reproduce_record("RECORD.json").identical  # doctest: +SKIP
        True
    """
    import json

    from mnist_bench.api.arguments import as_path
    from mnist_bench.studies import claims, record as records
    from search.errors import UsageError

    if isinstance(record, Mapping):
        try:
            text = json.dumps(dict(record))
        except (TypeError, ValueError) as error:
            raise UsageError(f"record: it is not a record ({error}).") from error
        found = records.parse(text, "record")
    else:
        found = records.read(Path(record))
    remade = claims.trainer_for(found, device=device, data_dir=as_path(data), net=options.loaded_net(net))
    return claims.check(claims.recorded(found), remade, on_period)
