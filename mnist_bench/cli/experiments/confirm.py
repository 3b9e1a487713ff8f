"""`mnist-bench confirm`: fresh seeds, then all training images, then the test set once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output, targets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mnist_bench.experiments.confirmed import Final
    from mnist_bench.next_commands import NextCommands
    from mnist_bench.result_table import Table
    from search.study.folder import ConfirmFolder
    from search.study.studies import StoredStudy


def confirm(
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY", show_default="the latest study", help="A study.")
    ] = None,
    top: Annotated[
        int,
        typer.Option(
            "--top",
            min=1,
            max=100,
            metavar="N",
            help="Number of trials to retrain: the best complete ones; pruned ones too if fewer than two are complete.",
        ),
    ] = 8,
    no_test: Annotated[
        bool,
        typer.Option("--no-test", help="Step 1 only: train nothing on all images, and do not use the test set."),
    ] = False,
    front: Annotated[
        bool,
        typer.Option(
            "--front",
            help="With two objectives: train the trials on the Pareto front on all images, at most --top of them.",
        ),
    ] = False,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    net: options.Net = None,
    trainer: options.Trainer = None,
    objective: options.Objective = None,
    command: options.Command = None,
    json: options.Json = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Retrain the best trials with fresh seeds, select one, and evaluate it on the test set once.

    \b
      1. The best --top trials are retrained with 8 fresh seeds each. The one
         with the best mean is selected; paired t-tests, corrected for their
         number, say which of the others are worse.
      2. The selected trial, and the cheapest one tied with it, are trained on
         all training images with 8 seeds.
      3. Both are evaluated on the test set, once. The evaluation is logged.

    Run the same command again to resume. With --front, steps 2 and 3 are done for the trials on the Pareto front.

    A study does not run your own code by itself: name the code again with --trainer, --objective or --command. Then
    only step 1 is done, with the values of the trials, and the test set is not used.

    Examples:
        mnist-bench confirm conv-0 --top 3        # about 25 minutes on 2 cores
        mnist-bench confirm conv-0 --no-test      # step 1 only
        mnist-bench confirm ridge-0 --trainer examples/own_trainer.py:Trainer
    """
    from mnist_bench.cli import running
    from mnist_bench.experiments import own_trainer
    from mnist_bench.experiments.confirm import ConfirmOptions, confirm_front, confirm_study
    from mnist_bench.experiments.confirmed_table import table_of
    from mnist_bench.studies.checked import commands_of, device_like, open_any
    from mnist_bench.value_kind import kind_of
    from search.errors import UsageError

    if front and no_test:
        raise UsageError("--front evaluates on the test set; leave out --no-test.")
    record = open_any(results, study)
    code = own_trainer.OwnCode(trainer=trainer, objective=objective, command=command)
    targets.check_options(
        record,
        {
            "--front": front,
            "--no-test": no_test,
            "--device": device != "auto",
            "--data": data_dir,
            "--net": net,
        },
        code,
    )
    foreign = not kind_of(record.spec).of_nets
    by_default = options.cores() if foreign else options.suitable_workers(device_like(record.spec["numerics"], device))
    asked = ConfirmOptions(
        test=not no_test,
        top=top,
        code=code,
        workers=workers or by_default,
        device=device,
        data_dir=data_dir,
        net=net,
    )
    commands = commands_of(record, data_dir=data_dir, net=net, device=device, no_test=no_test)
    result_of = partial(running.result_of, study=record.name if study is None else None)
    if foreign:
        output.print_result(output.form(json=json), table_of(result_of(partial(confirm_study, record, asked))))
    elif front:
        members = result_of(partial(confirm_front, record, asked))
        _shown(table_of(members), record, members.finals, json=json)
        last = members.finals[-1]
        _note(_to_take_away(record.files.confirm, [last], commands, trial=last.number))
    else:
        found = result_of(partial(confirm_study, record, asked))
        _shown(table_of(found, commands), record, found.finals, json=json)
        _note(_to_take_away(record.files.confirm, found.finals[:1], commands))


def _note(lines: Sequence[str]) -> None:
    for line in lines:
        output.note_command(line)


def _shown(table: Table[Any], study: StoredStudy, finals: Sequence[Final], *, json: bool) -> None:
    """Print the findings about a study, and the files of the networks that were trained on all images."""
    from mnist_bench.data.test_set import times_opened_for
    from mnist_bench.leaderboard.board import test_set_line

    opened, kept = times_opened_for(study.files), study.files.confirm.kept_nets()
    numbers = [final.number for final in finals]
    nets = [path for (trial, _), path in kept.items() if trial in numbers]
    where = f"{nets[0].parent}/TRIAL-seed-K.safetensors" if nets else ""
    told = [f"The {len(nets)} networks trained on all images: {where}."] if nets else []
    output.print_result(
        output.form(json=json),
        replace(
            table,
            footnotes=[*table.footnotes, *told, test_set_line(opened)],
            document={**table.document, "test_openings": opened, "nets": list(map(str, nets))},
        ),
    )


def _to_take_away(
    files: ConfirmFolder, finals: Sequence[Final], commands: NextCommands, trial: int | None = None
) -> list[str]:
    """Return the commands that export the kept networks of a configuration; none if one of them is gone.

    `trial` names the configuration if it is not the confirmation's winner.
    """
    from mnist_bench.experiments.confirm import lost_nets

    kept = {number for number, _ in files.kept_nets()}
    if not any(final.number in kept for final in finals) or lost_nets(files, finals):
        return []
    command = commands.line("export", "--confirmed", "--to", "winner", trial=trial)
    use = "one of its networks, as files that work without mnist-bench"
    return ["To export the selected network:", f"  {command}   {use}"]
