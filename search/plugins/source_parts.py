"""What a process executes of a file that it loads for one function: the loading ends where a search begins."""

from __future__ import annotations

import ast

MAIN = "__name__ == '__main__'"


def loaded_source(source: bytes) -> bytes:
    """Return the statements of a file that a function of it may depend on, with what stands inside them.

    These are the statements above the first `... = search.run(...)`, without `if __name__ == "__main__":`. So a search
    that stands in the same file may get more trials, and what follows it may change. A file with faults is returned
    whole.

    >>> loaded_source(b"import search\\nN = 3\\nstudy = search.run(f, space, trials=50)\\nprint(study)\\n")
    b'import search\\nN = 3'
    """
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):
        return source
    lines = source.splitlines()
    kept: list[bytes] = []
    for statement in statements:
        if _begins_a_search(statement):
            break
        if not _is_for_the_command_line(statement):
            kept += lines[_first_line(statement) - 1 : statement.end_lineno]
    return b"\n".join(kept)


def _begins_a_search(statement: ast.stmt) -> bool:
    """Return whether a statement calls `search.run` for certain; one that may, such as a loop, is taken as code."""
    if not isinstance(statement, ast.Expr | ast.Assign):
        return False
    calls = [node.func for node in ast.walk(statement.value) if isinstance(node, ast.Call)]
    return "search.run" in map(ast.unparse, calls)


def _is_for_the_command_line(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and not statement.orelse and ast.unparse(statement.test) == MAIN


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])
