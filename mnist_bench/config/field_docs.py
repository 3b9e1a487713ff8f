"""The docstrings under the fields of a dataclass, which Python itself forgets."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import is_dataclass
from functools import cache
from itertools import pairwise


@cache
def field_docs(cls: type) -> dict[str, str]:
    """Return the text under each field of `cls` on one line, by the field's name, from the class's source.

    Of an inherited field it is the base's, unless the class declares the field again. There is none if Python finds no
    source, as for a class that `make_dataclass` made.
    """
    docs: dict[str, str] = {}
    for declaring in filter(is_dataclass, reversed(cls.__mro__)):
        docs |= _own_docs(declaring)
    return docs


def _own_docs(cls: type) -> dict[str, str]:
    """Return the same of the fields that the class itself declares."""
    try:
        # A class that stands inside another, or in a function, is indented.
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = next(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    docs: dict[str, str] = {}
    for statement, following in pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            docs[statement.target.id] = _text(following)
    return {name: text for name, text in docs.items() if text}


def _text(statement: ast.stmt) -> str:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return ""
    return " ".join(str(statement.value.value).split())
