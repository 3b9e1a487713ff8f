"""`mnist-bench space`: check and show a space file, list the shipped ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench import cells, options
from mnist_bench.cli import output
from mnist_bench.cli.command import takes
from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.options import argument
from mnist_bench.result_table import Result, Table, key_figure
from search import messages
from search.errors import UsageError
from search.messages import number_of

if TYPE_CHECKING:
    from mnist_bench.space_files.drawn import Drawn, Met
    from search.space.space import Space

app = typer.Typer(help="Check and show space files.", no_args_is_help=True)

TRIALS = 50  # whose time `show` estimates: the default of `search`


@app.command("show", cls=HelpfulCommand)
@takes(prints=["json"])
def show(
    file: Annotated[str, argument("A space file, the name of a bundled space, or - for stdin.", "FILE")],
    overrides: options.Overrides = (),
    data: options.Data = None,
    net: options.Net = None,
) -> Result:
    """Check a space, and show its fields, the sizes of its networks and the time.

    If there are problems, only these are printed, with line and column, and the exit code is 2. Warnings on stderr name
    valid but suspicious settings.

    Networks and limits are checked for MNIST, or for the images of --data. The time is a rough estimate for an AMD EPYC
    (Zen 4).

    Examples:
        mnist-bench space show conv
        mnist-bench space show mine.yaml --set model.blocks=2
    """
    from mnist_bench.data.mnist import images_in
    from mnist_bench.numerics.device import kind_of
    from mnist_bench.space_files import drawn as drawn_spaces, problems, space_sources
    from mnist_bench.space_files.content import precision_of
    from search.strategies import registry

    space, data_set = space_sources.open_with_data(
        file, overrides, data_dir=None if data is None else Path(data), net=options.loaded_net(net)
    )
    drawn = drawn_spaces.Drawn(space, data_set.form, images_in(data_set))
    warnings = problems.warnings(drawn)
    for warning in warnings:
        output.note(str(warning))
    workers = options.workers_for("cpu")
    kind = kind_of("cpu", precision_of(space))
    pruner = registry.of_settings(space.settings)[1]
    seconds = drawn_spaces.search_seconds(drawn, kind, pruner, trials=TRIALS, workers=workers)
    shares = {"infeasible": drawn.shares.infeasible, "impossible": drawn.shares.impossible}
    estimate = {"trials": TRIALS, "workers": workers, "device": kind, "seconds": seconds, **shares}
    told = [asdict(warning) for warning in warnings]
    many = f"{number_of(TRIALS, 'trial')} with {number_of(workers, 'worker')}"
    time = f"{'time':14}  about {cells.roughly(seconds)} for {many}: {drawn_spaces.ROUGHLY}"
    columns = [("field", 9), ("values", 8), ("condition", 7), ("about", 1)]
    table = Table(
        rows=drawn_spaces.describe(space),
        figures=[key_figure(*column) for column in columns],
        caption=[_headline(space)],
        footnotes=["", *_size_lines(drawn), *([] if space.is_recipe else [time])],
        document={**space.to_spec(), "extremes": drawn.extremes, "estimate": estimate, "warnings": told},
    )
    return Result([table])


@app.command("list", cls=HelpfulCommand)
@takes(prints=["json"])
def list_spaces() -> Result:
    """List the bundled spaces and recipes.

    Examples:
        mnist-bench space list
        mnist-bench space list --json
    """
    from mnist_bench.space_files import space_sources

    rows = [_list_row(name, path) for name, path in space_sources.shipped().items()]
    columns = [("name", 9), ("holds", 8), ("epochs", 5), ("file", 4)]
    table = Table(rows=rows, figures=[key_figure(*column) for column in columns], document={"spaces": rows})
    return Result([table])


def _summary(space: Space) -> str:
    ranges = len(space.ranges)
    constants = len(space.fields) - ranges
    if space.is_recipe:
        return "a recipe"
    parts = [number_of(ranges, "range"), number_of(constants, "constant")]
    if space.constraints:
        parts.append(number_of(len(space.constraints), "constraint"))
    return ", ".join(parts)


def _headline(space: Space) -> str:
    from mnist_bench.config.settings import TrainConfig
    from mnist_bench.nets import own_net
    from mnist_bench.space_files.content import period_ends
    from search.strategies import registry

    epochs = space.settings.get("epochs", TrainConfig().epochs)
    strategies = registry.in_words(*registry.of_settings(space.settings), period_ends(space))
    others = {
        name: value
        for name, value in space.settings.items()
        if name not in ("epochs", "limits", "constraints", "search", "net_code")
    }
    if "net_code" in space.settings:
        others["net"] = own_net.display_name(space.settings["net_code"])
    settings = [f"{name} {messages.show(value)}" for name, value in others.items()]
    parts = [space.name, _summary(space), number_of(epochs, "epoch"), *settings]
    return "  ·  ".join([*parts, strategies])


def _size_lines(drawn: Drawn) -> Iterator[str]:
    limits = drawn.space.settings.get("limits", {})
    for name, (low, high) in drawn.extremes.items():
        limit = f"   limit {limits[name]:,.0f}" if name in limits else ""
        label = "parameters" if name == "parameters" else "MACs per image"
        yield f"{label:14}  {low:,} to {high:,}{limit}"
    for found in drawn.met:
        yield f"{'constraint':14}  {found.constraint.text}   {_met(found)}"
    if words := str(drawn.shares):
        yield f"{'infeasible':14}  {words}; they are not trained and do not count as trials"


def _met(found: Met) -> str:
    if not found.applies:
        return "no random configuration has all of its fields"
    which = "" if found.applies_to_all else " that have all of its fields"
    return f"met by {100 * found.met / found.applies:.0f}% of random configurations{which}"


def _list_row(name: str, path: Path) -> dict[str, Any]:
    from mnist_bench.config.settings import TrainConfig
    from mnist_bench.space_files import space_sources

    try:
        space = space_sources.load(path)
    except UsageError:
        return {"name": name, "holds": "problems", "epochs": None, "file": str(path)}
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    return {"name": name, "holds": _summary(space), "epochs": epochs, "file": str(path)}
