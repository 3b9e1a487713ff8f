"""Check the settings of a space for a search of any trainer: `search`, `objective`, `direction`,
`constraints`.

The spaces of mnist-bench are checked by `mnist_bench.space_files`. Here a setting that the search does not know may
be one that the user's planner reads, such as limits. It is refused only if it looks like a mistyped known one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from search.errors import Problem, SpaceError
from search.messages import did_you_mean, listing, show
from search.space.objective import Direction
from search.space.space import Origin, Space
from search.space.yaml_reader import Document

_KNOWN = ("search", "objective", "direction", "constraints")
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
        SpaceError: a setting has another form; the message names it, its line and the right form.
    """
    problems = [
        *_mistyped(space),
        *_faults_of_search(space),
        *_faults_of_objective(space),
        *_faults_of_direction(space),
    ]
    if problems:
        raise SpaceError(problems)


def _mistyped(space: Space) -> Iterator[Problem]:
    """Yield the settings that look like a known one; a mapping without ranges was taken for a section."""
    searched = {field.path.partition(".")[0] for field in space.ranges}
    sections = dict.fromkeys(field.path.partition(".")[0] for field in space.fields)
    for name in (*space.settings, *(section for section in sections if section not in searched)):
        if name not in _KNOWN and (near := difflib.get_close_matches(str(name), _KNOWN, n=1, cutoff=_NEAR)):
            message = f"{show(name)}: a search has no such setting; did you mean `{near[0]}`?"
            yield _origin(space, name).problem(message, at_key=True)


def _faults_of_search(space: Space) -> Iterator[Problem]:
    chosen, origin = space.settings.get("search", {}), _origin(space, "search")
    if not isinstance(chosen, Mapping):
        yield origin.problem(
            f"search: {show(chosen)} is not a mapping; give {{sampler: curves, pruner: asha}}, or one of the two"
        )
        return
    for name, way in chosen.items():
        if name not in (*_STRATEGIES, _START):
            hint = did_you_mean(str(name), _STRATEGIES) or f"; give {listing(_STRATEGIES)}"
            yield origin.problem(f"search: it has no {show(name)}{hint}", name, at_key=True)
        elif name in _STRATEGIES and not isinstance(way, str | Mapping):
            message = f"search.{name}: {show(way)} is neither a name nor a mapping with a `name` and options"
            yield origin.problem(message, name)


def _faults_of_objective(space: Space) -> Iterator[Problem]:
    objective, origin = space.settings.get("objective"), _origin(space, "objective")
    if not (objective is None or isinstance(objective, str) or _is_pair_of_texts(objective)):
        yield origin.problem(
            f"objective: {show(objective)} is neither the name of the value nor a list of two, [that name, a fact of "
            "the plans that is minimized]"
        )
    elif isinstance(objective, list) and objective[1] in _SHOWN:
        message = f"objective: {show(objective[1])} is a name that a study uses itself; give the fact another name"
        yield origin.problem(message, 1)


def _faults_of_direction(space: Space) -> Iterator[Problem]:
    if "direction" not in space.settings:
        return
    given, known, origin = space.settings["direction"], get_args(Direction), _origin(space, "direction")
    if given not in known:
        hint = did_you_mean(str(given), known) or f"; give {listing(known)}"
        yield origin.problem(f"direction: {show(given)} is not a direction{hint}")
    if any(field.path.startswith("direction.") for field in space.fields):
        yield origin.problem("direction is a setting, so that a section cannot have this name; rename the section")


def _origin(space: Space, name: str) -> Origin:
    return space.origins.get(name, Origin(Document.of(space.source, None)))


def _is_pair_of_texts(objective: Any) -> bool:
    return isinstance(objective, list) and len(objective) == 2 and all(isinstance(name, str) for name in objective)
