"""`mnist-bench plugin`: is a sampler or pruner of one's own repeatable?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.result_table import Column, Table

if TYPE_CHECKING:
    from search.repeatability import Checked, Row, TriedOn

app = typer.Typer(help="Check samplers and pruners of your own.", no_args_is_help=True)

VERDICTS: Mapping[bool | None, str] = {True: "yes", False: "no", None: "–"}


@app.command("check")
def check(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A sampler or pruner: package.module:Name or file.py:Name.")
    ],
    space: Annotated[
        str, typer.Option("--space", metavar="SPACE", help="A space file, or a shipped one's name, to try it on.")
    ] = "conv",
    overrides: options.Overrides = None,
    own_options: Annotated[
        list[str] | None,
        typer.Option("--sampler-option", "--pruner-option", metavar="K=V", help="Of what is checked; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the searches it is in.")] = 0,
    json: options.Json = False,
) -> None:
    """Check whether a sampler or pruner decides the same again; nothing is trained.

    It is asked several times after the same history of made-up trials, and searches with one worker and with eight.
    Exits with 0 where all agrees, else with 4.
    """
    from search import repeatability, strategies

    own = strategies.of_code(name, options.assigned("--sampler-option", own_options or ()))
    found = repeatability.examine(own, _tried_on(space, overrides or [], seed))
    if json:
        rows = [asdict(row) for row in found.rows]
        values = {"name": found.name, "kind": found.kind, "code": asdict(found.code), "space": space}
        output.print_json({**values, "repeatable": found.repeatable, "rows": rows})
    else:
        output.show("table", _table(found, space))
    if not found.repeatable:
        raise typer.Exit(ExitCode.NOT_REPRODUCED)


def _tried_on(name: str, overrides: list[str], seed: int) -> TriedOn:
    from mnist_bench import space_files
    from mnist_bench.studies import run_search

    return run_search.tried_on(space_files.load(name, overrides), seed)


def _table(found: Checked, space: str) -> Table[Row]:
    columns: list[Column[Row]] = [
        Column(found.kind, lambda row: row.what, 3),
        Column("holds", lambda row: VERDICTS[row.holds], 2),
        Column("found", lambda row: row.found, 1),
    ]
    code = [found.code.module, *([found.code.version] if found.code.version else []), f"{found.code.sha256[:8]}…"]
    verdict = (
        f"A search in logical order takes it: --{found.kind} {found.name}."
        if found.repeatable
        else "A search takes it with `--order arrival` alone; its runs differ, and each decision is recorded."
    )
    return Table(
        rows=found.rows,
        columns=columns,
        caption=[f"{found.name} ({', '.join(code)}) on {space}, with made-up trials"],
        footnotes=["", verdict],
    )
