"""Conditions such as `hidden_units <= 8 * filters`: the constraints of a space.

The language is a part of Python's expressions, and Python's own parser reads it: and, or, not, comparisons (chained
ones, too), `in [...]`, + - * /, brackets. Its words are fields, numbers as in YAML, texts without escapes, true, false,
null.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import sys
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn

from search.arguments import is_number
from search.messages import did_you_mean, listing, show
from search.space.ranges import Choice, Distribution, Fault, NumberRange, rounded_words, same
from search.space.scalars import resolve

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
_OPERATORS: dict[type[ast.AST], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARATORS: dict[type[ast.AST], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
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
_ALLOWED = {*_HOLDS, *_CALCULATE, *"()[],"}
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
        if not math.isfinite(result):  # for whole numbers that are too large, isfinite raises itself
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

    `fields` are constants and ranges by path. `lenient`: they may have been changed since the constraints were written;
    one in which no range is left is then left out if its constants meet it.
    """
    if not isinstance(written, list):
        return [], [Fault((), "constraints: needs a list of conditions, such as [hidden_units <= 8 * filters]")]
    found: dict[str, Constraint] = {}
    faults: list[Fault] = []
    for index, text in enumerate(written):
        try:
            constraint = Constraint(_on_one_line(text), parse(text, fields, lenient=lenient), index)
            if constraint.text in found:
                raise RefusedError(0, "occurs twice")
        except RefusedError as error:
            faults.append(Fault((index,), f"constraints[{index}]: {error}", offset=error.offset))
            continue
        if any(isinstance(fields[path], Distribution) for path in constraint.condition.paths()):
            found[constraint.text] = constraint
        elif constraint.excess(fields) > 0:
            faults.append(Fault((index,), f"constraints[{index}]: {show(text)} is not met, and no range is left in it"))
    return list(found.values()), faults


def parse(text: Any, fields: Mapping[str, Any], *, lenient: bool = False) -> Tree:
    """Return the condition that a text describes; RefusedError if there is none, or one that does not fit the fields.

    An empty choice among `fields` stands for a field that could not be read. `lenient` accepts what follows from fields
    that were changed later.
    """
    if not isinstance(text, str):
        raise RefusedError(0, f"{show(text)} is not a condition, such as hidden_units <= 8 * filters")
    if len(text) > MAX_LENGTH:
        raise RefusedError(0, f"has {len(text)} characters; the limit is {MAX_LENGTH}")
    condition = _Reader(text, fields, lenient).whole()
    if not lenient and not any(isinstance(fields[path], Distribution) for path in condition.paths()):
        raise RefusedError(0, "names no field with a range, so it never changes")
    return condition


