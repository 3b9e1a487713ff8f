"""`mnist-bench space`: check space files, show one, draw trials from it, list the shipped ones and all fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.result_table import Table, key_column
from search import messages
from search.defaults import WORKERS, in_force
from search.errors import Problem, SpaceError, UsageError
from search.messages import number_of

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_bench.picture_form import PictureForm
    from mnist_bench.preview.duration_forecast import ExpectedTime
    from mnist_bench.space_files.drawn import Drawn, Met
    from mnist_bench.space_files.overview import Extremes
    from search.space.space import Space

app = typer.Typer(help="Check, show and sample space files.", no_args_is_help=True)

TRIALS = 50
"""The number of trials whose time `show` estimates: the default of `search`."""

File = Annotated[str, typer.Argument(metavar="FILE", help="A space file, the name of a bundled space, or - for stdin.")]
Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Space files, or names of bundled spaces.")]


@app.command("check", cls=HelpfulCommand)
def check(
    files: Files,
    data: options.Data = None,
    overrides: options.Overrides = None,
    net: options.Net = None,
    json: options.Json = False,
) -> None:
    """Check space files, and print every problem with its line and column.

    The exit code is 2 if there is a problem. Networks and limits are checked for MNIST, or for the images of --data.
    Valid but suspicious settings are reported as warnings on stderr and do not change the exit code.

    Examples:
        mnist-bench space check mine.yaml
        mnist-bench space check mine.yaml --data mine.npz
    """
    from mnist_bench.data.own.formats import options_for
    from mnist_bench.space_files import space_warnings

    options_for(data)  # raises an error about the data, which is not a fault of a file
    found = [_checked(file, overrides or (), data, net) for file in files]
    problems = [problem for row in found for problem in row["problems"]]
    if json:
        output.print_json({"files": found})
    else:
        for line in _problem_lines(problems):
            output.print_prose(line)
        for row in found:
            for warning in row["warnings"]:
                output.note(space_warnings.warning_line(Problem(**warning)))
            if not row["problems"]:
                warned = f", {number_of(len(row['warnings']), 'warning')}" if row["warnings"] else ""
                output.print_line(f"{row['file']}: {row['summary']}, no problems{warned}")
    if problems:
        if not json:
            output.note(
                f"{number_of(len(problems), 'error')}. `mnist-bench space show conv` prints a good file's fields."
            )
        raise typer.Exit(ExitCode.USAGE)


@app.command("show", cls=HelpfulCommand)
def show(
    file: File,
    data: options.Data = None,
    overrides: options.Overrides = None,
    net: options.Net = None,
    json: options.Json = False,
) -> None:
    """Show a space's fields, ranges and conditions, and its smallest and largest network.

    Networks are built for MNIST, or for the images of --data. The time of a search is estimated for the usual speed of
    this kind of machine; `search --dry-run` measures the speed of this one.

    Examples:
        mnist-bench space show conv
        mnist-bench space show mine.yaml --set model.blocks=2
    """
    from mnist_bench.data.mnist import images_in
    from mnist_bench.space_files import drawn as space_files_drawn, overview, space_sources

    space, data_set = space_sources.open_with_data(file, overrides or (), data_dir=data, net=net)
    drawn = space_files_drawn.Drawn(space, data_set.form, images_in(data_set))
    extremes = overview.extremes(drawn)
    workers = in_force(WORKERS) or options.cores()
    kind, expected = _expected(drawn, workers)
    if json:
        shares = {"infeasible": drawn.shares.infeasible, "impossible": drawn.shares.impossible}
        estimate = {"trials": TRIALS, "workers": workers, "device": kind, "minutes": expected.seconds / 60}
        estimate |= {**asdict(expected), **shares}
        output.print_json({**space.to_spec(), "extremes": asdict(extremes), "estimate": estimate})
        return
    output.print_prose(_headline(space))
    output.print_line()
    columns = [("field", 9), ("values", 8), ("condition", 7), ("about", 1)]
    rows = [asdict(row) for row in overview.describe(space)]
    output.print_table(Table(rows=rows, columns=[key_column(*column) for column in columns]))
    output.print_line()
    for line in _size_lines(drawn, extremes):
        output.print_prose(line)
    if not space.is_recipe:
        many = f"{number_of(TRIALS, 'trial')} on {number_of(workers, 'worker')}"
        span = f"about {cells.roughly(expected.seconds)} ({cells.between(expected.low, expected.high)})"
        output.print_prose(
            f"{'time':14}  {span} for {many} at the usual speed ({kind}); `search --dry-run` measures this machine"
        )


@app.command("sample", cls=HelpfulCommand)
def sample(
    file: File,
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, max=1000, metavar="N", help="Number of trials to draw.")
    ] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of the draws.")] = 0,
    data: options.Data = None,
    overrides: options.Overrides = None,
    net: options.Net = None,
    json: options.Json = False,
) -> None:
    """Draw random trials from a space: one column per trial.

    Examples:
        mnist-bench space sample conv -n 5
        mnist-bench space sample conv --seed 1 --json
    """
    from mnist_bench.space_files import space_sources
    from mnist_bench.space_files.drawn import samples

    space, data_set = space_sources.open_with_data(file, overrides or (), data_dir=data, net=net)
    drawn = samples(space, number, seed)
    if json:
        output.print_json({"name": space.name, "seed": seed, "samples": drawn})
        return
    columns = [key_column("field", number + 1)]
    columns += [key_column(str(i), number - i, "right") for i in range(1, number + 1)]
    output.print_table(Table(rows=list(_sample_rows(space, drawn, data_set.form)), columns=columns))


@app.command("list", cls=HelpfulCommand)
def list_spaces(json: options.Json = False) -> None:
    """List the bundled spaces and recipes.

    Examples:
        mnist-bench space list
        mnist-bench space list --json
    """
    from mnist_bench.space_files import space_sources

    rows = [_list_row(name, path) for name, path in space_sources.shipped().items()]
    if json:
        output.print_json({"spaces": rows})
    else:
        columns = [("name", 9), ("holds", 8), ("epochs", 5), ("file", 4)]
        output.print_table(Table(rows=rows, columns=[key_column(*column) for column in columns]))


@app.command("fields", cls=HelpfulCommand)
def fields(
    prefix: Annotated[
        str,
        typer.Argument(
            metavar="PREFIX", show_default="all fields", help="First letters of the paths, e.g. optim or model.hidden."
        ),
    ] = "",
    json: options.Json = False,
) -> None:
    """List every field that a space file can have: type, bounds, unit, default and meaning.

    A field with ranges takes a constant or one of these ranges. A field without ranges takes a constant only.

    Examples:
        mnist-bench space fields optim
        mnist-bench space fields model.hidden --json
    """
    from mnist_bench.space_files.reference.space_fields import space_fields

    known = space_fields()
    found = [field for field in known if field.path.startswith(prefix)]
    if not found:
        near = messages.did_you_mean(prefix, {name for field in known for name in (field.section, field.path)})
        raise UsageError(f"PREFIX {messages.show(prefix)}: no field of a space file begins with that{near or '.'}")
    if json:
        output.print_json({"fields": [asdict(field) for field in found]})
        return
    for number, field in enumerate(found):
        if number:
            output.print_line()
        default = () if field.default in (None, []) else (f"default {messages.show(field.default)}",)
        ranges = (f"ranges: {', '.join(field.ranges)}",) if field.ranges else ()
        output.print_line(field.path, style="bold")
        output.print_prose(f"  {'; '.join((field.values, *default, *ranges))}")
        output.print_prose(f"  {field.about}")


def _checked(file: str, overrides: Sequence[str], data: Path | None, net: str | None) -> dict[str, Any]:
    from mnist_bench.space_files import drawn as space_files_drawn, space_sources, space_warnings

    row: dict[str, Any] = {"file": file, "problems": [], "warnings": []}
    try:
        space, data_set = space_sources.open_with_data(file, overrides, data_dir=data, net=net)
        _check_tables(space)
        drawn = space_files_drawn.Drawn(space, data_set.form)
        row["summary"] = _summary(space) + _met_by(drawn)
        row["warnings"] = [asdict(warning) for warning in space_warnings.warnings(drawn)]
    except SpaceError as error:
        row["problems"] = [asdict(problem) for problem in error.problems]
    except UsageError as error:
        row["problems"] = [asdict(Problem(file, 1, 1, str(error)))]
    return row


def _check_tables(space: Space) -> None:
    """Check that there are the tables that a space names; errors as in `start_lists.check_named`."""
    if space.settings.get("search", {}).get("start"):  # its import takes most of a second
        from mnist_bench.start_lists import sources

        sources.check_named(space)


def _problem_lines(problems: Sequence[dict[str, Any]]) -> list[str]:
    places = [f"{problem['source']}:{problem['line']}:{problem['column']}" for problem in problems]
    width = max(map(len, places), default=0)
    return [f"{place:{width}}  {problem['message']}" for place, problem in zip(places, problems, strict=True)]


def _summary(space: Space) -> str:
    ranges = len(space.ranges)
    constants = len(space.fields) - ranges
    if space.is_recipe:
        return "a recipe"
    parts = [number_of(ranges, "range"), number_of(constants, "constant")]
    if space.constraints:
        parts.append(number_of(len(space.constraints), "constraint"))
    return ", ".join(parts)


def _met_by(drawn: Drawn) -> str:
    if not drawn.space.constraints:
        return ""
    return f" (met by {100 * (1 - drawn.shares.constrained):.0f}% of random configurations)"


def _headline(space: Space) -> str:
    from mnist_bench.config.settings import TrainConfig
    from mnist_bench.own_nets import own_net
    from search.strategies import registry

    epochs = space.settings.get("epochs", TrainConfig().epochs)
    sampler, pruner = registry.of_settings(space.settings)
    periods = len(space.settings.get("periods") or range(epochs))
    others = {
        name: value
        for name, value in space.settings.items()
        if name not in ("epochs", "limits", "constraints", "search", "net_code")
    }
    if "net_code" in space.settings:
        others["net"] = own_net.display_name(space.settings["net_code"])
    settings = [f"{name} {messages.show(value)}" for name, value in others.items()]
    parts = [space.name, _summary(space), number_of(epochs, "epoch"), *settings]
    return "  ·  ".join([*parts, f"{sampler.describe(periods)} + {pruner.describe(periods)}"])


def _expected(drawn: Drawn, workers: int) -> tuple[str, ExpectedTime]:
    """Return the kind of this machine's CPU, and the time of a search at the usual speed of that kind."""
    from mnist_bench.nets.cost_model import COEFFICIENTS
    from mnist_bench.numerics.device import choose_precision, find_device
    from mnist_bench.numerics.kinds import device_kind
    from mnist_bench.preview.duration_forecast import Workload, expected_time
    from search.space.objective import cost_of
    from search.strategies import registry

    settings = drawn.space.settings
    kind = device_kind(choose_precision(find_device("cpu"), str(settings.get("precision", "auto"))), on_gpu=False)
    here = replace(drawn, coefficients=asdict(COEFFICIENTS[kind]))
    _, pruner = registry.of_settings(settings)
    asked = Workload(trials=TRIALS, pruner=pruner, workers=workers, has_cost=cost_of(settings) is not None)
    return kind, expected_time(here.mean_costs, asked)


