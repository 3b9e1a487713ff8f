"""The house rules of CONTRIBUTING.md: small packages that say what they are, faces, imports that flow down as drawn."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import grimp
import pytest

from support.paths import ROOT, TESTS

TREES = ("search", "mnist_bench")
MAX_MODULES = 10
"""In one package, `__init__` aside: about what a listing shows at a glance."""
HEAVY = {"torch", "torchvision", "matplotlib", "optuna", "typer", "rich", "ray"}
"""What takes long to import, or belongs to one package alone."""
PUBLIC = {"mnist_bench", "search"}
"""Their faces are for users: nobody here need use each name."""
RETIRED = {
    "ablation_path", "asked", "belonging", "conditions", "confirm_runs", "confirmed", "crew", "door", "estimates",
    "finding", "fixed", "frames", "housekeeping", "judging", "keeper", "kept", "meter", "mirror", "mirror_check",
    "pages", "parcel", "passes", "patience", "probe", "proposers", "purse", "ray_carrier", "relatives", "resident",
    "ring", "searching", "spending", "starts", "states", "trainee", "twin", "wording", "workshop",
}  # fmt: skip
"""Names that modules once had and that said little."""


def package_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parent.parts)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SOURCES = sorted(path for tree in TREES for path in (ROOT / tree).rglob("*.py"))
PACKAGES = {package_of(path): path.parent for path in SOURCES if path.name == "__init__.py"}
MODULES = {module_of(path) for path in SOURCES}
FACES = {package: folder / "__init__.pyi" for package, folder in PACKAGES.items() if (folder / "__init__.pyi").exists()}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def names_in_face(package: str) -> frozenset[str]:
    """Return the names that a face gives away."""
    imports = [node for node in tree_of(FACES[package]).body if isinstance(node, ast.ImportFrom)]
    return frozenset(alias.asname or alias.name for node in imports for alias in node.names)


def is_inside(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


# Packages


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_lives_there(package: str) -> None:
    said = ast.get_docstring(tree_of(PACKAGES[package] / "__init__.py")) or ""
    assert len(said.split()) >= 4
    assert len(said.splitlines()) <= 3 or package in PUBLIC


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_seen_at_a_glance(package: str) -> None:
    modules = [path.stem for path in PACKAGES[package].glob("*.py") if path.stem != "__init__"]
    assert len(modules) <= MAX_MODULES, f"{package} wants to be two packages: {sorted(modules)}"


def test_no_retired_name_has_come_back() -> None:
    assert {module for module in MODULES if module.rpartition(".")[2] in RETIRED} == set()


@pytest.mark.parametrize("tree", TREES)
def test_tests_mirror_the_packages(tree: str) -> None:
    folders = {path.parent.relative_to(TESTS) for path in (TESTS / tree).rglob("test_*.py")}
    assert {str(folder) for folder in folders if ".".join(folder.parts) not in PACKAGES} == set()


def test_tests_of_commands_mirror_the_command_line() -> None:
    folders = {path.parent.relative_to(TESTS) for path in (TESTS / "cli").rglob("test_*.py")}
    assert {str(folder) for folder in folders if f"mnist_bench.{'.'.join(folder.parts)}" not in PACKAGES} == set()


# Faces


@pytest.mark.parametrize("package", FACES)
def test_every_name_of_a_face_is_there(package: str) -> None:
    face = import_module(package)
    assert set(face.__all__) == names_in_face(package)
    assert [name for name in face.__all__ if not hasattr(face, name)] == []


@cache
def used() -> frozenset[tuple[str, str]]:
    """Return (package, name) of each name of a face that somebody outside the package uses, or that is public."""
    everywhere = [*SOURCES, *(path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))]
    inside = {
        (package, name)
        for path in everywhere
        for package, name in names_used(tree_of(path))
        if not is_inside(module_of(path), package)
    }
    return frozenset(inside | set(public_names()))


def public_names() -> Iterator[tuple[str, str]]:
    """Yield (package, name) of each name that the face of a whole tree takes from a package's face."""
    for tree in TREES:
        for node in ast.walk(tree_of(ROOT / tree / "__init__.pyi")):
            if isinstance(node, ast.ImportFrom):
                yield from ((f"{tree}.{node.module}", alias.name) for alias in node.names)


