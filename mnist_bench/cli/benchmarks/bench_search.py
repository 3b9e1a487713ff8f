"""`mnist-bench bench search`: which search method finds more for the same budget."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from mnist_bench.cli import options, output
from search.errors import SpaceError, UsageError
from search.messages import show
from search.strategies.pruners import PRUNERS
from search.strategies.samplers import SAMPLERS


def search(
    table: Annotated[
        str,
        typer.Option(
            "--table", metavar="NAMES",
            help="Tables to search on, with commas between: conv-5k, conv-5k-wrong or grid-5k; those of scikit-learn's "
            "models, such as scikit-learn/mlp-wine; or files.",
        ),
    ] = "grid-5k",
    samplers: Annotated[
        str,
        typer.Option(
            "--samplers", metavar="NAMES", rich_help_panel=options.STRATEGIES,
            help=f"Samplers, with commas between: {', '.join(SAMPLERS)}, Optuna's (optuna:GPSampler), or "
            "your own (file.py:Name). A sampler with options is written as the mapping of a space file.",
        ),
    ] = "random,curves",
    pruners: Annotated[
        str,
        typer.Option(
            "--pruners", metavar="NAMES", rich_help_panel=options.STRATEGIES,
            help=f"Pruners, with commas between: {', '.join(PRUNERS)}, Optuna's "
            "(optuna:HyperbandPruner), or your own.",
        ),
    ] = "asha",
    sampler_option: options.SamplerOptions = None,
    pruner_option: options.PrunerOptions = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=2, max=10_000, metavar="N", help="Searches per method, two or more.")
    ] = 20,
    first_seed: Annotated[
        int, typer.Option("--first-seed", min=0, max=10**6, metavar="N", help="First seed of each method.")
    ] = 0,
    trials: Annotated[
        str,
        typer.Option(
            "--trials", "-n", metavar="N",
            help="Budgets, with commas between, in full trainings of an average configuration.",
        ),
    ] = "10,25,50",
    concurrent_trials: Annotated[
        int,
        typer.Option("--concurrent-trials", min=1, max=1000, metavar="N", help="Concurrent trials."),
    ] = 8,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
) -> None:  # fmt: skip
    """Compare search methods at equal budgets.

    Every sampler is combined with every pruner. The first pair is the method that all others are compared with, with
    paired tests, by the regret of the selected configurations: 0% is the best configuration of a table and 100% the
    median one. A search takes a few seconds at most, because every result is looked up in a table.

    Examples:
        mnist-bench bench search --table conv-5k --samplers random,curves,tpe
        mnist-bench bench search --table scikit-learn/mlp-wine --samplers random,curves
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench.cli import running
    from mnist_bench.experiments.contest import ContestOptions, compare_methods
    from mnist_bench.experiments.contest_table import tables_of

    asked = ContestOptions(
        tables=_names(table),
        samplers=_strategies("--samplers", samplers), pruners=_strategies("--pruners", pruners),
        sampler_options=options.assigned("--sampler-option", sampler_option or ()),
        pruner_options=options.assigned("--pruner-option", pruner_option or ()),
        seeds=seeds, first_seed=first_seed, trials=_numbers(trials), concurrent_trials=concurrent_trials,
        processes=options.cores(),
    )  # fmt: skip
    found = running.result_of(
        partial(compare_methods, asked), stopped="Stopped. The next run starts from the beginning.", keeps_work=False
    )
    output.print_result(form, *tables_of(found))


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",")))


def _strategies(option: str, text: str) -> tuple[str | dict[str, Any], ...]:
    """Return samplers or pruners: names, or mappings of a name and options, written as in a space file."""
    if "{" not in text:
        return _names(text)
    from search.space import yaml_text

    try:
        named = yaml_text.parse(f"[{text}]", option).value
    except SpaceError:
        named = None
    if not isinstance(named, list) or not all(isinstance(one, str | dict) for one in named):
        raise UsageError(f"{option} {show(text)}: give names, or {{name: NAME, option: 5}}, with commas between.")
    return tuple(named)


def _numbers(text: str) -> tuple[int, ...]:
    names = _names(text)
    if not all(name.isdecimal() and int(name) for name in names):
        raise UsageError(f"--trials {show(text)}: write a number, or several with commas between: 10,25,50.")
    return tuple(map(int, names))
