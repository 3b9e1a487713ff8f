"""Checks that data set, user-defined net and numerics match those of a study, and names the options it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_bench.data.choice import Data, form_of, of_files
from mnist_bench.data.mnist import TrainingSet, load_training_set
from mnist_bench.data.own import options_for
from mnist_bench.next_commands import NextCommands
from mnist_bench.own_nets import own_net
from mnist_bench.value_kind import kind_of
from search.differences import changed_checks
from search.errors import FingerprintError, UsageError
from search.event_log.records import StudyRecord
from search.study.folder import StudyFolder
from search.study.invocation_log import invocations, latest_data, latest_net
from search.study.studies import StoredStudy


def training_set(recorded: Data, data_dir: Path | None, what: str) -> TrainingSet:
    """Load the data set of a study or record from `data_dir` or the package, and check that it is the same one.

    Args:
        recorded: the data set as recorded.
        data_dir: where it is, as in `options_for`; None for the packaged MNIST or a relative.
        what: the name of the trained thing in messages: "Study conv-0".

    Raises:
        DataError: the data set cannot be loaded.
        UsageError: it is not the recorded one.
    """
    if data_dir is None and recorded.form != form_of(recorded.dataset):
        raise UsageError(f"{what} was trained on images of {recorded.form}; name their file or folder with --data.")
    dataset = recorded.dataset if data_dir is None or of_files(recorded.dataset) else "mnist"
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

    Raises:
        UsageError: it was not named, or its file has changed.
    """
    own_net.load_code(name)
    if code is not None:
        own_net.loaded_net(code)


def net_code(study: StudyRecord) -> str | None:
    """Return the code of your own network, if it was searched; None if the nets are built-in."""
    return _net_code(study.spec)


def _net_code(spec: Mapping[str, Any]) -> str | None:
    code: str | None = spec["space"]["settings"].get("net_code")
    return code


def commands_of(
    study: StoredStudy,
    *,
    data_dir: Path | None = None,
    net: str | None = None,
    device: str = "auto",
    no_test: bool = False,
) -> NextCommands:
    """Return the commands to copy about a study; arguments as in `commands_at`."""
    return commands_at(study.files, study.spec, data_dir=data_dir, net=net, device=device, no_test=no_test)


def commands_at(
    files: StudyFolder,
    spec: Mapping[str, Any] | None,
    *,
    data_dir: Path | None = None,
    net: str | None = None,
    device: str = "auto",
    no_test: bool = False,
) -> NextCommands:
    """Return the commands to copy about the study in a folder.

    Args:
        files: the study's folder.
        spec: the study's specification; None if it is not known.
        data_dir: where the data are; by default, where the last search that named its data had them.
        net: the name by which your own network was loaded; by default, the one that the last search kept.
        device: to train on; "auto" names none.
        no_test: whether `confirm` is to leave the test set closed.
    """
    searched = invocations(files)
    code = None if spec is None else _net_code(spec)
    return NextCommands(
        study=files.name,
        place=files.words,
        data=latest_data(searched) if data_dir is None else str(data_dir),
        net=None if code is None else net or latest_net(searched) or own_net.split_code(code)[0],
        device=None if device == "auto" else device,
        no_test=no_test,
        own_code=() if spec is None else kind_of(spec).option,
    )


def device_like(numerics: Mapping[str, Any], name: str) -> str:
    """Return the device to train on; "auto" becomes the CPU if the numerics are those of a CPU, even on a machine with
    a GPU."""
    return "cpu" if name == "auto" and numerics.get("device") == "cpu" else name


def check_numerics(study: StudyRecord, numerics: Mapping[str, Any], verb: str) -> None:
    """Check that workers with these numerics compute the same bits as those of the search.

    Their checks are compared; the rest of the numerics explains a difference. `verb` is for the message: "confirm".

    Raises:
        FingerprintError: they compute other bits.
    """
    searched_with = study.spec["numerics"]
    for name in changed_checks(searched_with, numerics):
        raise FingerprintError(
            f"Study {study.name} was searched on a machine that gives different floating-point results "
            f"({name.replace('_', ' ').replace('check', 'numerics check')} {str(searched_with.get(name))[:4]}…, here "
            f"{str(numerics.get(name))[:4]}…); {verb} it on a machine like that one, with the same versions."
        )
