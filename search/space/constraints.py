"""Conditions such as `hidden_units <= 8 * filters`: the constraints of a space.

The language is a part of Python's expressions: and, or, not, comparisons (chained ones, too), `in [...]`, + - * /,
brackets. Its words are fields, numbers as in YAML, texts without escapes, true, false, null.
"""

from __future__ import annotations

import math
import operator
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn

from search.arguments import is_number
from search.messages import did_you_mean, listing, show
from search.space.ranges import Choice, Distribution, Fault, can_be, same
from search.space.yaml_text import resolve

MAX_LENGTH = 200  # characters: Optuna's tables name a constraint by its text, and have room for 512
MAX_DEPTH = 20  # brackets, signs and negations inside each other
MIN_MISS = 1e-9  # the least by which `a < b` is missed: if both are equal
UNMET = 1.0  # by how much a comparison without a difference is missed: of texts, or after a division by zero

_TOKEN = re.compile(
    r"""(?P<number>(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
    | (?P<text>'[^']*'|"[^"]*")
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<sign><=|>=|==|!=|\*\*|//|&&|\|\||[-+*/<>()\[\],=%^!&|])""",
    re.VERBOSE,
)
_CONSTANTS = {"true": True, "false": False, "null": None}
_CALCULATE: dict[str, Callable[[Any, Any], Any]] = dict(
    zip("+-*/", (operator.add, operator.sub, operator.mul, operator.truediv), strict=True)
)
_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": same,
    "!=": lambda left, right: not same(left, right),
}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==", "and": "or", "or": "and"}
_SIGNS = {*_HOLDS, *_CALCULATE, *"()[],", "and", "or", "not", "in"}
_INSTEAD = {  # signs and words of other languages, with the hint for each
    "=": "`==` compares",
    "(": "there are no functions here",
    "[": "a list is possible only after `in`",
    "&&": "write `and`",
    "&": "write `and`",
    "||": "write `or`",
    "|": "write `or`",
    "!": "write `not`",
    "None": "write `null`",
    **{word: f"write `{word.lower()}`" for word in ("True", "False", "AND", "OR", "NOT")},
}


class RefusedError(Exception):
    """A condition that cannot be read, and where in its text, from 0."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


class Tree(NamedTuple):
    """A part of a condition: `and`, `or`, a comparator or an operator with its parts; or `field` and `value` alone."""

    kind: str
    parts: tuple[Any, ...]

    def negated(self) -> Tree:
        """Return the condition that is met if and only if this one is not."""
        parts = tuple(part.negated() for part in self.parts) if self.kind in ("and", "or") else self.parts
        return Tree(_OPPOSITE[self.kind], parts)

    def paths(self) -> Iterator[str]:
        """Yield the path of each field, as often as it is named."""
        if self.kind == "field":
            yield self.parts[0]
        elif self.kind != "value":
            for part in self.parts:
                yield from part.paths()

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return what an operand is, given the fields by path; ArithmeticError unless it is finite."""
        if self.kind in ("field", "value"):
            return values[self.parts[0]] if self.kind == "field" else self.parts[0]
        result = _CALCULATE[self.kind](*(part.value(values) for part in self.parts))
        if not math.isfinite(result):  # for integers that are too large, isfinite raises itself
            raise OverflowError("no finite number")
        return result

    def excess(self, values: Mapping[str, Any]) -> float:
        """Return by how much values, by path, miss a condition: above 0 if it is not met, always finite.

        For `a <= b` it is a - b, for several conditions that must be met the largest, for alternatives the smallest.
        """
        if self.kind in ("and", "or"):
            missed: list[float] = [part.excess(values) for part in self.parts]
            return max(missed) if self.kind == "and" else min(missed)
        try:
            left, right = (part.value(values) for part in self.parts)
        except ArithmeticError:
            return UNMET
        is_met = _HOLDS[self.kind](left, right)
        if not is_number(left) or not is_number(right):
            return -UNMET if is_met else UNMET
        over = float(left) - float(right)
        over = {">": -over, ">=": -over, "==": abs(over), "!=": -abs(over)}.get(self.kind, over)
        # The comparison decides, not the difference, which may be rounded to 0.
        return max(min(0.0, over), -sys.float_info.max) if is_met else min(max(MIN_MISS, over), sys.float_info.max)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition that the values of a trial have to meet, if it has all fields that the condition names."""

    text: str  # as written, on one line: the name by which a trial's record knows it
    condition: Tree
    index: int = field(compare=False)  # its place in the list as written, from 0

    def applies(self, values: Mapping[str, Any]) -> bool:
        return all(path in values for path in self.condition.paths())

    def excess(self, values: Mapping[str, Any]) -> float:
        """Return by how much a trial's values, by path, miss it: above 0 if they do, 0 if it does not apply."""
        return self.condition.excess(values) if self.applies(values) else 0.0


