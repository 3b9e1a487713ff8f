"""An ablation as a table, with all its words: the path from the baseline to the trial, one row per step."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnist_bench import cells
from mnist_bench.config.json import from_json
from mnist_bench.experiments.ablation.path import Ablation, Measured, Step, sentence
from mnist_bench.result_table import Column, Table
from search.messages import joined

AblationRow = tuple[Measured, Step | None]
"""The measurement after a step; None for the baseline."""


def table_of(ablation: Ablation) -> Table[AblationRow]:
    """Return the baseline and each step from there, with all their figures."""
    return Table(
        rows=[(ablation.start, None), *((step.after, step) for step in ablation.steps)],
        columns=[
            Column("step", lambda row: row[1].name if row[1] else ablation.baseline, 9),
            Column("errors", lambda row: _errors(row[0]), 8, "right"),
            Column("fewer", lambda row: _fewer(row[1]) if row[1] else "", 8, "right"),
            Column("accuracy", lambda row: cells.percent(_accuracy(ablation, row[0])), 6, "right"),
            Column("params", lambda row: cells.count(row[0].parameters), 4, "right", lambda row: row[0].parameters),
            Column("time", lambda row: cells.duration(row[0].seconds), 5, "right", lambda row: row[0].seconds),
            Column("change", lambda row: row[1].change if row[1] else "", 7),
        ],
        caption=[_headline(ablation)],
        footnotes=_footnotes(ablation),
        record=lambda row: _record(ablation, *row),
        document=plain(ablation),
    )


def _headline(ablation: Ablation) -> str:
    start, end = _errors(ablation.start), _errors(ablation.end)
    return (
        f"{ablation.study}: from {ablation.baseline} to #{ablation.trial}, {start} → {end} validation errors of "
        f"{ablation.images:,} (means of {len(ablation.seeds)} fresh seeds)."
    )


def _footnotes(ablation: Ablation) -> list[str]:
    early = list(dict.fromkeys(group for step in ablation.steps for group in step.waiting))
    together = [step.name for step in ablation.steps if len(step.groups) > 1 and not step.unresolved]
    names = {group for step in ablation.steps for group in step.groups}
    lines = [
        "In brackets: 95% intervals, simultaneous for everything tried in a step. * may be chance: the interval "
        "includes 0."
    ]
    if "convolutions" in names and not from_json(ablation.start.config).model.blocks:
        lines.append("convolutions: depth, widths and kernels are one step, because the baseline has no convolutions.")
    if early:
        lines.append(f"Tried only after the network had the layers that they belong to: {joined(early)}.")
    lines += [f"{name} are one step: one alone does not make a network." for name in together]
    if not ablation.complete:
        rest = joined(ablation.steps[-1].groups)
        lines.append(
            f"The time budget ran out before there were runs for {rest} alone. The same command with more time "
            "continues."
        )
    return lines


def _accuracy(ablation: Ablation, measured: Measured) -> float | None:
    return None if measured.mean is None else 1 - measured.mean / ablation.images


def _errors(measured: Measured) -> str:
    return "diverged" if measured.mean is None else f"{measured.mean:.1f}"


def _fewer(step: Step) -> str:
    if step.fewer is None or step.low is None or step.high is None:
        return "–"
    return f"{step.fewer:z.1f} [{step.low:z.0f}, {step.high:z.0f}]{'*' if step.by_chance else ' '}"


def plain(ablation: Ablation) -> dict[str, Any]:
    """Return an ablation as plain values for JSON, each step with its finding in words."""
    values = asdict(ablation)
    for step, plain_step in zip(ablation.steps, values["steps"], strict=True):
        plain_step["finding"] = sentence(step, ablation.images)
        plain_step["by_chance"] = step.by_chance
    return {**values, "complete": ablation.complete}


def _record(ablation: Ablation, measured: Measured, step: Step | None) -> dict[str, Any]:
    return {
        "study": ablation.study,
        "trial": ablation.trial,
        "step": step.name if step else ablation.baseline,
        "change": step.change if step else "",
        "errors": measured.mean,
        "fewer": step.fewer if step else None,
        "low": step.low if step else None,
        "high": step.high if step else None,
        "accuracy": _accuracy(ablation, measured),
        "parameters": measured.parameters,
        "macs": measured.macs,
        "seconds": measured.seconds,
        "seeds": len(ablation.seeds),
    }
