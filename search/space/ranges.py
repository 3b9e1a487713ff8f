"""The kinds of range that a field of a space may have, and how a file writes them.

{int: [8, 32], step: 8}      whole numbers, both ends included
{float: [1e-4, 1], log: true}    real numbers
{levels: [1e-3, 3e-3, 1e-2], log: true}    the numbers listed, which rise
{choice: [relu, gelu]}       any of the values listed
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, DefaultContext, InvalidOperation
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

from search import canonical_json
from search.arguments import is_number
from search.elementary import NATIVE, Elementary
from search.messages import did_you_mean, show
from search.space.scalars import is_quoted
from search.space.yaml_reader import KeyPath

_DIGITS = DefaultContext.prec
"""Of a decimal number: 28."""
_MAX_STEPS = 2e7
"""Most steps of a grid of real numbers, counted from 0. Optuna tolerates 1e-8 of a step; on a finer grid it no longer
recognizes every point."""


class Fault(NamedTuple):
    """One fault of a range or of the constraints as written."""

    below: KeyPath
    """Its place inside the value of the field: of a value or, with `at_key`, of a key."""
    message: str
    at_key: bool = False
    offset: int = 0
    """Characters into the text at this place."""


@dataclass(frozen=True, slots=True)
class IntRange:
    """Whole numbers low, low + step, ..., high; `log` samples evenly in the logarithm."""

    kind: ClassVar[str] = "int"
    """Its key in a file."""
    is_real: ClassVar[bool] = False
    """Whether it has all real numbers between its ends, or a grid of them: `values` does not list them."""
    is_listed: ClassVar[bool] = False
    """Whether a file lists its values one by one."""
    low: int
    high: int
    step: int = 1
    log: bool = False
    elementary: Elementary = field(default=NATIVE, compare=False, repr=False)
    """Computes exp and ln; no part of what a file holds."""

    @property
    def values(self) -> Sequence[int]:
        """All values, in order."""
        return range(self.low, self.high + 1, self.step)

    @property
    def count(self) -> int:
        """The number of values."""
        return (self.high - self.low) // self.step + 1

    @property
    def named_values(self) -> Sequence[int]:
        """The values that a file names, in the order of its list; two equal ends are one value."""
        return tuple(dict.fromkeys((self.low, self.high)))

    @property
    def text(self) -> str:
        """The range in words: `8 to 32, step 8`."""
        return _from_to(self, step=None if self.step == 1 else self.step)

    def contains(self, value: Any) -> bool:
        """Return whether the range can give this value."""
        return _is_whole(value) and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def nearest(self, value: float) -> int:
        """Return the value of the range that is nearest to a number."""
        return self.low + self.step * round((min(max(value, self.low), self.high) - self.low) / self.step)

    def draw(self, rng: random.Random) -> int:
        """Return a value at random."""
        if self.log:
            return self.at(rng.random())
        return rng.randrange(self.low, self.high + 1, self.step)

    def at(self, share: float) -> int:
        """Return the quantile at `share`, 0 <= share < 1."""
        if self.log:
            # Half a unit beyond both ends, so that rounding gives the two ends their full share.
            low, high = self.elementary.ln(self.low - 0.5), self.elementary.ln(self.high + 0.5)
            return min(max(round(self.elementary.exp(low + share * (high - low))), self.low), self.high)
        return self.low + self.step * int(share * ((self.high - self.low) // self.step + 1))

    def to_json(self) -> dict[str, Any]:
        """Return the form in a file, every key written out."""
        return {"int": [self.low, self.high], "step": self.step, "log": self.log}


@dataclass(frozen=True, slots=True)
class FloatRange:
    """Real numbers from low to high, on a grid if `step` is given; `log` samples evenly in the logarithm."""

    kind: ClassVar[str] = "float"
    is_real: ClassVar[bool] = True
    is_listed: ClassVar[bool] = False
    low: float
    high: float
    step: float | None = None
    log: bool = False
    elementary: Elementary = field(default=NATIVE, compare=False, repr=False)

    @property
    def values(self) -> Sequence[float]:
        """Empty: real numbers are not listed, not even those on a grid."""
        return ()

    @property
    def count(self) -> float:
        """The number of values; infinity without a grid."""
        if self.low == self.high:
            return 1
        return self._steps(self.step) + 1 if self.step else math.inf

    @property
    def named_values(self) -> Sequence[float]:
        """The values that a file names."""
        return tuple(dict.fromkeys((self.low, self.high)))

    @property
    def text(self) -> str:
        """The range in words: `0.001 to 0.05, log`."""
        return _from_to(self, step=self.step)

    def contains(self, value: Any) -> bool:
        """Return whether the range can give this value, up to rounding on a grid."""
        if not is_number(value) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return abs(steps - round(steps)) < 1e-8  # as in Optuna, which refuses values farther from the grid

    def drawn_for(self, value: Any) -> Any:
        """Return the number that is drawn for a value of the range: on a grid the two may differ by rounding.

        >>> FloatRange(0.0, 1.0, step=0.1).drawn_for(0.3)
        0.30000000000000004
        """
        if not self.step:
            return value
        return self._point(round((value - self.low) / self.step), self.step)

    def nearest(self, value: float) -> float:
        """Return the value of the range that is nearest to a number."""
        return (
            self._point(round((value - self.low) / self.step), self.step) if self.step else self._inside(float(value))
        )

    def draw(self, rng: random.Random) -> float:
        """Return a value at random."""
        if self.step:
            return self._point(rng.randint(0, self._steps(self.step)), self.step)
        return self.at(rng.random())

    def at(self, share: float) -> float:
        """Return the quantile at `share`, 0 <= share < 1."""
        if self.step:
            return self._point(int(share * (self._steps(self.step) + 1)), self.step)
        if self.log:
            low, high = self.elementary.ln(self.low), self.elementary.ln(self.high)
            return self._inside(self.elementary.exp(low + share * (high - low)))
        return self._inside(self.low + share * (self.high - self.low))

    def to_json(self) -> dict[str, Any]:
        """Return the form in a file, every key written out."""
        return {"float": [self.low, self.high], "step": self.step, "log": self.log}

    def _steps(self, step: float) -> int:
        """Return the number of steps from the low end to the high one."""
        return round((self.high - self.low) / step)

    def _point(self, number: int, step: float) -> float:
        """Return a point of the grid, counted from 0 at the low end."""
        return self._inside(self.low + step * number)

    def _inside(self, value: float) -> float:
        """Return the nearest number of the range: arithmetic may lead past an end."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Levels:
    """The listed numbers only, in rising order; all are equally likely, and samplers know the order.

    With `log`, samplers measure distances on a logarithmic scale.
    """

    kind: ClassVar[str] = "levels"
    is_real: ClassVar[bool] = False
    is_listed: ClassVar[bool] = True
    values: tuple[float, ...]
    """At least one, as written: 1 is an int and 1.0 a float."""
    log: bool = False
    elementary: Elementary = field(default=NATIVE, compare=False, repr=False)

    @property
    def low(self) -> float:
        """The lowest level."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The highest level."""
        return self.values[-1]

    @property
    def count(self) -> int:
        """The number of levels."""
        return len(self.values)

    @property
    def named_values(self) -> Sequence[float]:
        """The values that a file names: all levels."""
        return self.values

    @property
    def text(self) -> str:
        """The range in words: `levels 0.001, 0.01, log`."""
        return f"levels {', '.join(map(show, self.values))}{', log' if self.log else ''}"

    def contains(self, value: Any) -> bool:
        """Return whether the value is one of the levels."""
        return any(same(value, level) for level in self.values)

    def nearest(self, value: float) -> float:
        """Return the level that is nearest to a number; of two, the lower."""
        return min(self.values, key=lambda level: abs(level - value))

    def at(self, share: float) -> float:
        """Return the quantile at `share`, 0 <= share < 1; all levels are equally likely."""
        return self.values[min(len(self.values) - 1, math.floor(share * len(self.values)))]

    def draw(self, rng: random.Random) -> float:
        """Return a level at random."""
        return self.at(rng.random())

    def to_json(self) -> dict[str, Any]:
        """Return the form in a file, every key written out."""
        return {"levels": list(self.values), "log": self.log}


