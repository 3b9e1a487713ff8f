"""Search a space, read what a search found, and repeat it bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_bench import searches
from mnist_bench.api.arguments import OwnNetSource, as_path, chosen, several, used
from mnist_bench.config import DatasetName
from mnist_bench.leaderboard import curve_records, leaderboard_of, table_of
from mnist_bench.plots import KINDS
from mnist_bench.space_files import Source
from mnist_bench.studies import (
    Comparison,
    Period,
    is_foreign,
    record as records,
    record_of,
    trainer_for,
    validated,
)
from mnist_bench.studies.reproduce import reproduce
from search.driver import MAX_OUTAGE, Observer
from search.errors import UsageError
from search.event_log import Order, StudyRecord, TrialRecord
from search.executors import ExecutorName
from search.study import StoredStudy

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
    lanes: int | None = None,
    slots: int = 8,
    order: Order = "logical",
    seed: int = 0,
    overrides: Sequence[str] = (),
    enqueue: Sequence[Source] = (),
    from_studies: Sequence[str] = (),
    start: bool = True,
    device: str = "auto",
    study_name: str | None = None,
    storage: str | None = None,
    results: str | Path = "results",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    dataset: DatasetName | None = None,
    executor: ExecutorName = "local",
    max_outage: float = MAX_OUTAGE,
    address: str | None = None,
    gpus_per_worker: float = 0.0,
    observer: Observer | None = None,
) -> StoredStudy:
    """Search a space, or go on with a search that was stopped, and return the study; as `mnist-bench search`.

    In logical order the same arguments give the same study, whatever the executor and the number of workers and lanes.
    A mapping gives the study of the file that says the same, and either goes on with the other's.

    Args:
        space: a space file, a shipped space's name, or a mapping.
        trials: trained trials in all; a larger number goes on with a finished study.
        patience: end early, so many trained trials after the best complete one.
        target: end early, at a complete trial of this validation accuracy, 0..1.
        timeout: seconds after which the search stops; the same call goes on with it.
        trial_timeout: seconds after which a trial is ended.
        sampler: proposes trials, in place of the space's: a built-in name, or code of your own (docs/own_samplers.md).
        sampler_options: of the sampler, by name.
        pruner: stops trials; as `sampler`.
        pruner_options: of the pruner, by name.
        workers: processes, of which each trains `lanes` trials in turns.
        lanes: None for 1 on a CPU and 4 on a GPU.
        slots: trials in flight; part of what the search depends on.
        order: "logical", which any run repeats, or "arrival", where nobody waits.
        seed: of the search.
        overrides: `field=value`, each of which replaces what the space says.
        enqueue: recipes to train first, each a file, a shipped one's name, a mapping or a TrainConfig.
        from_studies: names of studies and tables whose best configurations are tried first.
        start: whether to try first what the space itself names for that.
        device: auto, cpu, cuda or cuda:1.
        study_name: None for the space's name and the seed; that of a mapping without a `name` is `space`.
        storage: URL of a database as Optuna spells it; None for SQLite in the folder `results`.
        results: folder of the studies.
        data_dir: data of your own: an .npz file or a folder (docs/own_data.md).
        net: a net of your own in place of ours: a function at the top of a file, or its name (docs/own_nets.md).
        dataset: by its name, in place of what the space names.
        executor: where periods run: worker processes, this process, or a Ray cluster (docs/cluster.md).
        max_outage: seconds to wait for PostgreSQL to be back.
        address: of the Ray cluster, HOST:PORT, or auto.
        gpus_per_worker: share of a GPU that Ray reserves for each worker.
        observer: hears of every trial, report and end while the search runs.

    Raises:
        SpaceError: the space is faulty; the message lists all its faults.
        UsageError: an argument is nothing to search with, options do not go together, or a recipe is not in the space.
        FingerprintError: the study of that name was made from something else.
        StudyLockedError: another process searches it.
        DataError, DeviceError, StorageError, WorkerError, TooManyFailuresError: see there.

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
    searches.check_study_name(study_name, KINDS, Path(results), storage)
    asked = searches.SearchConfig(
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
        lanes=lanes,
        slots=slots,
        order=order,
        seed=seed,
        enqueue=several("enqueue", enqueue),
        from_studies=several("from_studies", from_studies),
        start=start,
        device=device,
        study_name=study_name,
        storage=storage,
        results=Path(results),
        data_dir=None if data_dir is None else Path(data_dir),
        dataset=dataset,
        net=used(net),
        executor=executor,
        max_outage=max_outage,
        address=address,
        gpus_per_worker=gpus_per_worker,
    )
    return searches.run(asked, observer or Observer(), lambda: False).study


