"""Read studies of nets, and check them: the database may be damaged, or others may have written to it.

`search.event_log` checks the fields of the search; this module checks those that only the trainer knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from annotated_types import Ge
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from mnist_bench.config.values import all_settings, from_json
from mnist_bench.data.choice import Data, form_of
from mnist_bench.data.mnist import TrainingSet, load_training_set
from mnist_bench.data.own import options_for
from mnist_bench.errors import ConfigError, UnknownSettingError
from mnist_bench.nets import own_net
from mnist_bench.next_commands import NextCommands
from mnist_bench.numerics.kinds import DeviceKind, Precision
from mnist_bench.value_kind import check_nets, kind_of
from search import canonical_json
from search.differences import changed_checks
from search.errors import FingerprintError, OtherVersionError, StorageError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import first_fault, in_a_sentence
from search.stored_fields import unknown, unknown_in
from search.study import studies
from search.study.invocation_log import invocations, latest_data, latest_net
from search.study.studies import StoredStudy

StudyT = TypeVar("StudyT", bound=StudyRecord)
MAX_NUMBER = 2**53  # larger ones are not exact in JSON
MAX_TIME = 253_402_300_799  # end of the year 9999 in seconds since 1970; Python's dates go no further
COUNTED = ("epoch", "errors")  # metrics that are counts
Count = Annotated[int, Ge(1)]


class ImageCounts(TypedDict):
    """Number of images in each part of the split."""

    train: Count
    validation: Count


class Context(TypedDict):
    """The part of a study's context that is checked."""

    data: Data
    images: ImageCounts
    trainer_revision: int


class Numerics(TypedDict):
    """The part of a study's numerics with which commands compute; the rest is only shown."""

    check: str
    kind: DeviceKind
    precision: Precision
    trainer_revision: int


class Spec(TypedDict):
    """The part of a study's specification that belongs to the trainer."""

    context: Context
    numerics: Numerics


def open_study(results: Path, name: str | None) -> StoredStudy:
    """Return a study of nets; without a name, the one that was written last."""
    return believed(studies.open_study(results, name))


def open_any(results: Path, name: str | None) -> StoredStudy:
    """Return a study of nets or of another trainer; without a name, the one that was written last.

    In another trainer's study, only the fields that the search itself writes are checked.
    """
    read = studies.open_study(results, name)
    return believed(read) if kind_of(read.spec).of_nets else read


def find_trial(study: StudyRecord, number: int | None) -> TrialRecord:
    """Return the trial of that number, the study's best one without a number."""
    if number is None:
        if study.best is None:
            raise StudyNotFoundError(
                f"Study {study.name} has no complete trial yet; name a trial, e.g. {study.name}/0."
            )
        return study.best
    for trial in study.trials:
        if trial.number == number:
            return trial
    last = f"its trials are 0 to {len(study.trials) - 1}" if study.trials else "it has no trials"
    raise StudyNotFoundError(f"Study {study.name} has no trial {number}; {last}.")


def believed(read: StudyT) -> StudyT:
    """Return the study after checking everything that commands compute with."""
    check_nets(read)
    try:
        _form().validate_json(canonical_json.dumps(read.spec), strict=True)
        for path, _ in read.spec["space"]["fields"]:
            if path not in all_settings() and not path.startswith("net."):
                raise UnknownSettingError(unknown(path))
        for trial in read.trials:
            _check_trial(trial)
    except UnknownSettingError as error:
        raise OtherVersionError(f"Study {read.name}: {error}.") from error
    except ValidationError as error:
        if name := unknown_in(error):
            raise OtherVersionError(f"Study {read.name}: {unknown(name)}.") from error
        raise _unbelievable(read, first_fault(error)) from error
    except (ConfigError, ValueError) as error:
        raise _unbelievable(read, str(error)) from error
    return read


@cache
def _form() -> TypeAdapter[Spec]:
    return TypeAdapter(Spec)


def _check_trial(trial: TrialRecord) -> None:
    """Check the parts of a trial that come from the trainer.

    Plain comparisons, not pydantic: a study may have a hundred thousand periods.
    """
    from_json(trial.config)
    for name in ("parameters", "macs"):
        count = trial.facts.get(name)
        is_count = isinstance(count, int) and 0 <= count <= MAX_NUMBER
        # Impossible nets have no counts; they are never trained.
        _demand(is_count or (count is None and not trial.reports), trial, name)
    _demand(trial.state != "COMPLETE" or trial.value is not None, trial, "value")
    for report in trial.reports:
        _demand(report.value is None or 0 <= report.value <= 1, trial, "value")
        _demand(all(0 <= (report.metrics.get(name) or 0) <= MAX_NUMBER for name in COUNTED), trial, "metrics")
        times = (report.seconds, report.started or 0.0, report.handled or 0.0)
        _demand(all(0 <= time <= MAX_TIME for time in times), trial, "times")


