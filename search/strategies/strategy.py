"""The common base of samplers and pruners, and of those of them that are not built in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeGuard

from search.errors import UsageError
from search.loading import OF_OPTUNA, Code, Loaded

Kind = Literal["sampler", "pruner"]
_NEEDS = {"CmaEsSampler": ("cmaes",), "GPSampler": ("scipy", "torch"), "QMCSampler": ("scipy",)}
"""The packages with which a class of Optuna's computes, beyond those that Optuna needs."""


class Strategy(ABC):
    """A sampler or a pruner. Its subclasses are frozen dataclasses, whose fields are its options.

    A built-in strategy declares each option by `whole`. With a value out of range it cannot be made (ValueError).
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    kind: ClassVar[Kind]
    name: str
    """By which space files, commands and stored studies select it. Built-in strategies set it and `portable` for their
    class, without an annotation: an annotated one would be an option."""

    def __post_init__(self) -> None:
        faults = []
        for option in fields(self):
            value, allowed = getattr(self, option.name), option.metadata.get("values")
            if allowed and (type(value) is not int or value not in allowed):
                numbers = f"an integer from {allowed[0]} to {allowed[-1]}"
                faults.append(f"{self.kind} {self.name}: {option.name} is {value!r}; it takes {numbers}")
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def needs(self) -> tuple[str, ...]:
        """Packages that it cannot work without, in addition to those that Optuna needs."""
        return ()

    @property
    def uses(self) -> tuple[str, ...]:
        """Packages that it uses if they are installed; without them its results differ."""
        return ()

    @property
    @abstractmethod
    def portable(self) -> bool:
        """Whether it decides the same on every processor in a portable study; see `StudySpec.portable`."""


def whole(default: int, *, least: int, most: int = 1_000_000) -> int:
    """Return the field of an option that takes integers, `least` and `most` included."""
    return field(default=default, metadata={"values": range(least, most + 1)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreign(Strategy):
    """A class with Optuna's interface, by its name: one of Optuna's, or custom code.

    Only Optuna's public classes are looked up, so that a space file makes no other code run. How they compute is
    Optuna's: their decisions are not portable.
    """

    name: str  # `optuna:Name`; of custom code `package.module:Name` or `file.py:Name`
    code: Code | None = None  # what custom code it is; None if it is Optuna's
    options: Mapping[str, Any] = field(default_factory=dict)  # its arguments, except for the seed
    portable: bool = False  # whether the class of custom code says so: `portable = True`
    loaded: Loaded | None = field(default=None, compare=False, repr=False)
    """Its custom code; None if it was read from a study, which never runs code."""

    @property
    def needs(self) -> tuple[str, ...]:
        return _NEEDS.get(self.name.removeprefix(OF_OPTUNA), ())

    @property
    def uses(self) -> tuple[str, ...]:
        return ("greenlet",) if self.name == "optuna:GPSampler" else ()  # it then looks at candidates in another order

    def loaded_class(self) -> Loaded:
        """Return the class, ready to be called; UsageError if Optuna has none of the name, or if it is not loaded."""
        import optuna

        if self.loaded is not None:
            return self.loaded
        if self.code is not None:
            raise UsageError(
                f"{self.kind.capitalize()} {self.name} is code that is not loaded here; name it again with "
                f"--{self.kind}."
            )
        module = getattr(optuna, f"{self.kind}s")
        base = getattr(module, f"Base{self.kind.capitalize()}")
        public = {name: getattr(module, name) for name in module.__all__}
        classes = {n: c for n, c in public.items() if isinstance(c, type) and issubclass(c, base) and c is not base}
        if (found := classes.get(self.name.removeprefix(OF_OPTUNA))) is None:
            raise UsageError(
                f"No {self.kind} {self.name}; Optuna {optuna.__version__} has {', '.join(sorted(classes))}."
            )
        code = Code(module=module.__name__, sha256="")  # stored nowhere: a study has Optuna's version
        return Loaded(kind=self.kind, name=self.name, whole_name=self.name, call=found, source="", code=code)


def is_own(strategy: Strategy) -> TypeGuard[Foreign]:
    """Return whether a sampler or pruner is custom code."""
    return isinstance(strategy, Foreign) and strategy.code is not None
