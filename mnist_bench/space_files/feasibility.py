"""Whether the nets that a space describes can be built, and meet its limits.

Both are checked on nets drawn at random; the smallest net is only looked for if none of them meets the limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, assert_never

from mnist_bench.config import all_settings, setting_of
from mnist_bench.errors import ArchitectureError
from mnist_bench.picture_form import PictureForm
from mnist_bench.space_files import overview
from mnist_bench.space_files.form import OWN
from mnist_bench.space_files.overview import Net
from search.errors import Problem
from search.messages import listing, number_of, show
from search.space import Choice, Distribution, Field, FloatRange, IntRange, Levels, Space

LISTED = {"model.blocks": "block", "model.hidden_layers": "hidden layer"}
"""Settings that say how many entries the lists of others have, and what each entry is for."""
COUNTED = {"parameters": "parameters", "macs": "MACs a picture"}


def net_problems(space: Space, form: PictureForm) -> list[Problem]:
    """Return what keeps the nets of a space, whose names and values are right, from being trained."""
    drawn = overview.samples(space, 1 if space.is_recipe else overview.nets_drawn(space), seed=0)
    if problems := [*_list_problems(space, drawn, unfit=True)]:
        return problems
    nets = overview.nets(space, drawn, form)
    if all(net.size is None for net in nets):
        reason = nets[-1].reason
        path = reason.partition(" ")[0].rstrip(":")  # such a reason begins with the setting at fault
        section = "model" if space.settings.get("net_code") is None else OWN
        origin = next((item.origin for item in space.fields if item.path == path), space.origins.get(section))
        message = f"{section}: no net can be built from these settings: {reason}"
        if origin is None:  # a net of the user's own at its defaults, of which the file says nothing
            return [Problem(space.source, 1, 1, message)] if section == OWN else []
        return [origin.problem(message)]
    return [] if space.is_recipe or _is_met(nets) else [*_limit_problems(space, form)]


def net_warnings(space: Space, form: PictureForm) -> Iterator[Problem]:
    """Yield what keeps some nets of a space, in which nothing is wrong, from being trained."""
    if space.is_recipe:
        return
    drawn = overview.samples(space, overview.nets_drawn(space), seed=0)
    yield from _list_problems(space, drawn, unfit=False)
    if not space.settings.get("limits"):
        return
    if not _is_met(overview.nets(space, drawn, form)):
        message = f"limits: none of {len(drawn)} random nets meets them; a search may find none either"
        yield space.origins["limits"].problem(message)


def _list_problems(space: Space, drawn: list[dict[str, Any]], *, unfit: bool) -> Iterator[Problem]:
    """Yield the lists whose length is not always the number of the blocks or layers that they describe.

    With `unfit`, what is wrong: a constant that does not fit some trial, an option that fits none. Else the options
    that fit some trials only.
    """
    fields = {item.path: item for item in space.fields}
    met: dict[tuple[str, int | None], set[int]] = {}
    for values in map(space.resolve, drawn):
        for path, entries in values.items():
            if isinstance(entries, list) and (parent := _counts_entries(path)):
                span = fields[path].distribution
                option = span.options.index(entries) if isinstance(span, Choice) else None
                met.setdefault((path, option), set()).add(values.get(parent, all_settings()[parent].default))
    for (path, option), counts in met.items():
        item, is_constant = fields[path], option is None
        entries = item.value if option is None else item.value.options[option]
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


def _is_met(nets: Iterable[Net]) -> bool:
    """Return whether the limits let one of the nets be trained."""
    return any(net.size is not None and not net.over for net in nets)


def _limit_problems(space: Space, form: PictureForm) -> Iterator[Problem]:
    """Yield the limits that even the smallest net exceeds."""
    try:
        limits, found = space.settings.get("limits", {}), overview.extremes(space, form)
    except ArchitectureError:
        return  # nets can be built between the ends of the ranges only
    for name, least in (("parameters", found.parameters[0]), ("macs", found.macs[0])):
        if least > limits.get(name, least) and found.exact:
            message = f"limits.{name}: the smallest net has {least:,} {COUNTED[name]}, above the limit of"
            yield space.origins["limits"].problem(f"{message} {limits[name]:,.10g}", name)


def ends(span: Distribution) -> tuple[Any, Any]:
    """Return the lowest and the highest value, of options those that are so by their sums."""
    match span:
        case Choice(options):
            ordered = sorted(options, key=_sum)
            return ordered[0], ordered[-1]
        case IntRange() | FloatRange() | Levels():
            return span.low, span.high
        case _:
            assert_never(span)


def _sum(option: Any) -> float:
    """Return what orders options by size: a number itself, a list's sum, 0 for what is neither."""
    if isinstance(option, list):
        return sum(map(_sum, option))
    return float(option) if isinstance(option, int | float) else 0.0