def _demand(holds: bool, trial: TrialRecord, what: str) -> None:
    if not holds:
        raise ValueError(f"trial {trial.number}: {what}")


def _unbelievable(read: StudyRecord, fault: str) -> StorageError:
    return StorageError(
        f"Study {read.name} holds what no search writes ({in_a_sentence(fault)}); restore its database."
    )


def training_set(recorded: Data, data_dir: Path | None, what: str) -> TrainingSet:
    """Load the data set of a study or record from `data_dir` or the package, and check that it is the same one.

    Args:
        recorded: the data set as recorded.
        data_dir: where it is, as in `options_for`; None for the packaged MNIST or a relative.
        what: the name of the trained thing in messages: "Study conv-0".
    """
    if data_dir is None and recorded.form != form_of(recorded.dataset):
        raise UsageError(f"{what} was trained on images of {recorded.form}; name their file or folder with --data.")
    dataset = recorded.dataset if data_dir is None or recorded.is_of_files else "mnist"
    options = options_for(data_dir, dataset=dataset).chosen({**recorded.settings, "dataset": dataset})
    if options.form != recorded.form:
        raise UsageError(
            f"{what} was trained on images of {recorded.form}, and those of {data_dir} have {options.form}; name "
            "its own file or folder with --data."
        )
    loaded = load_training_set(options)
    if (loaded.data_hash, loaded.split.digest) != (recorded.data_hash, recorded.split_hash):
        raise UsageError(
            f"{what} was trained on other data (its hash {recorded.data_hash[:8]}, here {loaded.data_hash[:8]}); "
            "name the file or folder of its data set with --data."
        )
    return loaded


def require_net(code: str | None, name: str | None) -> None:
    """Check that the net of a configuration can be built here, if it is your own.

    Args:
        code: `TrainConfig.net_code`.
        name: by which the net was named for this command; see `own_nets.load_net`.
    """
    own_net.load_code(name)
    if code is not None:
        own_net.loaded_net(code)


def net_code(study: StudyRecord) -> str | None:
    """Return the code of your own network, if it was searched; None if the nets are built-in."""
    code: str | None = study.spec["space"]["settings"].get("net_code")
    return code


def commands_of(
    study: StoredStudy,
    *,
    data_dir: Path | None = None,
    net: str | None = None,
    device: str = "auto",
    no_test: bool = False,
) -> NextCommands:
    """Return the commands to copy about a study.

    Args:
        study: the study.
        data_dir: where the data are; by default, where the last search that named its data had them.
        net: the name by which your own network was loaded; by default, the one that the last search kept.
        device: to train on; "auto" names none.
        no_test: whether `confirm` is to leave the test set closed.
    """
    searched, code = invocations(study.files), net_code(study)
    return NextCommands(
        study=study.files.name,
        place=study.files.words,
        data=latest_data(searched) if data_dir is None else str(data_dir),
        net=None if code is None else net or latest_net(searched) or own_net.split_code(code)[0],
        device=None if device == "auto" else device,
        no_test=no_test,
        own_code=kind_of(study.spec).option,
    )


def device_like(numerics: Mapping[str, Any], name: str) -> str:
    """Return the device to train on; "auto" becomes the CPU if the numerics are those of a CPU, even on a machine with
    a GPU."""
    return "cpu" if name == "auto" and numerics.get("device") == "cpu" else name


def check_numerics(study: StudyRecord, numerics: Mapping[str, Any], verb: str) -> None:
    """Check that workers with these numerics compute the bits of the search; `verb` is for the message: "confirm"."""
    searched_with = study.spec["numerics"]
    for name in changed_checks(searched_with, numerics):
        raise FingerprintError(
            f"Study {study.name} was searched on a machine that gives different floating-point results "
            f"({name.replace('_', ' ').replace('check', 'numerics check')} {str(searched_with.get(name))[:4]}…, here "
            f"{str(numerics.get(name))[:4]}…); {verb} it on a machine like that one, with the same versions."
        )
