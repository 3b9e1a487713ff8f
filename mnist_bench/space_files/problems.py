"""What is wrong with a space: names and values, whether they fit together, whether its nets can be built; and warnings.

Nets are drawn at random. If none of them meets the limits, that is a warning: a rarer one may. So is a setting that is
allowed but probably not intended.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import cache
from itertools import islice
from typing import Any, get_args

from mnist_bench.config.schedule import leaves_validation
from mnist_bench.config.settings import Setting, TrainConfig, TrainOn
from mnist_bench.config.values import all_settings, declared_in, disagreements, sections, setting_of
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.own_net import HOW, loaded_net
from mnist_bench.nets.planner import net_size
from mnist_bench.space_files.content import (
    MIN_SUBSET,
    OWN,
    SETTINGS,
    SearchSettings,
    allows,
    annotation_of,
    instead_of_portable,
    period_ends,
    value_faults,
)
from mnist_bench.space_files.drawn import DRAWN, Drawn, ends, is_impossible
from search.errors import Problem, UsageError
from search.messages import did_you_mean, in_a_sentence, listing, number_of, show
from search.space.ranges import Choice, same
from search.space.space import NARROWED, UNREADABLE, Field, Space
from search.space.yaml_text import KeyPath
from search.strategies import registry
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler

GRID = 64  # values of a range of integers that are tried one by one
LISTED = {"model.blocks": "block", "model.hidden_layers": "hidden layer"}
"""Settings that count the entries of other settings' lists, with the noun for an entry."""


def faults(drawn: Drawn) -> list[Problem]:
    """Return all faults of a space: of its names and values, else of their combinations, else of its nets.

    Unreadable ranges are skipped.
    """
    space = drawn.space
    found = names_and_values(space)
    subset = space.settings.get("subset")
    if not found and isinstance(subset, int) and subset > drawn.images:
        whole = f"{drawn.images} images; leave it out, or --set subset=null, to take them all"
        fitting = whole if drawn.images < MIN_SUBSET else f"{MIN_SUBSET} to {drawn.images} images"
        found.append(space.origins["subset"].problem(f"subset: {subset} is more than there are: {fitting}"))
    train_on = space.settings.get("train_on", TrainConfig().train_on)
    if train_on in get_args(TrainOn) and not leaves_validation(train_on) and not space.is_recipe:
        message = f"train_on: {train_on} leaves a search no image to select on; a search needs search_split"
        found.append(space.origins["train_on"].problem(message))
    if found or any(item.value is UNREADABLE for item in space.fields):
        return found
    if found := [*_combinations(space)]:
        return found
    if found := [problem for problem in _unfit_lists(drawn) if not problem.is_warning]:
        return found
    # Your own code may fail with any of its settings, so all are tried.
    are_impossible = all(map(is_impossible, drawn.plans if "net_code" in space.settings else drawn))
    return [_impossible(drawn)] if are_impossible else []


def warnings(drawn: Drawn, strategies: tuple[Sampler, Pruner] | None = None) -> list[Problem]:
    """Return the warnings about a space without faults, in the order of the file.

    `strategies` are the sampler and the pruner of a search, if the space does not name them.
    """
    space = drawn.space
    strategies = strategies or registry.of_settings(space.settings)
    odd = [*_single_values(space), *_idle(space), *_constraints(drawn), *_of_strategies(space, strategies)]
    if not space.is_recipe:
        odd += _unfit_lists(drawn)
        if space.settings.get("limits") and not drawn.meets_limits:
            message = f"limits: none of {len(drawn.plans)} random networks meets them; a search may find none either"
            odd.append(space.origins["limits"].problem(message))
    in_order = sorted(odd, key=lambda problem: (problem.line, problem.column))
    return [replace(problem, is_warning=True) for problem in in_order]


def names_and_values(space: Space) -> list[Problem]:
    """Return the faults of the names and values of `space`, each judged by itself, in no particular order."""
    found = [*_top_level(space), *_own_net(space)]
    for item in space.fields:
        found += _field_faults(space, item)
    for name, value in space.settings.items():
        wrong = value_faults(SETTINGS[name], name, value) if name in SETTINGS else []
        found += [space.origins[name].problem(f"{name}{fault.text}", *fault.place) for fault in wrong]
    return found


def _top_level(space: Space) -> Iterator[Problem]:
    for name, origin in space.origins.items():
        known = ("name", NARROWED, *SETTINGS, *sections(), OWN)
        is_mapping = name not in space.settings and name != "name"
        if name == "direction":
            message = "direction: a search of networks always maximizes validation accuracy; leave it out"
            yield origin.problem(message, at_key=True)
        elif name not in known:
            hint = _nearest(name) or did_you_mean(name, known)
            yield origin.problem(f"{show(name)}: no such setting or section{hint}", at_key=True)
        elif name in (OWN, *sections()) and not is_mapping:
            value = show(space.settings[name])
            yield origin.problem(f"{name}: a section holds fields, `name: value` each, not {value}")
        elif name in SETTINGS and is_mapping:
            yield origin.problem(f"{name}: takes the same value in all trials; a range is not possible here")


