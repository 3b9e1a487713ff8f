"""`mnist-bench notebook`: the 2017 notebook's nets trained again, its figures beside ours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options
from mnist_bench.cli.exit_codes import ExitCode
from search.study import ResultsFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mnist_bench.cli.output import Column
    from mnist_bench.experiments.notebook import Figure, Row
    from search.trainer_api import Report


def notebook(
    recipes: Annotated[
        list[str] | None, typer.Argument(metavar="RECIPE...", help="linear, hidden, vgg, ...; left out, all nine.")
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Train with seeds 0 to N - 1.")
    ] = 5,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train the 2017 notebook's nets again and compare.

    Like the notebook, it evaluates on the test images after each epoch; the opening stands in the ledger. The same
    command goes on where an earlier run of it was stopped or killed.
    """
    from mnist_bench.cli import output
    from mnist_bench.cli.interrupts import Interrupts
    from mnist_bench.experiments.notebook import Options, plain
    from mnist_bench.experiments.notebook.run import run

    asked = Options(
        recipes=tuple(recipes or ()), seeds=seeds, workers=workers or options.suitable_workers(device), device=device,
        data_dir=data_dir, results=results, ledger=ResultsFolder(results).openings,
    )  # fmt: skip
    with Interrupts(output.note) as interrupts:
        rows = run(asked, _Lines(), interrupts.stopping)
    if rows is None:
        output.note("Stopped. The same command goes on where it stopped.")
        raise typer.Exit(ExitCode.INTERRUPTED)
    if json:
        output.print_json({"rows": [plain(row) for row in rows]})
    elif csv:
        output.print_csv([_flat(row) for row in rows])
    elif markdown:
        output.print_markdown(rows, _columns(seeds))
        output.print_line()
    else:
        output.print_table(rows, _columns(seeds))
    if not (json or csv):
        for line in footnotes(rows):
            output.print_line(line)


class _Lines:
    """One line on stderr for each run that has ended."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, recipe: str, seed: int, reports: Sequence[Report]) -> None:
        from mnist_bench.cli import cells, output

        accuracy = reports[-1].metrics.get("test_accuracy")
        ended = "diverged" if accuracy is None else f"{cells.percent(accuracy)} on the test images"
        gone = cells.duration(time.monotonic() - self._started)
        seconds = cells.duration(sum(report.seconds for report in reports))
        output.note(f"{gone:>7}  {recipe}, seed {seed}: {ended}, trained in {seconds}")


def footnotes(rows: Sequence[Row]) -> list[str]:
    """Return what the table's signs mean, as far as it has them."""
    from mnist_bench.experiments.notebook import DEVIATIONS

    lines = ["= as many parameters as the notebook's net has."] if any(map(_counts_agree, rows)) else []
    if any(row.remarkable for row in rows):
        noise = "of a run's difference to that mean"
        lines.append(
            f"! more than {DEVIATIONS:g} standard deviations from our mean ({noise}: times the root of 1 + 1/n)."
        )
    return lines


def _columns(seeds: int) -> list[Column]:
    from mnist_bench.cli.output import Column

    return [
        Column("recipe", lambda row: row.recipe, importance=9),
        Column("notebook", lambda row: _percent(row.published.accuracy) + _mark(row, "accuracy"), 8, "right"),
        Column(f"ours ({seeds} seed{'s' if seeds > 1 else ''})", _accuracy, 8, "right"),
        Column("parameters", _parameters, 5, "right"),
        Column("seconds then → now", _seconds, 4, "right"),
        Column("loss then → now", lambda row: _losses(row, "loss"), 3, "right"),
        Column("train loss then → now", lambda row: _losses(row, "train_loss"), 2, "right"),
    ]


def _accuracy(row: Row) -> str:
    diverged = f" ({row.diverged} diverged)" if row.diverged else ""
    if not row.runs:
        return diverged.strip() or "–"
    mean, deviation = row.accuracy
    return _percent(mean) + (f" ± {100 * deviation:.2f} %" if len(row.runs) > 1 else "") + diverged


def _percent(share: float | None) -> str:
    from mnist_bench.cli import cells

    return "–" if share is None else cells.percent(share)


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


def _flat(row: Row) -> dict[str, float | int | str | None]:
    """Return a row as CSV has it."""
    from mnist_bench.experiments.notebook import plain

    figures = {name: value for name, value in plain(row).items() if isinstance(value, str | int | float)}
    published = {f"notebook_{name}": value for name, value in plain(row)["published"].items()}
    return {**figures, **published, "seeds": len(row.runs), "diverged": row.diverged}
