"""Check-up of a study's files: checkpoints, weights, results of commands, and temporary files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path

from mnist_bench.config.json import from_json
from mnist_bench.doctor.diagnostic import Diagnostic, note, ok, problem
from mnist_bench.errors import UnnamedCodeError
from mnist_bench.experiments.ablation.path import load
from mnist_bench.experiments.confirm import confirming, result_tables, results
from mnist_bench.studies import record
from mnist_bench.studies.best_checkpoints import worth_keeping
from mnist_bench.studies.compatibility import commands_of
from mnist_bench.training.weights import check_known, check_trial, load_model
from search.errors import NewerVersionError, SearchError, StorageError, UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.files import leftovers, make_folder, own
from search.messages import first_few, number_of
from search.study import checkpoint_store
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.location import StudyLocation
from search.study.studies import StoredStudy

Faults = Mapping[Path, SearchError | None]
"""The error with which each file is refused; None if it can be read."""


def examine(study: StudyRecord, location: StudyLocation, *, foreign: bool = False) -> Iterator[Diagnostic]:
    """Yield the findings about a study's folder, on which no process may be working.

    A `foreign` study was made by another trainer; only the files that any search writes are examined.
    """
    folder = location.folder
    yield from checkpoints(study, folder)
    yield from damaged_checkpoints(folder)
    if not foreign:
        yield from weights(study, folder)
        yield from confirmed_nets(StoredStudy.of(study, location))
    yield from found_by_commands(folder)
    yield from unfinished(folder)


def checkpoints(study: StudyRecord, folder: Path) -> Iterator[Diagnostic]:
    """Yield whether every paused trial has the checkpoint after its last period."""
    paused = [trial for trial in study.trials if trial.state == "RUNNING" and trial.reports]
    behind = [trial for trial in paused if _newest(folder, trial) < len(trial.reports)]
    if behind:
        lost = sum(len(trial.reports) - _newest(folder, trial) for trial in behind)
        text = f"the latest of {_numbered([trial.number for trial in behind])} is not there."
        yield note("checkpoints", text, f"Nothing: {number_of(lost, 'period')} will be retrained, bit for bit.")
    elif paused:
        yield ok("checkpoints", f"{number_of(len(paused), 'paused trial')} can continue from the latest report.")


def damaged_checkpoints(folder: Path) -> Iterator[Diagnostic]:
    """Yield a finding if any checkpoints are damaged, including those of `confirm` and other commands."""
    paths = [
        path
        for path in sorted(folder.rglob(f"*{checkpoint_store.SUFFIX}"))
        if not path.is_relative_to(StudyFolder(folder).aside)
    ]
    readers = {path: partial(_read_checkpoint, path) for path in paths}
    yield from _readable("checkpoints", readers, folder, lambda damaged: (
        f"{_MOVES}, and training continues from the ones before; files that go bad by themselves are a sign of a "
        "failing disk."
    ))  # fmt: skip


def weights(study: StudyRecord, folder: Path) -> Iterator[Diagnostic]:
    """Yield whether there are weights of the best trials only, each the weights with which the trial ended."""
    complete = {trial.number: trial for trial in study.complete()}
    best = worth_keeping(list(complete.values()), study.cost)
    files = StudyFolder(folder).kept_weights()
    kept = [(complete[number], files[number]) for number in sorted(best & files.keys())]
    readers = {path: partial(check_trial, path, trial) for trial, path in kept}
    whole = " of the best trials, each equal to the final weights of its trial"
    yield from _readable("weights", readers, folder, lambda damaged: f"{_MOVES}.", whole)
    if superfluous := [path for number, path in sorted(files.items()) if number not in best]:
        text = f"of trials that are no longer among the best: {_names(superfluous, folder)}."
        yield note("weights", text, f"{_MOVES}.", partial(_move_aside, superfluous, folder))
    yield from _missing([complete[number] for number in sorted(best - files.keys())], folder)


def _missing(trials: Sequence[TrialRecord], folder: Path) -> Iterator[Diagnostic]:
    waiting = [trial.number for trial in trials if _newest(folder, trial)]
    lost = [trial.number for trial in trials if trial.number not in waiting]
    if waiting:
        text = f"those of {_numbered(waiting)} are still in a checkpoint; the next run keeps them."
        yield note("weights", text)
    if lost:
        text = f"those of {_numbered(lost)}, among the best, are missing."
        advice = "Plots of them cannot be drawn; `reproduce` retrains them, bit for bit."
        yield note("weights", text, advice)


def confirmed_nets(study: StoredStudy) -> Iterator[Diagnostic]:
    """Yield whether each net that `confirm` trained on all images is there, and the one with which its run ended."""
    folder, files = study.files.path, study.files.confirm
    nets = files.kept_nets()
    readers = {path: partial(_read_net, files, *key, path) for key, path in nets.items()}

    def advice(damaged: Sequence[Path]) -> str:
        commands = _commands(study, [number for (number, _), path in nets.items() if path in damaged])
        return f"{_MOVES}; then {commands} retrains such a network, bit for bit."

    whole = ", each equal to the final weights of its run"
    yield from _readable("confirmed networks", readers, folder, advice, whole)
    if lost := _lost_nets(files, folder):
        text = f"not there: {_names([files.net_of(*key) for key in lost], folder)}."
        commands = _commands(study, [number for number, _ in lost])
        yield note("confirmed networks", text, f"{commands} retrains such a network, bit for bit.")


def _lost_nets(files: ConfirmFolder, folder: Path) -> list[tuple[int, int]]:
    try:
        return confirming.lost_nets(files, [final for one in results.evaluated(folder) for final in one.finals])
    except StorageError:  # which `found_by_commands` reports
        return []


def _commands(study: StoredStudy, trials: Sequence[int]) -> str:
    """Return the commands that train confirmed networks of these trials again, once they are gone."""
    commands = commands_of(study)
    try:
        lines = [result_tables.command_for_nets(study.files.path, number, commands) for number in dict.fromkeys(trials)]
    except StorageError:  # which `found_by_commands` reports
        lines = [commands.line("confirm")]
    return " or ".join(f"`{line}`" for line in dict.fromkeys(lines))


def _read_net(files: ConfirmFolder, trial: int, seed: int, path: Path) -> None:
    try:
        known = record.read(files.record_of(trial, seed, on_all=True))
    except UsageError:  # which `found_by_commands` reports
        load_model(path)
    else:
        check_known(path, known.curve[-1].weights, from_json(known.recipe), f"its run, {path.stem},")


_RECORD = "Restore a copy of it: `confirm` does not write it again while its result is kept."


def found_by_commands(folder: Path) -> Iterator[Diagnostic]:
    """Yield a finding for each result of `confirm` or `ablate` that cannot be read."""
    files = StudyFolder(folder)
    readers: dict[str, tuple[Path, Callable[[], object]]] = {
        "confirm": (files.confirm.result, partial(results.load, results.Confirmed, folder)),
        "confirm by value": (files.confirm.values, partial(results.load, results.ConfirmedValues, folder)),
        "confirm --front": (files.confirm.front, partial(results.load, results.Front, folder)),
        "ablate": (files.ablation.result, partial(load, folder)),
    }
    for path in sorted(files.confirm.records.glob("[0-9]*.json")):
        readers[f"record {path.stem}"] = path, partial(record.read, path)
    for name, (path, reader) in readers.items():
        fault = _fault(reader)
        yield from _newer(name, {path: fault}, folder)
        if _is_damage(fault):
            is_kept = path.parent == files.confirm.records and (
                files.confirm.result.exists() or files.confirm.front.exists()
            )
            advice = _RECORD if is_kept else "Move the file away; the command writes it again."
            yield problem(name, str(fault), advice)


def unfinished(folder: Path) -> Iterator[Diagnostic]:
    """Yield the temporary files that a killed process left."""
    if left := leftovers(folder):
        text = f"a killed process left {_names(left, folder)}."
        yield note("temporary files", text, "--repair removes them.", partial(_remove, left))


def _newest(folder: Path, trial: TrialRecord) -> int:
    """Return the latest of the trial's reported periods that has an undamaged checkpoint; 0 if none has."""
    store, periods = StudyFolder(folder).checkpoints, range(len(trial.reports), 0, -1)
    paths = {period: checkpoint_store.path_of(store, trial.number, period) for period in periods}
    return next((n for n, path in paths.items() if not _is_damage(_fault(partial(_read_checkpoint, path)))), 0)


