"""The files of the checkout, each read and parsed once in a process, for the rules that hold for all of them.

And the scripts of docs/, which belong to no package; and notebooks, run in a real kernel.

A rule is one test over all files: it names each offender with its file and line.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

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


def docs_script(name: str) -> ModuleType:
    """Return the script docs/NAME.py as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


_RUN = """
import sys
import nbclient, nbformat

notebook = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(notebook)
nbclient.NotebookClient(notebook, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""
"""Runs a notebook in a process of its own: nbclient handles the signals of the one that it runs in."""


def execute(notebook: Path, executed: Path) -> None:
    """Run a notebook from its first cell to its last, and write it with its outputs."""
    subprocess.run([sys.executable, "-c", _RUN, notebook, executed], check=True)