@dataclass(frozen=True, slots=True)
class Choice:
    """Any of the listed values; plain JSON values, lists among them."""

    kind: ClassVar[str] = "choice"
    is_real: ClassVar[bool] = False
    is_listed: ClassVar[bool] = True
    options: tuple[Any, ...]

    @property
    def values(self) -> Sequence[Any]:
        """The options."""
        return self.options

    @property
    def count(self) -> int:
        """The number of options."""
        return len(self.options)

    @property
    def named_values(self) -> Sequence[Any]:
        """The values that a file names: all options."""
        return self.options

    @property
    def text(self) -> str:
        """The options, with commas between them."""
        return ", ".join(map(show, self.options))

    def contains(self, value: Any) -> bool:
        """Return whether the value is one of the options."""
        return any(same(value, option) for option in self.options)

    def draw(self, rng: random.Random) -> Any:
        """Return a value at random."""
        return rng.choice(self.options)

    def at(self, share: float) -> Any:
        """Return the option at `share` of the list, 0 <= share < 1."""
        return self.options[int(share * len(self.options))]

    def to_json(self) -> dict[str, Any]:
        """Return the form in a file."""
        return {"choice": list(self.options)}


NumberRange = IntRange | FloatRange | Levels
"""The kinds whose values lie on a scale from `low` to `high`."""
Distribution = NumberRange | Choice


