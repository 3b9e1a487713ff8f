"""Read what searches have left: leaderboard, comparison, studies, check-up, plots and report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mnist_bench import options
from mnist_bench.options import argument, documented, in_python, option
from search.arguments import MAX_SEED

if TYPE_CHECKING:
    from mnist_bench.comparison.comparison import Comparison
    from mnist_bench.doctor.checkup import Checkup
    from mnist_bench.leaderboard.board import Leaderboard
    from mnist_bench.plots.frame import Format
    from mnist_bench.plots.kinds import Picture
    from mnist_bench.plots.subject import DataSubject, Subject
    from mnist_bench.report.page import WrittenReport
    from search.event_log.records import StudyRecord, TrialRecord
    from search.study.studies import StoredStudy, StudySummary

FORMATS: "tuple[Format, ...]" = ("png", "svg")
Formats = Annotated[
    "Sequence[Format]",
    option("Formats of the files, with commas between.", "NAMES", read=options.names, typed=Sequence[str]),
]
Destination = Annotated[
    str | Path | None,
    option("Folder for the files.", "DIR", typed=Path, default="plots/ in the folder of the study or of the results"),
]


@documented
def leaderboard(
    study: Annotated["StudyRecord", in_python("As `search` or `open_study` returned it.")],
    *others: "StudyRecord",
    top: Annotated[
        int | None,
        option(
            "Show only the N best trials.", "N", least=1, default="10 in a table, fewer in a low terminal; else all"
        ),
    ] = None,
    infeasible: Annotated[
        bool, option("Infeasible trials, which were not trained, have rows, too, with the limits that they exceed.")
    ] = False,
    learning_curves: Annotated[
        bool, option("The learning curves, with --json or --csv. CSV has one row per report.")
    ] = False,
) -> "Leaderboard":
    """Return the trials of a study by rank, with intervals and ties; as `mnist-bench leaderboard`.

    With `others`, studies of the same objective (of networks, with the same validation images), the rows of all are in
    one order, by value; ranks and ties are those within each study.

    Raises:
        UsageError: `top` is not a number above 0, or the objectives of the studies differ.

    Examples:
        >>> board = leaderboard(open_study("finished"), top=3)
        >>> [row.trial.number for row in board.rows], board.rows[0].tied
        ([6, 0, 4], False)
    """
    from mnist_bench.leaderboard.ranking import leaderboard_of

    return leaderboard_of(study, *others, top=top, infeasible=infeasible, curves=learning_curves)


@documented
def compare(
    *sides: Annotated[
        "StoredStudy | str | Path",
        argument(
            "Two studies, trials, records from `show --json`, or folders of exports or of studies.",
            "STUDY|STUDY/17|RECORD.json|DIR",
            typed=Sequence[str],
        ),
    ],
    results: options.Results = None,
) -> "Comparison":
    """Compare two studies, trials, records or exports; as `mnist-bench compare`.

    Raises:
        UsageError: there are not two sides; a side cannot be read; or networks would be compared with values.
        StudyNotFoundError: there is no such study or trial.
        StorageError: a database cannot be read.

    Examples:
        >>> compared = compare("finished", "tiny-0")
        >>> compared.test.only_first, compared.test.only_second, compared.test.is_significant
        (32, 5, True)
    """
    from mnist_bench.comparison.comparison import compare as compared
    from search.defaults import results_in_force

    return compared(sides, results_in_force(results))


@documented
def show(
    study: Annotated["StudyRecord", in_python("As `search` or `open_study` returned it.")],
    trial: options.Trial = None,
) -> "StudyRecord | TrialRecord":
    """Return a study, or a trial of it, which Python shows in a few lines; as `mnist-bench show`.

    Raises:
        StudyNotFoundError: the study has no such trial.

    Examples:
        >>> show(open_study("finished"), 6)
        trial #6: complete, 0.86747 after 3 of 3 periods in ... s
        params: augment.rotation_degrees=5.38, model.batchnorm=none, model.blocks=2, model.filters=2, model…
        reports: 0.801205, 0.831325, 0.86747
    """
    from mnist_bench.api.arguments import chosen

    return study if trial is None else chosen(study, trial)


@documented
def studies(*, results: options.Results = None) -> "list[StudySummary]":
    """Return a summary of every study; as `mnist-bench studies`.

    Raises:
        Nothing for a study that cannot be read: its summary gives the reason.

    Examples:
        >>> [line for line in studies() if line.name == "finished"]
        [study finished: 8 of 8 trials, 2 complete, best 0.86747, finished]
    """
    from search.defaults import results_in_force
    from search.study.studies import list_studies

    return list_studies(results_in_force(results))


@documented
def doctor(
    study: Annotated[
        "StoredStudy | None", in_python("The study to examine; None for this machine and the installation.")
    ] = None,
    *,
    repair: Annotated[bool, option("Write Optuna's tables again from the event log if they differ.")] = False,
    replay: Annotated[bool, option("Replay every decision in the study's log, and compare.")] = False,
    device: options.Device = "auto",
    data: options.Data = None,
    net: options.Net = None,
    results: options.Results = None,
) -> "Checkup":
    """Examine a study or, without one, this machine and the installation; as `mnist-bench doctor`.

    Raises:
        StudyNotFoundError: there is no such study.
        StudyLockedError: it is to be repaired, and another process works on it.
        UsageError: a repair or a replay is asked for without a study.
        StorageError: the tables cannot be written.

    Examples:
        >>> doctor(open_study("tiny-0"), replay=True).problems
        0
    """
    from mnist_bench.api.arguments import as_path
    from mnist_bench.doctor import checkup, machine_checks
    from mnist_bench.value_kind import check_nets
    from search.defaults import results_in_force
    from search.errors import UsageError

    options.loaded_net(net)
    if study is not None:
        check_nets(study)
        return checkup.check_study(study.files, repair=repair, replay=replay, device=device, data_dir=as_path(data))
    if repair or replay:
        raise UsageError(f"{'repair' if repair else 'replay'}=True needs a study; give the one to examine.")
    found = machine_checks.examine(results=results_in_force(results), device=device, data_dir=as_path(data))
    return checkup.Checkup(findings=tuple(found))


@documented
def plot(
    study: options.Study,
    kinds: Annotated[
        Sequence[str],
        in_python('Names such as "history" and "curves", which `mnist-bench plot --help` lists; empty for all kinds.'),
    ] = (),
    *,
    to: Destination = None,
    formats: Formats = FORMATS,
    data: options.Data = None,
    net: options.Net = None,
) -> "tuple[Picture, ...]":
    """Draw plots of a study into files, and return one per kind; as `mnist-bench plot`. By default, these are all
    kinds that the study has enough data for. A study of another trainer has no kinds that need networks.

    Raises:
        UsageError: there is no such kind, or the folder cannot be written.
        StudyNotFoundError: the study lacks the data of one of `kinds`.
        ForeignStudyError: another trainer made the study, and one of `kinds` needs networks.

    Examples:
        >>> (history,) = plot(open_study("finished"), ["history"], to="pictures", formats=["svg"])
        >>> history.kind, [path.as_posix() for path in history.files]
        ('history', ['pictures/history.svg'])
    """
    from mnist_bench.api.arguments import as_path
    from mnist_bench.data.idx import close_test_set
    from mnist_bench.plots.kinds import STUDY_KINDS, check_kind, kinds_of
    from mnist_bench.plots.subject import Subject
    from search.errors import UsageError

    wanted = tuple(dict.fromkeys(tuple(kinds)))
    for kind in wanted:
        check_kind(kind)
        if kind not in STUDY_KINDS:
            raise UsageError(f"{kind} shows the data; see plot_data.")
    options.loaded_net(net)
    subject = Subject(study=study, data_dir=as_path(data))
    close_test_set()
    destination = as_path(to) or study.files.plots
    return _drawn(wanted or kinds_of(study), subject, destination, formats, named=bool(wanted))


@documented
def plot_data(
    *,
    overrides: Annotated[
        Sequence[str],
        option(
            "For digits: a strength of their distortion, e.g. augment.rotation_degrees=30. Repeatable.",
            "FIELD=VALUE",
            names=("--set",),
        ),
    ] = (),
    seed: Annotated[int, in_python("The seed of the distortions.", least=0, most=MAX_SEED)] = 0,
    to: Destination = None,
    formats: Formats = FORMATS,
    data: options.Data = None,
    results: options.Results = None,
) -> "Picture":
    """Draw the first digits of a data set, as they are and distorted, without a study; as `mnist-bench plot digits`.
    The files go into the folder `to`, or `plots` in `results`.

    Raises:
        UsageError: the data are not of MNIST's form, or the folder cannot be written.
        SpaceError: an override names an unknown field, or a value that is not allowed.

    Examples:
        >>> digits = plot_data(to="pictures", formats=["png"])
        >>> digits.lines[0], digits.files[0].name
        ('(60000, 28, 28)', 'digits.png')
    """
    from mnist_bench.api.arguments import as_path
    from mnist_bench.data.idx import close_test_set
    from mnist_bench.plots.kinds import DATA_KINDS
    from mnist_bench.plots.subject import data_subject
    from search.defaults import results_in_force
    from search.study.folder import ResultsFolder

    changes = tuple(overrides)
    close_test_set()
    subject = data_subject(as_path(data), changes, seed)
    destination = as_path(to) or ResultsFolder(results_in_force(results)).plots
    (digits,) = _drawn(DATA_KINDS, subject, destination, formats, named=True)
    return digits


@documented
def report(
    study: options.Study,
    *,
    to: Annotated[
        str | Path | None, option("File to write.", "FILE", typed=Path, default="report.html in the study's folder")
    ] = None,
    data: options.Data = None,
    net: options.Net = None,
) -> "WrittenReport":
    """Write a study's results into one HTML file that works offline; as `mnist-bench report`.

    Raises:
        StudyNotFoundError: no trial has finished yet.
        UsageError: the file cannot be written.
        StorageError: a result in the study's folder cannot be read.

    Examples:
        >>> report(open_study("conv-0")).file  # doctest: +SKIP
        PosixPath('results/conv-0/report.html')
    """
    from mnist_bench.api.arguments import as_path
    from mnist_bench.report.page import write

    options.loaded_net(net)
    return write(study, to=as_path(to), data_dir=as_path(data))


def _drawn(
    kinds: Sequence[str], subject: "DataSubject | Subject", folder: Path, formats: "Sequence[Format]", *, named: bool
) -> "tuple[Picture, ...]":
    """Draw pictures into files; raise the first error, any if kinds were `named`, otherwise an unforeseen one."""
    from mnist_bench.plots.kinds import draw_kinds
    from search.arguments import check_choice

    formats = tuple(formats)
    for each in formats:
        check_choice("formats", each, FORMATS)
    pictures = []
    for picture in draw_kinds(kinds, subject, formats, folder=folder):
        if picture.error is not None and (named or not picture.foreseen):
            raise picture.error
        pictures.append(picture)
    return tuple(pictures)
