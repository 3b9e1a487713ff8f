"""Search a space, train a recipe or the settings of a trial, and read the results of a search."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mnist_bench import options
from mnist_bench.options import argument, documented, in_python, made_of, option
from mnist_bench.searches.config import SearchConfig
from search.arguments import MAX_SEED

if TYPE_CHECKING:
    from pandas import DataFrame

    from mnist_bench.experiments import recipe_training
    from mnist_bench.leaderboard.board import Leaderboard
    from mnist_bench.space_files.space_sources import Source
    from mnist_bench.training.trainer import FitResult
    from search.event_log.records import StudyRecord
    from search.study.studies import StoredStudy
    from search.trainer_api import Report

Recipe = Annotated[
    "Source",
    argument(
        "A recipe (a space file without ranges), the name of a bundled recipe, a trial, or - for stdin.",
        "RECIPE|STUDY/17",
        typed=str,
        python="Also a mapping or a TrainConfig; for a trial see `train_trial`.",
    ),
]
Seed = Annotated[int, option("First seed.", "N", least=0, most=MAX_SEED)]
WeightsFile = Annotated[
    str | Path | None,
    option("File for weights and configuration (safetensors), which `load_model` reads.", "FILE", typed=Path),
]
OnPeriod = Annotated["Callable[[Report], None]", in_python("Called with each report.")]


@made_of(SearchConfig)
def search(asked: SearchConfig) -> "StoredStudy":
    """Search a space, or resume an interrupted search, and return the study; as `mnist-bench search`.

    In deterministic order the same arguments give the same study, for any executor and number of `workers`. A
    mapping gives the same study as a file of the same content, and each resumes the other's search.

    Raises:
        SpaceError: the space is faulty; the message lists all its faults.
        UsageError: an argument is out of range, options do not go together, or a recipe is not in the space.
        ForeignStudyError: an enqueued study is not of networks.
        FingerprintError: the study of that name was searched with another space, other options or another machine.
        StudyLockedError: another process searches the study.
        StorageError: a file or database cannot be read or written.
        TooManyFailuresError: too many trials failed.

    Examples:
        >>> space = {
        ...     "name": "tiny",
        ...     "epochs": 1,
        ...     "subset": 1000,
        ...     "model": {"blocks": 0, "hidden_layers": 0},
        ...     "optim": {"lr": {"float": [0.001, 0.1], "log": True}},
        ... }
        >>> study = search(space, trials=2, enqueue=[{**space, "optim": {"lr": 0.01}}], executor="in-process")
        >>> study.name, len(study.finished()), study.trials[0].params
        ('tiny-0', 2, {'optim.lr': 0.01})
    """
    from mnist_bench import cells
    from mnist_bench.plots.kinds import KINDS
    from mnist_bench.searches import running, setup
    from search.driver.attended import watched
    from search.driver.progress import Callbacks, Observer, Observers

    setup.check_study_name(asked.study_name, KINDS, asked.folder)
    words = (cells.percent,) if asked.kind == "nets" else ()
    with watched(asked.observer or Observer(), asked.progress, *words) as watching:
        return running.run(asked, Observers((watching, Callbacks(asked.callbacks)))).study


@documented
def train(
    recipe: Recipe,
    *,
    seed: Seed = 0,
    overrides: options.Overrides = (),
    device: options.Device = "auto",
    data: options.Data = None,
    net: options.Net = None,
    to: WeightsFile = None,
    on_period: OnPeriod = lambda report: None,
) -> "FitResult":
    """Train a recipe once; as `mnist-bench train`.

    Raises:
        SpaceError: the recipe is faulty; the message lists all its faults.
        UsageError: the recipe has ranges, there is no such file, or the weights cannot be saved.
        PluginError: your own network raises; the message names the line of its file.

    Examples:
        >>> linear = {"epochs": 1, "subset": 1000, "model": {"blocks": 0, "hidden_layers": 0}}
        >>> fitted = train(linear, to="linear.safetensors")
        >>> fitted.reports[-1].weights == train(linear).reports[-1].weights
        True
        >>> 0 < fitted.reports[-1].value < 1
        True
    """
    from mnist_bench.api.arguments import as_path
    from mnist_bench.experiments import recipe_training

    training = recipe_training.of_recipe(
        recipe, overrides=overrides, device=device, data_dir=as_path(data), net=options.loaded_net(net)
    )
    return _fitted(training, seed, on_period, to)


@documented
def train_seeds(
    recipe: Recipe,
    seeds: Annotated[int, option("Number of seeds.", "N", least=1, most=1000)] = 5,
    *,
    seed: Seed = 0,
    overrides: options.Overrides = (),
    device: options.Device = "auto",
    data: options.Data = None,
    net: options.Net = None,
    workers: options.Workers = None,
    on_period: OnPeriod = lambda report: None,
) -> "tuple[FitResult, ...]":
    """Train a recipe with several seeds, from `seed` on, and return one result per seed.

    Each process trains one seed at a time; with a single worker this process trains. The results are the same.

    Raises:
        UsageError: `seeds` or `workers` is less than 1; and see `train`.
        SpaceError, DataError, DeviceError, PluginError: see `train`.

    Examples:
        >>> linear = {"epochs": 1, "subset": 1000, "model": {"blocks": 0, "hidden_layers": 0}}
        >>> len({result.reports[-1].weights for result in train_seeds(linear, 2, workers=1)})
        2
    """
    from mnist_bench.api.arguments import as_path
    from mnist_bench.experiments import recipe_training
    from search.arguments import check_seed

    check_seed("seed", seed + seeds - 1)
    training = recipe_training.of_recipe(
        recipe, overrides=overrides, device=device, data_dir=as_path(data), net=options.loaded_net(net)
    )
    return training.fit_seeds(range(seed, seed + seeds), workers, lambda _, report: on_period(report))


@documented
def train_trial(
    study: options.Study,
    trial: options.Trial = None,
    *,
    seed: Seed = 0,
    overrides: options.Overrides = (),
    device: options.Device = "auto",
    data: options.Data = None,
    net: options.Net = None,
    to: WeightsFile = None,
    on_period: OnPeriod = lambda report: None,
) -> "FitResult":
    """Train the settings of a trial, the study's best one by default, with another seed, on the study's data set; as
    `mnist-bench train STUDY/17`. A trial's own seed is for `reproduce`.

    Raises:
        StudyNotFoundError: the study has no such trial, or no complete one.
        UsageError: the data set is not the study's, an override names other data, or the weights cannot be saved.
        SpaceError, DataError, DeviceError, PluginError: see `train`.

    Examples:
        >>> found = train_trial(open_study("tiny-0"), 1, seed=5, overrides=["train_on=all"])
        >>> found.reports[-1].metrics["epoch"]
        1.0
    """
    from mnist_bench.api.arguments import as_path, chosen
    from mnist_bench.experiments import recipe_training
    from mnist_bench.value_kind import check_nets

    check_nets(study)
    training = recipe_training.of_trial(
        study,
        chosen(study, trial),
        overrides=overrides,
        device=device,
        data_dir=as_path(data),
        net=options.loaded_net(net),
    )
    return _fitted(training, seed, on_period, to)


def _fitted(
    training: "recipe_training.RecipeTraining", seed: int, on_period: "Callable[[Report], None]", to: str | Path | None
) -> "FitResult":
    """Train with a seed, and save the weights in `to`, whose folder is made."""
    from search.files import check_target

    if to is not None:
        check_target(Path(to), folder=False)
    result = training.fit(seed, on_period)
    if to is not None:
        training.save(result, Path(to))
    return result


@documented
def open_study(
    name: Annotated[str | None, in_python("The name of the study; None for the latest one.")] = None,
    *,
    results: options.Results = None,
) -> "StoredStudy":
    """Return a study, of networks or of your own code.

    Raises:
        StudyNotFoundError: there is no such study.
        StorageError: its database cannot be read.

    Examples:
        >>> study = open_study("finished")
        >>> study.best.number, round(study.best.value, 3)
        (6, 0.867)
    """
    from mnist_bench.studies import checked
    from search.defaults import results_in_force

    return checked.open_any(results_in_force(results), name)


def to_dataframe(
    study: "StudyRecord | Leaderboard", *, learning_curves: bool = False, infeasible: bool = False
) -> "DataFrame":
    """Return the trials of a study, best first: one row per trial, with its metrics and its exact parameters by dotted
    name; or the rows of a leaderboard, as `leaderboard` selected them.

    The columns are those of `mnist-bench leaderboard --csv`, with None or NaN for an inactive parameter. With
    `learning_curves` there is one row per report instead, to be joined by `number`. With `infeasible`, infeasible
    trials have rows, too; `excess.macs` and `excess.parameters` are the amounts by which they exceed a limit.

    Raises:
        UsageError: pandas is not installed.

    Examples:
        >>> frame = to_dataframe(open_study("finished"))
        >>> frame[["number", "state", "optim.lr"]].round(4).values.tolist()[0]
        [6, 'COMPLETE', 0.0137]
    """
    from mnist_bench.leaderboard.board import Leaderboard, curve_table, table_of
    from mnist_bench.leaderboard.ranking import leaderboard_of
    from search.errors import UsageError
    from search.messages import lacks

    try:
        from pandas import DataFrame
    except ImportError as error:
        raise UsageError(f"{lacks('to_dataframe', 'pandas', 'pandas')}.") from error
    if isinstance(study, Leaderboard):
        board = study
    else:
        board = leaderboard_of(study, infeasible=infeasible, curves=learning_curves)
    return DataFrame((curve_table if learning_curves else table_of)(board).records())
