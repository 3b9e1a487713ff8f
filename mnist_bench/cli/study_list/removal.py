"""`mnist-bench studies remove`: remove studies with all their files, or their weights alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cells import size
from mnist_bench.cli import options, output
from search.messages import number_of

if TYPE_CHECKING:
    from search.study.folder import StudyFolder
    from search.study.studies import StudySummary

WITHOUT_WEIGHTS = (
    "All results stay, and so do the hashes with which `reproduce` compares. `predict`, plots of a network and exports "
    "of confirmed networks need the weights. `mnist-bench reproduce STUDY/17 --weights` trains a trial again, bit for "
    "bit, and keeps its weights."
)


def remove(
    names: Annotated[list[str], typer.Argument(metavar="STUDY", help="The studies.")],
    weights: Annotated[
        bool, typer.Option("--weights", help="Remove only the weights of networks; trials and curves stay.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Remove studies and all their files, or only the weights of their networks.

    The command lists what is lost and asks once. A removed study cannot be restored. Nothing is removed while a process
    works on one of the studies.

    Examples:
        mnist-bench studies remove conv-0 conv-1
        mnist-bench studies remove conv-0 --weights
    """
    from search.study.studies import check_idle

    chosen = _chosen(names, results)
    check_idle(chosen)
    if weights:
        _remove_weights(chosen, yes=yes)
    else:
        _remove_studies(chosen, yes=yes)


def _chosen(names: Sequence[str], results: Path) -> dict[StudyFolder, StudySummary]:
    """Return the studies of these names; UsageError if one cannot name a study, StudyNotFoundError if there is none."""
    from search.study.folder import StudyFolder
    from search.study.studies import list_studies, no_such_study

    found = {summary.name: summary for summary in list_studies(results)}
    chosen = {}
    for files in (StudyFolder.of(name, results) for name in dict.fromkeys(names)):
        if files.name not in found:
            raise no_such_study(files)
        chosen[files] = found[files.name]
    return chosen


def _remove_studies(chosen: Mapping[StudyFolder, StudySummary], *, yes: bool) -> None:
    from search.study.studies import remove_study

    one = len(chosen) == 1
    what, loss = ("this study", "It") if one else (f"these {len(chosen)} studies", "They")
    lines = [
        f"{study.name}: {number_of(study.trials, 'trial')}, {size(study.bytes)} in {study.path}"
        for study in chosen.values()
    ]
    _ask(lines, f"Remove {what}? {loss} cannot be restored.", yes=yes)
    for files in chosen:
        remove_study(files)
        output.note(f"Removed {files.name}.")


def _remove_weights(folders: Iterable[StudyFolder], *, yes: bool) -> None:
    from search.study.studies import alone_with

    held = {files: paths for files in folders if (paths := _weights(files))}
    if not held:
        output.note("There are no weights to remove.")
        return
    lines = [f"{files.name}: {number_of(len(paths), 'file')}, {_size_of(paths)}" for files, paths in held.items()]
    total = _size_of([path for paths in held.values() for path in paths])
    _ask([*lines, WITHOUT_WEIGHTS], f"Remove {total} of weights?", yes=yes)
    for files in held:
        with alone_with(files):
            for path in _weights(files):
                path.unlink()
    output.note(f"Removed {total} of weights.")


def _weights(files: StudyFolder) -> list[Path]:
    """Return the files with the weights of a study's networks: of its best trials, and of those that were confirmed."""
    return [*files.kept_weights().values(), *files.confirm.kept_nets().values()]


def _size_of(paths: Sequence[Path]) -> str:
    return size(sum(path.stat().st_size for path in paths))


def _ask(lines: Sequence[str], question: str, *, yes: bool) -> None:
    """Print what is lost, and ask once.

    Raises:
        typer.Abort: the answer is no.
    """
    if not yes:
        for line in lines:
            output.note(line)
        typer.confirm(question, abort=True, err=True)