def same(left: Any, right: Any) -> bool:
    """Return whether two plain values are equal; unlike in Python, true is not 1 and false is not 0."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def place(span: NumberRange, value: float) -> float:
    """Return a value's place on the scale of a range with two ends: 0 is the lower end, 1 the upper."""
    ends = (span.low, value, span.high)
    low, here, high = map(span.elementary.ln, ends) if span.log else ends
    return float((here - low) / (high - low))


def rounded_words(path: str, span: Distribution | None, value: Any) -> str | None:
    """Return why a condition should not name a value on a field's grid; None if that very value is drawn."""
    if not isinstance(span, FloatRange) or not span.contains(value) or (drawn := span.drawn_for(value)) == value:
        return None
    return f"{path} is drawn as {drawn!r} and so is never {show(value)}; write its numbers out: `levels: [...]`"


def parse_form(form: Mapping[str, Any]) -> tuple[Distribution | None, list[Fault]]:
    """Return the range that a mapping such as `{int: [1, 3]}` describes, or None and the faults of the mapping."""
    kinds = [kind for kind in _PARSERS if kind in form]
    allowed = (*kinds, *_OPTIONS[kinds[0]]) if kinds else (*_PARSERS, "value")
    faults: list[Fault] = []
    for key in form:
        if key not in allowed:
            faults.append(Fault((key,), f"a range has no key `{show(key)}`{did_you_mean(key, allowed)}", at_key=True))
    if len(kinds) != 1:
        faults.append(Fault((), "a mapping here needs exactly one of `int`, `float`, `levels`, `choice` and `value`"))
    if faults:
        return None, faults
    span, faults = _PARSERS[kinds[0]](form)
    if isinstance(span, FloatRange) and (faults := _unusable(span)):
        return None, faults
    if isinstance(span, Choice) and (faults := _spelled_out(span)):
        return None, faults
    return span, faults


def shortest_form(span: Distribution) -> dict[str, Any]:
    """Return the form of a range in a file without the keys that are at their defaults."""
    defaults = _OPTIONS[span.kind]
    return {
        key: value for key, value in span.to_json().items() if key not in defaults or not same(value, defaults[key])
    }


def _parse_int(form: Mapping[str, Any]) -> tuple[IntRange | None, list[Fault]]:
    low, high, faults = _ends(form, "int")
    step, log = ({**_OPTIONS["int"], **form}[key] for key in ("step", "log"))
    if not _is_whole(step) or step < 1:
        faults.append(Fault(("step",), f"step {show(step)} is not a whole number above zero"))
    faults += _log_faults(form, low, log, excludes_step=step != 1)
    if not faults and (high - low) % step:
        top = high - (high - low) % step
        faults.append(Fault(("step",), f"step {step} leads from {low} to {top}, not to {high}"))
    return (None, faults) if faults else (IntRange(low, high, step, log), [])


def _parse_float(form: Mapping[str, Any]) -> tuple[FloatRange | None, list[Fault]]:
    low, high, faults = _ends(form, "float")
    step, log = ({**_OPTIONS["float"], **form}[key] for key in ("step", "log"))
    if step is not None and (not is_number(step) or step <= 0):
        faults.append(Fault(("step",), f"step {show(step)} is not a number above zero"))
    faults += _log_faults(form, low, log, excludes_step=step is not None)
    if not faults and step is not None:
        faults += _grid_faults(low, high, step)
    if faults:
        return None, faults
    return FloatRange(float(low), float(high), None if step is None else float(step), log), []


def _unusable(span: FloatRange) -> list[Fault]:
    """Return why samplers cannot draw from a range of real numbers."""
    low, high, step = span.low, span.high, span.step
    if not math.isfinite(high - low):
        return [Fault((), f"{show(low)} to {show(high)} is wider than any number; take a narrower range")]
    if span.log and low < high and math.log(low) == math.log(high):
        return [Fault((), f"{show(low)} and {show(high)} have the same logarithm; write a constant")]
    farther = max(low, high, key=abs)
    finest = abs(farther) / _MAX_STEPS
    if step is not None and step < finest:
        words = f"step {show(step)} is too fine to tell numbers near {show(farther)} apart; {finest:.1g} is the least"
        return [Fault(("step",), f"{words}, or leave it out")]
    return []


