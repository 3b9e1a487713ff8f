"""`mnist-bench plugin`: is a sampler, a pruner or a net of one's own repeatable?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.result_table import Column, Table
from search.arguments import MAX_SEED
from search.errors import UsageError
from search.messages import quoted

if TYPE_CHECKING:
    from mnist_bench.space_files import Source
    from search.repeatability import Checked, Row

app = typer.Typer(help="Check samplers, pruners and nets of your own.", no_args_is_help=True)

IMAGES = 3_000
"""That a net is tried on at most, a sixth of them to validate."""
VERDICTS: Mapping[bool | None, str] = {True: "yes", False: "no", None: "–"}


@app.command("check", cls=HelpfulCommand)
def check(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A sampler, pruner or net: package.module:Name or file.py:Name.")
    ],
    space: Annotated[
        str | None,
        typer.Option("--space", metavar="SPACE", help="A space to try it on; left out, conv, or a net's defaults."),
    ] = None,
    overrides: options.Overrides = None,
    own_options: Annotated[
        list[str] | None,
        typer.Option("--sampler-option", "--pruner-option", metavar="K=V", help="Of what is checked; repeatable."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=MAX_SEED, help="Seed of the searches it is in; left out, 0.")
    ] = None,
    net: options.Net = None,
    data_dir: options.Data = None,
    json: options.Json = False,
) -> None:
    """Check whether code of your own does the same again.

    A sampler or pruner is asked several times after the same history of made-up trials, and searches with one worker
    and with eight; nothing is trained. A net is trained for two short epochs in each way in which a search may train
    it. Exits with 0 where all agrees, else with 4.
    """
    from mnist_bench import own_nets

    if own_nets.is_net(name):
        if seed is not None or own_options or net is not None:
            raise UsageError("--seed, --sampler-option, --pruner-option and --net are for samplers and pruners.")
        found, images = _checked_net(name, space or {"name": "net"}, overrides or [], data_dir)
        tried_on, where = f"{images:,} images", {"space": space, "images": images}
    else:
        tried_on = space or "conv"
        where = {"space": tried_on}
        found = _checked_strategy(name, tried_on, overrides or [], data_dir, net, own_options or (), seed or 0)
    if json:
        rows = [asdict(row) for row in found.rows]
        values = {"name": found.name, "kind": found.kind, "code": asdict(found.code), **where}
        output.print_json({**values, "repeatable": found.repeatable, "rows": rows})
    else:
        output.show("table", _table(found, name, tried_on))
    if not found.repeatable:
        raise typer.Exit(ExitCode.NOT_REPRODUCED)


def _checked_strategy(
    name: str,
    space: str,
    overrides: list[str],
    data_dir: Path | None,
    net: str | None,
    own_options: Sequence[str],
    seed: int,
) -> Checked:
    from mnist_bench import searches, space_files
    from search import repeatability, strategies

    own = strategies.of_code(name, options.assigned("--sampler-option or --pruner-option", own_options))
    searched, data = space_files.open_with_data(space, overrides, data_dir=data_dir, net=net)
    return repeatability.examine(own, searches.tried_on(searched, seed, data.form))


def _checked_net(name: str, space: Source, overrides: list[str], data_dir: Path | None) -> tuple[Checked, int]:
    """Return what came of training a net with settings of a space, and on how many images; it closes the test set."""
    from mnist_bench import net_checks, own_nets, space_files
    from mnist_bench.data import close_test_set, images_in

    close_test_set()
    searched, data = space_files.open_with_data(space, overrides, data_dir=data_dir, net=name)
    images = min(IMAGES, images_in(data))
    # As a search does: a net may refuse some of its settings, and a space may have limits.
    chosen = space_files.Drawn(searched, data.form).trainable[0]
    return net_checks.examine(own_nets.use(name), chosen.config.net, replace(data, subset=images)), images


def _table(found: Checked, name: str, tried_on: str) -> Table[Row]:
    columns: list[Column[Row]] = [
        Column(found.kind, lambda row: row.what, 3),
        Column("holds", lambda row: VERDICTS[row.holds], 2),
        Column("found", lambda row: row.found, 1),
    ]
    code = [found.code.module, *([found.code.version] if found.code.version else []), f"{found.code.sha256[:8]}…"]
    if found.repeatable:
        verdict = f"A search in logical order takes it: --{found.kind} {quoted(name)}."
    elif found.never:
        verdict = "No search takes it: what one kept of it would be another net."
    else:
        verdict = "A search takes it with `--order arrival` alone; its runs differ, and each decision is recorded."
    made_up = "" if found.kind == "net" else ", with made-up trials"
    return Table(
        rows=found.rows,
        columns=columns,
        caption=[f"{found.name} ({', '.join(code)}) on {tried_on}{made_up}"],
        footnotes=["", verdict],
    )