def _own_net(space: Space) -> Iterator[Problem]:
    """Yield the conflicts between a space and your own network that is searched, if any."""
    code, section = space.settings.get("net_code"), space.origins.get(OWN)
    if code is None:
        if section is not None:
            yield section.problem(f"net: settings of your own network; name its code, {HOW}", at_key=True)
        return
    if "model" in space.origins:
        message = "model: the settings of built-in networks do nothing with --net; leave them out"
        yield space.origins["model"].problem(message, at_key=True)
    try:
        needed = loaded_net(str(code)).needed
    except UsageError as error:
        yield space.origins["net_code"].problem(f"net_code: {in_a_sentence(error)}")
        return
    for path in (f"{OWN}.{name}" for name in needed):
        if all(item.path != path for item in space.fields):
            message = f"{path}: has no default; give it a value or a range"
            yield Problem(space.source, 1, 1, message) if section is None else section.problem(message, at_key=True)


def _field_faults(space: Space, item: Field) -> list[Problem]:
    section, _, name = item.path.partition(".")
    if section == OWN and keyword.iskeyword(name):
        return [item.origin.problem(f"{item.path}: is a Python keyword; give the setting another name", at_key=True)]
    cls = _section_with(space, section, name)
    if cls is None:
        return []
    names = [declared.name for declared in fields(cls)]
    if name not in names:
        hint = did_you_mean(name, names) if section == OWN else _nearest(name, section)
        return [item.origin.problem(f"{item.path}: no such field{hint}", at_key=True)]
    span, annotation = item.distribution, annotation_of(cls, name)
    if span is not None and span.is_real and not allows(annotation, float):
        others = "`int` or `choice`" if allows(annotation, int) else "`choice`"
        return [item.origin.problem(f"{item.path}: takes no range of real numbers; use {others}", span.kind)]
    return _value_faults(item, cls, name)


def _value_faults(item: Field, cls: type, name: str) -> list[Problem]:
    """Return the faults of all values that a field names, else that of the first one between the ends of its range."""
    span = item.distribution
    named: list[tuple[KeyPath, Any]]
    between: list[tuple[KeyPath, Any]] = []
    if span is None:
        named = [(item.origin.below("value"), item.value)]
    else:
        named = [((span.kind, index), value) for index, value in enumerate(span.written)]
        between = [] if span.is_listed else [((span.kind,), value) for value in span.values[:-1][:GRID]]
    found = [(below, fault) for below, value in named for fault in value_faults(cls, name, value)]
    if not found:
        more = ((below, fault) for below, value in between for fault in value_faults(cls, name, value))
        found = [*islice(more, 1)]
    return [item.origin.problem(f"{item.path}{fault.text}", *below, *fault.place) for below, fault in found]


def _section_with(space: Space, section: str, name: str) -> Any:
    """Return the class that declares a field, or does not; None if it cannot be checked."""
    if section != OWN:
        return sections().get(section)
    try:
        return loaded_net(str(space.settings["net_code"])).section_with(name)
    except (KeyError, UsageError):
        return None  # reported once, by `_own_net`


def _nearest(name: str, section: str = "") -> str:
    """Return the hint "; did you mean `optim.lr`?"; empty if nothing is near.

    A setting of `section`, in which the name was found, is called by its bare name.
    """
    prefix, known, plain = f"{section}.", _declared(), name.lower().replace("-", "_")
    meant = [path for path, setting in known.items() if plain in setting.synonyms] or [
        path for path, setting in known.items() if setting.name == name.lower() and path != prefix + name
    ]
    if meant:
        return f"; did you mean {' or '.join(f'`{path.removeprefix(prefix)}`' for path in meant)}?"
    if section:
        return did_you_mean(name, [path.removeprefix(prefix) for path in known if path.startswith(prefix)])
    return ""


@cache
def _declared() -> Mapping[str, Setting]:
    return {**all_settings(), **declared_in(SearchSettings, "", asdict(SearchSettings()))}


def _combinations(space: Space) -> Iterator[Problem]:
    """Yield what does not fit together: periods and phases with `epochs`, a sampler with the space."""
    for name, text in disagreements(space.settings):
        hint = ""
        if name == "periods":
            epochs = space.settings.get("epochs", TrainConfig().epochs)
            fitting = show(sorted({period for period in space.settings[name] if period < epochs} | {epochs}))
            told = {each for each in ("epochs", "periods") if each in space.origins and space.origins[each].is_option}
            hint = f"; also give --set 'periods={fitting}'" if told == {"epochs"} else f"; {fitting} would"
        yield space.origins[name].problem(f"{name}: {text}{hint}")
    if reason := registry.of_settings(space.settings)[0].misfit(space):
        yield space.origins["search"].problem(f"search.sampler: {reason}", "sampler")


