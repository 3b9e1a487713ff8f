"""Read a condition such as `hidden_units <= 8 * filters`, and hold its names and values against a space's fields.

either     = every {"or" every}
every      = negation {"and" negation}
negation   = "not" negation | comparison
comparison = sum {comparator sum} | sum ["not"] "in" "[" sum {"," sum} "]"
sum        = product {("+" | "-") product}
product    = factor {("*" | "/") factor}
factor     = number | text | "true" | "false" | "null" | field | "-" factor | "(" either ")"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn, assert_never, get_args

from search.messages import did_you_mean, listing, show
from search.space.constraints.tokens import RefusedError, Token, tokens
from search.space.constraints.tree import (
    Arithmetic,
    Comparator,
    Comparison,
    Condition,
    Constant,
    Either,
    Every,
    FieldValue,
    Operand,
    Operator,
    evaluate,
    negated,
    paths,
)
from search.space.ranges import Choice, Distribution, NumberRange, rounded_words, same
from search.space.scalars import resolve

MAX_LENGTH = 200
"""Characters of a condition: Optuna's tables name a constraint by its text, and have room for 512."""
MAX_DEPTH = 20
"""Brackets, signs and negations inside each other."""

LACK = "the file sets no field"
"""Says that a space has no field of a name."""

_COMPARATORS: Mapping[str, Comparator] = {sign: sign for sign in get_args(Comparator)}
_OPERATORS: Mapping[str, Operator] = {sign: sign for sign in get_args(Operator)}
_WORDS = {"true": True, "false": False, "null": None}
_RESERVED = ("and", "or", "not", "in")
_INSTEAD = {
    "=": "`==` compares",
    "(": "there are no functions here",
    "[": "a list is possible only after `in`",
    **dict.fromkeys(("&&", "&"), "write `and`"),
    **dict.fromkeys(("||", "|"), "write `or`"),
    **{word: f"write `{word.lower()}`" for word in ("True", "False", "AND", "OR", "NOT")},
    "!": "write `not`",
    "None": "write `null`",
}
"""Signs and words of other languages, with the hint for each."""


def _joins_products(operator: Operator) -> bool:
    """Return whether an operator stands between the products of a sum, not between the factors of a product."""
    match operator:
        case "+" | "-":
            return True
        case "*" | "/":
            return False
        case _:
            assert_never(operator)


_OF_SUMS = [sign for sign in _OPERATORS.values() if _joins_products(sign)]
_OF_PRODUCTS = [sign for sign in _OPERATORS.values() if not _joins_products(sign)]


class _Part(NamedTuple):
    """A part of a condition that has been read, and its first character's place."""

    tree: Condition | Operand
    offset: int


def parse(
    text: str, fields: Mapping[str, Any], *, lenient: bool = False, lack: str = LACK, others: str = ""
) -> Condition:
    """Return the condition that a text describes.

    Args:
        text: in the language of this module.
        fields: constants and ranges of a space by path; an empty choice stands for a field that could not be read.
        lenient: accept the consequences of fields that were changed later: values that they never have, no range left.
        lack: says that a field is missing; the name of the field follows.
        others: follows after that if no field has nearly the name.

    Raises:
        RefusedError: it describes none, or one that does not fit the fields.
    """
    if len(text) > MAX_LENGTH:
        raise RefusedError(0, f"has {len(text)} characters; the limit is {MAX_LENGTH}")
    condition = _Parser(text, fields, lenient=lenient, lack=lack, others=others).whole()
    if not lenient and not any(isinstance(fields[path], Distribution) for path in paths(condition)):
        raise RefusedError(0, "names no field with a range, so it never changes")
    return condition