def _size_lines(drawn: Drawn, extremes: Extremes) -> Iterator[str]:
    limits = drawn.space.settings.get("limits", {})
    bound = "" if extremes.exact else " or beyond"
    for name, (low, high) in (("parameters", extremes.parameters), ("macs", extremes.macs)):
        limit = f"   limit {limits[name]:,.0f}" if name in limits else ""
        label = "parameters" if name == "parameters" else "MACs per image"
        yield f"{label:14}  {low:,} to {high:,}{bound}{limit}"
    for found in drawn.met:
        yield f"{'constraint':14}  {found.constraint.text}   {_met(found)}"
    if words := str(drawn.shares):
        yield f"{'infeasible':14}  {words}; they are not trained and do not count as trials"


def _met(found: Met) -> str:
    if not found.applies:
        return "no random configuration has all of its fields"
    which = "" if found.applies_to_all else " that have all of its fields"
    return f"met by {100 * found.met / found.applies:.0f}% of random configurations{which}"


def _sample_rows(space: Space, drawn: Sequence[dict[str, Any]], form: PictureForm) -> Iterator[dict[str, str]]:
    """Yield a row for each range, with one cell per trial, then rows of the networks' counts."""
    from mnist_bench.errors import ArchitectureError
    from mnist_bench.nets.size import net_size
    from mnist_bench.space_files.space_sources import config

    for field in space.fields:
        if field.distribution is not None:
            values = ((str(i), params.get(field.path)) for i, params in enumerate(drawn, 1))
            yield {"field": field.path, **{i: "–" if v is None else cells.short(v) for i, v in values}}
    counts: dict[str, dict[str, str]] = {"parameters": {}, "macs": {}}
    for i, params in enumerate(drawn, 1):
        try:
            net = net_size(config(space, params), form)
        except ArchitectureError:
            continue
        counts["parameters"][str(i)], counts["macs"][str(i)] = f"{net.parameters:,}", f"{net.macs:,}"
    yield from ({"field": name, **numbers} for name, numbers in counts.items())


def _list_row(name: str, path: Path) -> dict[str, Any]:
    from mnist_bench.config.settings import TrainConfig
    from mnist_bench.space_files import space_sources

    try:
        space = space_sources.load(path)
    except UsageError:
        return {"name": name, "holds": "problems", "epochs": None, "file": str(path)}
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    return {"name": name, "holds": _summary(space), "epochs": epochs, "file": str(path)}
