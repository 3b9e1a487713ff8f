"""Plots of a study and of the data, and a study on one page."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path

from mnist_bench.api.arguments import OwnNetSource, as_path, several, used
from mnist_bench.data.idx import close_test_set
from mnist_bench.plots.frame import Format
from mnist_bench.plots.kinds import DATA_KINDS, STUDY_KINDS, Picture, check_kind, draw_kinds, kinds_of
from mnist_bench.plots.subject import DataSubject, Subject, data_subject
from mnist_bench.report.page import WrittenReport, write
from search.arguments import check_choice, check_seed
from search.defaults import results_in_force
from search.errors import UsageError
from search.study.folder import ResultsFolder
from search.study.studies import StoredStudy

FORMATS: tuple[Format, ...] = ("png", "svg")


def plot(
    study: StoredStudy,
    kinds: Sequence[str] = (),
    *,
    to: str | Path | None = None,
    formats: Sequence[Format] = FORMATS,
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
) -> tuple[Picture, ...]:
    """Draw plots of a study into files, and return one per kind; as `mnist-bench plot`.

    Args:
        study: as `search` or `open_study` returned it.
        kinds: names such as "history" and "curves", which `mnist-bench plot --help` lists; empty for all kinds
            that the study has enough data for. A study of another trainer has no kinds that need networks.
        to: a folder; None for `plots` in the study's.
        formats: formats of the files: "png", "svg".
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).

    Raises:
        UsageError: there is no such kind, or the folder cannot be written.
        StudyNotFoundError: the study lacks the data of one of `kinds`.
        ForeignStudyError: another trainer made the study, and one of `kinds` needs networks.

    Examples:
        >>> (history,) = plot(open_study("finished"), ["history"], to="pictures", formats=["svg"])
        >>> history.kind, [path.as_posix() for path in history.files]
        ('history', ['pictures/history.svg'])
    """
    wanted = _checked(kinds, STUDY_KINDS, "the data; see plot_data")
    used(net)
    subject = Subject(study=study, data_dir=as_path(data_dir))
    close_test_set()
    destination = as_path(to) or study.files.plots
    return _drawn(wanted or kinds_of(study), subject, destination, formats, named=bool(wanted))


def plot_data(
    kinds: Sequence[str] = (),
    *,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    to: str | Path | None = None,
    formats: Sequence[Format] = FORMATS,
    data_dir: str | Path | None = None,
    results: str | Path | None = None,
) -> tuple[Picture, ...]:
    """Draw a plot of the data set, without a study: digits; as `mnist-bench plot digits`.

    `overrides` such as `augment.rotation_degrees=30`, and `seed` (default: 0), say how they are distorted. The files go
    into the folder `to`, or `plots` in `results`, which is by default the folder in force.

    Raises:
        UsageError: there is no such kind, the data are not of MNIST's form, or the folder cannot be written.
        SpaceError: an override names an unknown field, or a value that is not allowed.
        DataError: the data set cannot be loaded.

    Examples:
        >>> (digits,) = plot_data(["digits"], to="pictures", formats=["png"])
        >>> digits.lines[0], digits.files[0].name
        ('(60000, 28, 28)', 'digits.png')
    """
    wanted = _checked(kinds, DATA_KINDS, "a study; see plot") or DATA_KINDS
    changes = several("overrides", overrides)
    check_seed("seed", seed or 0)
    close_test_set()
    subject = data_subject(as_path(data_dir), changes, seed or 0)
    destination = as_path(to) or ResultsFolder(results_in_force(results)).plots
    return _drawn(wanted, subject, destination, formats, named=True)


def report(
    study: StoredStudy,
    *,
    to: str | Path | None = None,
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
) -> WrittenReport:
    """Write a study's results into one HTML file that works offline; as `mnist-bench report`.

    Args:
        study: as `search` or `open_study` returned it.
        to: the file; None for report.html in the study's folder.
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).

    Raises:
        StudyNotFoundError: no trial has finished yet.
        UsageError: the file cannot be written.
        StorageError: a result in the study's folder cannot be read.

    Examples:
        >>> report(open_study("conv-0")).file  # doctest: +SKIP
        PosixPath('results/conv-0/report.html')
    """
    used(net)
    return write(study, to=as_path(to), data_dir=as_path(data_dir))


def _checked(kinds: Sequence[str], known: Container[str], other: str) -> tuple[str, ...]:
    """Return the kinds, each once; `other` names the subject of the others.

    Raises:
        UsageError: there is no such kind, or it has another subject.
    """
    wanted = several("kinds", kinds)
    for kind in wanted:
        check_kind(kind)
        if kind not in known:
            raise UsageError(f"{kind} shows {other}.")
    return tuple(dict.fromkeys(wanted))


def _drawn(
    kinds: Sequence[str], subject: DataSubject | Subject, folder: Path, formats: Sequence[Format], *, named: bool
) -> tuple[Picture, ...]:
    """Draw pictures into files; raise the first error, any if kinds were `named`, otherwise an unforeseen one."""
    formats = several("formats", formats)
    for each in formats:
        check_choice("formats", each, FORMATS)
    pictures = []
    for picture in draw_kinds(kinds, subject, formats, folder=folder):
        if picture.error is not None and (named or not picture.foreseen):
            raise picture.error
        pictures.append(picture)
    return tuple(pictures)
