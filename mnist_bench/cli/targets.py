"""The target of a command: a study, a trial of it, or the latest study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mnist_bench.options import argument, declared
from search.errors import UsageError

if TYPE_CHECKING:
    from search.event_log.records import StudyRecord, TrialRecord
    from search.study.studies import StoredStudy

StudyName = Annotated[str | None, argument("A study.", "STUDY", default="the latest study")]
Target = Annotated[
    str | None,
    argument("A trial, or a study for its best trial.", "STUDY|STUDY/17", default="the latest study"),
]
MAX_DIGITS = 9
"""Most digits of a number of a trial; no study has more trials."""


def numbered(target: str) -> tuple[str, int] | None:
    """Return the name and the number of a target `NAME/17`; None if it has no number."""
    name, _, number = target.rpartition("/")
    is_number = number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
    return (name, int(number)) if name and is_number else None


def study_name(text: str, results: Path) -> str:
    """Return the name of a study, also if its folder in `results` is given, as a shell completes it."""
    folder = Path(text)
    is_there = "/" in text and folder.is_dir() and folder.resolve().parent == results.resolve()
    return folder.name if is_there else text


def parse(target: str | None) -> tuple[str | None, int | None]:
    """Return (study, trial) of `STUDY`, `STUDY/17` or nothing; None stands for the latest study and for no trial.

    Raises:
        UsageError: the part before the slash cannot name a study, or the part after it is not a trial number.
    """
    from search.study.folder import checked_name

    if target is None:
        return None, None
    if "/" not in target:
        return target, None
    if Path(target).is_dir():
        raise UsageError(_of_a_folder(Path(target)))
    checked_name(target.rpartition("/")[0])
    found = numbered(target)
    if found is None:
        raise UsageError(f"{target!r} is not a trial; write STUDY/17.")
    return found


def _of_a_folder(folder: Path) -> str:
    record = folder / "RECORD.json"
    more = f" The record in it is {record}." if record.is_file() else ""
    return (
        f"{folder}: is a folder. Name a study alone, conv-0, or a trial, conv-0/17; --results names the folder of "
        f"studies.{more}"
    )


def open_target(
    target: str | None, results: Path, *, of_any_trainer: bool = False
) -> tuple[StoredStudy, TrialRecord | None]:
    """Return the study that `target` names, and the trial if it names one.

    Raises:
        StudyNotFoundError: there is no such study, or no such trial of it.
        ForeignStudyError: another trainer's search made it, and it is not to be `of_any_trainer`.
        UsageError: the target is misspelled.
    """
    from mnist_bench.studies.checked import find_trial, open_any, open_study

    name, number = parse(target)
    study = (open_any if of_any_trainer else open_study)(results, name)
    return study, None if number is None else find_trial(study, number)


def check_options(study: StudyRecord, function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Check that what is given of a function's options goes with a study.

    Raises:
        ForeignStudyError, UsageError: an option is for the other kind of study.
    """
    from mnist_bench.value_kind import check_nets, kind_of

    of_nets = kind_of(study.spec).of_nets
    for name, (parameter, known) in declared(function).items():
        if known.of is None or given.get(name, parameter.default) == parameter.default:
            continue
        word = known.words(parameter)[0]
        if of_nets and known.of == "own work":
            raise UsageError(f"Study {study.name} is one of networks; leave out {word}.")
        if known.of == "nets":
            check_nets(study, word)
