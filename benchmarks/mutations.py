"""Single faults that can be planted in a module: another comparison, a constant off by one, a statement left out.

Code that no test can notice is left alone: annotations, decorators, messages of errors and docstrings.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
NEGATED = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
"""Comparisons whose change negates them."""
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
SYMMETRIC = ("min", "max", "isinstance", "isclose", "cast")
"""Functions whose first two arguments may change places, or must not."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Texts that a program compares, looks up or hashes; others are for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutation:
    """One edit of a module's source."""

    module: str
    """Its path in the checkout."""
    within: str
    """Qualified name of the function or class, empty outside of any."""
    was: str
    becomes: str
    nth: int
    """Number among equal edits in the same place, from 0 on."""
    start: int
    end: int
    """Bytes of the source that are replaced."""
    lines: range
    """Lines that run where the edit has an effect."""
    at_import: bool
    """Whether it has its effect when the module is imported."""

    @property
    def name(self) -> str:
        """Its name, which does not depend on changes elsewhere in the module."""
        again = f" ({self.nth + 1})" if self.nth else ""
        return f"{self.module}:{self.within}: {_on_one_line(self.was)} -> {_on_one_line(self.becomes)}{again}"

    @property
    def line(self) -> int:
        """The first line that it concerns."""
        return self.lines.start

    def planted(self, source: bytes) -> bytes:
        """Return the module's source with the fault."""
        return source[: self.start] + self.becomes.encode() + source[self.end :]


def mutations(module: str, source: bytes) -> list[Mutation]:
    """Return all faults that can be planted in a module."""
    return list(_Finder(module, source).found(ast.parse(source)))


@dataclass(frozen=True, slots=True)
class _Place:
    within: str = ""
    lines: range | None = None
    """Lines that run with what is defined here; None outside of functions and classes."""
    in_function: bool = False


