"""`mnist-bench ablate`: from a baseline to the winner, one group of settings at a time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output, targets
from search.errors import UsageError

if TYPE_CHECKING:
    from search.event_log.records import TrialRecord
    from search.study.studies import StoredStudy


def ablate(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY|STUDY/17", show_default="the latest study", help="A study, or the trial to end at."
        ),
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            "--from", metavar="RECIPE", help="Baseline to start from: a recipe file, or the name of a bundled recipe."
        ),
    ] = "notebook/linear",
    trial: Annotated[
        int | None,
        typer.Option(
            "--to",
            min=0,
            metavar="TRIAL",
            show_default="the trial that confirm selected, else the best",
            help="Trial to end at.",
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            min=2,
            max=100,
            metavar="N",
            help="Number of fresh seeds, two or more.",
        ),
    ] = 3,
    budget: Annotated[
        float | None, options.budget("Time after which all remaining changes become one step, e.g. 15m.")
    ] = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    net: options.Net = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Measure the effect of each group of settings, from a baseline to the selected trial.

    At each step every remaining group is tried with several seeds, and the group that helps most is kept. Run the same
    command again to resume an interrupted run.

    Examples:
        mnist-bench ablate conv-0 --seeds 3 --budget 30m
        mnist-bench ablate conv-0 --from ladder/99.0 --to 17
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench.cli import running
    from mnist_bench.experiments.ablation import AblationOptions, ablate_study, table_of
    from mnist_bench.studies.checked import device_like

    record, named = targets.open_target(study, results)
    if named is not None and trial not in (None, named.number):
        raise UsageError(f"{study} ends the ablation at trial {named.number}, and --to at {trial}; give one of them.")
    asked = AblationOptions(
        baseline=baseline, seeds=seeds, budget=budget,
        workers=workers or options.suitable_workers(device_like(record.spec["numerics"], device)), device=device,
        data_dir=data_dir, net=net,
    )  # fmt: skip
    end = named or _end(record, trial)
    latest = record.name if study is None else None
    found = running.result_of(partial(ablate_study, record, end, asked), study=latest)
    output.print_result(form, table_of(found))


def _end(study: StoredStudy, number: int | None) -> TrialRecord:
    """Return the trial of that number; without one the winner that `confirm` named, or the best."""
    from mnist_bench.experiments.confirmed import winner_of
    from mnist_bench.studies.checked import find_trial

    return find_trial(study, winner_of(study) if number is None else number)
