"""An ablation as a table, with all its words: the path from the baseline to the trial, one row per step."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnist_bench import cells
from mnist_bench.config.values import from_json
from mnist_bench.experiments.ablation.path import Ablation, Measured, Step, sentence
from mnist_bench.result_table import Figure, Table
from search.messages import joined

AblationRow = tuple[Measured, Step | None]
"""The measurement after a step; None for the baseline."""


def table_of(ablation: Ablation) -> Table[AblationRow]:
    """Return the baseline and each step from there, with all their figures."""
    return Table(
        rows=[(ablation.start, None), *((step.after, step) for step in ablation.steps)],
        figures=[
            Figure("", lambda row: ablation.study, key="study"),
            Figure("", lambda row: ablation.trial, key="trial"),
            Figure("step", lambda row: row[1].name if row[1] else ablation.baseline, 9, key="step"),
            Figure("errors", lambda row: row[0].mean, 8, "right", _errors, key="errors"),
            Figure(
                "fewer", lambda row: row[1] and row[1].fewer, 8, "right", key="fewer",
                reads=lambda row: _fewer(row[1]) if row[1] else "",
            ),
            Figure("", lambda row: row[1] and row[1].low, key="low"),
            Figure("", lambda row: row[1] and row[1].high, key="high"),
            Figure("accuracy", lambda row: _accuracy(ablation, row[0]), 6, "right", cells.percent, key="accuracy"),
            Figure("params", lambda row: row[0].parameters, 4, "right", cells.count, key="parameters"),
            Figure("", lambda row: row[0].macs, key="macs"),
            Figure("time", lambda row: row[0].seconds, 5, "right", cells.duration, key="seconds"),
            Figure("change", lambda row: row[1].change if row[1] else "", 7, key="change"),
            Figure("", lambda row: len(ablation.seeds), key="seeds"),
        ],
        caption=[_headline(ablation)],
        footnotes=_footnotes(ablation),
        document=plain(ablation),
    )  # fmt: skip


def _headline(ablation: Ablation) -> str:
    start, end = _errors(ablation.start.mean), _errors(ablation.end.mean)
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


def _errors(mean: float | None) -> str:
    return "diverged" if mean is None else f"{mean:.1f}"


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
