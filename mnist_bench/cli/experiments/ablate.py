"""`mnist-bench ablate`: the way from a baseline to the winner, one group of settings at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench.cli import options
from mnist_bench.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_bench.cli.output import Column
    from mnist_bench.experiments.ablation import Ablation, Measured, Step
    from search.event_log import StudyRecord, TrialRecord


def ablate(
    study: Annotated[str | None, typer.Argument(metavar="STUDY", help="Left out, the latest.")] = None,
    baseline: Annotated[
        str, typer.Option("--from", metavar="RECIPE", help="Where the way begins: a recipe's file or shipped name.")
    ] = "notebook/linear",
    trial: Annotated[
        int | None,
        typer.Option("--to", min=0, metavar="TRIAL", help="Where it ends; left out, what confirm named, or the best."),
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=2, max=100, metavar="N", help="Fresh seeds, the same for all.")
    ] = 3,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="After this, e.g. 15m, what is left is one step."),
    ] = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Measure what each group of settings brings, from a baseline to the winner.

    At each step every group that is left is tried, with several seeds, and the one that helps most is taken. The same
    command goes on where an earlier run of it was stopped, killed or out of time.
    """
    from mnist_bench.cli import again, output, targets
    from mnist_bench.cli.interrupts import Interrupts
    from mnist_bench.cli.views import lines
    from mnist_bench.experiments.ablation import Options
    from mnist_bench.experiments.ablation.run import run

    record, _ = targets.open_target(study, results, storage)
    asked = Options(
        baseline=baseline, seeds=seeds, budget=None if budget is None else options.seconds(budget),
        workers=workers or options.suitable_workers(device), device=device, data_dir=data_dir, results=results,
    )  # fmt: skip
    with Interrupts(output.note) as interrupts:
        found = run(asked, record, _end(record, trial, results), lines.AblateLines(), interrupts.stopping)
    if found is None:
        again.note_stopped("Stopped.", storage)
        raise typer.Exit(ExitCode.INTERRUPTED)
    if json:
        output.print_json(plain(found))
    elif csv:
        output.print_csv([_flat(row) for row in _rows(found)])
    else:
        show(found, markdown=markdown)


def _end(study: StudyRecord, number: int | None, results: Path) -> TrialRecord:
    """Return the trial of that number; without one the winner that `confirm` named, or the best."""
    from mnist_bench.cli import targets
    from mnist_bench.experiments import confirm

    known = confirm.load(results / study.name)
    return targets.find_trial(study, known.winner if number is None and known is not None else number)


def show(found: Ablation, *, markdown: bool = False) -> None:
    """Print an ablation for a person: headline, a line a step, what there is to know about them."""
    from mnist_bench.cli import output

    output.print_line(headline(found))
    output.print_line()
    if markdown:
        output.print_markdown(_rows(found), _columns(found))
        output.print_line()
    else:
        output.print_table(_rows(found), _columns(found))
    for line in footnotes(found):
        output.print_line(line)


def headline(found: Ablation) -> str:
    """Return one line: from where to where, in how many errors."""
    means = [_count(found.start), _count(found.end)]
    return (
        f"{found.study}: from {found.baseline} to #{found.trial}, {means[0]} → {means[1]} validation errors of "
        f"{found.images:,} (means of {len(found.seeds)} fresh seeds)."
    )


def footnotes(found: Ablation) -> list[str]:
    """Return what there is to know about the steps."""
    from mnist_bench.experiments.ablation import listed

    early = list(dict.fromkeys(group for step in found.steps for group in step.waiting))
    joined = [step.name for step in found.steps if len(step.groups) > 1 and not step.unresolved]
    names = {group for step in found.steps for group in step.groups}
    lines = [
        "In brackets: 95 % intervals that hold for all that was tried in a step at once. * may be chance: it holds 0."
    ]
    if "convolutions" in names and not found.start.config["model"]["blocks"]:
        lines.append("convolutions: depth, widths and kernels are one step, for the baseline has none to change.")
    if early:
        lines.append(f"Tried only once the net had the layers that they belong to: {listed(early)}.")
    lines += [f"{name} are one step: one alone makes no net." for name in joined]
    if not found.complete:
        rest = listed(found.steps[-1].groups)
        lines.append(f"Time was up before there were runs for {rest} alone. The same command with more time goes on.")
    return lines


def _rows(found: Ablation) -> list[tuple[Ablation, Step | None]]:
    return [(found, None), *((found, step) for step in found.steps)]


def _columns(found: Ablation) -> list[Column]:
    from mnist_bench.cli import cells
    from mnist_bench.cli.output import Column

    return [
        Column("step", lambda row: row[1].name if row[1] else found.baseline, 9),
        Column("errors", lambda row: _count(_measured(row)), 8, "right"),
        Column("fewer", lambda row: _fewer(row[1]) if row[1] else "", 8, "right"),
        Column("accuracy", lambda row: cells.percent(_accuracy(row)), 6, "right"),
        Column("params", lambda row: cells.count(_measured(row).parameters), 4, "right"),
        Column("time", lambda row: cells.duration(_measured(row).seconds), 5, "right"),
        Column("change", lambda row: row[1].change if row[1] else "", 7),
    ]


def _measured(row: tuple[Ablation, Step | None]) -> Measured:
    found, step = row
    return step.after if step else found.start


def _accuracy(row: tuple[Ablation, Step | None]) -> float | None:
    mean = _measured(row).mean
    return None if mean is None else 1 - mean / row[0].images


def _count(measured: Measured) -> str:
    return "diverged" if measured.mean is None else f"{measured.mean:.1f}"


def _fewer(step: Step) -> str:
    if step.fewer is None or step.low is None or step.high is None:
        return "–"
    return f"{step.fewer:.1f} [{step.low:.0f}, {step.high:.0f}]{'*' if step.by_chance else ' '}"


def plain(found: Ablation) -> dict[str, Any]:
    """Return an ablation as plain values for JSON, each step with its finding in words."""
    from dataclasses import asdict

    from mnist_bench.experiments.ablation import sentence

    values = asdict(found)
    for step, plain_step in zip(found.steps, values["steps"], strict=True):
        plain_step["finding"] = sentence(step, found.images)
        plain_step["by_chance"] = step.by_chance
    return {**values, "complete": found.complete}


def _flat(row: tuple[Ablation, Step | None]) -> dict[str, Any]:
    """Return a row as CSV has it."""
    found, step = row
    measured = _measured(row)
    return {
        "study": found.study,
        "trial": found.trial,
        "step": step.name if step else found.baseline,
        "change": step.change if step else "",
        "errors": measured.mean,
        "fewer": step.fewer if step else None,
        "low": step.low if step else None,
        "high": step.high if step else None,
        "accuracy": _accuracy(row),
        "parameters": measured.parameters,
        "macs": measured.macs,
        "seconds": measured.seconds,
        "seeds": len(found.seeds),
    }