def _read_checkpoint(path: Path) -> None:
    if checkpoint_store.read(path) is None:
        raise StorageError(f"{path}: is not a complete checkpoint.")


def _fault(reader: Callable[[], object]) -> SearchError | None:
    """Return the error with which a reader refuses its file; None if it reads the file."""
    try:
        reader()
    except SearchError as error:
        return error
    return None


def _is_damage(fault: SearchError | None) -> bool:
    """Return whether a file is damaged, not only of a newer version or of code that is not here."""
    return fault is not None and not isinstance(fault, NewerVersionError | UnnamedCodeError)


def _readable(
    about: str,
    readers: Mapping[Path, Callable[[], object]],
    folder: Path,
    advice: Callable[[Sequence[Path]], str],
    whole: str = "",
) -> Iterator[Diagnostic]:
    """Yield which files of a kind a newer version wrote, which are damaged, and how many are whole if `whole` is given.

    Args:
        about: the kind of files.
        readers: a function for each file that reads it.
        folder: the study's folder.
        advice: returns what to do about damaged files, which can be moved aside.
        whole: the end of a sentence about the number of files that can be read.
    """
    faults = {path: _fault(reader) for path, reader in readers.items()}
    yield from _newer(about, faults, folder)
    if damaged := [path for path, fault in faults.items() if _is_damage(fault)]:
        text = f"damaged, and not used: {_names(damaged, folder)}."
        yield problem(about, text, advice(damaged), partial(_move_aside, damaged, folder))
    if whole and (count_of_whole := sum(fault is None for fault in faults.values())):
        yield ok(about, f"{number_of(count_of_whole, 'file')}{whole}.")


