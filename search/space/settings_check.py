"""Check the settings of a space for a search of any trainer: `search`, `objective`, `constraints`.

The spaces of mnist-bench are checked by `mnist_bench.space_files`. Here a setting that the search does not know may
be one that the user's planner reads, such as limits. It is refused only if it looks like a mistyped known one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from search.errors import UsageError
from search.messages import did_you_mean, listing, show
from search.space.space import Space

_KNOWN = ("search", "objective", "constraints")
_STRATEGIES = ("sampler", "pruner")
_START = "start"
"""A key of mnist-bench's own spaces; a search of any trainer takes its `StartList` as an argument."""
_SHOWN = ("place", "reason", "error")
"""Attributes of a trial in Optuna's tables that are not facts of its plan."""
_NEAR = 0.82
"""Similarity from which a name counts as mistyped: `serach` (0.83) and `constrains` (0.95), but not `arch` (0.8)."""


def check_settings(space: Space) -> None:
    """Check the form of the settings that a search reads; `search.strategies` checks the samplers and pruners.

    Raises:
        UsageError: a setting has another form; the message names it and the right form.
    """
    if fault := next(_faults(space), None):
        raise UsageError(f"{space.source}: {fault}{'' if fault.endswith('?') else '.'}")


def _faults(space: Space) -> Iterator[str]:
    yield from _mistyped(space)
    yield from _faults_of_search(space.settings.get("search", {}))
    objective = space.settings.get("objective")
    if not (objective is None or isinstance(objective, str) or _is_pair_of_texts(objective)):
        yield (
            f"objective: {show(objective)} is neither the name of what is maximised nor a list of two, [that name, a "
            "fact of the plans that is minimised]"
        )
    elif isinstance(objective, list) and objective[1] in _SHOWN:
        yield f"objective: {show(objective[1])} is a name that a study uses itself; give the fact another name"


def _mistyped(space: Space) -> Iterator[str]:
    """Yield the settings that look like a known one; a mapping without ranges was taken for a section."""
    searched = {field.path.partition(".")[0] for field in space.ranges}
    sections = dict.fromkeys(field.path.partition(".")[0] for field in space.fields)
    for name in (*space.settings, *(section for section in sections if section not in searched)):
        if name not in _KNOWN and (near := difflib.get_close_matches(str(name), _KNOWN, n=1, cutoff=_NEAR)):
            yield f"{show(name)}: a search has no such setting; did you mean `{near[0]}`?"


def _faults_of_search(chosen: Any) -> Iterator[str]:
    if not isinstance(chosen, Mapping):
        yield f"search: {show(chosen)} is not a mapping; give {{sampler: tpe, pruner: asha}}, or one of the two"
        return
    for name, way in chosen.items():
        if name not in (*_STRATEGIES, _START):
            hint = did_you_mean(str(name), _STRATEGIES) or f"; give {listing(_STRATEGIES)}"
            yield f"search: it has no {show(name)}{hint}"
        elif name in _STRATEGIES and not isinstance(way, str | Mapping):
            yield f"search.{name}: {show(way)} is neither a name nor a mapping with a `name` and options"


def _is_pair_of_texts(objective: Any) -> bool:
    return isinstance(objective, list) and len(objective) == 2 and all(isinstance(name, str) for name in objective)