class _Finder:
    """Walks a module from its beginning to its end."""

    def __init__(self, module: str, source: bytes) -> None:
        self._module = module
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def found(self, tree: ast.Module) -> Iterator[Mutation]:
        yield from self._block(tree.body, _Place())

    def _block(self, statements: Sequence[ast.stmt], place: _Place) -> Iterator[Mutation]:
        for statement in statements:
            yield from self._statement(statement, place)

    def _statement(self, node: ast.stmt, place: _Place) -> Iterator[Mutation]:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                lines = range(node.lineno, _end_of(node) + 1)
                within = f"{place.within}.{node.name}".lstrip(".")
                inner = _Place(within, lines, place.in_function or not isinstance(node, ast.ClassDef))
                defaults = [] if isinstance(node, ast.ClassDef) else [*node.args.defaults, *node.args.kw_defaults]
                yield from self._expressions(node, defaults, inner, lines)
                yield from self._block(node.body, inner)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Import() | ast.ImportFrom():
                return
            case _:
                yield from self._plain(node, place)

    def _plain(self, node: ast.stmt, place: _Place) -> Iterator[Mutation]:
        """Yield the faults of a statement that defines nothing, and of the statements in it."""
        blocks = [block for name in ("body", "orelse", "finalbody") if (block := getattr(node, name, None))]
        first = min((block[0].lineno for block in blocks), default=_end_of(node) + 1)
        lines = range(node.lineno, max(first, node.lineno + 1))
        if not place.in_function:
            lines = place.lines or range(1, len(self._starts))
        if (replacement := _left_out(node)) is not None:
            yield self._mutation(node, replacement, place, lines)
        if not isinstance(node, ast.Raise):
            for name, child in ast.iter_fields(node):
                if name not in ("body", "orelse", "finalbody", "annotation", "handlers", "cases"):
                    yield from self._expressions(node, child, place, lines)
        if isinstance(node, ast.If | ast.While):
            yield from self._negated(node.test, place, lines)
        for block in blocks:
            yield from self._block(block, place)
        for handler in getattr(node, "handlers", []):
            yield from self._block(handler.body, place)
        for case in getattr(node, "cases", []):
            inside = range(case.pattern.lineno, case.body[0].lineno + 1)
            yield from self._expressions(case, [case.pattern, case.guard], place, inside)
            yield from self._block(case.body, place)

    def _expressions(self, parent: ast.AST, child: object, place: _Place, lines: range) -> Iterator[Mutation]:
        for item in child if isinstance(child, list) else [child]:
            if isinstance(item, ast.Constant):
                yield from self._constant(item, parent, place, lines)
            elif isinstance(item, ast.AST):
                yield from self._expression(item, place, lines)

    def _expression(self, node: ast.AST, place: _Place, lines: range) -> Iterator[Mutation]:
        match node:
            case ast.JoinedStr() | ast.Subscript(value=ast.Name(id="Literal")):
                return
            case ast.Compare():
                sides = [node.left, *node.comparators]
                for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
                    yield self._between(left, right, COMPARISONS[type(operator)], place, lines)
            case ast.BinOp() if type(node.op) in ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
                yield self._between(node.left, node.right, ARITHMETIC[type(node.op)], place, lines)
            case ast.BoolOp():
                words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
                for left, right in zip(node.values, node.values[1:], strict=False):
                    yield self._between(left, right, words, place, lines)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._mutation(node, f"({self._text(operand)})", place, lines)
            case ast.IfExp(test=test):
                yield from self._negated(test, place, lines)
            case ast.comprehension(ifs=conditions):
                for condition in conditions:
                    yield from self._negated(condition, place, lines)
            case ast.Call():
                yield from self._call(node, place, lines)
        for name, child in ast.iter_fields(node):
            if name != "annotation":
                yield from self._expressions(node, child, place, lines)

    def _constant(self, node: ast.Constant, parent: ast.AST, place: _Place, lines: range) -> Iterator[Mutation]:
        """Yield the faults of a constant; an edit is known by the expression around it, if that is short."""
        (start, end), whole = self._span(node), self._whole(parent)
        for text in _other_constants(node.value):
            before, after = self._source[whole[0] : start].decode(), self._source[end : whole[1]].decode()
            if whole == (0, 0):
                yield self._edit(start, end, text, place, lines)
            else:
                yield self._edit(*whole, f"{before}{text}{after}", place, lines)

    def _whole(self, parent: ast.AST) -> tuple[int, int]:
        """Return the bytes of an expression or statement that names an edit; (0, 0) if it is too long for that."""
        if not hasattr(parent, "lineno") or parent.lineno != _end_of(parent) or isinstance(parent, ast.JoinedStr):
            return 0, 0
        return self._span(parent)

    def _call(self, node: ast.Call, place: _Place, lines: range) -> Iterator[Mutation]:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if isinstance(node.func, ast.Name) and name in FUNCTIONS and not (name == "sorted" and node.keywords):
            yield self._mutation(node.func, FUNCTIONS[name], place, lines)
        if len(node.args) > 1 and name not in SYMMETRIC:
            first, second = node.args[:2]
            texts = self._text(first), self._text(second)
            # Others have types so unlike that any call fails.
            are_names = isinstance(first, ast.Name | ast.Attribute) and isinstance(second, ast.Name | ast.Attribute)
            if are_names and texts[0] != texts[1]:
                start, end = self._span(first)[0], self._span(second)[1]
                between = self._source[self._span(first)[1] : self._span(second)[0]].decode()
                yield self._edit(start, end, f"{texts[1]}{between}{texts[0]}", place, lines)

    def _negated(self, test: ast.expr, place: _Place, lines: range) -> Iterator[Mutation]:
        is_done = isinstance(test, ast.UnaryOp) or (
            isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], NEGATED)
        )
        if not is_done:
            yield self._mutation(test, f"not ({self._text(test)})", place, lines)

    def _between(
        self, left: ast.expr, right: ast.expr, words: tuple[str, str], place: _Place, lines: range
    ) -> Mutation:
        """Replace the operator that stands between two expressions; the name of the edit shows both."""
        start, end = self._span(left)[0], self._span(right)[1]
        between = self._source[self._span(left)[1] : self._span(right)[0]].decode()
        pattern = r"\b" + words[0].replace(" ", r"\s+") + r"\b" if words[0].isalpha() else re.escape(words[0])
        if " " in words[0]:
            pattern = r"\b" + words[0].replace(" ", r"\s+") + r"\b"
        other = re.sub(pattern, words[1], between, count=1)
        return self._edit(start, end, f"{self._text(left)}{other}{self._text(right)}", place, lines)

    def _mutation(self, node: ast.AST, text: str, place: _Place, lines: range) -> Mutation:
        return self._edit(*self._span(node), text, place, lines)

    def _edit(self, start: int, end: int, text: str, place: _Place, lines: range) -> Mutation:
        was = self._source[start:end].decode()
        key = (place.within, _on_one_line(was), _on_one_line(text))
        self._seen[key] += 1
        return Mutation(
            module=self._module, within=place.within, was=was, becomes=text, nth=self._seen[key] - 1,
            start=start, end=end, lines=lines, at_import=not place.in_function,
        )  # fmt: skip

    def _span(self, node: ast.AST) -> tuple[int, int]:
        start = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return start, self._starts[_end_of(node) - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()


def _left_out(node: ast.stmt) -> str | None:
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


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _end_of(node: ast.AST) -> int:
    return int(node.end_lineno)  # type: ignore[attr-defined]


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
