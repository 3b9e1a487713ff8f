"""`mnist-bench confirm`, `ablate` and `bench`: how good trials, settings, recipes and search methods are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench import options
from mnist_bench.api import judging
from mnist_bench.cli import running
from mnist_bench.cli.command import StudyName, Target, check_options, open_target, takes
from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.options import option
from mnist_bench.result_table import Line, Result
from search.errors import UsageError

if TYPE_CHECKING:
    from mnist_bench.experiments.confirmed import Final
    from mnist_bench.next_commands import NextCommands
    from mnist_bench.result_table import Table
    from search.study.folder import ConfirmFolder
    from search.study.studies import StoredStudy

bench = typer.Typer(help="Measure recipes and search methods.", no_args_is_help=True)


@takes(judging.confirm, prints=["json"])
def confirm(
    study: StudyName = None,
    front: Annotated[
        bool,
        option(
            "With two objectives: steps 2 and 3 for the trials on the Pareto front, at most --top of them.", of="nets"
        ),
    ] = False,
    results: options.Folder = options.RESULTS,
    **given: Any,
) -> Result:
    """Retrain the best trials with fresh seeds, select one, and evaluate it on the test set once.

    \b
      1. The best --top trials are retrained with 8 fresh seeds each. The one
         with the best mean is selected. Paired t-tests, corrected for their
         number, show which of the others are worse.
      2. The selected trial, and the cheapest one tied with it, are trained on
         all training images with 8 seeds.
      3. Both are evaluated on the test set, once. The evaluation is logged.

    Run the same command again to resume.

    For a study of your own code, name the code again with --trainer, --objective or --command. Only step 1 is then
    done, with the values of the trials.

    Examples:
        mnist-bench confirm conv-0 --top 3        # about 20 minutes on 2 cores
        mnist-bench confirm ridge-0 --trainer examples/own_trainer.py:Trainer
    """
    from mnist_bench.studies.checked import commands_of, open_any
    from mnist_bench.value_kind import check_nets, kind_of

    if front and not given["test"]:
        raise UsageError("--front evaluates on the test set; leave out --no-test.")
    record = open_any(results, study)
    if front:
        check_nets(record, "--front")
    check_options(record, judging.confirm, given)
    data, net, device = given["data"], given["net"], given["device"]
    commands = commands_of(record, data_dir=data, net=net, device=device, no_test=not given["test"])
    result_of = partial(running.result_of, study=record.name if study is None else None)
    if front:
        asked = {name: given[name] for name in ("top", "workers", "device", "data", "net")}
        members = result_of(lambda observer: judging.confirm_front(record, observer=observer, **asked))
        last = members.finals[-1]
        taken = _to_take_away(record.files.confirm, [last], commands, trial=last.number)
        return Result([_with_nets(members.table(), record, members.finals)], notes=taken)
    found = result_of(lambda observer: judging.confirm(record, observer=observer, **given))
    if not kind_of(record.spec).of_nets:
        return Result([found.table()])
    taken = _to_take_away(record.files.confirm, found.finals[:1], commands)
    return Result([_with_nets(found.table(commands), record, found.finals)], notes=taken)


@takes(judging.ablate, prints=["json", "markdown"])
def ablate(
    target: Target = None,
    results: options.Folder = options.RESULTS,
    **given: Any,
) -> Result:
    """Change a baseline into a trial, one group of settings at a time, and measure each change.

    Each step tries every remaining group with several seeds, and keeps the one that helps most. Run the same command
    again to resume.

    Examples:
        mnist-bench ablate conv-0 --seeds 3 --budget 30m
        mnist-bench ablate conv-0/17 --baseline ladder/99.0
    """
    study, trial = open_target(target, results)
    latest = study.name if target is None else None
    found = running.result_of(lambda observer: judging.ablate(study, trial, observer=observer, **given), study=latest)
    return Result([found.table()])


def _with_nets(table: Table[Any], study: StoredStudy, finals: Sequence[Final]) -> Table[Any]:
    """Return the findings about a study with the files of the networks that were trained on all images."""
    from mnist_bench.data.test_set import times_evaluated_for
    from mnist_bench.leaderboard.board import test_set_line

    opened, kept = times_evaluated_for(study.files), study.files.confirm.kept_nets()
    numbers = [final.number for final in finals]
    nets = [path for (trial, _), path in kept.items() if trial in numbers]
    where = f"{nets[0].parent}/TRIAL-seed-K.safetensors" if nets else ""
    told = [f"The {len(nets)} networks trained on all images: {where}."] if nets else []
    return replace(
        table,
        footnotes=[*table.footnotes, *told, test_set_line(opened)],
        document={**table.document, "test_evaluations": opened, "nets": list(map(str, nets))},
    )


def _to_take_away(
    files: ConfirmFolder, finals: Sequence[Final], commands: NextCommands, trial: int | None = None
) -> list[str]:
    """Return the commands that export the kept networks of a configuration; none if one of them is gone.

    `trial` names the configuration if it is not the confirmation's winner.
    """
    from mnist_bench.experiments.confirmed import lost_nets

    kept = {number for number, _ in files.kept_nets()}
    if not any(final.number in kept for final in finals) or lost_nets(files, finals):
        return []
    command = commands.line("export", "--confirmed", "--to", "winner", trial=trial)
    use = "one of its networks, as files that work without mnist-bench"
    return ["To export the selected network:", Line(f"  {command}   {use}")]


@bench.command("search", cls=HelpfulCommand)
@takes(judging.compare_methods, prints=["json", "markdown"])
def search(**given: Any) -> Result:
    """Compare search methods at equal budgets on recorded tables.

    Each sampler with each pruner is a method. Paired tests over the tables compare all methods with the first. They
    compare the regret of the selected configurations: 0% is the best configuration of a table, and 100% the median one.
    Nothing is trained. A search takes 1 to 2 seconds, with curves about 20.

    Examples:
        mnist-bench bench search --samplers random,tpe,optuna:TPESampler --seeds 5 --plot regret.png
        mnist-bench bench search --plan plan.yaml
    """
    from mnist_bench.numerics.kinds import cores

    found = running.result_of(
        lambda observer: judging.compare_methods(observer=observer, processes=cores(), **given), keeps_work=False
    )
    return Result([found.table(), *([found.by_table()] if len(found.tables) > 1 else [])])


@bench.command("notebook", cls=HelpfulCommand)
@takes(judging.train_notebook, prints=["json", "markdown"])
def notebook(**given: Any) -> Result:
    """Train the networks of the 2017 notebook again, and compare.

    As in the notebook, each network is evaluated on the test images after each epoch. Run the same command again to
    resume.

    Examples:
        mnist-bench bench notebook linear hidden --seeds 20
        mnist-bench bench notebook --markdown
    """

    found = running.result_of(lambda observer: judging.train_notebook(observer=observer, **given))
    return Result([found.table()])


@bench.command("ladder", cls=HelpfulCommand)
@takes(judging.train_ladder, prints=["json", "markdown"])
def ladder(**given: Any) -> Result:
    """Train the recipes for test accuracies of 99.0, 99.4, 99.6 and 99.7%.

    Each run is evaluated on the test images after its last epoch. Run the same command again to resume.

    Examples:
        mnist-bench bench ladder 99.0 99.4
        mnist-bench bench ladder --seeds 3 --markdown
    """

    found = running.result_of(lambda observer: judging.train_ladder(observer=observer, **given))
    return Result([found.table()])
