"""`mnist-bench plugin`: check that your own sampler, pruner or network is repeatable."""

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
    from mnist_bench.space_files.space_sources import Source
    from search.repeatability.check import Checked, CheckRow

app = typer.Typer(help="Check your own samplers, pruners and networks.", no_args_is_help=True)

IMAGES = 3_000
"""Largest number of images on which a network is tried; a sixth of them are for validation."""
VERDICTS: Mapping[bool | None, str] = {True: "yes", False: "no", None: "–"}


@app.command("check", cls=HelpfulCommand)
def check(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A sampler, pruner or network: package.module:Name or file.py:Name.")
    ],
    space: Annotated[
        str | None,
        typer.Option(
            "--space",
            metavar="SPACE",
            show_default="conv; for a network, its own default settings",
            help="Space to try it on.",
        ),
    ] = None,
    overrides: options.Overrides = None,
    own_options: Annotated[
        list[str] | None,
        typer.Option(
            "--sampler-option",
            "--pruner-option",
            metavar="K=V",
            help="Option of the sampler or pruner. Repeatable.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=MAX_SEED, metavar="N", show_default="0", help="Seed of the test searches."),
    ] = None,
    net: options.Net = None,
    data_dir: options.Data = None,
    json: options.Json = False,
) -> None:
    """Check that your own sampler, pruner or network is deterministic.

    A sampler or pruner is called several times with the same history of made-up trials, and searches with one worker
    and with eight; nothing is trained. A network is trained for two short epochs in each way in which a search may
    train it. The exit code is 0 if all runs agree, otherwise 4.

    Examples:
        mnist-bench plugin check mine.py:NearTheBest
        mnist-bench plugin check my_nets.py:build --space mine.yaml
    """
    from mnist_bench.own_nets import own_net

    if own_net.is_net(name):
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
        output.print_result("table", _table(found, name, tried_on))
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
    from mnist_bench.searches import running
    from mnist_bench.space_files import space_sources
    from search.repeatability.check import examine
    from search.strategies import registry

    own = registry.of_code(name, options.assigned("--sampler-option or --pruner-option", own_options))
    searched, data = space_sources.open_with_data(space, overrides, data_dir=data_dir, net=net)
    return examine(own, running.tried_on(searched, seed, data.form))


def _checked_net(name: str, space: Source, overrides: list[str], data_dir: Path | None) -> tuple[Checked, int]:
    """Check a network with settings of a space; return the result and the number of images. The test set is closed."""
    from mnist_bench.data.guard import close_test_set
    from mnist_bench.data.mnist import images_in
    from mnist_bench.net_checks import net_check
    from mnist_bench.own_nets import own_net
    from mnist_bench.space_files import drawn, space_sources

    close_test_set()
    searched, data = space_sources.open_with_data(space, overrides, data_dir=data_dir, net=name)
    images = min(IMAGES, images_in(data))
    # Feasible ones, as in a search: a net may refuse some settings, and a space may have limits.
    settings = drawn.Drawn(searched, data.form).net_settings
    return net_check.examine(own_net.load_net(name), settings, replace(data, subset=images)), images


def _table(found: Checked, name: str, tried_on: str) -> Table[CheckRow]:
    columns: list[Column[CheckRow]] = [
        Column(found.kind, lambda row: row.what, 3),
        Column("holds", lambda row: VERDICTS[row.holds], 2),
        Column("found", lambda row: row.found, 1),
    ]
    code = [found.code.module, *([found.code.version] if found.code.version else []), f"{found.code.sha256[:8]}…"]
    if found.repeatable:
        verdict = f"It works in deterministic order: --{found.kind} {quoted(name)}."
    elif found.never:
        verdict = "It cannot be searched: its saved weights do not restore the same network."
    else:
        verdict = "It works with `--order as-completed` only; two runs may differ, and each decision is recorded."
    made_up = "" if found.kind == "net" else ", with made-up trials"
    return Table(
        rows=found.rows,
        columns=columns,
        caption=[f"{found.name} ({', '.join(code)}) on {tried_on}{made_up}"],
        footnotes=["", verdict],
    )
