"""How heavy the project is: lines, tokens, modules, classes, functions, tests, words, megabytes. Prints a table.

    python benchmarks/weight.py [FOLDER]     of a checkout; this one by default

Files under git count. Tokens are those of Python's tokenizer without comments, docstrings and imports, so that another
layout of the same code weighs the same. Public docstrings (of modules, and of classes and functions whose path has no
leading underscore) and comments are counted apart, in words: they are not what is to be cut.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

LAYOUT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}  # fmt: skip
PARTS = {"search": ("search/",), "mnist_bench": ("mnist_bench/",), "tests": ("tests/",), "benchmarks": ("benchmarks/",)}
ELSE = (".j2", ".yaml", ".json", ".js", ".css", ".html")
"""Files of the product that are not Python."""
FIGURES = ("lines", "tokens", "modules", "classes", "functions", "def test_")
ROWS = (*FIGURES, "public docstrings, words", "comments, words")


def weight(source: str) -> Counter[str]:
    """Return what a module weighs."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    left_out = {line for node in not_code(tree) for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    return Counter(
        {
            "lines": source.count("\n"),
            "tokens": sum(each.type not in LAYOUT and each.start[0] not in left_out for each in tokens),
            "modules": 1,
            "classes": sum(isinstance(node, ast.ClassDef) for node in nodes),
            "functions": len(functions),
            "def test_": sum(node.name.startswith("test_") for node in functions),
            "public docstrings, words": sum(len(text.split()) for text in public_docstrings(tree)),
            "comments, words": sum(len(each.string.split()) - 1 for each in tokens if each.type == tokenize.COMMENT),
        }
    )


def not_code(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield imports, and texts that stand alone: docstrings of modules, classes, functions and fields."""
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                yield node


def public_docstrings(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the docstrings that a reader of the documentation could see."""
    yield ast.get_docstring(node) or ""
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield from public_docstrings(child)


def table(folder: Path) -> Iterator[str]:
    """Yield the lines of the table."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=folder, capture_output=True, text=True, check=True)
    files = [name for name in listed.stdout.split("\0") if name and (folder / name).exists()]
    found = {
        part: sum((weight(text(folder / name)) for name in python(files, tops)), Counter())
        for part, tops in PARTS.items()
    }
    found["product"] = found["search"] + found["mnist_bench"]
    columns = ("search", "mnist_bench", "product", "tests", "benchmarks")
    yield "| | " + " | ".join(columns) + " |"
    yield "|---|" + "---:|" * len(columns)
    for row in ROWS:
        yield f"| {row} | " + " | ".join(f"{found[column][row]:,}" for column in columns) + " |"
    other = [name for name in files if name.startswith(("search/", "mnist_bench/", "spaces/")) and name.endswith(ELSE)]
    lines = sum(text(folder / name).count("\n") for name in other)
    words = {name: len(text(folder / name).split()) for name in files if name.endswith(".md")}
    published = sum(count for name, count in words.items() if name.startswith("results/published"))
    size = {name: (folder / name).stat().st_size for name in files if not (folder / name).is_symlink()}
    yield ""
    yield f"Other files of the product ({', '.join(ELSE)}): {lines:,} lines in {len(other)} files."
    yield f"Words of .md outside results/published: {sum(words.values()) - published:,}; in it: {published:,}."
    yield f"Pages of docs: {sum(name.startswith('docs/') for name in words)}."
    yield f"Under git: {megabytes(size)} MB, of which results/published has {megabytes(size, 'results/published')} MB."


def python(files: Sequence[str], tops: tuple[str, ...]) -> list[str]:
    """Return the Python files below folders."""
    return [name for name in files if name.startswith(tops) and name.endswith(".py")]


def megabytes(size: dict[str, int], top: str = "") -> str:
    """Return the size of the files below a folder, in MB."""
    return f"{sum(each for name, each in size.items() if name.startswith(top)) / 1e6:.1f}"


def text(path: Path) -> str:
    """Return a file's text."""
    return path.read_text(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    print("\n".join(table(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]))))
