"""Warnings about a valid space: settings that are allowed but probably not intended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mnist_bench.config.catalogue import all_settings, setting_of
from mnist_bench.config.settings import TrainConfig
from mnist_bench.space_files.drawn import DRAWN, Drawn
from mnist_bench.space_files.net_feasibility import ends, net_warnings
from search.errors import Problem
from search.messages import number_of, show
from search.space.ranges import same
from search.space.space import Field, Space
from search.strategies import registry
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler

DROPS = ("optim.first_drop_fraction", "optim.second_drop_fraction")


def warnings(drawn: Drawn, ways: tuple[Sampler, Pruner] | None = None) -> list[Problem]:
    """Return the warnings about a checked space, given its random configurations, in the order of the file.

    `ways` are the sampler and the pruner of a search, if the space does not name them.
    """
    space = drawn.space
    found = [*_single_values(space), *_idle(space), *_drops(space), *_idle_pruner(space), *_constraints(drawn)]
    found += _unportable(space, ways or registry.of_settings(space.settings))
    return sorted([*found, *net_warnings(drawn)], key=lambda problem: (problem.line, problem.column))


def warning_line(problem: Problem) -> str:
    """Return a warning with its place, for a person."""
    return f"{problem.source}:{problem.line}:{problem.column}  warning: {problem.message}"


def _single_values(space: Space) -> Iterator[Problem]:
    for item in space.fields:
        low, high = _ends(item)
        if item.distribution and same(low, high):
            message = f"{item.path}: a range of one value; as a constant it is written {show(low)}"
            yield item.origin.problem(message, item.distribution.kind)


def _ends(item: Field) -> tuple[Any, Any]:
    """Return the lowest and the highest value that a field can have."""
    return (item.value, item.value) if item.distribution is None else ends(item.distribution)


def _idle(space: Space) -> Iterator[Problem]:
    """Yield the ranges, and constants other than the default, that do nothing in any configuration."""
    fields = _fields(space)
    phases = space.settings.get("phases") or [{}]
    rates_given = all(phase.get("lr") is not None for phase in phases)
    # In a phase, Muon's filters have the phase's share of their rate: its lr / optim.lr.
    idle_rates = {"optim.lr"} if _unmet(fields, "optim.filter_lr") else set()
    for item in space.fields:
        known = all_settings().get(item.path)
        if known is None or (item.distribution is None and same(item.value, known.default)):
            continue
        if unmet := _unmet(fields, item.path):
            why = f"of {' and '.join(dict.fromkeys(unmet))}"
        elif rates_given and (item.path in idle_rates or known.group == "schedule"):
            why = "each phase has an lr of its own"
        else:
            continue
        yield item.origin.problem(f"{item.path}: does nothing in this space, because {why}")


def _fields(space: Space) -> Mapping[str, Field]:
    """Return the fields by their paths, including those that all trials share, such as the epochs."""
    shared = {path: Field(path, value) for path, value in space.settings.items() if path in all_settings()}
    return {**shared, **{item.path: item for item in space.fields}}


def _drops(space: Space) -> Iterator[Problem]:
    """Yield a warning if the second drop of the learning rate comes before the first."""
    fields = _fields(space)
    first, second = (_field(fields, path) for path in DROPS)
    at_fault = second if second.path in fields else first
    if at_fault.path not in fields or _unmet(fields, second.path):
        return
    (earliest, _), (_, latest) = _ends(first), _ends(second)
    if earliest >= latest:
        message = f"{second.path}: {show(latest)} is not after the first drop, at {show(earliest)}"
        yield at_fault.origin.problem(message)


def _field(fields: Mapping[str, Field], path: str) -> Field:
    """Return the field of this path, at its default if the space does not name it."""
    return fields[path] if path in fields else Field(path, all_settings()[path].default)


def _unmet(fields: Mapping[str, Field], path: str) -> list[str]:
    """Return the fields that keep a setting from ever having an effect: those that it needs, or that they need, and are
    never on.

    Whether a picture is distorted is not a field; it is assumed to be.
    """
    found: list[str] = []
    for need in setting_of(path).needs:
        names = [name for name in need.paths if name in all_settings()]
        on = [name for name in names if any(map(need.is_on, _values(_field(fields, name))))]
        if names and all(_unmet(fields, name) for name in on):
            found += [" or ".join(names)] if not on else _unmet(fields, on[0])
    return found


def _values(item: Field) -> Sequence[Any]:
    """Return the values that a field can have; of real numbers the ends."""
    listed: Sequence[Any] = () if item.distribution is None else item.distribution.values
    return listed or _ends(item)


def _constraints(drawn: Drawn) -> Iterator[Problem]:
    """Yield the constraints that nothing meets, or that decide nothing."""
    space = drawn.space
    for each in drawn.met:
        those = number_of(each.applies, "random configuration")
        those += "" if each.applies_to_all else f" of {DRAWN} that have all of its fields"
        if not each.applies:
            message = f"none of {DRAWN} random configurations has all of its fields; it may never apply"
        elif not each.met:
            message = f"not met by any of {those}{'; a search may find none either' * each.applies_to_all}"
        elif each.met == each.applies:
            message = f"met by each of {those}; it may decide nothing"
        else:
            continue
        index = each.constraint.index
        yield space.origins["constraints"].problem(f"constraints[{index}]: {message}", index)
    # Planning your own networks takes a quarter of a second, which spaces without constraints are spared.
    if space.constraints and all(each.met for each in drawn.met) and drawn.shares.constrained == 1:
        message = f"constraints: none of {len(drawn.plans)} random configurations meets all of them"
        yield space.origins["constraints"].problem(f"{message}; a search may find none either")


def _idle_pruner(space: Space) -> Iterator[Problem]:
    """Yield a warning if the pruner that the file names never stops a trial."""
    if "pruner" not in space.settings.get("search", {}):
        return
    pruner = registry.of_settings(space.settings)[1]
    periods = len(space.settings.get("periods") or range(space.settings.get("epochs", TrainConfig().epochs)))
    if pruner.name != "none" and not any(pruner.may_stop_at(period) for period in range(1, periods)):
        message = f"search.pruner: {pruner.name} stops no trial: its first rung is beyond a trial's "
        message += number_of(periods, "period")
        yield space.origins["search"].problem(message, "pruner")


def _unportable(space: Space, ways: tuple[Sampler, Pruner]) -> Iterator[Problem]:
    """Yield a warning if training does not depend on the processor, but the sampler or the pruner does."""
    if space.settings.get("precision") == "portable":
        for _, sentence in registry.unportable(*ways):
            yield space.origins["precision"].problem(f"precision: portable, but {sentence}")
