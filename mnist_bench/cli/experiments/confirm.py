"""`mnist-bench confirm`: fresh seeds, then all training images, then the test set once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import again, options, output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mnist_bench.experiments.confirm import ConfirmOptions, Final
    from mnist_bench.result_table import Table
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
            help="With two objectives: no race, but the trials that no other dominates, at most --top N.",
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

    The best trials' configurations train with fresh seeds, the same for all: 1, 2, 4, then 8. From the second seed on,
    paired tests drop what is shown to be worse. Then the winner, and the cheapest of those tied with it, train on all
    training images with 8 seeds, their weights are kept, and the test set is opened once. Where no test was made there
    is no winner, and the test set stays shut. The same command goes on where an earlier run was stopped or killed.

    With --front there is no race: the configurations on the front of accuracy and cost, --top at most, train on all
    training images with 8 seeds each, and the test set is opened once.
    """
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments.confirm import Opening, Options, budget_to_the_end, table_of
    from mnist_bench.experiments.confirm.run import run
    from mnist_bench.studies import device_like, needed_options, open_study
    from search.errors import UsageError
    from search.study import StudyLocation, check_its_folder

    if no_test and open_test:
        raise UsageError("--no-test and --open-test contradict each other; give one of them.")
    record = open_study(results, study, storage)
    opening: Opening = "never" if no_test else "always" if open_test else "judged"
    asked = Options(
        opening=opening, top=top, budget=budget,
        workers=workers or options.suitable_workers(device_like(record.spec["numerics"], device)), device=device,
        data_dir=data_dir, results=results, net=net,
    )  # fmt: skip
    check_its_folder(StudyLocation.of(record.name, results, storage))
    if front:
        if budget is not None or no_test or open_test:
            raise UsageError("--front makes no race; leave out --budget, --no-test and --open-test.")
        _front(record, asked, storage, json=json)
        return
    found = runner.result_of(partial(run, record, asked), storage=storage)
    location = StudyLocation.of(record.name, results, storage)
    table = table_of(found, needed_options(record.spec, location, data_dir))
    _shown(table, [final.number for final in found.finals], record.name, asked, storage, json=json)
    needed = again.options_from(
        again.TRAINING, results=results, storage=storage, data_dir=data_dir, net=net, device=device
    )  # fmt: skip
    for line in _to_take_away(found.study, found.finals[:1], location.files.confirm, needed):
        output.note_command(line)
    if not found.finals:
        output.note("To go on from here:")
        output.note_command(f"  {again.to_the_end(budget_to_the_end(found), storage)}")
        for line in again.hint(storage):
            output.note(line)


def _front(study: StudyRecord, asked: ConfirmOptions, storage: str | None, *, json: bool) -> None:
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments.confirm import table_of_front
    from mnist_bench.experiments.confirm.front import run
    from search.study import StudyLocation

    found = runner.result_of(partial(run, study, asked), storage=storage)
    last = found.finals[-1]
    _shown(table_of_front(found), [final.number for final in found.finals], study.name, asked, storage, json=json)
    needed = again.options_from(
        again.TRAINING, results=asked.results, storage=storage, data_dir=asked.data_dir, net=asked.net,
        device=asked.device,
    )  # fmt: skip
    files = StudyLocation.of(study.name, asked.results, storage).files.confirm
    for line in _to_take_away(f"{found.study}/{last.number}", [last], files, needed):
        output.note_command(line)


def _shown(
    table: Table[Any], finals: Sequence[int], name: str, asked: ConfirmOptions, storage: str | None, *, json: bool
) -> None:
    """Print what was found of a study, and where the nets are that were trained on all images."""
    from mnist_bench.leaderboard import test_set_line
    from mnist_bench.studies import openings
    from search.study import StudyLocation

    location = StudyLocation.of(name, asked.results, storage)
    opened, kept = openings.for_study(location), location.files.confirm.kept_nets()
    nets = [path for (trial, _), path in kept.items() if trial in finals]  # earlier versions kept none
    told = [f"The {len(nets)} nets trained on all images: {nets[0].parent}/TRIAL-seed-K.safetensors."] if nets else []
    output.show(
        output.form(json=json),
        replace(
            table,
            footnotes=[*table.footnotes, *told, test_set_line(opened)],
            document={**table.document, "test_openings": opened, "nets": list(map(str, nets))},
        ),
    )


def _to_take_away(name: str, finals: Sequence[Final], files: ConfirmFolder, needed: str) -> list[str]:
    """Return the commands that take the kept nets of the configuration `name` away, with the options that they need;
    none where one of them is gone."""
    from mnist_bench.experiments.confirm import MIN_COMMITTEE, lost_nets

    kept = {number for number, _ in files.kept_nets()}  # earlier versions kept none
    if not any(final.number in kept for final in finals) or lost_nets(files, finals):
        return []
    command, (final,) = f"mnist-bench export {name} --confirmed", finals
    ways = {f"{command} --to winner{needed}": "one of them, as files that work without mnist-bench"}
    if final.ended >= MIN_COMMITTEE:
        ways[f"{command} --committee --to winner{needed}"] = (
            f"all {final.ended} of #{final.number}, their answers averaged"
        )
    width = max(map(len, ways))
    return ["To take the winner away:", *(f"  {way:<{width}}   {use}" for way, use in ways.items())]
