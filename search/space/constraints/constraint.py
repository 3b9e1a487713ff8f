"""The constraints of a space, `constraints: [hidden_units <= 8 * filters]`, which every trial has to meet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search.messages import show
from search.space.constraints.parser import parse
from search.space.constraints.tokens import RefusedError
from search.space.constraints.tree import Condition, excess, paths
from search.space.ranges import Distribution, Fault


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition that the values of a trial have to meet, if it has all fields that the condition names."""

    text: str
    """As written, on one line: the name by which a trial's record knows it."""
    condition: Condition
    index: int = field(compare=False)
    """Its place in the list as written, from 0."""

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Return whether a trial with these values, by path, has all of the fields."""
        return all(path in values for path in paths(self.condition))

    def excess(self, values: Mapping[str, Any]) -> float:
        """Return by how much a trial's values miss the condition: above 0 if it is missed, 0 if it does not apply."""
        return excess(self.condition, values) if self.applies(values) else 0.0


_QUOTED = re.compile(r"""('[^']*'|"[^"]*")""")


def read_constraints(
    written: Any, fields: Mapping[str, Any], *, lenient: bool = False
) -> tuple[list[Constraint], list[Fault]]:
    """Return the constraints that a list of texts describes, and the faults of the others.

    Args:
        written: the value in the file.
        fields: constants and ranges by path.
        lenient: fields may have been changed since the constraints were written. A constraint without a range is left
            out if its constants meet it.
    """
    if not isinstance(written, list):
        return [], [Fault((), "constraints: needs a list of conditions, such as [hidden_units <= 8 * filters]")]
    found: dict[str, Constraint] = {}
    faults: list[Fault] = []
    for index, text in enumerate(written):
        try:
            constraint = _read(text, index, fields, lenient=lenient)
            if constraint.text in found:
                raise RefusedError(0, "occurs twice")
        except RefusedError as error:
            faults.append(Fault((index,), f"constraints[{index}]: {error}", offset=error.offset))
            continue
        if any(isinstance(fields[path], Distribution) for path in paths(constraint.condition)):
            found[constraint.text] = constraint
        elif constraint.excess(fields) > 0:
            faults.append(Fault((index,), f"constraints[{index}]: {show(text)} is not met, and no range is left in it"))
    return list(found.values()), faults


def _read(text: Any, index: int, fields: Mapping[str, Any], *, lenient: bool) -> Constraint:
    if not isinstance(text, str):
        raise RefusedError(0, f"{show(text)} is not a condition, such as hidden_units <= 8 * filters")
    parts = _QUOTED.split(text)  # each second one is quoted, and means what it says, blanks included
    name = "".join(part if number % 2 else re.sub(r"\s+", " ", part) for number, part in enumerate(parts)).strip()
    if not name.isprintable():
        raise RefusedError(0, "has a character that cannot be shown")
    return Constraint(name, parse(text, fields, lenient=lenient), index)
