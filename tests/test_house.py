"""The house rules of CONTRIBUTING.md: small packages that say what they are, faces, imports that flow down as drawn."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path

import grimp
import pytest

from support.paths import ROOT, TESTS
from support.sources import SOURCES, module_of, modules_in, nodes_of, place, refuse, tree_of

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


PACKAGES = {package_of(path): path.parent for path in SOURCES if path.name == "__init__.py"}
MODULES = {module_of(path) for path in SOURCES}
SINGLE = MODULES - set(PACKAGES)
FACES = {package: folder / "__init__.pyi" for package, folder in PACKAGES.items() if (folder / "__init__.pyi").exists()}


@cache
def names_in_face(package: str) -> frozenset[str]:
    """Return the names that a face gives away."""
    imports = [node for node in tree_of(FACES[package]).body if isinstance(node, ast.ImportFrom)]
    return frozenset(alias.asname or alias.name for node in imports for alias in node.names)


def is_inside(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


# Packages


def test_a_package_says_in_a_few_words_what_lives_there() -> None:
    said = {package: ast.get_docstring(tree_of(folder / "__init__.py")) or "" for package, folder in PACKAGES.items()}
    refuse(
        f"{place(PACKAGES[package] / '__init__.py')}: {text!r}"
        for package, text in said.items()
        if len(text.split()) < 4 or (len(text.splitlines()) > 3 and package not in PUBLIC)
    )


def test_a_package_is_seen_at_a_glance() -> None:
    modules = Counter(package_of(path) for path in SOURCES if path.stem != "__init__")
    refuse(f"{package} has {count} modules" for package, count in modules.items() if count > MAX_MODULES)


def test_no_retired_name_has_come_back() -> None:
    assert {module for module in MODULES if module.rpartition(".")[2] in RETIRED} == set()


def test_tests_mirror_the_packages() -> None:
    folders = {path.parent.relative_to(TESTS) for tree in TREES for path in (TESTS / tree).rglob("test_*.py")}
    assert {str(folder) for folder in folders if ".".join(folder.parts) not in PACKAGES} == set()


def test_tests_of_commands_mirror_the_command_line() -> None:
    folders = {path.parent.relative_to(TESTS) for path in (TESTS / "cli").rglob("test_*.py")}
    assert {str(folder) for folder in folders if f"mnist_bench.{'.'.join(folder.parts)}" not in PACKAGES} == set()


# Faces


def test_every_name_of_a_face_is_there() -> None:
    faces = {package: import_module(package) for package in FACES}
    assert {package: {*face.__all__} for package, face in faces.items()} == {
        package: {*names_in_face(package)} for package in FACES
    }
    refuse(f"{package}.{name}" for package, face in faces.items() for name in face.__all__ if not hasattr(face, name))


@cache
def used() -> frozenset[tuple[str, str]]:
    """Return (package, name) of each name of a face that somebody outside the package uses, or that is public."""
    inside = {
        (package, name)
        for path in [*SOURCES, *modules_in("tests", "benchmarks")]
        for package, name in names_used(nodes_of(path))
        if not is_inside(module_of(path), package)
    }
    return frozenset(inside | set(public_names()))


def public_names() -> Iterator[tuple[str, str]]:
    """Yield (package, name) of each name that the face of a whole tree takes from a package's face."""
    for tree in TREES:
        for node in ast.walk(tree_of(ROOT / tree / "__init__.pyi")):
            if isinstance(node, ast.ImportFrom):
                yield from ((f"{tree}.{node.module}", alias.name) for alias in node.names)


def names_used(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield (package, name) where a name is imported from a package, or is an attribute of one that was imported."""
    packages: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name
                packages[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            packages |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in packages:
            yield packages[node.value.id], node.attr


def test_every_name_of_a_face_is_used_outside() -> None:
    given = {(package, name) for package in set(FACES) - PUBLIC for name in names_in_face(package)}
    refuse(f"{place(FACES[package])}: {name}" for package, name in sorted(given - used()))


def past_the_face(path: Path) -> Iterator[str]:
    """Yield what a file imports from the modules of a package that is not its own, and where.

    A name that a module of the package has, too, cannot stand in the face: `bench.speed` is the module.
    """
    for node in nodes_of(path):
        if not isinstance(node, ast.ImportFrom) or node.module not in SINGLE:
            continue
        package = node.module.rpartition(".")[0]
        if package not in TREES and not is_inside(module_of(path), package):
            names = [alias.name for alias in node.names if f"{package}.{alias.name}" not in MODULES]
            yield from (f"{place(path, node.lineno)}: from {node.module} import {name}" for name in names)


def test_a_name_comes_from_its_packages_face() -> None:
    refuse(one for path in SOURCES for one in past_the_face(path))


IMPORT_ALONE = """
import json, sys
from importlib import import_module
from itertools import product
loaded = {}
for package in sys.argv[2:]:
    import_module(package)
    loaded[package] = sorted(set(json.loads(sys.argv[1])) & set(sys.modules))
print(json.dumps(loaded))
"""


@pytest.mark.cold
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


def test_words_of_the_code_are_explained_before_the_packages() -> None:
    section = PAGE[PAGE.index("## Words") : PAGE.index("## The packages")]
    words = re.findall(r"^\| `(\w+)`", section, re.MULTILINE)
    assert {"slot", "lane", "period", "goal", "segment", "canary", "opening"} <= {*words}


def drawn() -> tuple[dict[str, str], Arrows]:
    """Return the packages in the picture, by the name that stands there, and the arrows between them."""
    assert PICTURE
    packages: dict[str, str] = {}
    tree = ""
    for line in PICTURE[1].splitlines():
        if match := re.fullmatch(r"\s*subgraph (search|mnist_bench)", line):
            tree = match[1]
        elif re.fullmatch(r"\s*\w+( & \w+)*", line):
            packages |= {name: f"{tree}.{name}" for name in line.strip().split(" & ") if name != "end"}
    arrows = [arrow.strip() for line in PICTURE[1].splitlines() for arrow in line.split(";") if "-->" in arrow]
    lines = [arrow.split(" --> ") for arrow in arrows]
    pairs = [pair for many, others in lines for pair in product(many.split(" & "), others.split(" & "))]
    return packages, frozenset((packages[upper], packages[lower]) for upper, lower in pairs)


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
    section = PAGE.partition("## The packages")[2].partition("\n## ")[0]
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


def test_one_module_names_the_files_of_a_studys_folder() -> None:
    refuse(
        f"{place(path, node.lineno)}: {node.value!r}"
        for path in SOURCES
        if path != ROOT / "search" / "study" / "folder.py"
        for node in nodes_of(path)
        if isinstance(node, ast.Constant) and node.value in ON_DISK
    )
