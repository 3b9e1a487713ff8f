"""`mnist-bench search`: search a space for the best network, or for the best value of your own function or program."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output, resuming
from mnist_bench.cli.output import ExitCode
from search.arguments import MAX_SEED
from search.driver.interrupts import Interrupts
from search.errors import UsageError
from search.executors.protocol import ExecutorName
from search.hashed import Order
from search.messages import joined
from search.trainer_api import MAX_PERIODS

if TYPE_CHECKING:
    from mnist_bench.searches.config import SearchConfig
    from mnist_bench.searches.objective_search import ObjectiveConfig
    from search.driver.progress import Observer
    from search.driver.run import Run

OF_OWN_WORK = ("objective", "command", "periods", "unchecked", "stall")
"""Options of a search of your own function or program."""
OF_NETS = (
    "net", "data_dir", "dataset", "precision", "device", "no_start", "executor",
    "address", "gpus_per_worker",
)  # fmt: skip
"""Options that only a search of networks has."""


def search(
    context: typer.Context,
    space: Annotated[
        str, typer.Argument(metavar="SPACE", help="A space file, the name of a bundled space, or - for stdin.")
    ],
    trials: Annotated[
        int,
        typer.Option(
            "--trials",
            "-n",
            "--n-trials",
            min=1,
            metavar="N",
            rich_help_panel=options.BUDGET,
            help="Total number of trained trials; infeasible ones do not count.",
        ),
    ] = 50,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            min=1,
            metavar="N",
            rich_help_panel=options.BUDGET,
            help="Stop after N trials without improvement.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="VALUE",
            rich_help_panel=options.BUDGET,
            help="Stop once a complete trial reaches this validation accuracy, e.g. 99.4%, or value of your objective.",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        options.time(
            "--timeout",
            "Pause after this time (90s, 15m, 1h). Run the same command again to resume.",
            panel=options.BUDGET,
        ),
    ] = None,
    trial_timeout: Annotated[
        float | None,
        options.time(
            "--trial-timeout",
            "Stop any trial that trains for longer than this. The result then depends on the speed of the machine.",
            least=1,
            panel=options.BUDGET,
        ),
    ] = None,
    concurrent_trials: Annotated[
        int,
        typer.Option(
            "--concurrent-trials",
            min=1,
            max=10_000,
            metavar="N",
            rich_help_panel=options.REPRODUCIBILITY,
            help="Concurrent trials. They change the result; --workers does not.",
        ),
    ] = 8,
    order: Annotated[
        Order,
        typer.Option(
            "--order",
            rich_help_panel=options.REPRODUCIBILITY,
            help="Order of events. deterministic gives the same result with any number of workers. With as-completed "
            "no worker waits, and two runs may differ.",
        ),
    ] = "deterministic",
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            min=0,
            max=MAX_SEED,
            metavar="N",
            rich_help_panel=options.REPRODUCIBILITY,
            help="Seed of the search.",
        ),
    ] = 0,
    sampler: options.SamplerName = None,
    sampler_options: options.SamplerOptions = None,
    pruner: options.PrunerName = None,
    pruner_options: options.PrunerOptions = None,
    workers: options.Workers = None,
    overrides: options.Overrides = None,
    net: options.Net = None,
    enqueue: Annotated[
        list[str] | None,
        typer.Option(
            "--enqueue",
            metavar="RECIPE|STUDY",
            help="Recipe to train first, or a study whose ten best trials that lie in the space are trained first. "
            "Repeatable.",
        ),
    ] = None,
    no_start: Annotated[
        bool,
        typer.Option(
            "--no-warm-start",
            rich_help_panel=options.STRATEGIES,
            help="Ignore the warm-start configurations that the space names.",
        ),
    ] = False,
    device: options.Device = "auto",
    precision: options.PrecisionOption = "auto",
    study_name: Annotated[
        str | None,
        typer.Option(
            "--study-name",
            metavar="NAME",
            rich_help_panel=options.FILES,
            show_default="the space's name and the seed",
            help="Name of the study.",
        ),
    ] = None,
    results: options.Results = options.RESULTS,
    data_dir: options.Data = None,
    dataset: options.Dataset = None,
    executor: Annotated[
        ExecutorName,
        typer.Option(
            "--executor",
            rich_help_panel=options.RUNNING,
            help="Worker processes on this machine, this process alone, or a Ray cluster.",
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="HOST:PORT",
            rich_help_panel=options.RUNNING,
            show_default="a new Ray on this machine",
            help="Address of the Ray cluster, or auto.",
        ),
    ] = None,
    gpus_per_worker: Annotated[
        float,
        typer.Option(
            "--gpus-per-worker",
            min=0,
            max=1,
            metavar="SHARE",
            rich_help_panel=options.RUNNING,
            help="Share of a GPU that Ray reserves per worker, from 0 to 1.",
        ),
    ] = 0.0,
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            metavar="NAME",
            rich_help_panel=options.OWN_WORK,
            help="Your own function, file.py:function or package.module:function, which returns or yields the value.",
        ),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(
            "--command",
            metavar="TEXT",
            rich_help_panel=options.OWN_WORK,
            help="Your own program with its arguments. A field's name in braces is its value in the trial.",
        ),
    ] = None,
    periods: Annotated[
        int,
        typer.Option(
            "--periods",
            min=1,
            max=MAX_PERIODS,
            metavar="N",
            rich_help_panel=options.OWN_WORK,
            help="Largest number of reports per trial. A pruner can stop the trial after each.",
        ),
    ] = 1,
    unchecked: Annotated[
        bool,
        typer.Option(
            "--unchecked",
            rich_help_panel=options.OWN_WORK,
            help="Skip the check that your work repeats. It makes the first report of the first trial twice.",
        ),
    ] = False,
    stall: Annotated[
        float | None,
        options.time(
            "--stall",
            "Restart a trial that makes no report for this time.",
            "no limit",
            least=0.001,
            panel=options.OWN_WORK,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run, and about how long.")] = False,
    json: options.Json = False,
) -> None:
    """Run a hyperparameter search.

    Run the same command again to resume an interrupted search. Ctrl-C stops it and keeps all results. A search whose
    digest was published is compared with it at the end; if it should be the same and is not, the exit code is 4.

    Examples:
        mnist-bench search smoke --trials 20      # less than a minute, to try it
        mnist-bench search conv --trials 50       # 4 to 25 minutes on 2 cores, by processor
        mnist-bench search conv --dry-run         # what would run, and for how long
        mnist-bench search my.yaml --seed 1 --set optim.optimizer=adam
        mnist-bench search my.yaml --objective my.py:objective
        mnist-bench search my.yaml --command "./train.sh --lr {lr}"
    """
    from mnist_bench.plots.kinds import KINDS
    from mnist_bench.searches import running
    from mnist_bench.searches.config import SearchConfig
    from mnist_bench.searches.objective_search import ObjectiveConfig
    from mnist_bench.searches.setup import check_study_name

    is_own = objective is not None or command is not None
    _check_typed(context, is_own=is_own)
    if json and dry_run:
        raise UsageError("--json prints the result of a search; leave out --dry-run.")
    config = SearchConfig(
        space=space, overrides=tuple(overrides or ()), trials=trials, patience=patience,
        target=None if target is None or is_own else options.accuracy("--target", target),
        timeout=timeout, concurrent_trials=concurrent_trials, order=order,
        seed=seed, trial_timeout=trial_timeout,
        workers=workers or (options.cores() if is_own else options.suitable_workers(device)),
        enqueue=tuple(enqueue or ()), start=not no_start,
        device=device,
        precision=precision, study_name=study_name,
        results=results, data_dir=data_dir, dataset=dataset, net=net, executor=executor,
        address=address, gpus_per_worker=gpus_per_worker,
        command=resuming.as_typed(), sampler=sampler, pruner=pruner,
        sampler_options=options.assigned("--sampler-option", sampler_options or ()),
        pruner_options=options.assigned("--pruner-option", pruner_options or ()),
    )  # fmt: skip
    check_study_name(study_name, KINDS, results)
    if is_own:
        own = ObjectiveConfig(
            shared=config, function=objective, program=command, periods=periods, checked=not unchecked, stall=stall,
            target=None if target is None else options.number("--target", target),
        )  # fmt: skip
        _search_own(own, dry_run=dry_run, as_json=json)
        return
    if dry_run:
        _preview(config)
    else:
        _shown(config, lambda *given: running.run(config, *given), as_json=json)


def _check_typed(context: typer.Context, *, is_own: bool) -> None:
    """Check that no option was typed that belongs to the other kind of search.

    Raises:
        UsageError: one was.
    """
    names = {str(param.name): max(param.opts, key=len) for param in context.command.params}
    typed = [name for name in names if _is_typed(context, name)]
    wrong = [names[name] for name in typed if name in (OF_NETS if is_own else OF_OWN_WORK)]
    if not wrong:
        return
    which = joined(wrong)
    if is_own:
        raise UsageError(f"{which}: only for networks, not with --objective or --command.")
    raise UsageError(f"{which}: only with --objective or --command.")


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _search_own(config: ObjectiveConfig, *, dry_run: bool, as_json: bool) -> None:
    """Search your own function or program, or show what that would be."""
    if dry_run:
        from mnist_bench.preview import preview_objective

        for line in preview_objective(config):
            output.print_prose(line)
        return
    from mnist_bench.searches import objective_search

    _shown(config.shared, lambda *given: objective_search.run_objective(config, *given), as_json=as_json)


def _preview(config: SearchConfig) -> None:
    from mnist_bench.preview import preview
    from mnist_bench.searches.setup import SearchSetup
    from mnist_bench.space_files import problems

    setup = SearchSetup.of(config)
    for warning in problems.warnings(setup.drawn, (setup.sampler, setup.pruner)):
        output.note(str(warning))
    for line in preview(setup):
        output.print_prose(line)


def _shown(config: SearchConfig, run: Callable[[Observer, Callable[[], bool]], Run], *, as_json: bool) -> None:
    """Show a search while it runs, and its result.

    Raises:
        typer.Exit: it was interrupted, its digest is not the published one, or all its trials have diverged.
    """
    started = time.monotonic()
    with resuming.ended_at_once():
        from mnist_bench.cli import ending, live

        with live.view(config.results) as view, Interrupts(view.say) as interrupts:
            done = run(view, interrupts.stopping)
        as_expected = ending.print_ending(done, config, seconds=time.monotonic() - started, as_json=as_json)
    if not done.reached and interrupts.stopping():
        raise typer.Exit(ExitCode.INTERRUPTED)
    if not as_expected:
        raise typer.Exit(ExitCode.NOT_REPRODUCED)
    if ending.has_diverged(done):
        raise typer.Exit(ExitCode.FAILURE)
