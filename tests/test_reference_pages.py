"""The pages of docs/reference: the parts that are made from the code are fresh, the others name all that there is."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from mnist_bench.cli.app import app
from mnist_bench.config.values import all_settings
from mnist_bench.leaderboard.board import table_of
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.numerics.device import VARIABLES
from mnist_bench.numerics.kinds import PORTABLE_VARIABLES
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.content import SETTINGS
from search.defaults import RESULTS_VARIABLE, WORKERS_VARIABLE
from search.strategies import pruners, samplers
from search.study import folder
from support import experiments, handmade, sources
from support.paths import ROOT
from support.sources import SOURCES, nodes_of

FOLDER = ROOT / "docs" / "reference"
OF_THE_PROGRAM = {"PYTHONHASHSEED"}
"""Environment variables that the program only reads to set another one in a process of its own."""


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    return sources.docs_script("reference_pages")


def text_of(page: str) -> str:
    return (FOLDER / page).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("page", ["commands.md", "leaderboard.md", "python.md", "space_fields.md"])
def test_the_parts_of_a_page_are_fresh(maker: ModuleType, page: str) -> None:
    assert maker.renewed(text_of(page)) == text_of(page), "run `make reference`"


def test_every_part_stands_on_one_page(maker: ModuleType) -> None:
    stand = [part for path in FOLDER.glob("*.md") for part in re.findall(r"<!-- made: ([\w ]+) -->", path.read_text())]
    assert sorted(stand) == sorted(maker.PARTS)


@cache
def names_under(page: str, heading: str) -> frozenset[str]:
    """Return what the first column of the tables under a heading names."""
    section = re.split(rf"^##+ {re.escape(heading)}$", text_of(page), flags=re.MULTILINE)[1]
    rows = re.findall(r"^\| (`[^|]*) \|", re.split(r"^##", section, flags=re.MULTILINE)[0], re.MULTILINE)
    return frozenset(name for row in rows for name in re.findall(r"`([^`]+)`", row))


def test_the_keys_of_the_leaderboard_are_explained_and_no_others() -> None:
    boards = leaderboard_of(handmade.mixed(), curves=True), leaderboard_of(handmade.halved_values(), curves=True)
    documents = [table_of(board).document for board in boards]
    made = {key for document in documents for study in document["studies"] for key in study}
    assert names_under("leaderboard.md", "JSON: a study") == made | {"confirmed", "confirmed_front"}
    section = re.split("^## Columns and keys$", text_of("leaderboard.md"), flags=re.MULTILINE)[1].split("\n## ")[0]
    explained = {*re.findall(r"^\|[^|]*\| `([^|`]+)` \|", section, re.MULTILINE)}
    assert explained == {key for document in documents for row in document["rows"] for key in row}
    trained = {"period", "epoch", "train_loss", "val_loss", "errors", "value", "seconds"}
    assert trained <= names_under("leaderboard.md", "Learning curves")


def printed(*words: str) -> Mapping[str, Any]:
    values: dict[str, Any] = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    return values


def test_the_keys_of_studies_and_show_are_explained(canned_studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_) = printed("studies", "--results", str(canned_studies))["studies"]
    assert {*first} == names_under("leaderboard.md", "studies --json")
    monkeypatch.setattr("search.study.studies.open_study", lambda *_: handmade.mixed())
    shown = printed("show", "conv-0")
    assert {*shown} - {"schema_version"} == names_under("leaderboard.md", "show --json")


def test_the_keys_of_confirm_are_explained() -> None:
    explained = names_under("leaderboard.md", "confirm --json") - {"mean", "interval", "median", "not_learned"}
    found = experiments.found().plain()
    of_lists = {key for name in ("candidates", "finals") for entry in found[name] for key in entry}
    assert {*found, "test_evaluations", "nets"} | of_lists == explained


def declared_files() -> Iterator[str]:
    """Yield the names of files and folders that a study's folder can have."""
    classes = [kind for kind in vars(folder).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    for kind in classes:
        yield from (item._name for item in vars(kind).values() if isinstance(item, folder._Inside))


def test_every_file_of_a_study_is_listed() -> None:
    page = text_of("files.md")
    names = {*declared_files(), "study.db", "confirm", "ablation", "confirm.json", "front.json"}
    assert len(names) > 15
    assert {name for name in names if f"`{name}`" not in page and f"`{name}/`" not in page} == set()


def read_variables() -> Iterator[str]:
    """Yield the environment variables that the sources read or set by name."""
    for path in (path for path in SOURCES if "environ" in path.read_text()):
        for node in nodes_of(path):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Attribute(attr="environ")), args=[ast.Constant(value=name), *_]
                ):
                    yield str(name)
                case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=name)):
                    yield str(name)
                case _:
                    pass


def test_every_environment_variable_is_listed() -> None:
    named = {*read_variables()} - OF_THE_PROGRAM
    assert {"COLUMNS", "XDG_CACHE_HOME"} <= named
    named |= {RESULTS_VARIABLE, WORKERS_VARIABLE, *VARIABLES, *PORTABLE_VARIABLES}
    assert named - names_under("files.md", "Environment variables") == set()


FIELDS = {field.path: field for field in sources.docs_script("reference_pages").space_fields()}


def test_every_setting_has_a_row_with_a_meaning() -> None:
    named = {*all_settings()} - {"net"} | {"net.NAME"}
    inside = {"limits": "limits.macs", "search": "search.pruner"}
    assert named | {inside.get(name, name) for name in SETTINGS} <= {*FIELDS}
    assert {path for path, field in FIELDS.items() if not field.about.rstrip(")").endswith(".")} == set()
    options = {path.split(".")[1]: field.about for path, field in FIELDS.items() if path.count(".") == 2}
    assert all(
        re.match(rf"With ({'|'.join([*samplers.SAMPLERS, *pruners.PRUNERS])}): ", each) for each in options.values()
    )


@pytest.mark.parametrize("path", ["epochs", "subset", "search.sampler", "model.blocks", "optim.lr", "objective"])
def test_a_file_takes_the_default_under_the_path(path: str) -> None:
    section, _, name = path.rpartition(".")
    default = FIELDS[path].default
    space_sources.parse(f"{section}: {{{name}: {default}}}" if section else f"{name}: {default}", "f.yaml")