def names_used(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (package, name) where a name is imported from a package, or is an attribute of one that was imported."""
    packages: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name
                packages[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            packages |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in packages:
            yield packages[node.value.id], node.attr


@pytest.mark.parametrize("package", sorted(set(FACES) - PUBLIC))
def test_every_name_of_a_face_is_used_outside(package: str) -> None:
    assert {name for name in names_in_face(package) if (package, name) not in used()} == set()


def past_the_face(path: Path) -> Iterator[str]:
    """Yield what a file imports from the modules of a package that is not its own.

    A name that a module of the package has, too, cannot stand in the face: `confirm.run` is the module.
    """
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.ImportFrom) or node.module not in MODULES - set(PACKAGES):
            continue
        package = node.module.rpartition(".")[0]
        if package not in TREES and not is_inside(module_of(path), package):
            names = [alias.name for alias in node.names if f"{package}.{alias.name}" not in MODULES]
            yield from (f"from {node.module} import {name}" for name in names)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_name_comes_from_its_packages_face(path: Path) -> None:
    assert list(past_the_face(path)) == []


IMPORT_ALONE = """
import json, sys
from importlib import import_module
loaded = {}
for package in sys.argv[2:]:
    import_module(package)
    loaded[package] = sorted(set(json.loads(sys.argv[1])) & set(sys.modules))
print(json.dumps(loaded))
"""


def test_a_face_alone_loads_nothing_heavy() -> None:
    command = [sys.executable, "-c", IMPORT_ALONE, json.dumps(sorted(HEAVY)), *sorted(PACKAGES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert set(loaded) == set(PACKAGES)
    assert {package: heavy for package, heavy in loaded.items() if heavy} == {}


# The glossary and the picture

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
PICTURE = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
TOP = {package for package in PACKAGES if package.count(".") == 1}
"""The packages right below `search` and `mnist_bench`, which the picture shows."""
Arrows = frozenset[tuple[str, str]]


def test_seven_words_are_explained_before_anything_else() -> None:
    words = re.findall(r"^\| (\w+) \| [A-Z]", PAGE[: PAGE.index("## The packages")], re.MULTILINE)
    assert words == ["slot", "lane", "period", "segment", "canary", "digest", "fingerprint"]


def drawn() -> tuple[dict[str, str], Arrows]:
    """Return the packages in the picture, by the name that stands there, and the arrows between them."""
    assert PICTURE
    packages: dict[str, str] = {}
    tree = ""
    for line in PICTURE[1].splitlines():
        if match := re.fullmatch(r"\s*subgraph (\w+)", line):
            tree = match[1]
        elif match := re.fullmatch(r'\s*(\w+)\["(\w+)<br/>.+"\]', line):
            assert match[1] == match[2]
            packages[match[1]] = f"{tree}.{match[1]}"
    lines = re.findall(r"^\s*(\w+) --> (\w+(?: & \w+)*)$", PICTURE[1], re.MULTILINE)
    return packages, frozenset((packages[upper], packages[to]) for upper, many in lines for to in many.split(" & "))


@cache
def imports() -> Arrows:
    """Return which of these packages import which, by the modules in them."""
    graph = grimp.build_graph(*TREES)
    pairs = [(one, other) for one in graph.modules for other in graph.find_modules_directly_imported_by(one)]
    found = {(".".join(one.split(".")[:2]), ".".join(other.split(".")[:2])) for one, other in pairs}
    return frozenset((upper, lower) for upper, lower in found if upper != lower and {upper, lower} <= TOP)


def below(package: str, arrows: Arrows) -> set[str]:
    """Return all packages that arrows lead to from this one."""
    direct = {lower for upper, lower in arrows if upper == package}
    return direct.union(*(below(lower, arrows) for lower in direct))


def test_the_picture_shows_the_packages_that_there_are() -> None:
    assert set(drawn()[0].values()) == TOP


def test_the_list_of_places_names_what_there_is() -> None:
    section = PAGE.partition("## Where things are")[2].partition("\n## ")[0]
    folders = set(re.findall(r"^      (\w+)/ ", section, re.MULTILINE))
    assert folders == {package.rpartition(".")[2] for package in TOP}
    spaces = {path.name for path in (ROOT / "spaces").glob("*.yaml")}
    assert spaces - set(re.findall(r"[\w-]+\.yaml", section)) == set()


def test_every_arrow_of_the_picture_is_an_import() -> None:
    assert drawn()[1] - imports() == set()


def test_every_import_between_packages_follows_arrows() -> None:
    arrows = drawn()[1]
    assert {(upper, lower) for upper, lower in imports() if lower not in below(upper, arrows)} == set()


def test_no_arrow_says_what_others_say() -> None:
    arrows = drawn()[1]
    assert {arrow for arrow in arrows if arrow[1] in below(arrow[0], arrows - {arrow})} == set()


# The folder of a study


ON_DISK = {
    "study.db", "begun", "driver.lock", "workers.log", "states", "leaderboard.json", "test-openings.jsonl",
    "report.html", "confirm.json", "front.json", "ablation.json", "audit.json", "progress.json", "records", "aside",
}  # fmt: skip
"""Names of a study's files, as users have them; "weights" and "plots" are left out, for they are words, too."""


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_one_module_names_the_files_of_a_studys_folder(path: Path) -> None:
    texts = {node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant)}
    assert path == ROOT / "search" / "study" / "folder.py" or {text for text in texts if text in ON_DISK} == set()