def _newer(about: str, faults: Faults, folder: Path) -> Iterator[Diagnostic]:
    if newer := [path for path, fault in faults.items() if isinstance(fault, NewerVersionError)]:
        text = f"a newer mnist-bench wrote {_names(newer, folder)}, with settings that this version does not know."
        yield note(about, text, "Examine them with a newer version; this version does not change them.")


_MOVES = "--repair moves them into aside/ in the study's folder"


def _move_aside(paths: Sequence[Path], folder: Path) -> str:
    """Move files to the same place below the study's folder `aside`, without replacing any file there."""
    aside = StudyFolder(folder).aside
    for path in paths:
        target = aside / path.relative_to(folder)
        for above in target.parents[: len(path.relative_to(folder).parents)]:
            own(above)
        make_folder(target.parent)
        names = (target.with_name(f"{target.name}.{k}") for k in count(1))
        path.rename(target if not target.exists() else next(name for name in names if not name.exists()))
    return f"Moved into {aside}."


def _remove(paths: Sequence[Path]) -> str:
    """Remove half-written files; their writers write them again."""
    for path in paths:
        path.unlink(missing_ok=True)
    return "Removed."


def _names(paths: Sequence[Path], folder: Path, most: int = 5) -> str:
    """Return the paths of the first files, relative to the folder, and the number of the others."""
    return first_few([str(path.relative_to(folder)) for path in paths], most)


def _numbered(numbers: Sequence[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)
