"""The kinds of range that a field of a space may have, and how a file writes them.

{int: [8, 32], step: 8}      integers, both ends included
{float: [1e-4, 1], log: true}    real numbers
{levels: [1e-3, 3e-3, 1e-2], log: true}    the numbers listed, which rise
{choice: [relu, gelu]}       any of the values listed
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from search import canonical_json
from search.arguments import is_number
from search.elementary import NATIVE, Elementary
from search.messages import did_you_mean, show
from search.space.yaml_text import KeyPath, is_quoted

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


class Fault(NamedTuple):
    """One fault of a range or of the constraints as written."""

    below: KeyPath  # its place inside the value of the field: of a value or, with `at_key`, of a key
    message: str
    at_key: bool = False
    offset: int = 0  # characters into the text at this place


class _Range(ABC):
    """What all kinds of range have."""

    kind: ClassVar[str]  # its key in a file
    defaults: ClassVar[Mapping[str, Any]] = {}  # its other keys in a file
    is_real: ClassVar[bool] = False  # whether it has real numbers, which `values` does not list
    is_listed: ClassVar[bool] = False  # whether a file lists its values one by one

    @classmethod
    @abstractmethod
    def parse(cls, form: Mapping[str, Any]) -> Distribution | list[Fault]:
        """Return the range that a file describes, or what is wrong with it; `form` has `kind` and any of `defaults`."""

    @property
    @abstractmethod
    def written(self) -> Sequence[Any]:
        """The list that a file has: both ends, or all values."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The range in words: `8 to 32, step 8`, `0.001 to 0.05, log`."""

    @property
    @abstractmethod
    def count(self) -> float:
        """The number of values."""

    @abstractmethod
    def contains(self, value: Any) -> bool:
        """Return whether the range can give this value."""

    @abstractmethod
    def at(self, share: float) -> Any:
        """Return the quantile at `share`, 0 <= share < 1."""

    @abstractmethod
    def to_optuna(self) -> BaseDistribution:
        """Return Optuna's distribution of the range."""

    def encode(self, value: Any) -> Any:
        """Return a value of the range as Optuna takes it."""
        return value

    def decode(self, value: Any) -> Any:
        """Return the value of the range of which `encode` made `value`."""
        return value

    def to_json(self, *, shortest: bool = False) -> dict[str, Any]:
        """Return the form in a file, every key written out, or only those that are not at their defaults."""
        options = {key: getattr(self, key) for key in self.defaults}
        return {self.kind: list(self.written)} | {
            key: value for key, value in options.items() if not shortest or value != self.defaults[key]
        }


class _Ends(_Range):
    """Numbers from low to high; `log` samples evenly in the logarithm."""

    low: float
    high: float
    log: bool

    @property
    def written(self) -> Sequence[Any]:
        return self.low, self.high

    @property
    def text(self) -> str:
        return f"{show(self.low)} to {show(self.high)}{', log' if self.log else ''}"


@dataclass(frozen=True)
class IntRange(_Ends):
    """Whole numbers low, low + step, ..., high; `log` samples evenly in the logarithm."""

    kind = "int"
    defaults: ClassVar = {"step": 1, "log": False}
    low: int
    high: int
    step: int = 1
    log: bool = False
    elementary: Elementary = field(default=NATIVE, compare=False, repr=False)
    """Computes exp and ln; no part of what a file holds."""

    @classmethod
    def parse(cls, form: Mapping[str, Any]) -> Self | list[Fault]:
        ends, step, log = form[cls.kind], form.get("step", 1), form.get("log", False)
        faults = _end_faults(cls.kind, ends, log, _is_whole, "an integer")
        if not (_is_whole(step) and step > 0):
            faults.append(Fault(("step",), f"step {show(step)} is not an integer above zero"))
        elif log is True and step != 1:
            faults.append(Fault(("step",), "step with log: true; a logarithmic range has no step"))
        elif not faults and (rest := (ends[1] - ends[0]) % step):
            faults.append(Fault(("step",), f"step {step} leads from {ends[0]} to {ends[1] - rest}, not to {ends[1]}"))
        return faults or cls(ends[0], ends[1], step, log)

    @property
    def text(self) -> str:
        return super().text + ("" if self.step == 1 else f", step {self.step}")

    @property
    def values(self) -> Sequence[int]:
        """All values, in order."""
        return range(self.low, self.high + 1, self.step)

    @property
    def count(self) -> int:
        return (self.high - self.low) // self.step + 1

    def contains(self, value: Any) -> bool:
        return _is_whole(value) and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def at(self, share: float) -> int:
        if not self.log:
            return self.low + self.step * int(share * self.count)
        # Half a unit beyond both ends, so that rounding gives the two ends their full share.
        low, high = self.elementary.ln(self.low - 0.5), self.elementary.ln(self.high + 0.5)
        return min(max(round(self.elementary.exp(low + share * (high - low))), self.low), self.high)

    def to_optuna(self) -> BaseDistribution:
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, step=self.step, log=self.log)

    def encode(self, value: Any) -> int:
        return int(value)  # from a caller's 16.0, too

    def nearest(self, value: float) -> int:
        """Return the value of the range that is nearest to a number."""
        return self.low + self.step * round((min(max(value, self.low), self.high) - self.low) / self.step)


