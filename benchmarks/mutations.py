"""Single faults that can be planted in a module: another comparison, a constant off by one, a statement left out.

Code that no test can notice is left alone: annotations, decorators, messages of errors and docstrings.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Any

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
WORDS = {"and": "or", "or": "and", "is": "is not", "is not": "is", "in": "not in", "not in": "in"}
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "*", "**": "*"}
OPERATORS = COMPARISONS | WORDS | ARITHMETIC
OPERATOR = re.compile(r"[<>=!+*/%-]+|\b(is\s+not|is|not\s+in|in|and|or)\b")
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
SYMMETRIC = ("min", "max", "isinstance", "isclose", "cast")
"""Functions whose first two arguments may change places, or must not."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Texts that a program compares, looks up or hashes; others are for people."""
WITHOUT_FAULTS = ("annotation", "returns", "decorator_list", "bases", "exc", "cause")
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")

Edit = tuple[int, int, str]
"""The first byte that is replaced, the byte after the last, and the text in their place."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One edit of a module's source."""

    module: str  # its path in the checkout
    name: str  # with the function or class; does not depend on changes elsewhere in the module
    edit: Edit
    lines: range
    """Lines that run where the edit has an effect; none if that is once in a process, as while it is imported."""

    def planted(self, source: bytes) -> bytes:
        """Return the module's source with the fault."""
        start, end, text = self.edit
        return source[:start] + text.encode() + source[end:]


def mutations(module: str, source: bytes) -> Iterator[Mutation]:
    """Yield all faults that can be planted in a module, in the order of its source."""
    edits = _Edits(source)
    seen: Counter[str] = Counter()

    def found(nodes: list[Any], within: str, in_function: bool) -> Iterator[Mutation]:
        for node in nodes:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            blocks = [block for name in BLOCKS if (block := getattr(node, name, None))]
            place, inside, first = within, in_function, _first_line(node)
            after = _first_line(blocks[0][0]) if blocks else node.end_lineno + 1
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                place = f"{within}.{node.name}".lstrip(".")
                is_once = isinstance(node, ast.ClassDef) or "cache" in map(ast.unparse, node.decorator_list)
                inside = in_function or not is_once
                after = (node.end_lineno or first) + 1
            for start, end, text in edits.of(node):
                name = f"{module}:{place}: {_on_one_line(source[start:end].decode())} -> {_on_one_line(text)}"
                seen[name] += 1
                name += f" ({seen[name]})" if seen[name] > 1 else ""
                lines = range(first, max(first + 1, after)) if inside else range(0)
                yield Mutation(module, name, (start, end, text), lines)
            for block in blocks:
                yield from found(block, place, inside)

    yield from found(ast.parse(source).body, "", in_function=False)


class _Edits:
    """The edits of the statements of one source."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._starts = list(accumulate(map(len, source.splitlines(keepends=True)), initial=0))

    def of(self, node: ast.AST) -> Iterator[Edit]:
        """Yield the edits of a statement or an expression, without those of the statements in it."""
        if (replacement := _left_out(node)) is not None:
            yield self._replaced(node, replacement)
        match node:
            case ast.JoinedStr() | ast.Subscript(value=ast.Name(id="Literal")):
                return
            case ast.Compare(left=left, comparators=others):
                yield from self._between(left, *others)
            case ast.BinOp(left=left, right=right) if not _is_text(left) and not _is_text(right):
                yield from self._between(left, right)
            case ast.BoolOp(values=values):
                yield from self._between(*values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._replaced(node, f"({self._text(operand)})")
            case ast.IfExp(test=test) | ast.If(test=test) | ast.While(test=test):
                yield from self._negated(test)
            case ast.comprehension(ifs=conditions):
                yield from chain.from_iterable(map(self._negated, conditions))
            case ast.Call():
                yield from self._call(node)
        for name, child in ast.iter_fields(node):
            for item in child if isinstance(child, list) else [child]:
                if name in WITHOUT_FAULTS or isinstance(item, ast.stmt | ast.excepthandler | ast.match_case):
                    continue
                if isinstance(item, ast.Constant):
                    yield from self._constant(item, node)
                elif isinstance(item, ast.AST):
                    yield from self.of(item)

    def _constant(self, node: ast.Constant, parent: ast.AST) -> Iterator[Edit]:
        """Yield the edits of a constant, with the expression around it if that is short, by which they are known."""
        start, end = first, last = self._span(node)
        if getattr(parent, "lineno", 0) == getattr(parent, "end_lineno", None):
            first, last = self._span(parent)
        before, after = self._source[first:start].decode(), self._source[end:last].decode()
        for text in _other_constants(node.value):
            yield first, last, f"{before}{text}{after}"

    def _call(self, node: ast.Call) -> Iterator[Edit]:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if isinstance(node.func, ast.Name) and name in FUNCTIONS and not (name == "sorted" and node.keywords):
            yield self._replaced(node.func, FUNCTIONS[name])
        if name not in SYMMETRIC:
            match node.args:
                # Others have types so unlike that any call fails.
                case [ast.Name() | ast.Attribute() as first, ast.Name() | ast.Attribute() as second, *_]:
                    if self._text(first) != self._text(second):
                        (start, until), (since, end) = self._span(first), self._span(second)
                        between = self._source[until:since].decode()
                        yield start, end, f"{self._text(second)}{between}{self._text(first)}"

    def _negated(self, test: ast.expr) -> Iterator[Edit]:
        match test:
            # Their own change negates them.
            case (
                ast.UnaryOp()
                | ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot() | ast.In() | ast.NotIn()])
            ):
                return
        yield self._replaced(test, f"not ({self._text(test)})")

    def _between(self, *operands: ast.expr) -> Iterator[Edit]:
        """Yield the edits of the operators between expressions; the name of each shows both sides."""
        for left, right in pairwise(operands):
            between = self._source[self._span(left)[1] : self._span(right)[0]].decode()
            if (found := OPERATOR.search(between)) and (other := OPERATORS.get(_on_one_line(found[0]))):
                changed = f"{between[: found.start()]}{other}{between[found.end() :]}"
                yield self._span(left)[0], self._span(right)[1], f"{self._text(left)}{changed}{self._text(right)}"

    def _replaced(self, node: ast.AST, text: str) -> Edit:
        return (*self._span(node), text)

    def _span(self, node: Any) -> tuple[int, int]:
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()


def _left_out(node: ast.AST) -> str | None:
    """Return the replacement of a statement that is left out; None if it stays."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            return None
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Break() | ast.Continue():
            return "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AnnAssign(target=ast.Attribute()):
            return "pass"
        # For None instead of False no caller has an eye.
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and not value.value):
            return "return None"
        case _:
            return None


def _other_constants(value: object) -> list[str]:
    match value:
        case bool():
            return [str(not value)]
        case int():
            return [str(value + 1), *([str(value - 1)] if value else [])]
        case float() if value:
            return [repr(value * 2)]
        case str() if NAME.fullmatch(value):
            return [f'"{value}_"']
        case _:
            return []


def _first_line(node: Any) -> int:
    return int(getattr(node, "pattern", node).lineno)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
