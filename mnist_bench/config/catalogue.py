"""Every setting by its dotted path, with its whole declaration, as checks, tables and pictures read it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, get_type_hints

from mnist_bench.config.json import every_setting, flattened
from mnist_bench.config.settings import Setting, TrainConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """One setting of a trial."""

    path: str  # section and name, `optim.lr`; only the name if it is TrainConfig's own
    default: Any  # as a plain value
    about: str  # the docstring on one line, with the unit
    setting: Setting

    @property
    def name(self) -> str:
        """The path without its section."""
        return self.path.rpartition(".")[2]

    @property
    def group(self) -> str:
        """The group that an ablation changes it with."""
        return self.setting.group or self.name.replace("_", " ")

    def counts_in(self, config: TrainConfig) -> bool:
        """Return whether the setting does anything in a configuration."""
        return all(need.are_met(config) for need in self.setting.needs)


@cache
def sections() -> Mapping[str, type]:
    """Return the class of each section of TrainConfig by its name: model, augment, optim."""
    hints = get_type_hints(TrainConfig)
    return MappingProxyType(
        {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}
    )


@cache
def all_settings() -> Mapping[str, Declared]:
    """Return every setting by its dotted path, in the order of their declarations."""
    defaults = dict(flattened(every_setting(TrainConfig())))
    declared = [*declared_in(TrainConfig, "", defaults)]
    for section, cls in sections().items():
        declared += declared_in(cls, f"{section}.", defaults)
    return MappingProxyType({item.path: item for item in declared})


def setting_of(path: str) -> Setting:
    """Return the declaration of a setting; an empty one for an unknown path, as in studies of other trainers."""
    known = all_settings().get(path)
    return known.setting if known else Setting()


def declared_in(cls: type, prefix: str, defaults: Mapping[str, Any]) -> Iterator[Declared]:
    """Yield the settings that a class declares; `defaults` are plain values by path, and an entry without one is a
    section."""
    hints, docs = get_type_hints(cls, include_extras=True), field_docs(cls)
    for field in fields(cls):
        path = f"{prefix}{field.name}"
        if path in defaults:
            metadata = getattr(hints[field.name], "__metadata__", ())
            setting = next((item for item in metadata if isinstance(item, Setting)), Setting())
            yield Declared(path=path, default=defaults[path], about=docs.get(field.name, ""), setting=setting)


@cache
def field_docs(cls: type) -> dict[str, str]:
    """Return the text under each field of `cls` on one line, by the field's name, from the class's source.

    Of an inherited field it is the base's, unless the class declares the field again. There is none if Python finds no
    source, as for a class that `make_dataclass` made.
    """
    docs: dict[str, str] = {}
    for declaring in filter(is_dataclass, reversed(cls.__mro__)):
        try:
            # A class that stands inside another, or in a function, is indented.
            tree = ast.parse(textwrap.dedent(inspect.getsource(declaring)))
        except (OSError, TypeError, SyntaxError):
            continue
        body = next(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
        for pair in pairwise(body):
            match pair:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    docs[name] = " ".join(text.split())
    return docs
