"""Every sampler and pruner of Optuna's, by the name of its class: `optuna:GPSampler`, with its arguments as options.

Only Optuna's public classes are looked up, so that a space file makes no other code run. How they compute is Optuna's:
their decisions are not portable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from search import canonical_json, hashed
from search.errors import UsageError
from search.plugins.loading import OF_OPTUNA, Code, Loaded
from search.strategies.pruners import OpaquePruner
from search.strategies.samplers import Ask, ProposalOrigin, Sampler

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

_BASES = {"sampler": "BaseSampler", "pruner": "BasePruner"}
_NEEDS = {"CmaEsSampler": ("cmaes",), "GPSampler": ("scipy", "torch"), "QMCSampler": ("scipy",)}
"""The packages with which a class computes, beyond those that Optuna needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OptunaSampler(Sampler):
    """A sampler of Optuna's. One is made for each proposal, with the seed of that trial."""

    name: str
    """`optuna:` and the name of the class."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Its arguments, except for the seed."""
    portable = False

    @property
    def needs(self) -> tuple[str, ...]:
        return _NEEDS.get(self.name.removeprefix(OF_OPTUNA), ())

    @property
    def uses(self) -> tuple[str, ...]:
        return ("greenlet",) if self.name == "optuna:GPSampler" else ()  # it then looks at candidates in another order

    def make(self, ask: Ask) -> BaseSampler:
        from search.plugins.watched import WatchedSampler

        for package in self.needs:
            try:
                import_module(package)  # now: `WatchedSampler` limits the threads of what is loaded
            except ImportError as error:
                raise UsageError(
                    f"{self.name} needs {package}, which this installation lacks; `pip install {package}` adds it."
                ) from error
        # A point of a sequence follows from its place in it, not from a seed of its own.
        of_sequence = self.name == "optuna:QMCSampler"
        seed = hashed.derived_seed(ask.study_seed, "sequence") if of_sequence else ask.seed
        loaded = _class("sampler", self.name)
        return WatchedSampler(loaded.construct(self.options, seed), loaded, ask.ranges.optunas)

    def origin(self, ask: Ask) -> ProposalOrigin:
        return ProposalOrigin(kind="own code")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptunaPruner(OpaquePruner):
    """A pruner of Optuna's. One is made for each decision."""

    name: str
    """`optuna:` and the name of the class."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Its arguments."""
    portable = False

    def make(self, periods: int) -> BasePruner:
        from search.plugins.watched import WatchedPruner

        return WatchedPruner(_class("pruner", self.name), self.options, lasting=False)


def check(kind: Literal["sampler", "pruner"], name: str, options: Mapping[str, Any]) -> None:
    """Check that there is such a class, and that it takes these options.

    Raises:
        ValueError: not so; the message is for the user.
    """
    if (fault := canonical_json.fault(dict(options))) is not None:
        raise ValueError(f"{kind} {name}: its options have to be plain values ({fault})")
    try:
        _class(kind, name).construct(options, seed=0)
    except UsageError as error:
        raise ValueError(str(error).removesuffix(".")) from error


def _class(kind: Literal["sampler", "pruner"], name: str) -> Loaded:
    """Return a class of Optuna's, ready to be called.

    Raises:
        UsageError: there is none of that name.
    """
    module = import_module(f"optuna.{kind}s")
    classes = dict(_public(module, getattr(module, _BASES[kind])))
    if (found := classes.get(name.removeprefix(OF_OPTUNA))) is None:
        raise UsageError(f"No {kind} {name}; Optuna {version('optuna')} has {', '.join(sorted(classes))}.")
    code = Code(module=module.__name__, sha256="")  # stored nowhere: a study has Optuna's version
    return Loaded(kind=kind, name=name, whole_name=name, call=found, source="", code=code)


def _public(module: Any, base: type) -> Iterator[tuple[str, type]]:
    for name in module.__all__:
        named = getattr(module, name)
        if isinstance(named, type) and issubclass(named, base) and named is not base:
            yield name, named