def _impossible(drawn: Drawn) -> Problem:
    """Return why no net can be built, at the setting at fault."""
    space, plan = drawn.space, drawn.plans[-1]
    section, at_fault = "model" if plan.config.net_code is None else OWN, ""
    try:
        net_size(plan.config, drawn.form)
    except ArchitectureError as error:
        at_fault = error.path
    message = f"{section}: no network can be built from these settings: {plan.facts['reason']}"
    sections = ("phases", section) if at_fault.startswith("augment.") else (section,)
    origins = [item.origin for item in space.fields if item.path == at_fault]
    origins += [space.origins[name] for name in sections if name in space.origins]
    # The file may not mention your own network, which is at its defaults.
    return origins[0].problem(message) if origins else Problem(space.source, 1, 1, message)


def _unfit_lists(drawn: Drawn) -> Iterator[Problem]:
    """Yield a problem for each list whose length does not fit the number of blocks or layers that it describes.

    A constant that does not fit some trial is a fault, and so is an option that fits no trial. An option that fits only
    some trials is a warning.
    """
    fields = {item.path: item for item in drawn.space.fields}
    counted_by = {path: counter for path in fields if (counter := _counter_of(path))}
    met: dict[tuple[str, int | None], set[int]] = {}
    for values in map(drawn.space.resolve, drawn.params):
        for path, entries in values.items():
            if isinstance(entries, list) and path in counted_by:
                span, counter = fields[path].distribution, counted_by[path]
                option = span.values.index(entries) if isinstance(span, Choice) else None
                met.setdefault((path, option), set()).add(values.get(counter, setting_of(counter).default))
    for (path, option), counts in met.items():
        item, is_constant = fields[path], option is None
        entries = item.value if option is None else item.value.values[option]
        # Among many options, one may never have been drawn together with its own number.
        counting, noun = fields.get(counted_by[path]), LISTED[counted_by[path]]
        can_be = counting is not None and counting.distribution is not None and counting.can_be(len(entries))
        fits_some = len(entries) in counts or can_be
        if others := sorted(counts - {len(entries)}):
            below = item.origin.below("value") if option is None else ("choice", option)
            message = f"{path}: {show(entries)} fits {number_of(len(entries), noun)} only, and there "
            message += f"{'may be' if fits_some else 'are'} {listing(others)}"
            problem = item.origin.problem(message + ("; one number is for all" if is_constant else ""), *below)
            yield replace(problem, is_warning=not is_constant and fits_some)


def _counter_of(path: str) -> str | None:
    needed = [name for need in setting_of(path).needs for name in need.paths]
    return next((name for name in LISTED if name in needed), None)


def _single_values(space: Space) -> Iterator[Problem]:
    for item in space.fields:
        low, high = _ends(item)
        if item.distribution and same(low, high):
            message = f"{item.path}: a range of one value; as a constant it is written {show(low)}"
            yield item.origin.problem(message, item.distribution.kind)


def _ends(item: Field) -> tuple[Any, Any]:
    return (item.value, item.value) if item.distribution is None else ends(item.distribution)


def _idle(space: Space) -> Iterator[Problem]:
    """Yield the ranges, and constants other than the default, that do nothing in any configuration."""
    # Those that all trials share, such as the epochs, are met by needs, too.
    fields = {path: Field(path, value) for path, value in space.settings.items() if path in all_settings()}
    fields |= {item.path: item for item in space.fields}
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


def _unmet(fields: Mapping[str, Field], path: str) -> list[str]:
    """Return the fields that keep a setting from ever having an effect: those that it needs, or that they need, and are
    never on.

    Whether a picture is distorted is not a field; it is assumed to be.
    """
    found: list[str] = []
    for need in setting_of(path).needs:
        names = [name for name in need.paths if name in all_settings()]
        needed = [fields.get(name) or Field(name, setting_of(name).default) for name in names]
        on = [item.path for item in needed if any(map(need.is_on, _values(item)))]
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


def _of_strategies(space: Space, strategies: tuple[Sampler, Pruner]) -> Iterator[Problem]:
    """Yield warnings if the pruner that a file names never stops a trial, and if its precision cannot be portable."""
    if "pruner" in space.settings.get("search", {}):
        pruner = registry.of_settings(space.settings)[1]
        ends = period_ends(space)
        if pruner.name != "none" and not any(pruner.may_stop_at(period, ends) for period in range(1, len(ends))):
            message = f"{pruner.name} stops no trial before the end of its {number_of(len(ends), 'period')}"
            yield space.origins["search"].problem(f"search.pruner: {message}", "pruner")
    if (instead := instead_of_portable(space)) is not None:
        yield space.origins["precision"].problem(instead)
    elif space.settings.get("precision") == "portable":
        for _, sentence in registry.unportable(*strategies):
            yield space.origins["precision"].problem(f"precision: portable, but {sentence}")