def read_constraints(
    written: Any, fields: Mapping[str, Any], *, lenient: bool = False
) -> tuple[list[Constraint], list[Fault]]:
    """Return the constraints that a list of texts describes, and the faults of the others.

    `fields` are constants and ranges by path; an empty choice stands for a field that could not be read. `lenient`:
    they may have been changed since the constraints were written; one in which no range is left is then left out if its
    constants meet it.
    """
    if not isinstance(written, list):
        return [], [Fault((), "constraints: needs a list of conditions, such as [hidden_units <= 8 * filters]")]
    found: dict[str, Constraint] = {}
    faults: list[Fault] = []
    for index, text in enumerate(written):
        try:
            if not isinstance(text, str):
                raise RefusedError(0, f"{show(text)} is not a condition, such as hidden_units <= 8 * filters")
            constraint = Constraint(_on_one_line(text), _Reader(text, fields, lenient).condition(), index)
            is_idle = not any(isinstance(fields[path], Distribution) for path in constraint.condition.paths())
            if is_idle and not lenient:
                raise RefusedError(0, "names no field with a range, so it never changes")
            if is_idle and constraint.excess(fields) > 0:
                raise RefusedError(0, f"{show(text)} is not met, and no range is left in it")
            if constraint.text in found:
                raise RefusedError(0, "occurs twice")
        except RefusedError as error:
            faults.append(Fault((index,), f"constraints[{index}]: {error}", offset=error.offset))
        else:
            if not is_idle:
                found[constraint.text] = constraint
    return list(found.values()), faults


class _Part(NamedTuple):
    """What was read, where in the text it begins, and of which kinds it can be; none if its field cannot be read."""

    tree: Tree
    offset: int
    kinds: Sequence[str] = ("a number",)


