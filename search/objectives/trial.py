"""The trial of an objective that is written for Optuna: it asks for its ranges one by one, and reports its values.

Only the processes of such an objective load this module.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from search import canonical_json
from search.messages import joined, number_of, show
from search.objectives.objective import FLAT
from search.space.ranges import Choice, Distribution, Fault, FloatRange, IntRange, Levels, same
from search.space.space import FIELD_PATH, RESERVED, Space

MAX_LEVELS = 1000  # values of `suggest_float` with a step, which a space lists
_OFFERED = (
    "suggest_float", "suggest_int", "suggest_categorical", "report", "should_prune", "set_user_attr", "number",
    "params", "user_attrs",
)  # fmt: skip
_INSTEAD = {
    "study": "it sees no other trial; search.run returns the study",
    "suggest_uniform": "call suggest_float(name, low, high)",
    "suggest_loguniform": "call suggest_float(name, low, high, log=True)",
    "suggest_discrete_uniform": "call suggest_float(name, low, high, step=q)",
    "set_constraint": "write `constraints` in a space",
}


class Ended(BaseException):
    """The trial was pruned. It is not an Exception, which an objective may catch."""


class Refused(Ended):
    """The objective does what its search cannot take, which ends the search; the text is for its author."""


class Tell(Protocol):
    """Sends a report to the driver, and returns whether the trial continues after it."""

    def __call__(self, given: Any, *, is_last: bool = False, details: Mapping[str, Any]) -> bool: ...


def middle(span: Distribution) -> Any:
    """Return what the first trial gets of a range: its middle, on its scale, or the first choice."""
    return span.values[0] if isinstance(span, Choice) else span.at(0.5)


def call(function: Callable[..., Any], task: Mapping[str, Any], tell: Tell) -> None:
    """Call an objective for the trial that the driver describes, and send its reports; Ended and Refused: see there."""
    trial = Trial(task, tell)
    try:
        returned = function(trial)
    except Exception as error:
        trial.check_asked()  # first: without a parameter's value all else may follow from that
        if not isinstance(error, getattr(sys.modules.get("optuna"), "TrialPruned", ())):
            raise
        returned = math.nan
    trial.end(returned)


class Trial:
    """Has what Optuna's `Trial` has, except for what no search can offer that is to repeat.

    If there is no space, the trial is the first one. It gets the middle of each range, and its ranges are the space.
    """

    def __init__(self, task: Mapping[str, Any], tell: Tell) -> None:
        self.number: int = task["number"]
        self.params: dict[str, Any] = {}  # those that were suggested so far
        self.user_attrs: dict[str, Any] = {}
        self._tell = tell
        self._values: Mapping[str, Any] = task["config"]  # by path
        self._is_first = task["space"] is None
        self._space = Space.from_spec(task["space"] or {"name": "space", "settings": {}, "fields": []})
        self._asked: dict[str, Distribution] = {}  # by path
        self._lacking: list[str] = []  # paths that the trial's configuration does not have
        self._periods: int = task["periods"]
        self._steps: set[int] = set()
        self._waiting: float | None = None  # the newest report, if the driver has not got it
        self._asks_pruner = False

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a real number; with a step one of low, low + step, ..."""
        if step is None:
            return float(self._suggested(name, FloatRange.parse({"float": [float(low), float(high)], "log": log})))
        first, by = Decimal(str(low)), Decimal(str(step))
        count = int((Decimal(str(high)) - first) / by) + 1 if by > 0 else 0
        if log or not 0 < count <= MAX_LEVELS:
            raise Refused(f"suggest_float({name!r}): `step` goes with at most {MAX_LEVELS:,} values, and not with log.")
        levels = [float(first + index * by) for index in range(count)]
        return float(self._suggested(name, Levels.parse({"levels": levels})))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Return an integer: low, low + step, ..."""
        low, high, step = int(low), int(high), int(step)
        form = {"int": [low, high - (high - low) % max(1, step)], "step": step, "log": log}
        return int(self._suggested(name, IntRange.parse(form)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""
        plain = [_plain(choice) for choice in choices]
        if (fault := canonical_json.fault(plain)) is not None:
            raise Refused(f"suggest_categorical({name!r}): give texts, numbers, or lists of them ({fault}).")
        value = self._suggested(name, Choice.parse({"choice": plain}))
        return next(choice for choice, each in zip(choices, plain, strict=True) if same(each, value))

    def report(self, value: float, step: int) -> None:
        """Report the value after a part of the work; that of a step which was reported before is ignored."""
        value, step = float(value), int(step)
        if step < 0:
            raise ValueError(f"step={step} is below 0")
        if step in self._steps:
            warnings.warn(f"The report is ignored, because step {step} is already reported.", stacklevel=2)
            return
        self._send()
        self._steps.add(step)
        if len(self._steps) > self._periods:
            raise Refused(
                f"Trial {self.number} makes report {len(self._steps)}, and the search was made for "
                f"{number_of(self._periods, 'report')}; give a larger `periods`, and the search another name."
            )
        self._waiting = value

    def should_prune(self) -> bool:
        """Return False; a trial that is pruned ends here."""
        self._asks_pruner = True
        # Not the last report: no trial is stopped there, and the value that is returned takes its place.
        if not self._is_first and len(self._steps) < self._periods:
            self._send()
        return False

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a plain value, which no digest has, with the trial."""
        plain = _plain(value)
        if (fault := canonical_json.fault({key: plain})) is not None:
            raise TypeError(f"set_user_attr({key!r}): give texts, numbers, or lists of them ({fault})")
        self.user_attrs[key] = plain

    def __getattr__(self, name: str) -> Any:
        hint = _INSTEAD.get(name, f"it has {joined(_OFFERED)}")
        raise AttributeError(f"a trial has no {show(name)}: {hint}", name=name)

    def end(self, returned: Any) -> None:
        """Make the value that the objective returned the last report."""
        self.check_asked()
        if returned is None:
            raise TypeError("the objective returned None; return a number")
        details = self._details()
        if self._is_first:
            fields = [[path, span.to_json()] for path, span in self._asked.items()]
            details = {"fields": fields, "asks_pruner": self._asks_pruner}
        self._tell(returned, is_last=True, details=details)

    def check_asked(self) -> None:
        """Check that the trial's configuration has all that the objective has asked for."""
        if self._lacking:
            raise Refused(
                f"Trial {self.number} asks for {joined(map(_name, self._lacking))}, which its configuration does not "
                f"have; give the search another name, periods={self._periods} and a space such as "
                f"{self._wider_space()}."
            )

    def _suggested(self, name: str, span: Distribution | list[Fault]) -> Any:
        if isinstance(span, list):
            raise ValueError(f"{name}: {span[0].message}")
        path = name if "." in name else f"{FLAT}.{name}"
        if not FIELD_PATH.fullmatch(path):
            raise Refused(f"The parameter {show(name)} needs a name of letters, digits and _, such as learning_rate.")
        known = self._asked.get(path) or self._space.distributions.get(path, span)
        value = self._values.get(path, middle(span))
        if known != span or not span.contains(value):
            has = show(value) if known == span else known.text
            raise Refused(
                f"Trial {self.number} asks for {name} of {span.text}, and its search has {has}; ask for the same range "
                "in every trial."
            )
        if path not in self._values and path not in self._asked and not self._is_first:
            self._lacking.append(path)
        self._asked[path] = span
        self.params[name] = value
        return value

    def _send(self) -> None:
        """Send the newest report if it was not sent, and wait for the driver's decision."""
        self.check_asked()
        value, self._waiting = self._waiting, None
        if value is not None and not self._tell(value, details=self._details()):
            raise Ended

    def _details(self) -> dict[str, Any]:
        return {"user_attrs": dict(self.user_attrs)} if self.user_attrs else {}

    def _wider_space(self) -> str:
        """Return the space with the parameters that it lacks, and with the condition that they seem to have."""
        forms = {field.path: field.to_json(shortest=True) for field in self._space.fields}
        branches = [
            path
            for path, span in self._asked.items()
            if path in self._values and not span.is_real and not same(self._values[path], middle(span))
        ]
        # The fewest values: a number of layers rather than one of units.
        parent = min(branches, key=lambda path: self._asked[path].count, default=None)
        for path in self._lacking:
            forms[path] = self._asked[path].to_json(shortest=True) | _when(path, parent, self._values)
        for path in self._space.distributions.keys() - self._asked.keys():
            if parent is not None and "when" not in forms[path]:
                forms[path] |= _when(path, parent, {parent: middle(self._asked[parent])})
        sections: dict[str, Any] = {}
        for path, form in forms.items():
            section, _, name = path.partition(".")
            inside = sections if section == FLAT and name not in RESERVED else sections.setdefault(section, {})
            inside[name] = form
        return repr(sections)


def _when(path: str, parent: str | None, values: Mapping[str, Any]) -> dict[str, Any]:
    if parent is None:
        return {}
    return {"when": {_name(parent) if path.startswith(f"{FLAT}.") else parent: [values[parent]]}}


def _name(path: str) -> str:
    return path.removeprefix(f"{FLAT}.")


def _plain(value: Any) -> Any:
    """Return a value with lists instead of tuples, and Python's numbers instead of NumPy's."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.item() if hasattr(value, "item") else value
