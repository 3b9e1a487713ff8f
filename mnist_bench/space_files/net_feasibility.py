"""Whether the nets that a space describes can be built, and meet its limits.

Both are checked on nets drawn at random; the smallest net is only looked for if none of them meets the limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from mnist_bench.config.catalogue import all_settings, setting_of
from mnist_bench.config.settings import TrainConfig
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.planner import net_size
from mnist_bench.picture_form import PictureForm
from mnist_bench.space_files.content import OWN
from mnist_bench.space_files.drawn import Drawn, is_impossible
from mnist_bench.space_files.overview import extremes
from search.errors import Problem
from search.messages import listing, number_of, show
from search.space.ranges import Choice, Distribution, NumberRange
from search.space.space import Field, Space

LISTED = {"model.blocks": "block", "model.hidden_layers": "hidden layer"}
"""Settings that count the entries of other settings' lists, with the noun for an entry."""
COUNTED = {"parameters": "parameters", "macs": "MACs per image"}


def net_problems(space: Space, form: PictureForm) -> list[Problem]:
    """Return the reasons why nets of a space, whose names and values are right, cannot be trained."""
    drawn = Drawn(space, form)
    if problems := [*_list_problems(drawn, unfit=True)]:
        return problems
    # Your own code may fail with any of its settings, so all are tried.
    plans = drawn.plans if "net_code" in space.settings else drawn
    if all(map(is_impossible, plans)):
        return _impossible_problems(space, drawn.plans[-1].config, form)
    return [] if space.is_recipe or drawn.meets_limits else [*_limit_problems(drawn)]


def _impossible_problems(space: Space, config: TrainConfig, form: PictureForm) -> list[Problem]:
    """Return why no net can be built, at the setting at fault."""
    section = "model" if config.net_code is None else OWN
    try:
        net_size(config, form)
    except ArchitectureError as error:
        message = f"{section}: no network can be built from these settings: {error}"
        sections = ("phases", section) if error.path.startswith("augment.") else (section,)
        named = (item.origin for item in space.fields if item.path == error.path)
        origin = next(chain(named, filter(None, map(space.origins.get, sections))), None)
    else:
        return []
    if origin is None:  # your own network at its defaults, which the file does not mention
        return [Problem(space.source, 1, 1, message)]
    return [origin.problem(message)]


def net_warnings(drawn: Drawn) -> Iterator[Problem]:
    """Yield the reasons why some nets of a faultless space cannot be trained."""
    space = drawn.space
    if space.is_recipe:
        return
    yield from _list_problems(drawn, unfit=False)
    if space.settings.get("limits") and not drawn.meets_limits:
        message = f"limits: none of {len(drawn.plans)} random networks meets them; a search may find none either"
        yield space.origins["limits"].problem(message)


def _list_problems(drawn: Drawn, *, unfit: bool) -> Iterator[Problem]:
    """Yield a problem for each list whose length does not fit the number of blocks or layers that it describes.

    With `unfit`, these are faults: a constant that does not fit some trial, or an option that fits no trial. Without
    it, they are warnings: options that fit only some trials.
    """
    fields = {item.path: item for item in drawn.space.fields}
    met: dict[tuple[str, int | None], set[int]] = {}
    for values in map(drawn.space.resolve, drawn.params):
        for path, entries in values.items():
            if isinstance(entries, list) and (parent := _counts_entries(path)):
                span = fields[path].distribution
                option = span.values.index(entries) if isinstance(span, Choice) else None
                met.setdefault((path, option), set()).add(values.get(parent, all_settings()[parent].default))
    for (path, option), counts in met.items():
        item, is_constant = fields[path], option is None
        entries = item.value if option is None else item.value.values[option]
        others = sorted(counts - {len(entries)})
        # Among many options, one may never have been drawn together with its own number.
        fits_some = len(entries) in counts or _can_be(fields, _counts_entries(path), len(entries))
        if others and unfit == (is_constant or not fits_some):
            below = item.origin.below("value") if option is None else ("choice", option)
            noun = LISTED[_counts_entries(path) or ""]
            message = f"{path}: {show(entries)} fits {number_of(len(entries), noun)} only, and there "
            message += f"{'may be' if fits_some else 'are'} {listing(others)}"
            yield item.origin.problem(message + ("; one number is for all" if is_constant else ""), *below)


def _can_be(fields: Mapping[str, Field], path: str | None, number: int) -> bool:
    """Return whether a search can draw this number of blocks or layers."""
    item = fields.get(path or "")
    return item is not None and item.distribution is not None and item.can_be(number)


def _counts_entries(path: str) -> str | None:
    """Return the setting that counts the entries of another one's list."""
    needed = [name for need in setting_of(path).needs for name in need.paths]
    return next((name for name in LISTED if name in needed), None)


def _limit_problems(drawn: Drawn) -> Iterator[Problem]:
    """Yield the limits that even the smallest net exceeds."""
    space = drawn.space
    try:
        limits, found = space.settings.get("limits", {}), extremes(drawn)
    except ArchitectureError:
        return  # nets can be built between the ends of the ranges only
    for name, least in (("parameters", found.parameters[0]), ("macs", found.macs[0])):
        if least > limits.get(name, least) and found.exact:
            message = f"limits.{name}: the smallest network has {least:,} {COUNTED[name]}, above the limit of"
            yield space.origins["limits"].problem(f"{message} {limits[name]:,.10g}", name)


def ends(span: Distribution) -> tuple[Any, Any]:
    """Return the lowest and the highest value, of options those that are so by their sums."""
    if isinstance(span, NumberRange):
        return span.low, span.high
    ordered = sorted(span.values, key=_sum)
    return ordered[0], ordered[-1]


def _sum(option: Any) -> float:
    """Return the key that orders options by size: a number itself, a list's sum, 0 for any other option."""
    if isinstance(option, list):
        return sum(map(_sum, option))
    return float(option) if isinstance(option, int | float) else 0.0
