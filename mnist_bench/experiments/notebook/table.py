"""The notebook's figures beside ours as a table, with all its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnist_bench import cells
from mnist_bench.experiments.notebook.result import DEVIATIONS, Figure, Row, plain
from mnist_bench.result_table import Column, Table
from search.messages import number_of

MEANT = "lr_drop: what the notebook meant to run, batchnorm and then an epoch at a tenth of the learning rate."


def table_of(rows: Sequence[Row], seeds: int) -> Table[Row]:
    """Return a row a recipe, each trained with so many seeds."""
    return Table(
        rows=rows,
        columns=[
            Column("recipe", lambda row: row.recipe, 9),
            Column("notebook", lambda row: cells.percent(row.published.accuracy) + _mark(row, "accuracy"), 8, "right"),
            Column(f"ours ({number_of(seeds, 'seed')})", _accuracy, 8, "right"),
            Column("parameters", _parameters, 5, "right"),
            Column("seconds then → now", _seconds, 4, "right"),
            Column("loss then → now", lambda row: _losses(row, "loss"), 3, "right"),
            Column("train loss then → now", lambda row: _losses(row, "train_loss"), 2, "right"),
        ],
        footnotes=_footnotes(rows),
        record=_record,
        document={"rows": [plain(row) for row in rows]},
    )


def _footnotes(rows: Sequence[Row]) -> list[str]:
    """Return what the table's signs mean, as far as it has them, and why it has a row that the notebook never ran."""
    lines = ["= as many parameters as the notebook's net has."] if any(map(_counts_agree, rows)) else []
    if any(row.remarkable for row in rows):
        noise = "of a run's difference to that mean"
        lines.append(
            f"! more than {DEVIATIONS:g} standard deviations from our mean ({noise}: times the root of 1 + 1/n); by "
            f"chance so are {_by_chance(min(len(row.runs) for row in rows if row.remarkable))} of the figures."
        )
    return [*lines, *([MEANT] if any(row.recipe == "lr_drop" for row in rows) else [])]


def _by_chance(seeds: int) -> str:
    """Return the share of figures beyond the mark where nothing differs: few seeds often give too small a deviation."""
    from scipy.special import stdtr  # type: ignore[import-untyped]

    return f"{200 * float(stdtr(seeds - 1, -DEVIATIONS)):.1f} %"


def _accuracy(row: Row) -> str:
    diverged = f" ({row.diverged} diverged)" if row.diverged else ""
    if not row.runs:
        return diverged.strip() or "–"
    mean, deviation = row.accuracy
    return cells.percent(mean) + (f" ± {100 * deviation:.2f} %" if len(row.runs) > 1 else "") + diverged


def _losses(row: Row, figure: Figure) -> str:
    then = getattr(row.published, figure)
    words = "" if then is None else f"{then:.4f}{_mark(row, figure)} → "
    if not row.runs:
        return f"{words}–"
    mean, deviation = getattr(row, figure)
    return f"{words}{mean:.4f}" + (f" ± {deviation:.4f}" if len(row.runs) > 1 else "")


def _mark(row: Row, figure: Figure) -> str:
    return " !" if figure in row.remarkable else ""


def _counts_agree(row: Row) -> bool:
    return row.published.parameters == row.parameters


def _parameters(row: Row) -> str:
    return f"{row.parameters:,}" + (" =" if _counts_agree(row) else "  ")


def _seconds(row: Row) -> str:
    then = "" if row.published.seconds is None else f"{row.published.seconds:.0f} → "
    return f"{then}{row.seconds:.0f}" if row.runs else "–"


def _record(row: Row) -> dict[str, Any]:
    values = plain(row)
    figures = {name: value for name, value in values.items() if isinstance(value, str | int | float)}
    published = {f"notebook_{name}": value for name, value in values["published"].items()}
    return {**figures, **published, "seeds": len(row.runs), "diverged": row.diverged}
