"""A check-up of a study's files: checkpoints, kept weights, what commands found, and what was left unfinished."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal

from mnist_bench.doctor.diagnostic import Diagnostic, note, ok, problem
from mnist_bench.experiments import ablation, audit, confirm
from mnist_bench.studies import record, worth_keeping
from mnist_bench.training import load_trial
from search.errors import NewerVersionError, SearchError, StorageError
from search.event_log import StudyRecord, TrialRecord
from search.files import leftovers, make_folder
from search.study import StudyFolder, checkpoint_store

Verdict = Literal["whole", "damaged", "newer"]


def examine(study: StudyRecord, folder: Path, *, foreign: bool = False) -> Iterator[Diagnostic]:
    """Yield what is found in the folder of a study that nobody works on; of a `foreign` one, what any search has."""
    yield from checkpoints(study, folder)
    yield from damaged_checkpoints(folder)
    if not foreign:
        yield from weights(study, folder)
        yield from found_by_commands(folder)
    yield from unfinished(folder)


def checkpoints(study: StudyRecord, folder: Path) -> Iterator[Diagnostic]:
    """Yield whether every paused trial has the checkpoint after its last period."""
    paused = [trial for trial in study.trials if trial.state == "RUNNING" and trial.reports]
    behind = [trial for trial in paused if _newest(folder, trial) < len(trial.reports)]
    if behind:
        lost = sum(len(trial.reports) - _newest(folder, trial) for trial in behind)
        text = f"the latest of {_numbered([trial.number for trial in behind])} is not there."
        yield note("checkpoints", text, f"Nothing: {_counted(lost, 'period')} will be trained again, to the same bits.")
    elif paused:
        yield ok("checkpoints", f"{_counted(len(paused), 'paused trial')} can go on from the latest period.")


def damaged_checkpoints(folder: Path) -> Iterator[Diagnostic]:
    """Yield one finding where checkpoints, those of `confirm` and its like among them, are not what was written."""
    found = [
        path
        for path in sorted(folder.rglob(f"*{checkpoint_store.SUFFIX}"))
        if not path.is_relative_to(StudyFolder(folder).aside)
    ]
    verdicts = {path: _verdict(partial(_read_checkpoint, path)) for path in found}
    yield from _newer("checkpoints", verdicts, folder)
    if damaged := _with("damaged", verdicts):
        yield problem(
            "checkpoints",
            f"damaged, and not believed: {_names(damaged, folder)}.",
            f"{_MOVES}, and training goes on from the ones before; files that go bad by themselves are a sign of a "
            "failing disk.",
            partial(_move_aside, damaged, folder),
        )


def weights(study: StudyRecord, folder: Path) -> Iterator[Diagnostic]:
    """Yield whether the kept weights are those of the best trials, and those that the trials ended with."""
    complete = {trial.number: trial for trial in study.complete()}
    best = worth_keeping(list(complete.values()), study.cost)
    files = StudyFolder(folder).kept_weights()
    kept = [(complete[number], files[number]) for number in sorted(best & files.keys())]
    verdicts = {path: _verdict(partial(load_trial, path, trial)) for trial, path in kept}
    yield from _newer("weights", verdicts, folder)
    if damaged := _with("damaged", verdicts):
        text = f"damaged, and not believed: {_names(damaged, folder)}."
        yield problem("weights", text, f"{_MOVES}.", partial(_move_aside, damaged, folder))
    if whole := _with("whole", verdicts):
        yield ok("weights", f"{_counted(len(whole), 'file')} of the best trials, each what its trial ended with.")
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
        text = f"those of {_numbered(lost)}, among the best, are not there."
        advice = "Pictures of them cannot be drawn; `reproduce` trains them again, to the same bits."
        yield note("weights", text, advice)


def found_by_commands(folder: Path) -> Iterator[Diagnostic]:
    """Yield whether what `confirm`, `ablate` and `--audit-pruned` found can be read."""
    files = StudyFolder(folder)
    readers: dict[str, Callable[[], object]] = {
        "confirm": partial(confirm.load, folder),
        "ablate": partial(ablation.load, folder),
        "audit": partial(audit.load, folder),
    }
    for path in sorted(files.confirm.records.glob("[0-9]*.json")):
        readers[f"record {path.stem}"] = partial(record.read, path)
    faults = {name: fault for name, reader in readers.items() if (fault := _error(reader))}
    yield from (problem(name, text, "Remove the file; the command makes it anew.") for name, text in faults.items())


def unfinished(folder: Path) -> Iterator[Diagnostic]:
    """Yield the temporary files that a killed process left."""
    if left := leftovers(folder):
        text = f"a killed process left {_names(left, folder)}."
        yield note("temporary files", text, "--repair removes them.", partial(_remove, left))


def _newest(folder: Path, trial: TrialRecord) -> int:
    """Return the latest period, of those that the study knows, after which there is a whole checkpoint; 0 for none."""
    store, periods = StudyFolder(folder).checkpoints, range(len(trial.reports), 0, -1)
    paths = {period: checkpoint_store.path_of(store, trial.number, period) for period in periods}
    return next((n for n, path in paths.items() if _verdict(partial(_read_checkpoint, path)) != "damaged"), 0)


def _read_checkpoint(path: Path) -> None:
    if checkpoint_store.read(path) is None:
        raise StorageError(f"{path}: is no whole checkpoint.")


def _verdict(reader: Callable[[], object]) -> Verdict:
    try:
        reader()
    except NewerVersionError:
        return "newer"
    except SearchError:
        return "damaged"
    return "whole"


def _with(verdict: Verdict, verdicts: Mapping[Path, Verdict]) -> list[Path]:
    return [path for path, found in verdicts.items() if found == verdict]


def _newer(about: str, verdicts: Mapping[Path, Verdict], folder: Path) -> Iterator[Diagnostic]:
    if newer := _with("newer", verdicts):
        text = f"a newer mnist-bench wrote {_names(newer, folder)}, with settings that this version does not know."
        yield note(about, text, "Examine them with a newer version; this one leaves them alone.")


def _error(reader: Callable[[], object]) -> str | None:
    try:
        reader()
    except SearchError as error:
        return str(error)
    return None


_MOVES = "--repair moves them into aside/ in the study's folder"


def _move_aside(paths: Sequence[Path], folder: Path) -> str:
    """Move files below a study's folder to the same place in its folder `aside`; what lies there stays."""
    for path in paths:
        target = StudyFolder(folder).aside / path.relative_to(folder)
        make_folder(target.parent)
        names = (target.with_name(f"{target.name}.{k}") for k in count(1))
        path.rename(target if not target.exists() else next(name for name in names if not name.exists()))
    return f"Moved into {StudyFolder(folder).aside}."


def _remove(paths: Sequence[Path]) -> str:
    """Remove half-written files: whoever was writing them writes them again."""
    for path in paths:
        path.unlink(missing_ok=True)
    return "Removed."


def _names(paths: Sequence[Path], folder: Path, most: int = 5) -> str:
    """Return the first of some files below the folder, and how many more there are."""
    shown = ", ".join(str(path.relative_to(folder)) for path in paths[:most])
    return shown if len(paths) <= most else f"{shown} and {len(paths) - most} more"


def _numbered(numbers: Sequence[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
