"""Commands that only read: leaderboard, compare, show, studies and doctor."""

from __future__ import annotations

from pathlib import Path

from mnist_bench.api.arguments import OwnNetSource, as_path, chosen, used
from mnist_bench.comparison.comparison import Comparison, compare as compared
from mnist_bench.doctor import checkup, machine_checks
from mnist_bench.doctor.checkup import Checkup
from mnist_bench.leaderboard.board import Leaderboard, table_of
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.result_table import contents, ending_of
from mnist_bench.value_kind import check_nets
from search.arguments import check_count
from search.defaults import results_in_force
from search.errors import UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.files import write_named
from search.study.studies import StoredStudy, StudySummary, list_studies


def leaderboard(
    study: StudyRecord,
    *others: StudyRecord,
    top: int | None = None,
    infeasible: bool = False,
    learning_curves: bool = False,
    to: str | Path | None = None,
) -> Leaderboard:
    """Return the trials of a study by rank, with intervals and ties; as `mnist-bench leaderboard`.

    Args:
        study: as `search` or `open_study` returned it.
        others: further studies of the same objective; of networks, with the same validation images. The rows of all
            are in one order, by value; ranks and ties are those within each study.
        top: the number of rows; None for all trials.
        infeasible: whether trials that were not trained have rows: infeasible ones, with the limits that they exceed.
        learning_curves: whether the rows have their learning curves.
        to: a file to write, too: `*.csv`, `*.json` or `*.md`.

    Raises:
        UsageError: `top` is not a number above 0, or the objectives of the studies differ.

    Examples:
        >>> board = leaderboard(open_study("finished"), top=3)
        >>> [row.trial.number for row in board.rows], board.rows[0].tied
        ([6, 0, 4], False)
    """
    if top is not None:
        check_count("top", top)
    board = leaderboard_of(study, *others, top=top, infeasible=infeasible, curves=learning_curves)
    if to is not None:
        table = table_of(board)
        write_named(Path(to), contents(ending_of(Path(to)), [table], table.document))
    return board


def compare(
    *sides: StoredStudy | str | Path,
    results: str | Path | None = None,
) -> Comparison:
    """Compare two studies, trials, records or exports; as `mnist-bench compare`.

    Args:
        sides: each a study, or a text: the name of a study, a trial `conv-0/17`, the file of a record, the folder of an
            export, or the folder of a study on another machine.
        results: the folder of the studies that are named; None for $MNIST_BENCH_RESULTS or `results`.

    Raises:
        UsageError: there are not two sides; a side cannot be read; or networks would be compared with values.
        StudyNotFoundError: there is no such study or trial.
        StorageError: a database cannot be read.

    Examples:
        >>> compared = compare("finished", "tiny-0")
        >>> compared.test.method, compared.same_images
        ('paired', True)
    """
    return compared(sides, results_in_force(results))


def show(study: StudyRecord, trial: TrialRecord | int | None = None) -> StudyRecord | TrialRecord:
    """Return a study, or a trial of it, which Python shows in a few lines; as `mnist-bench show`.

    Raises:
        StudyNotFoundError: the study has no such trial.

    Examples:
        >>> show(open_study("finished"), 6)
        trial #6: complete, 0.86747 after 3 of 3 periods in ... s
        params: augment.rotation_degrees=5.38, model.batchnorm=none, model.blocks=2, model.filters=2, model…
        reports: 0.801205, 0.831325, 0.86747
    """
    return study if trial is None else chosen(study, trial)


def studies(
    *,
    results: str | Path | None = None,
) -> list[StudySummary]:
    """Return a line about every study; as `mnist-bench studies`.

    Args:
        results: the folder of the studies; None for $MNIST_BENCH_RESULTS or `results`.

    Raises:
        Nothing for a study that cannot be read: its line gives the reason.

    Examples:
        >>> [line for line in studies() if line.name == "finished"]
        [study finished: 8 of 8 trials, 2 complete, best 0.86747, finished]
    """
    return list_studies(results_in_force(results))


def doctor(
    study: StoredStudy | None = None,
    *,
    repair: bool = False,
    replay: bool = False,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    results: str | Path | None = None,
) -> Checkup:
    """Examine a study or, without one, this machine and the installation; as `mnist-bench doctor`.

    Args:
        study: as `search` or `open_study` returned it.
        repair: whether to write Optuna's tables again from the event log if they differ.
        replay: whether to replay every decision in the study's log, and compare.
        device: auto, cpu, cuda or cuda:1.
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).
        results: folder of the studies, if the machine is examined; None for the default in force.

    Raises:
        StudyNotFoundError: there is no such study.
        StudyLockedError: it is to be repaired, and another process works on it.
        UsageError: a repair or a replay is asked for without a study.
        DeviceError: there is no such device.
        StorageError: the tables cannot be written.

    Examples:
        >>> doctor(open_study("tiny-0"), replay=True).problems
        0
    """
    used(net)
    if study is not None:
        check_nets(study)
        return checkup.check_study(study.files, repair=repair, replay=replay, device=device, data_dir=as_path(data_dir))
    if repair or replay:
        raise UsageError(f"{'repair' if repair else 'replay'}=True needs a study; give the one to examine.")
    found = machine_checks.examine(results=results_in_force(results), device=device, data_dir=as_path(data_dir))
    return Checkup(findings=tuple(found))