class _Parser:
    """Reads one text from its beginning to its end."""

    def __init__(self, text: str, fields: Mapping[str, Any], *, lenient: bool, lack: str, others: str) -> None:
        self._fields = fields
        self._lack = lack
        self._others = others
        self._lenient = lenient
        self._tokens = list(tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        """Return the condition that the text is."""
        part = self._either()
        if self._next.kind != "end":
            self._refuse_next()
        return self._condition(part)

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, *wanted: str) -> Token | None:
        """Return the next token and move past it, if it is one of these signs and words."""
        token = self._next
        if token.kind not in ("sign", "word") or token.text not in wanted:
            return None
        self._at += 1
        return token

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            before = "at the end" if self._next.kind == "end" else f"before `{show(self._next.text)}`"
            raise RefusedError(self._next.offset, f"`{wanted}` is missing {before}")

    def _refuse_next(self) -> NoReturn:
        kind, text, offset = self._next
        if kind == "end":
            raise RefusedError(offset, "a number, a text or a field is missing at the end")
        hint = f"; {_INSTEAD[text]}" if text in _INSTEAD else ""
        raise RefusedError(offset, f"`{show(text)}` is not allowed here{hint}")

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RefusedError(self._next.offset, f"nested deeper than {MAX_DEPTH} levels")
        yield
        self._depth -= 1

    # Conditions

    def _either(self) -> _Part:
        return self._joined(self._every, "or", Either)

    def _every(self) -> _Part:
        return self._joined(self._negation, "and", Every)

    def _joined(self, part: Callable[[], _Part], word: str, kind: type[Either] | type[Every]) -> _Part:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return _Part(kind(tuple(self._condition(each) for each in parts)), parts[0].offset)

    def _negation(self) -> _Part:
        if token := self._take("not"):
            with self._deeper():
                return _Part(negated(self._condition(self._negation())), token.offset)
        return self._comparison()

    def _comparison(self) -> _Part:
        first = self._sum()
        if token := self._take("in", "not"):
            if token.text == "not":
                self._need("in")
            among = Either(tuple(self._compared("==", first, option) for option in self._options()))
            return _Part(among if token.text == "in" else negated(among), first.offset)
        sums, comparators = [first], []
        while token := self._take(*_COMPARATORS):
            comparators.append(_COMPARATORS[token.text])
            sums.append(self._sum())
        parts = [self._compared(sign, *ends) for sign, ends in zip(comparators, pairwise(sums), strict=True)]
        if not parts:
            return first
        return _Part(parts[0] if len(parts) == 1 else Every(tuple(parts)), first.offset)

    def _options(self) -> Iterator[_Part]:
        """Yield the entries of a list."""
        self._need("[")
        yield self._sum()
        while self._take(","):
            yield self._sum()
        self._need("]")

    def _compared(self, comparator: Comparator, left: _Part, right: _Part) -> Comparison:
        ends = self._operand(left), self._operand(right)
        match comparator:
            case "<" | "<=" | ">" | ">=":
                for part in (left, right):
                    self._check_number(part, comparator)
            case "==" | "!=":
                self._check_comparable(comparator, left, right)
            case _:
                assert_never(comparator)
        for one, other in (ends, reversed(ends)):
            if self._lenient or not isinstance(one, FieldValue) or not isinstance(other, Constant):
                continue
            if words := rounded_words(one.path, self._fields[one.path], other.value):
                raise RefusedError(left.offset, words)
        return Comparison(comparator, *ends)

    # Operands

    def _sum(self) -> _Part:
        return self._calculated(self._product, *_OF_SUMS)

    def _product(self) -> _Part:
        return self._calculated(self._factor, *_OF_PRODUCTS)

    def _calculated(self, part: Callable[[], _Part], *signs: Operator) -> _Part:
        left = part()
        while sign := self._take(*signs):
            left = self._arithmetic(_OPERATORS[sign.text], left, part(), sign.offset)
        return left

    def _arithmetic(self, operator: Operator, left: _Part, right: _Part, offset: int) -> _Part:
        """Return the result of an operator on two parts: of two constants a constant."""
        for part in (left, right):
            self._check_number(part, operator)
        tree = Arithmetic(operator, self._operand(left), self._operand(right))
        if operator == "/" and tree.right == Constant(0):
            raise RefusedError(offset, "divides by zero")
        if isinstance(tree.left, Constant) and isinstance(tree.right, Constant):
            try:
                return _Part(Constant(evaluate(tree, {})), left.offset)
            except ArithmeticError:
                raise RefusedError(offset, "does not give a finite number") from None
        return _Part(tree, left.offset)

    def _factor(self) -> _Part:
        kind, text, offset = self._next
        if self._take("-"):
            with self._deeper():
                return self._arithmetic("-", _Part(Constant(0), offset), self._factor(), offset)
        if self._take("("):
            with self._deeper():
                inner = self._either()
            self._need(")")
            return _Part(inner.tree, offset)
        if kind not in ("number", "text", "word") or text in (*_RESERVED, *_INSTEAD):
            self._refuse_next()
        self._at += 1
        if kind == "word" and text not in _WORDS:
            return _Part(FieldValue(self._path(text, offset)), offset)
        return _Part(Constant(self._number(text, offset) if kind == "number" else _WORDS.get(text, text[1:-1])), offset)

    def _number(self, text: str, offset: int) -> float:
        try:
            number = resolve(text)
        except ValueError as error:
            raise RefusedError(offset, str(error)) from None
        if not isinstance(number, int | float):
            raise RefusedError(offset, f"{show(text)} is not a number")
        return number

    def _path(self, name: str, offset: int) -> str:
        """Return the path of the field that a name stands for, alone or after its section."""
        if self._next.text == "(" and self._next.kind == "sign":
            self._refuse_next()
        found = [path for path in self._fields if name in (path, path.partition(".")[2])]
        found = [name] if name in found else found
        if not found:
            raise RefusedError(offset, f"{self._lack} {show(name)}{self._hint(name)}")
        if len(found) > 1:
            raise RefusedError(offset, f"{name} is in several sections; write {listing(found)}")
        (path,) = found
        if lists := [value for value in _samples(self._fields[path]) if _kind(value) == "a list"]:
            raise RefusedError(offset, f"{path} can be {show(lists[0])}, and a constraint takes single values")
        return path

    def _hint(self, name: str) -> str:
        if any(same(name, value) for span in self._fields.values() for value in _samples(span)):
            return f"; a text has quotes: '{name}'"
        known = [*self._fields, *(path.partition(".")[2] for path in self._fields)]
        return did_you_mean(name, [path for path in known if ("." in path) == ("." in name)]) or self._others

    # The kinds of a part

    def _condition(self, part: _Part) -> Condition:
        """Return a part that is a condition: of an operand that is true or false, that it is true."""
        tree, offset = part
        if isinstance(tree, Comparison | Every | Either):
            return tree
        if any(not isinstance(value, bool) for value in self._values(tree)):
            raise RefusedError(offset, "a value alone is not a condition; compare it")
        return Comparison("==", tree, Constant(value=True))

    def _operand(self, part: _Part) -> Operand:
        tree, offset = part
        if isinstance(tree, Comparison | Every | Either):
            raise RefusedError(offset, "a condition is not a value to compare or to calculate with")
        return tree

    def _values(self, operand: Operand) -> Sequence[Any]:
        """Return a value of each kind that an operand can be."""
        match operand:
            case Constant(value):
                return (value,)
            case FieldValue(path):
                return _samples(self._fields[path])
            case Arithmetic():
                return (0,)
            case _:
                assert_never(operand)

    def _check_number(self, part: _Part, sign: Comparator | Operator) -> None:
        operand = self._operand(part)
        others = [value for value in self._values(operand) if _kind(value) != "a number"]
        if others:
            verb = "can be" if isinstance(operand, FieldValue) else "is"
            words = f"{_named(operand)} {verb} {show(others[0])}, {_kind(others[0])}"
            raise RefusedError(part.offset, f"`{sign}` takes numbers, and {words}")

    def _check_comparable(self, sign: Comparator, left: _Part, right: _Part) -> None:
        """Check that two operands can be equal."""
        ends = self._operand(left), self._operand(right)
        kinds = [dict.fromkeys(map(_kind, self._values(end))) for end in ends]
        if not self._lenient and all(kinds) and not kinds[0].keys() & kinds[1].keys():
            first, second = (f"{_named(end)} is {listing(found)}" for end, found in zip(ends, kinds, strict=True))
            raise RefusedError(left.offset, f"{first}, and {second}, so `{sign}` is the same in every trial")
        for one, other in (ends, reversed(ends)):
            if isinstance(one, FieldValue) and isinstance(other, Constant) and not self._can_be(one.path, other.value):
                options = [value for value in _samples(self._fields[one.path]) if isinstance(value, str)]
                hint = did_you_mean(str(other.value), options)
                raise RefusedError(left.offset, f"{one.path} is never {show(other.value)}{hint}")

    def _can_be(self, path: str, value: Any) -> bool:
        span = self._fields[path]
        if self._lenient or span == Choice(()):
            return True
        return span.contains(value) if isinstance(span, Distribution) else same(span, value)


def _samples(span: Any) -> Sequence[Any]:
    """Return a value of each kind that a constant or a range can be; none for fields that could not be read."""
    if not isinstance(span, Distribution):
        return (span,)
    return (span.low,) if isinstance(span, NumberRange) else span.options


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case _:
            return "a list"


def _named(operand: Operand) -> str:
    match operand:
        case FieldValue(path):
            return path
        case Constant(value):
            return f"'{show(value)}'" if isinstance(value, str) else show(value)
        case Arithmetic():
            return "what is calculated"
        case _:
            assert_never(operand)