@dataclass(frozen=True)
class FloatRange(_Ends):
    """Real numbers from low to high; `log` samples evenly in the logarithm."""

    kind = "float"
    defaults: ClassVar = {"step": None, "log": False}
    is_real = True
    step: ClassVar = None  # it has none: a specification says so
    low: float
    high: float
    log: bool = False
    elementary: Elementary = field(default=NATIVE, compare=False, repr=False)

    @classmethod
    def parse(cls, form: Mapping[str, Any]) -> Self | list[Fault]:
        ends, log = form[cls.kind], form.get("log", False)
        faults = _end_faults(cls.kind, ends, log, is_number, "a number")
        if form.get("step") is not None:
            faults.append(Fault(("step",), "a range of real numbers has no step; list its numbers: `levels: [...]`"))
        if faults:
            return faults
        low, high = ends
        if not math.isfinite(float(high) - float(low)):
            return [Fault((), f"{show(low)} to {show(high)} is wider than any number; take a narrower range")]
        if log and low < high and math.log(low) == math.log(high):
            return [Fault((), f"{show(low)} and {show(high)} have the same logarithm; write a constant")]
        return cls(float(low), float(high), log)

    @property
    def values(self) -> Sequence[float]:
        """Empty: real numbers are not listed."""
        return ()

    @property
    def count(self) -> float:
        return math.inf if self.low < self.high else 1

    def contains(self, value: Any) -> bool:
        return is_number(value) and self.low <= value <= self.high

    def at(self, share: float) -> float:
        if not self.log:
            return self.nearest(self.low + share * (self.high - self.low))
        low, high = self.elementary.ln(self.low), self.elementary.ln(self.high)
        return self.nearest(self.elementary.exp(low + share * (high - low)))

    def to_optuna(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log)

    def nearest(self, value: float) -> float:
        """Return the value of the range that is nearest to a number; arithmetic may lead past an end."""
        return min(max(float(value), self.low), self.high)


class _Listed(_Range):
    """The values that a file lists; all are equally likely."""

    is_listed = True
    values: tuple[Any, ...]

    @property
    def written(self) -> Sequence[Any]:
        return self.values

    @property
    def count(self) -> int:
        return len(self.values)

    def contains(self, value: Any) -> bool:
        return any(same(value, each) for each in self.values)

    def at(self, share: float) -> Any:
        return self.values[int(share * len(self.values))]


@dataclass(frozen=True)
class Levels(_Listed):
    """The listed numbers only, in rising order; samplers know the order.

    With `log`, samplers measure distances on a logarithmic scale.
    """

    kind = "levels"
    defaults: ClassVar = {"log": False}
    values: tuple[float, ...]  # at least one, as written: 1 is an int and 1.0 a float
    log: bool = False
    elementary: Elementary = field(default=NATIVE, compare=False, repr=False)

    @classmethod
    def parse(cls, form: Mapping[str, Any]) -> Self | list[Fault]:
        levels, log = form[cls.kind], form.get("log", False)
        if not isinstance(levels, list) or not levels:
            return [Fault(("levels",), "`levels` needs a list of at least one number")]
        faults = _unwanted("levels", levels, is_number, "a number")
        for index, (before, level) in enumerate([] if faults else pairwise(levels), 1):
            if level == before:
                faults.append(Fault(("levels", index), f"{show(level)} occurs twice among the levels"))
            elif not level > before:
                faults.append(
                    Fault(("levels", index), f"{show(level)} comes after {show(before)}; levels have to rise")
                )
        faults += _log_faults(log, 1 if faults else levels[0], "levels", 0)
        return faults or cls(tuple(levels), log)

    @property
    def low(self) -> float:
        """The lowest level."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The highest level."""
        return self.values[-1]

    @property
    def text(self) -> str:
        return f"levels {', '.join(map(show, self.values))}{', log' if self.log else ''}"

    def to_optuna(self) -> BaseDistribution:
        """Return one of integers, over the levels' indices: so Optuna's samplers know their order."""
        from optuna.distributions import IntDistribution

        return IntDistribution(0, len(self.values) - 1)

    def encode(self, value: Any) -> int:
        """Return the index of a level; ValueError if it is none."""
        return self.values.index(value)

    def decode(self, value: int) -> float:
        return self.values[value]

    def nearest(self, value: float) -> float:
        """Return the level that is nearest to a number; of two, the lower."""
        return min(self.values, key=lambda level: abs(level - value))