class _Reader:
    """Reads a text by descent: conditions that `or` joins, that `and` joins, comparisons, sums, products, words."""

    def __init__(self, text: str, fields: Mapping[str, Any], lenient: bool) -> None:
        if len(text) > MAX_LENGTH:
            raise RefusedError(0, f"has {len(text)} characters; the limit is {MAX_LENGTH}")
        self._fields, self._lenient = fields, lenient
        self._tokens = [*_tokens(text)]
        self._place = 0  # of the token to be read next
        self._open: list[str] = []  # brackets to be closed
        for place, ((_, before, _), (kind, here, _)) in enumerate(pairwise(self._tokens), 1):
            # First of all, so that `max(a)` is refused for its bracket, and not because no field has this name.
            is_after_operand = before not in _SIGNS or before in ")]"
            if is_after_operand and kind != "end" and (here not in _SIGNS or here in "(["):
                self._refuse(place)

    def condition(self) -> Tree:
        """Return the condition of the whole text; RefusedError if there is none, or one that does not fit the
        fields."""
        part = self._either()
        if self._next[0] != "end":
            self._refuse()
        return self._condition(part)

    @property
    def _next(self) -> tuple[str, str, int]:
        return self._tokens[self._place]

    def _takes(self, *signs: str) -> str:
        """Return the next token and go on, if it is one of these; an empty text if it is none."""
        sign = self._next[1]
        if sign not in signs:
            return ""
        self._place += 1
        return sign

    def _refuse(self, place: int | None = None) -> NoReturn:
        kind, text, offset = self._tokens[self._place if place is None else place]
        if kind == "end":
            missing = f"`{self._open[-1]}` is" if self._open else "a number, a text or a field is"
            raise RefusedError(offset, f"{missing} missing at the end")
        raise _unexpected(text, offset)

    def _either(self) -> _Part:
        return self._joined("or", lambda: self._joined("and", self._negation))

    def _joined(self, word: str, read: Callable[[], _Part]) -> _Part:
        first = read()
        if self._next[1] != word:
            return first
        parts = [self._condition(first)]
        while self._takes(word):
            parts.append(self._condition(read()))
        return _Part(Tree(word, tuple(parts)), first.offset)

    def _negation(self) -> _Part:
        offset = self._next[2]
        if not self._takes("not"):
            return self._comparison()
        return _Part(self._condition(self._negation()).negated(), offset)

    def _comparison(self) -> _Part:
        first = left = self._calculation("+-")
        found: list[Tree] = []
        place = self._place
        while sign := self._takes(*_HOLDS):
            right = self._calculation("+-")
            found.append(self._compared(sign, left, right))
            left, place = right, self._place
        negated = self._takes("not")
        if self._takes("in"):
            found.append(self._among(left))
            if len(found) > 1 or self._next[1] in {*_HOLDS, "in", "not"}:
                self._refuse(place)
        elif negated:
            self._refuse()
        if not found:
            return first
        chain = found[0] if len(found) == 1 else Tree("and", tuple(found))
        return _Part(chain.negated() if negated else chain, first.offset)

    def _among(self, left: _Part) -> Tree:
        """Return whether an operand is one of a list that follows."""
        kind, text, offset = self._next
        if not self._takes("["):
            if kind == "end":
                self._refuse()
            raise RefusedError(offset, f"`[` is missing before `{show(text)}`")
        self._open.append("]")
        options = [self._compared("==", left, self._calculation("+-"))]
        while self._takes(","):
            options.append(self._compared("==", left, self._calculation("+-")))
        self._close()
        return Tree("or", tuple(options))

    def _close(self) -> None:
        if not self._takes(self._open[-1]):
            self._refuse()
        self._open.pop()

    def _calculation(self, signs: str) -> _Part:
        """Return a sum, or a product, or what stands in place of it."""
        read = self._signed if signs == "*/" else lambda: self._calculation("*/")
        left = read()
        while sign := self._takes(*signs):
            offset = self._tokens[self._place - 1][2]
            left = self._calculated(sign, left, read(), offset)
        return left

    def _signed(self) -> _Part:
        kind, text, offset = self._next
        if self._takes("-"):
            return self._calculated("-", _Part(Tree("value", (0,)), offset), self._signed(), offset)
        if self._takes("("):
            self._open.append(")")
            inner = self._either()
            self._close()
            return inner._replace(offset=offset)
        if kind == "end" or text in _SIGNS:
            self._refuse()
        self._place += 1
        if kind == "word" and text not in _CONSTANTS:
            path = self._path(text, offset)
            return _Part(Tree("field", (path,)), offset, _kinds(self._fields[path]))
        if kind != "number":
            value = _CONSTANTS.get(text, text[1:-1])
            return _Part(Tree("value", (value,)), offset, _kinds(value))
        try:
            number = resolve(text)
        except ValueError as error:
            raise RefusedError(offset, str(error)) from None
        if not is_number(number):
            raise RefusedError(offset, f"{show(text)} is not a number")
        return _Part(Tree("value", (number,)), offset)

    def _condition(self, part: _Part) -> Tree:
        if part.tree.kind in _OPPOSITE:
            return part.tree
        if any(kind != "a truth value" for kind in part.kinds):
            raise RefusedError(part.offset, "a value alone is not a condition; compare it")
        return Tree("==", (part.tree, Tree("value", (True,))))

    def _compared(self, sign: str, left: _Part, right: _Part) -> Tree:
        compared, is_equation = self._operation(sign, left, right), sign in ("==", "!=")
        if self._lenient:
            return compared
        if is_equation and left.kinds and right.kinds and not {*left.kinds} & {*right.kinds}:
            first, second = (f"{_named(part.tree)} is {listing(part.kinds)}" for part in (left, right))
            raise RefusedError(left.offset, f"{first}, and {second}, so `{sign}` is the same in every trial")
        for one, other in (compared.parts, compared.parts[::-1]):
            if (one.kind, other.kind) != ("field", "value"):
                continue
            path, value = one.parts[0], other.parts[0]
            span = self._fields[path]
            if is_equation and left.kinds and right.kinds and not can_be(span, value):
                options = [each for each in span.values if isinstance(each, str)] if isinstance(span, Choice) else ()
                raise RefusedError(left.offset, f"{path} is never {show(value)}{did_you_mean(str(value), options)}")
        return compared

    def _calculated(self, sign: str, left: _Part, right: _Part, offset: int) -> _Part:
        """Return the result of an operator, which is at `offset`: of two constants a constant."""
        tree = self._operation(sign, left, right)
        if sign == "/" and right.tree == ("value", (0,)):
            raise RefusedError(offset, "divides by zero")
        try:
            if all(part.kind == "value" for part in tree.parts):
                tree = Tree("value", (tree.value({}),))
        except ArithmeticError:
            raise RefusedError(offset, "does not give a finite number") from None
        return _Part(tree, left.offset)

    def _operation(self, sign: str, *parts: _Part) -> Tree:
        """Return two operands with their sign, after a check that they are values: numbers, but of == and !=."""
        for part in parts:
            if part.tree.kind in _OPPOSITE:
                raise RefusedError(part.offset, "a condition is not a value to compare or to calculate with")
        for part in parts:
            if sign not in ("==", "!=") and any(kind != "a number" for kind in part.kinds):
                words = f"`{sign}` takes numbers, and {_named(part.tree)} is {listing(part.kinds)}"
                raise RefusedError(part.offset, words)
        return Tree(sign, tuple(part.tree for part in parts))

    def _path(self, name: str, offset: int) -> str:
        """Return the path of the field that a name stands for, alone or after its section."""
        found = [path for path in self._fields if name in (path, path.partition(".")[2])]
        found = [name] if name in found else found
        if not found:
            if any(can_be(span, name) for span in self._fields.values()):
                raise RefusedError(offset, f"the file sets no field {show(name)}; a text has quotes: '{name}'")
            known = [*self._fields, *(path.partition(".")[2] for path in self._fields)]
            hint = did_you_mean(name, [path for path in known if ("." in path) == ("." in name)])
            raise RefusedError(offset, f"the file sets no field {show(name)}{hint}")
        if len(found) > 1:
            raise RefusedError(offset, f"{name} is in several sections; write {listing(found)}")
        if "a list" in _kinds(self._fields[found[0]]):
            raise RefusedError(offset, f"{found[0]} can be a list, and a constraint takes single values")
        return found[0]


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield kind, text and place of each word, sign, number and text, the last one an end; the depth is checked."""
    offset = depth = prefixes = 0
    while offset < len(text):
        found = _TOKEN.match(text, offset)
        if found:
            kind, word = str(found.lastgroup), found.group()
            depth += (word in "([") - (word in ")]") if kind == "sign" else 0
            prefixes = prefixes + 1 if word in ("-", "not") else 0
            if depth + prefixes > MAX_DEPTH:
                raise RefusedError(offset, f"nested deeper than {MAX_DEPTH} levels")
            if (kind == "sign" and word not in _SIGNS) or (kind == "word" and word in _INSTEAD):
                raise _unexpected(word, offset)
            yield kind, word, offset
        elif text[offset] in "'\"":
            raise RefusedError(offset, "a closing quote is missing")
        elif not text[offset].isspace():
            raise RefusedError(offset, f"the character {show(text[offset])} is not allowed here")
        offset = found.end() if found else offset + 1
    yield "end", "", len(text.rstrip())


def _unexpected(word: str, offset: int) -> RefusedError:
    hint = f"; {_INSTEAD[word]}" if word in _INSTEAD else ""
    return RefusedError(offset, f"`{show(word)}` is not allowed here{hint}")


def _on_one_line(text: str) -> str:
    """Return a condition with one blank for many, but within quotes; RefusedError if it cannot be shown."""
    parts = re.split(r"""('[^']*'|"[^"]*")""", text)
    name = "".join(part if number % 2 else re.sub(r"\s+", " ", part) for number, part in enumerate(parts)).strip()
    if not name.isprintable():
        raise RefusedError(0, "has a character that cannot be shown")
    return name


def _kinds(span: Any) -> Sequence[str]:
    """Return of which kinds a constant or the values of a range are."""
    values = span.written if isinstance(span, Distribution) else (span,)
    kinds = {type(None): "null", bool: "a truth value", int: "a number", float: "a number", str: "a text"}
    return list(dict.fromkeys(kinds.get(type(value), "a list") for value in values))


def _named(operand: Tree) -> str:
    if operand.kind not in ("field", "value"):
        return "what is calculated"
    name = show(operand.parts[0])
    return f"'{name}'" if isinstance(operand.parts[0], str) and operand.kind == "value" else name