class _Reader:
    """Lets Python read the structure of a text, in which each number, text and field is replaced by a short name."""

    def __init__(self, text: str, fields: Mapping[str, Any], lenient: bool) -> None:
        self._fields, self._lenient = fields, lenient
        self._tokens = [*_tokens(text)]
        words = [
            token if kind in ("sign", "end") or token in ("and", "or", "not", "in") else f"_{place}"
            for place, (kind, token, _) in enumerate(self._tokens)
        ]
        self._starts = [0]  # of each token in what Python reads
        for word in words:
            self._starts.append(self._starts[-1] + len(word) + 1)
        self._masked = " ".join(words)
        for place, (before, word) in enumerate(pairwise(words), 1):
            # Python would accept a comma before a bracket, and name the bracket's beginning if an operator is missing.
            if (before == "," and word in (")", "]")) or (word.startswith("_") and before[0] in "_)]"):
                self._refuse(place)

    def whole(self) -> Tree:
        try:
            body = ast.parse(self._masked, mode="eval").body
        except SyntaxError as error:
            if "was never closed" in error.msg:
                bracket = ")" if self._masked[(error.offset or 1) - 1] == "(" else "]"
                raise RefusedError(self._tokens[-1][2], f"`{bracket}` is missing at the end") from None
            self._refuse(self._token_at(error.offset - 1) if error.offset else -1)
        return self._condition(body)

    def _token_at(self, column: int) -> int:
        return min(bisect(self._starts, column), len(self._tokens)) - 1

    def _refuse(self, place: int) -> NoReturn:
        kind, text, offset = self._tokens[place]
        if kind == "end":
            raise RefusedError(offset, "a number, a text or a field is missing at the end")
        hint = f"; {_INSTEAD[text]}" if text in _INSTEAD else ""
        raise RefusedError(offset, f"`{show(text)}` is not allowed here{hint}")

    def _offset(self, node: ast.AST) -> int:
        """Return where a part begins, the brackets around it among it."""
        first, last = (self._token_at(column) for column in (node.col_offset, node.end_col_offset - 1))  # type: ignore[attr-defined]
        while first and self._tokens[first - 1][1] == "(" and self._tokens[last + 1][1] == ")":
            first, last = first - 1, last + 1
        return self._tokens[first][2]

    def _sign_after(self, node: ast.expr) -> int:
        """Return the token of the operator after a part."""
        place = self._token_at((node.end_col_offset or 1) - 1) + 1
        while self._tokens[place][1] == ")":
            place += 1
        return place

    def _condition(self, node: ast.expr) -> Tree:
        match node:
            case ast.BoolOp(op, values):
                parts = tuple(map(self._condition, values))
                return Tree("and" if isinstance(op, ast.And) else "or", parts)
            case ast.UnaryOp(ast.Not(), operand):
                return self._condition(operand).negated()
            case ast.Compare(left, ops, comparators):
                ends = pairwise([left, *comparators])
                in_chain = len(ops) > 1
                found = tuple(self._comparison(op, *pair, in_chain) for op, pair in zip(ops, ends, strict=True))
                return found[0] if len(found) == 1 else Tree("and", found)
        alone = self._operand(node)
        if any(not isinstance(value, bool) for value in self._samples(alone)):
            raise RefusedError(self._offset(node), "a value alone is not a condition; compare it")
        return Tree("==", (alone, Tree("value", (True,))))

    def _comparison(self, op: ast.cmpop, left: ast.expr, right: ast.expr, in_chain: bool) -> Tree:
        if isinstance(op, ast.In | ast.NotIn):
            if in_chain:
                self._refuse(self._sign_after(left))
            sign = self._sign_after(left) + isinstance(op, ast.NotIn)
            if not isinstance(right, ast.List):
                token = self._tokens[sign + 1]
                raise RefusedError(token[2], f"`[` is missing before `{show(token[1])}`")
            if not right.elts:
                self._refuse(sign + 2)
            among = Tree("or", tuple(self._compared("==", left, option) for option in right.elts))
            return among if isinstance(op, ast.In) else among.negated()
        if type(op) not in _COMPARATORS:  # `is`, a field's name, is none here: words are masked
            self._refuse(self._sign_after(left))
        return self._compared(_COMPARATORS[type(op)], left, right)

    def _compared(self, sign: str, *nodes: ast.expr) -> Tree:
        ends = tuple(map(self._operand, nodes))
        if sign in ("==", "!="):
            self._check_comparable(sign, ends, self._offset(nodes[0]))
        else:
            self._check_numbers(sign, ends, nodes)
        for one, other in (ends, ends[::-1]):
            if self._lenient or (one.kind, other.kind) != ("field", "value"):
                continue
            if words := rounded_words(one.parts[0], self._fields[one.parts[0]], other.parts[0]):
                raise RefusedError(self._offset(nodes[0]), words)
        return Tree(sign, ends)

    def _operand(self, node: ast.expr) -> Tree:
        match node:
            case ast.Name(name):
                return self._word(int(name[1:]))
            case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
                sign = self._tokens[self._sign_after(left)][2]
                return self._calculated(_OPERATORS[type(op)], (left, right), sign)
            case ast.UnaryOp(ast.USub(), operand):
                return self._calculated("-", (ast.Constant(0), operand), self._offset(node))
            case ast.Constant():  # the 0 in front of a sign
                return Tree("value", (node.value,))
            case ast.BoolOp() | ast.Compare() | ast.UnaryOp(ast.Not()):
                raise RefusedError(self._offset(node), "a condition is not a value to compare or to calculate with")
            case ast.Call(func=inner) | ast.Subscript(value=inner) | ast.Tuple(elts=[inner, *_]):
                self._refuse(self._sign_after(inner))
        self._refuse(self._token_at(node.col_offset))

    def _calculated(self, sign: str, nodes: tuple[ast.expr, ast.expr], offset: int) -> Tree:
        """Return the result of an operator: of two constants a constant."""
        tree = Tree(sign, tuple(map(self._operand, nodes)))
        self._check_numbers(sign, tree.parts, nodes)
        if sign == "/" and tree.parts[1].kind == "value" and tree.parts[1].parts[0] == 0:
            raise RefusedError(offset, "divides by zero")
        if any(part.kind != "value" for part in tree.parts):
            return tree
        try:
            return Tree("value", (tree.value({}),))
        except ArithmeticError:
            raise RefusedError(offset, "does not give a finite number") from None

    def _word(self, place: int) -> Tree:
        kind, text, offset = self._tokens[place]
        if kind == "text" or text in _CONSTANTS:
            return Tree("value", (_CONSTANTS.get(text, text[1:-1]),))
        if kind == "word":
            return Tree("field", (self._path(text, offset, place),))
        try:
            number = resolve(text)
        except ValueError as error:
            raise RefusedError(offset, str(error)) from None
        if not isinstance(number, int | float):
            raise RefusedError(offset, f"{show(text)} is not a number")
        return Tree("value", (number,))

    def _path(self, name: str, offset: int, place: int) -> str:
        """Return the path of the field that a name stands for, alone or after its section."""
        found = [path for path in self._fields if name in (path, path.partition(".")[2])]
        found = [name] if name in found else found
        if not found:
            if any(same(name, value) for span in self._fields.values() for value in _samples(span)):
                raise RefusedError(offset, f"the file sets no field {show(name)}; a text has quotes: '{name}'")
            known = [*self._fields, *(path.partition(".")[2] for path in self._fields)]
            hint = did_you_mean(name, [path for path in known if ("." in path) == ("." in name)])
            raise RefusedError(offset, f"the file sets no field {show(name)}{hint}")
        if len(found) > 1:
            raise RefusedError(offset, f"{name} is in several sections; write {listing(found)}")
        if lists := [value for value in _samples(self._fields[found[0]]) if _kind(value) == "a list"]:
            raise RefusedError(offset, f"{found[0]} can be {show(lists[0])}, and a constraint takes single values")
        return found[0]

    def _samples(self, operand: Tree) -> Sequence[Any]:
        """Return a value of each kind that an operand can be."""
        if operand.kind == "field":
            return _samples(self._fields[operand.parts[0]])
        return operand.parts if operand.kind == "value" else (0,)

    def _check_numbers(self, sign: str, operands: Sequence[Tree], nodes: Sequence[ast.expr]) -> None:
        for operand, node in zip(operands, nodes, strict=True):
            if others := [value for value in self._samples(operand) if _kind(value) != "a number"]:
                verb = "can be" if operand.kind == "field" else "is"
                words = f"{_named(operand)} {verb} {show(others[0])}, {_kind(others[0])}"
                raise RefusedError(self._offset(node), f"`{sign}` takes numbers, and {words}")

    def _check_comparable(self, sign: str, ends: Sequence[Tree], offset: int) -> None:
        """Check that two operands can be equal."""
        if self._lenient:
            return
        kinds = [dict.fromkeys(map(_kind, self._samples(end))) for end in ends]
        if all(kinds) and not kinds[0].keys() & kinds[1].keys():
            first, second = (f"{_named(end)} is {listing(found)}" for end, found in zip(ends, kinds, strict=True))
            raise RefusedError(offset, f"{first}, and {second}, so `{sign}` is the same in every trial")
        for one, other in (ends, ends[::-1]):
            if (one.kind, other.kind) == ("field", "value"):
                path, value = one.parts[0], other.parts[0]
                span = self._fields[path]
                if not (span.contains(value) if isinstance(span, Distribution) else same(span, value)) and (
                    span != Choice(())
                ):
                    hint = did_you_mean(str(value), [each for each in _samples(span) if isinstance(each, str)])
                    raise RefusedError(offset, f"{path} is never {show(value)}{hint}")


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
            if (kind == "sign" and word not in _ALLOWED) or (kind == "word" and word in _INSTEAD):
                hint = f"; {_INSTEAD[word]}" if word in _INSTEAD else ""
                raise RefusedError(offset, f"`{word}` is not allowed here{hint}")
            yield kind, word, offset
        elif text[offset] in "'\"":
            raise RefusedError(offset, "a closing quote is missing")
        elif not text[offset].isspace():
            raise RefusedError(offset, f"the character {show(text[offset])} is not allowed here")
        offset = found.end() if found else offset + 1
    yield "end", "", len(text.rstrip())


def _on_one_line(text: Any) -> str:
    """Return a condition with one blank for many, but within quotes; RefusedError if it cannot be shown."""
    parts = re.split(r"""('[^']*'|"[^"]*")""", text) if isinstance(text, str) else []
    name = "".join(part if number % 2 else re.sub(r"\s+", " ", part) for number, part in enumerate(parts)).strip()
    if not name.isprintable():
        raise RefusedError(0, "has a character that cannot be shown")
    return name


def _samples(span: Any) -> Sequence[Any]:
    """Return a value of each kind that a constant or a range can be; none for fields that could not be read."""
    if not isinstance(span, Distribution):
        return (span,)
    return (span.low,) if isinstance(span, NumberRange) else span.options


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a truth value", int: "a number", float: "a number", str: "a text"}
    return kinds.get(type(value), "a list")


def _named(operand: Tree) -> str:
    if operand.kind not in ("field", "value"):
        return "what is calculated"
    return (
        f"'{show(operand.parts[0])}'"
        if isinstance(operand.parts[0], str) and operand.kind == "value"
        else show(operand.parts[0])
    )
