"""Search a space, read the results of a search, and reproduce them bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_bench import cells
from mnist_bench.api.arguments import OwnNetSource, as_path, chosen, several, used
from mnist_bench.config.settings import OfferedDataset
from mnist_bench.experiments import own_trainer
from mnist_bench.experiments.own_trainer import OwnCode
from mnist_bench.leaderboard.board import Leaderboard, curve_table, table_of
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.numerics.kinds import PrecisionName
from mnist_bench.plots.kinds import KINDS
from mnist_bench.searches import config, running, setup
from mnist_bench.space_files.space_sources import Source
from mnist_bench.studies import checked, record as records, reproduce as reproduction
from mnist_bench.studies.kept_files import check_kept, keep_weights
from mnist_bench.studies.record import PeriodResult, record_of
from mnist_bench.studies.reproduce import RepeatedTrial, reproduce_values, trainer_for
from mnist_bench.value_kind import check_nets, kind_of
from search.defaults import results_in_force
from search.driver.attended import watched
from search.driver.progress import Callbacks, Observer, Observers
from search.errors import UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.executors.protocol import ExecutorName
from search.hashed import Order
from search.messages import lacks
from search.study.studies import StoredStudy

if TYPE_CHECKING:
    from pandas import DataFrame


def search(
    space: Source,
    *,
    trials: int = 50,
    patience: int | None = None,
    target: float | None = None,
    timeout: float | None = None,
    trial_timeout: float | None = None,
    sampler: str | None = None,
    sampler_options: Mapping[str, Any] | None = None,
    pruner: str | None = None,
    pruner_options: Mapping[str, Any] | None = None,
    workers: int = 1,
    concurrent_trials: int = 8,
    order: Order = "deterministic",
    seed: int = 0,
    overrides: Sequence[str] = (),
    enqueue: Sequence[Source | StudyRecord] = (),
    warm_start: bool = True,
    device: str = "auto",
    precision: PrecisionName = "auto",
    study_name: str | None = None,
    results: str | Path | None = None,
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    dataset: OfferedDataset | None = None,
    executor: ExecutorName = "local",
    address: str | None = None,
    gpus_per_worker: float = 0.0,
    callbacks: Sequence[Callable[[TrialRecord], object]] = (),
    observer: Observer | None = None,
    progress: bool | None = None,
) -> StoredStudy:
    """Search a space, or resume an interrupted search, and return the study; as `mnist-bench search`.

    In deterministic order the same arguments give the same study, for any executor and number of `workers`. A
    mapping gives the same study as a file of the same content, and each resumes the other's search.

    Args:
        space: a space file, the name of a bundled one, or a mapping.
        trials: total number of trained trials; a larger number continues a finished study.
        patience: stop early after this number of trained trials without a better one.
        target: stop early once a complete trial reaches this validation accuracy, 0..1.
        timeout: seconds after which the search stops; the same call resumes it.
        trial_timeout: seconds of training after which a trial is stopped.
        sampler: proposes trials, instead of the space's: a built-in name, or your own (docs/guides/own_samplers.md).
        sampler_options: options of the sampler, by name.
        pruner: stops trials; as `sampler`.
        pruner_options: options of the pruner, by name.
        workers: number of processes; each trains one trial at a time.
        concurrent_trials: number of trials in progress at the same time; the search depends on it.
        order: "deterministic"; or "as-completed", the order of completion, in which two runs may differ.
        seed: seed of the search.
        overrides: `field=value`, each of which replaces a value of the space.
        enqueue: what to train first: recipes, each a file, the name of a bundled one, a mapping or a TrainConfig; and
            studies, each as `open_study` returned it, its name or its folder, of which the ten best trials that lie in
            the space come first.
        warm_start: whether to try the warm-start configurations first that the space names.
        device: auto, cpu, cuda or cuda:1.
        precision: bf16, fp32 or portable; auto for the space's, or else the device's fastest.
        study_name: None for the space's name and the seed; a mapping without a `name` is called `space`.
        results: folder of the studies; None for $MNIST_BENCH_RESULTS or `results`.
        data_dir: your own data: an .npz file or a folder (docs/guides/own_data.md).
        net: your own network: a function at the top of a file, or its name (docs/guides/own_nets.md).
        dataset: name of the data set; None for the space's.
        executor: where training runs: worker processes, this process, or a Ray cluster (docs/guides/cluster.md).
        address: address of the Ray cluster, HOST:PORT, or auto.
        gpus_per_worker: share of a GPU that Ray reserves for each worker.
        callbacks: functions that are called with each trial that has ended, a `search.TrialRecord`.
        observer: called on every trial, report and end while the search runs.
        progress: whether to show the progress in the terminal or notebook; None to show it unless there is an observer.
            Nothing is shown if the output goes elsewhere, such as into a file.

    Raises:
        SpaceError: the space is faulty; the message lists all its faults.
        UsageError: an argument is out of range, options do not go together, or a recipe is not in the space.
        ForeignStudyError: an enqueued study is not of networks.
        FingerprintError: the study of that name was searched with another space, other options or another machine.
        StudyLockedError: another process searches the study.
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device.
        StorageError: a file or database cannot be read or written.
        WorkerError: training fails in a process, or processes die.
        TooManyFailuresError: too many trials failed.
        Interrupted: Ctrl-C, or a notebook's stop button, ended the search; the same call resumes it.

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
    results = results_in_force(results)
    setup.check_study_name(study_name, KINDS, results)
    asked = config.SearchConfig(
        space=str(space) if isinstance(space, Path) else space,
        overrides=several("overrides", overrides),
        sampler=sampler,
        sampler_options=sampler_options or {},
        pruner=pruner,
        pruner_options=pruner_options or {},
        trials=trials,
        patience=patience,
        target=target,
        timeout=timeout,
        trial_timeout=trial_timeout,
        workers=workers,
        concurrent_trials=concurrent_trials,
        order=order,
        seed=seed,
        enqueue=several("enqueue", enqueue),
        start=warm_start,
        device=device,
        precision=precision,
        study_name=study_name,
        results=results,
        data_dir=as_path(data_dir),
        dataset=dataset,
        net=used(net),
        executor=executor,
        address=address,
        gpus_per_worker=gpus_per_worker,
    )
    called = Callbacks(callbacks)
    with watched(observer or Observer(), progress, cells.percent) as watching:
        return running.run(asked, Observers((watching, called)), lambda: False).study


