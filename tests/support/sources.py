"""The files of the checkout, each read and parsed once in a process, for the rules that hold for all of them.

A rule is one test over all files: it names each offender with its file and line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from support.paths import ROOT


def modules_in(*folders: str) -> list[Path]:
    """Return the modules in these folders of the checkout, in order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


SOURCES = modules_in("search", "mnist_bench")


@cache
def text_of(path: Path) -> str:
    return path.read_text()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(path)))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def place(path: Path, line: int = 1) -> str:
    """Return where something stands, as compilers write it."""
    return f"{path.relative_to(ROOT)}:{line}"


def refuse(offenders: Iterable[str]) -> None:
    """Fail with a line for each offender."""
    found = list(offenders)
    assert not found, "\n".join(["", *found])


def found_in(path: Path, pattern: str) -> Iterator[tuple[str, str]]:
    """Yield (place, the first group) of all that matches a pattern in a file, `^` and `$` being those of its lines."""
    text = text_of(path)
    for match in re.finditer(pattern, text, re.MULTILINE):
        yield place(path, text.count("\n", 0, match.start(1)) + 1), match[1]