def _grid_faults(low: float, high: float, step: float) -> list[Fault]:
    # In decimals: in binary, 0.3 is not a multiple of 0.1.
    try:
        rest = (_exact(high) - _exact(low)) % _exact(step)
    except InvalidOperation:  # the whole quotient has more digits than a decimal
        return [Fault(("step",), f"step {show(step)} takes over 10^{_DIGITS} steps from {show(low)} to {show(high)}")]
    top = float(_exact(high) - rest)
    words = f"step {show(step)} leads from {show(low)} to {top:g}, not to {show(high)}"
    return [Fault(("step",), words)] if rest else []


def _parse_levels(form: Mapping[str, Any]) -> tuple[Levels | None, list[Fault]]:
    levels = form["levels"]
    log = {**_OPTIONS["levels"], **form}["log"]
    if not isinstance(levels, list) or not levels:
        return None, [Fault(("levels",), "`levels` needs a list of at least one number")]
    faults = [
        Fault(("levels", i), _unwanted(level, "a number")) for i, level in enumerate(levels) if not is_number(level)
    ]
    if not faults:
        for index, (before, level) in enumerate(pairwise(levels), 1):
            if level == before:
                faults.append(Fault(("levels", index), f"{show(level)} occurs twice among the levels"))
            elif not level > before:
                faults.append(
                    Fault(("levels", index), f"{show(level)} comes after {show(before)}; levels have to rise")
                )
    faults += _log_faults(form, None if faults else levels[0], log, low_at=("levels", 0))
    return (None, faults) if faults else (Levels(tuple(levels), log), [])


def _parse_choice(form: Mapping[str, Any]) -> tuple[Choice | None, list[Fault]]:
    options = form["choice"]
    if not isinstance(options, list) or not options:
        return None, [Fault(("choice",), "`choice` needs a list of at least one value")]
    faults: list[Fault] = []
    for index, option in enumerate(options):
        before = options[options.index(option)]
        if not same(option, before):  # true and 1
            alike = f"{show(option)} and {show(before)} are one option in Optuna; leave one of them out"
            faults.append(Fault(("choice", index), alike))
        elif option in options[:index]:
            faults.append(Fault(("choice", index), f"{show(option)} occurs twice among the choices"))
    return (None, faults) if faults else (Choice(tuple(options)), [])


def _spelled_out(span: Choice) -> list[Fault]:
    """Return a fault for each text by which Optuna's tables name a list among the options, its JSON."""
    lists = [canonical_json.dumps(option) for option in span.options if isinstance(option, list)]
    return [
        Fault(("choice", index), f"{show(option)} is how a list among the choices is written; leave one of them out")
        for index, option in enumerate(span.options)
        if option in lists
    ]


_PARSERS = {"int": _parse_int, "float": _parse_float, "levels": _parse_levels, "choice": _parse_choice}
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "int": {"step": 1, "log": False},
    "float": {"step": None, "log": False},
    "levels": {"log": False},
    "choice": {},
}
"""Optional keys of each form, with their defaults."""


def _ends(form: Mapping[str, Any], kind: str) -> tuple[Any, Any, list[Fault]]:
    """Return both ends of the range and the faults found in them."""
    ends = form[kind]
    if not isinstance(ends, list) or len(ends) != 2:
        return None, None, [Fault((kind,), f"`{kind}` needs two numbers, [lowest, highest], not {show(ends)}")]
    fits, expected = (_is_whole, "a whole number") if kind == "int" else (is_number, "a number")
    faults = [Fault((kind, i), _unwanted(end, expected)) for i, end in enumerate(ends) if not fits(end)]
    low, high = ends
    if not faults and low > high:
        faults.append(Fault((kind,), f"low {show(low)} is above high {show(high)}"))
    return (None, None, faults) if faults else (low, high, [])


def _unwanted(value: Any, expected: str) -> str:
    return f"'{show(value)}' is text; leave out the quotes" if is_quoted(value) else f"{show(value)} is not {expected}"


def _log_faults(
    form: Mapping[str, Any], low: Any, log: Any, *, excludes_step: bool = False, low_at: KeyPath = ()
) -> list[Fault]:
    if not isinstance(log, bool):
        return [Fault(("log",), f"log {show(log)} is neither true nor false")]
    if not log:
        return []
    faults: list[Fault] = []
    if low is not None and low <= 0:
        faults.append(Fault(low_at, f"low {show(low)} with log: true; a logarithmic range needs low > 0"))
    if excludes_step:
        faults.append(Fault(("step",), "step with log: true; a logarithmic range has no step"))
    return faults


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _from_to(span: IntRange | FloatRange, *, step: float | None) -> str:
    every = "" if step is None else f", step {step:g}"
    return f"{show(span.low)} to {show(span.high)}{every}{', log' if span.log else ''}"


def _exact(value: float) -> Decimal:
    return Decimal(str(value))
