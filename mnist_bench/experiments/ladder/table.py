"""A ladder as a table, with all its words: which targets were met, and what they take."""

from __future__ import annotations

from typing import Any

from mnist_bench import cells
from mnist_bench.experiments.ladder.result import Ladder, Rung, plain
from mnist_bench.numerics import Machine, sentence
from mnist_bench.result_table import Column, Table


def table_of(ladder: Ladder) -> Table[Rung]:
    """Return a row a target, the lowest first."""
    return Table(
        rows=ladder.rungs,
        columns=[
            Column("target", lambda rung: cells.percent(rung.target, 1), 9),
            Column("reached", verdict, 8),
            Column("recipe", lambda rung: rung.recipe, 4),
            Column("epochs", lambda rung: str(rung.epochs), 5, "right"),
            Column("parameters", lambda rung: f"{rung.parameters:,}", 3, "right"),
            Column("TFLOP", _teraflop, 2, "right"),
            Column("seeds", lambda rung: str(_seeds(rung)), 2, "right"),
            Column("training", lambda rung: "–" if rung.seconds is None else cells.duration(rung.seconds), 7, "right"),
            Column("wall", lambda rung: cells.duration(rung.wall_seconds), 6, "right"),
        ],
        footnotes=["", *footnotes(ladder)],
        record=_record,
        document=plain(ladder),
    )


def verdict(rung: Rung) -> str:
    """Return whether a target was met, with the figures: "met: 99.05 % [99.02, 99.08]"."""
    low, high = rung.interval or (None, None)
    figures = f"{cells.percent(rung.mean)} {cells.interval(low, high)}".strip()
    if rung.unended:
        others = f", the others {figures}" if rung.runs else ""
        figures = f"{rung.unended} of {_seeds(rung)} runs did not end{others}"
    elif rung.interval is None:
        figures += " by one run, which shows no spread" if len(rung.runs) == 1 else ", without an error to judge by"
    return f"{'met' if rung.met else 'not met'}: {figures}"


def _teraflop(rung: Rung) -> str:
    found = rung.training_flop / 1e12
    return f"{found:.2g}" if found < 99.5 else f"{found:.0f}"


def footnotes(ladder: Ladder) -> list[str]:
    """Return what the table's figures mean, and what they were measured on."""
    together = f", {ladder.workers} at a time" if ladder.workers > 1 else ""
    return [
        f"Trained on all {ladder.train_images:,} training images. In brackets: 95 % interval of the mean test accuracy "
        "after the last epoch;",
        "a target is met where its lower end reaches it. Epochs and seeds were fixed before the test set was opened.",
        "TFLOP: 6 operations a multiply-accumulate (2 forward, 4 backward) over the training of a run, in 10^12.",
        f"training: seconds of a run on one worker, median over the seeds{together}.",
        f"wall: one run alone, from the start of its process to its end. {_threads(ladder.machine)}",
        sentence(ladder.machine),
    ]


def _threads(machine: Machine) -> str:
    if machine.gpu or machine.cores == 1:
        return "A run trains with one thread of the processor."
    return f"A run trains with one thread, so a single one leaves {machine.cores - 1} of {machine.cores} cores idle."


def _seeds(rung: Rung) -> int:
    return len(rung.runs) + rung.unended


def _record(rung: Rung) -> dict[str, Any]:
    low, high = rung.interval or (None, None)
    return {
        "target": rung.target, "met": rung.met, "mean": rung.mean, "low": low, "high": high, "recipe": rung.recipe,
        "epochs": rung.epochs, "parameters": rung.parameters, "macs": rung.macs,
        "training_flop": rung.training_flop, "seeds": _seeds(rung),
        "unended": rung.unended, "seconds": rung.seconds, "wall_seconds": rung.wall_seconds,
    }  # fmt: skip
