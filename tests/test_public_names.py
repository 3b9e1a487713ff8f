"""The two public packages load a name at its first use, and editors read where it comes from."""

import ast
from importlib import import_module
from inspect import unwrap
from pathlib import Path

import pytest


@pytest.mark.parametrize("package", ["search", "mnist_bench"])
def test_python_loads_what_editors_read(package: str) -> None:
    public = import_module(package)
    read = next(
        node for node in ast.parse(Path(str(public.__file__)).read_text("utf-8")).body if isinstance(node, ast.If)
    )
    named = {alias.name: node.module for node in read.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert named.keys() == set(public.__all__)
    for name, module in named.items():
        assert unwrap(getattr(public, name)) is unwrap(getattr(import_module(str(module)), name))
