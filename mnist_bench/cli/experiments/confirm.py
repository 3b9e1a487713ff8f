"""`mnist-bench confirm`: fresh seeds, then all training images, then the test set once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import again, options, output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mnist_bench.experiments.confirm import Confirmed, FrontOptions
    from search.event_log import StudyRecord
    from search.study import ConfirmFolder


def confirm(
    study: Annotated[str | None, typer.Argument(metavar="STUDY", help="Left out, the latest.")] = None,
    top: Annotated[
        int,
        typer.Option(
            "--top",
            min=1,
            max=100,
            metavar="N",
            help="Race the N best, complete ones; pruned ones too where fewer than two are complete.",
        ),
    ] = 8,
    budget: Annotated[
        float | None,
        options.budget(
            "Time for the race and the final training, which is reserved: 90s, 15m, 1h. Refused where it is too small "
            "for two seeds and the final training."
        ),
    ] = None,
    no_test: Annotated[
        bool,
        typer.Option("--no-test", help="Only race: train nothing on all images, leave the test set shut."),
    ] = False,
    open_test: Annotated[
        bool,
        typer.Option("--open-test", help="Go to the end even where the budget ends the race before a test was made."),
    ] = False,
    front: Annotated[
        bool,
        typer.Option(
            "--front",
            help="With two objectives: no race; all that no other trial dominates, at most --top N, with 8 seeds each.",
        ),
    ] = False,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    net: options.Net = None,
    json: options.Json = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Race the best with fresh seeds, then open the test set once.

    The best trials' configurations train with fresh seeds, the same for all: 1, 2, 4, then 8. From two seeds on paired
    tests drop those shown to be worse. Then the winner, and the cheapest of those tied with it, train on all training
    images with 8 seeds, their weights are kept, and the test set is opened once. Where no test was made there is no
    winner, and the test set stays shut. The same command goes on where an earlier run of it was stopped or killed.

    With --front, all configurations on the front of accuracy and cost do so, and nothing is chosen.
    """
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments.confirm import Opening, Options, budget_to_the_end, table_of
    from mnist_bench.experiments.confirm.run import run
    from mnist_bench.leaderboard import test_set_line
    from mnist_bench.studies import open_study, openings, own_options
    from search.errors import UsageError
    from search.study import StudyFolder, StudyLocation

    if no_test and open_test:
        raise UsageError("--no-test and --open-test contradict each other; give one of them.")
    opening: Opening = "never" if no_test else "always" if open_test else "judged"
    asked = Options(
        opening=opening, top=top, budget=budget,
        workers=workers or options.suitable_workers(device), device=device, data_dir=data_dir, results=results, net=net,
    )  # fmt: skip
    record = open_study(results, study, storage)
    if front:
        if budget is not None or no_test or open_test:
            raise UsageError("--front races for nothing; leave out --budget, --no-test and --open-test.")
        _front(record, asked, storage, json=json)
        return
    found = runner.result_of(partial(run, record, asked), storage=storage)
    opened = openings.for_study(StudyLocation.of(record.name, results, storage))
    files = StudyFolder(results / record.name)
    table, nets = table_of(found, own_options(record, files, data_dir)), _nets(found, files.confirm)
    kept = [f"The {len(nets)} nets trained on all images: {nets[0].parent}/TRIAL-seed-K.safetensors."] if nets else []
    output.show(
        output.form(json=json),
        replace(
            table,
            footnotes=[*table.footnotes, *kept, test_set_line(opened)],
            document={**table.document, "test_openings": opened, "nets": list(map(str, nets))},
        ),
    )
    needed = again.options_from(
        again.TRAINING, results=results, storage=storage, data_dir=data_dir, net=net, device=device
    )  # fmt: skip
    for line in _to_take_away(found, nets, needed):
        output.note_command(line)
    if not found.finals:
        output.note("To go on from here:")
        for line in (f"  {again.to_the_end(budget_to_the_end(found), storage)}", *again.hint(storage)):
            output.note(line)


def _front(study: StudyRecord, asked: FrontOptions, storage: str | None, *, json: bool) -> None:
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments.confirm import table_of_front
    from mnist_bench.experiments.confirm.front import run
    from mnist_bench.leaderboard import test_set_line
    from mnist_bench.studies import openings
    from search.study import StudyLocation

    found = runner.result_of(partial(run, study, asked), storage=storage)
    opened = openings.for_study(StudyLocation.of(study.name, asked.results, storage))
    table = table_of_front(found)
    output.show(
        output.form(json=json),
        replace(
            table,
            footnotes=[*table.footnotes, test_set_line(opened)],
            document={**table.document, "test_openings": opened},
        ),
    )


def _to_take_away(found: Confirmed, nets: Sequence[Path], needed: str) -> list[str]:
    """Return the commands that take the kept nets away, with the options that they need."""
    from mnist_bench.experiments.confirm import MIN_COMMITTEE

    if not nets:
        return []
    command, number = f"mnist-bench export {found.study} --confirmed", found.finals[0].ended
    ways = {f"{command} --to winner{needed}": "one of them, as files that work without mnist-bench"}
    if number >= MIN_COMMITTEE:
        ways[f"{command} --committee --to winner{needed}"] = f"all {number} of #{found.first}, their answers averaged"
    width = max(map(len, ways))
    return ["To take the winner away:", *(f"  {way:<{width}}   {use}" for way, use in ways.items())]


def _nets(found: Confirmed, folder: ConfirmFolder) -> list[Path]:
    """Return the files with the finals' weights; earlier versions kept none."""
    finals = {final.number for final in found.finals}
    return [path for (trial, _), path in folder.kept_nets().items() if trial in finals]