@dataclass(frozen=True)
class Choice(_Listed):
    """Any of the listed values; plain JSON values, lists among them."""

    kind = "choice"
    values: tuple[Any, ...]

    @classmethod
    def parse(cls, form: Mapping[str, Any]) -> Self | list[Fault]:
        options = form[cls.kind]
        if not isinstance(options, list) or not options:
            return [Fault(("choice",), "`choice` needs a list of at least one value")]
        lists = [canonical_json.dumps(option) for option in options if isinstance(option, list)]
        faults: list[Fault] = []
        for index, option in enumerate(options):
            before = options[options.index(option)]
            if not same(option, before):  # true and 1
                words = f"{show(option)} and {show(before)} are one option in Optuna; leave one of them out"
            elif option in options[:index]:
                words = f"{show(option)} occurs twice among the choices"
            elif option in lists:  # Optuna's tables name a list by its JSON
                words = f"{show(option)} is how a list among the choices is written; leave one of them out"
            else:
                continue
            faults.append(Fault(("choice", index), words))
        return faults or cls(tuple(options))

    @property
    def text(self) -> str:
        return ", ".join(map(show, self.values))

    def to_optuna(self) -> BaseDistribution:
        """Return a categorical one, which holds None, bool, int, float and str alone: a list is its canonical JSON."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(list(map(_as_category, self.values)))

    def encode(self, value: Any) -> Any:
        """Return the option that is the same, which may be written otherwise: `[8, 16]` of `[8.0, 16]`."""
        return _as_category(next((option for option in self.values if same(option, value)), value))

    def decode(self, value: Any) -> Any:
        return next(option for option in self.values if _as_category(option) == value)


NumberRange = IntRange | FloatRange | Levels  # the kinds whose values lie on a scale from `low` to `high`
Distribution = NumberRange | Choice
KINDS: Mapping[str, type[Distribution]] = {cls.kind: cls for cls in (IntRange, FloatRange, Levels, Choice)}


def _as_category(option: Any) -> Any:
    return canonical_json.dumps(option) if isinstance(option, list) else option


def same(left: Any, right: Any) -> bool:
    """Return whether two plain values are equal; unlike in Python, true is not 1 and false is not 0."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def can_be(content: Any, value: Any) -> bool:
    """Return whether a field with this content, a constant or a range, can have the value."""
    return content.contains(value) if isinstance(content, Distribution) else same(content, value)


def place(span: NumberRange, value: float) -> float:
    """Return a value's place on the scale of a range with two ends: 0 is the lower end, 1 the upper."""
    ends = (span.low, value, span.high)
    low, here, high = map(span.elementary.ln, ends) if span.log else ends
    return float((here - low) / (high - low))


def parse_form(form: Mapping[str, Any]) -> Distribution | list[Fault]:
    """Return the range that a mapping such as `{int: [1, 3]}` describes, or the faults of the mapping."""
    kinds = [kind for kind in KINDS if kind in form]
    allowed = (*kinds, *KINDS[kinds[0]].defaults) if kinds else (*KINDS, "value")
    faults = [
        Fault((key,), f"a range has no key `{show(key)}`{did_you_mean(key, allowed)}", at_key=True)
        for key in form
        if key not in allowed
    ]
    if len(kinds) != 1:
        faults.append(Fault((), f"a mapping here needs exactly one of `{'`, `'.join(KINDS)}` and `value`"))
    if faults:
        return faults
    return KINDS[kinds[0]].parse(form)


def _end_faults(kind: str, ends: Any, log: Any, fits: Callable[[Any], bool], expected: str) -> list[Fault]:
    """Return what is wrong with the two ends of a range, and with its `log`."""
    low = 1
    if not isinstance(ends, list) or len(ends) != 2:
        faults = [Fault((kind,), f"`{kind}` needs two numbers, [lowest, highest], not {show(ends)}")]
    elif not (faults := _unwanted(kind, ends, fits, expected)):
        low = ends[0]
        if low > ends[1]:
            low, faults = 1, [Fault((kind,), f"low {show(ends[0])} is above high {show(ends[1])}")]
    return faults + _log_faults(log, low)


def _unwanted(kind: str, listed: list[Any], fits: Callable[[Any], bool], expected: str) -> list[Fault]:
    return [
        Fault(
            (kind, i),
            f"'{show(each)}' is text; leave out the quotes" if is_quoted(each) else f"{show(each)} is not {expected}",
        )
        for i, each in enumerate(listed)
        if not fits(each)
    ]


def _log_faults(log: Any, low: Any, *low_at: str | int) -> list[Fault]:
    if not isinstance(log, bool):
        return [Fault(("log",), f"log {show(log)} is neither true nor false")]
    if log and low <= 0:
        return [Fault(low_at, f"low {show(low)} with log: true; a logarithmic range needs low > 0")]
    return []


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