def open_study(name: str | None = None, *, results: str | Path = "results", storage: str | None = None) -> StoredStudy:
    """Return a study, the latest one where no name is given.

    Raises:
        StudyNotFoundError: there is none.
        StorageError: its database cannot be read.
        ForeignStudyError: it is none of nets; `search.open_study` reads it.

    Examples:
        >>> study = open_study("finished")
        >>> study.best.number, round(study.best.value, 3)
        (6, 0.867)
    """
    return validated.open_study(Path(results), name, storage)


def to_dataframe(study: StudyRecord, *, curves: bool = False, infeasible: bool = False) -> DataFrame:
    """Return the trials of a study, best first: a row a trial, its figures and its true parameters by dotted name.

    The columns are those of `mnist-bench leaderboard --csv`, with None or NaN where a parameter is inactive. With
    `curves` there is a row a period instead, to be joined by `number`. With `infeasible` those trials have rows, too,
    and what they exceed stands under `excess.macs` and `excess.parameters`.

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
        lack = "to_dataframe needs pandas, which this installation lacks; `pip install pandas` adds it."
        raise UsageError(lack) from error
    board = leaderboard_of(study, of_nets=not is_foreign(study.spec), infeasible=infeasible, curves=curves)
    return DataFrame(curve_records(board) if curves else table_of(board).records())


def reproduce_trial(
    study: StudyRecord,
    trial: TrialRecord | int | None = None,
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    on_period: Callable[[Period, Period], None] = lambda then, now: None,
) -> Comparison:
    """Train a trial again, the study's best one by default, and compare it bit for bit; as `mnist-bench reproduce`.

    Args:
        study: as `search` or `open_study` returned it.
        trial: the trial, or its number.
        device: auto for the device of the search.
        data_dir: the data set of the study, where it is not the packaged one.
        net: the net of your own that the study has, where it has one: the function, or its name (docs/own_nets.md).
        on_period: hears of each period as it was and as it is now.

    Raises:
        StudyNotFoundError: the study has no such trial, or no complete one.
        UsageError: the data set at hand is not the study's.
        DataError, DeviceError: see there.

    Examples:
        >>> reproduce_trial(open_study("tiny-0"), 1).identical
        True
    """
    record = record_of(study, chosen(study, trial))
    return reproduce(record, trainer_for(record, device=device, data_dir=as_path(data_dir), net=used(net)), on_period)


def reproduce_record(
    record: str | Path | Mapping[str, Any],
    *,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    on_period: Callable[[Period, Period], None] = lambda then, now: None,
) -> Comparison:
    """Do as `reproduce_trial` for a record: a file from `mnist-bench show STUDY/17 --json`, or what such a file holds.

    Raises:
        UsageError: it is no record, or the data set at hand is not the record's.
        DataError, DeviceError: see there.

    Examples:
        >>> reproduce_record("RECORD.json").identical  # doctest: +SKIP
        True
    """
    if isinstance(record, Mapping):
        try:
            text = json.dumps(dict(record))
        except (TypeError, ValueError) as error:
            raise UsageError(f"record: it is no record ({error}).") from error
        found = records.parse(text, "record")
    else:
        found = records.read(Path(record))
    return reproduce(found, trainer_for(found, device=device, data_dir=as_path(data_dir), net=used(net)), on_period)