def open_study(name: str | None = None, *, results: str | Path | None = None) -> StoredStudy:
    """Return a study, of nets or of your own trainer; without a name, the latest one.

    Args:
        name: the name of the study.
        results: the folder of the studies; None for $MNIST_BENCH_RESULTS or `results`.

    Raises:
        StudyNotFoundError: there is no such study.
        StorageError: its database cannot be read.

    Examples:
        >>> study = open_study("finished")
        >>> study.best.number, round(study.best.value, 3)
        (6, 0.867)
    """
    return checked.open_any(results_in_force(results), name)


def to_dataframe(
    study: StudyRecord | Leaderboard, *, learning_curves: bool = False, infeasible: bool = False
) -> DataFrame:
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
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise UsageError(f"{lacks('to_dataframe', 'pandas', 'pandas')}.") from error
    if isinstance(study, Leaderboard):
        board = study
    else:
        board = leaderboard_of(study, infeasible=infeasible, curves=learning_curves)
    return DataFrame((curve_table if learning_curves else table_of)(board).records())


def reproduce(
    study: StudyRecord,
    trial: TrialRecord | int | None = None,
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    trainer: str | None = None,
    objective: Callable[..., Any] | str | None = None,
    command: str | None = None,
    weights: bool = False,
    on_period: Callable[[PeriodResult, PeriodResult], None] = lambda then, now: None,
) -> RepeatedTrial:
    """Train a trial again, the study's best one by default, and compare it bit for bit; as `mnist-bench reproduce`.

    Args:
        study: as `search` or `open_study` returned it.
        trial: the trial, or its number.
        device: auto for the device of the search.
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).
        trainer: your own trainer, if it made the study: its name, `file.py:Trainer` or `package.module:Trainer`.
        objective: your own function, if it made the study, or its name.
        command: your own program, if it made the study, with its arguments as they were searched.
        weights: whether to keep the weights in the study's folder if they are identical; for one of its ten best
            trials, after they were removed.
        on_period: called after each reporting interval, with its result as it was and as it is now.

    Raises:
        StudyNotFoundError: the study has no such trial, or no complete one.
        UsageError: the data set or the trainer is not the study's, the trainer is not named, or the study keeps no
            weights of this trial.
        WorkerError: your own trainer cannot be started, or raises.
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device.

    Examples:
        >>> reproduce(open_study("tiny-0"), 1).identical
        True
    """
    if weights:
        return _reproduced_and_kept(study, chosen(study, trial), device, as_path(data_dir), used(net), on_period)
    if not kind_of(study.spec).of_nets:
        remote = own_trainer.trainer_for(study, OwnCode(trainer=trainer, objective=objective, command=command))
        return reproduce_values(study, chosen(study, trial), remote, on_period)
    record = record_of(study, chosen(study, trial))
    return reproduction.reproduce(
        record, trainer_for(record, device=device, data_dir=as_path(data_dir), net=used(net)), on_period
    )


def _reproduced_and_kept(
    study: StudyRecord,
    trial: TrialRecord,
    device: str,
    data_dir: Path | None,
    net: str | None,
    on_period: Callable[[PeriodResult, PeriodResult], None],
) -> RepeatedTrial:
    """Reproduce a trial of a study of nets, and keep its weights if they are identical."""
    check_nets(study, "weights=True")
    if not isinstance(study, StoredStudy):
        raise UsageError("weights=True keeps weights in the study's folder; give a study from open_study or search.")
    check_kept(study, trial)
    record = record_of(study, trial)
    trainer = trainer_for(record, device=device, data_dir=data_dir, net=net)
    return reproduction.reproduce(record, trainer, on_period, partial(keep_weights, study, trial))


def reproduce_record(
    record: str | Path | Mapping[str, Any],
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    on_period: Callable[[PeriodResult, PeriodResult], None] = lambda then, now: None,
) -> RepeatedTrial:
    """Do as `reproduce` for a record: a file from `mnist-bench show STUDY/17 --json`, or the content of one.

    Raises:
        UsageError: it is not a record, or the data set is not the record's.
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device.

    Examples:
        >>> reproduce_record("RECORD.json").identical  # doctest: +SKIP
        True
    """
    if isinstance(record, Mapping):
        try:
            text = json.dumps(dict(record))
        except (TypeError, ValueError) as error:
            raise UsageError(f"record: it is not a record ({error}).") from error
        found = records.parse(text, "record")
    else:
        found = records.read(Path(record))
    return reproduction.reproduce(
        found, trainer_for(found, device=device, data_dir=as_path(data_dir), net=used(net)), on_period
    )
