"""Registry of your own networks, keyed by the name and the source hash of their code.

A configuration names its code (`TrainConfig.net_code`) and never makes it run. The user who runs the net has named the
code before, on the command line or from Python, with `load_net`; `loaded_net` finds it by the name and hash in the
configuration.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, make_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints, is_typeddict

from pydantic import TypeAdapter, ValidationError

from mnist_bench.config.catalogue import field_docs
from mnist_bench.config.json import from_json
from mnist_bench.config.settings import NetValue
from mnist_bench.errors import ArchitectureError, ConfigError, UnnamedCodeError
from search import canonical_json, loading
from search.errors import FOREIGN, UsageError
from search.loading import Loaded
from search.messages import first_fault, in_a_sentence, quoted, show

HOW = "--net file.py:build"
_used: dict[str, OwnNet] = {}
"""Loaded nets by code; another content is another net, so entries never change."""
_named: dict[str, OwnNet] = {}
"""Loaded nets by the name given, the latest wins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnNet:
    """Your own network, ready to be built with any settings."""

    loaded: Loaded
    settings: DeclaredSettings
    content: bytes  # of the source file

    @property
    def code(self) -> str:
        """Name and SHA-256 of the source, as a configuration holds them."""
        return f"{self.loaded.name} {self.loaded.code.sha256}"

    @property
    def text(self) -> str:
        """The source file's text."""
        return self.content.decode(errors="replace")

    @property
    def file(self) -> str | None:
        """The source file's name, if the code is a file and not part of a package."""
        return Path(self.loaded.source).name if self.loaded.code.module.endswith(".py") else None


def load_net(name: str) -> OwnNet:
    """Load the net of this name, `package.module:Name` or `file.py:Name`; from now on it can be built here.

    One that was loaded before, and whose file is still the same, is not loaded again.

    Raises:
        UsageError: there is none, or it is not a net; the message names the reason and the place.
    """
    before = _named.get(name)
    if before is not None and _content(before.loaded.source) == before.content:
        return before
    loaded = loading.load(name, "net")
    net = OwnNet(
        loaded=loaded, settings=declared_settings(loaded.call, loaded.name), content=_content(loaded.source) or b""
    )
    _named[name] = _used[net.code] = net
    return net


def _content(source: str) -> bytes | None:
    try:
        return Path(source).read_bytes()
    except OSError:
        return None


def whole_name(code: str | None) -> str | None:
    """Return the name by which another process loads the net of this code, which `load_net` has loaded; None of None.

    Raises:
        UnnamedCodeError: as `loaded_net`.
    """
    return None if code is None else loaded_net(code).loaded.whole_name


def loaded_net(code: str) -> OwnNet:
    """Return the net of this code, which `load_net` has loaded.

    Raises:
        UnnamedCodeError: it was not loaded, or its file has changed; the message gives the right form.
    """
    if code in _used:
        return _used[code]
    name, sha256 = split_code(code)
    for other in _used.values():
        if other.loaded.name == name:
            raise UnnamedCodeError(
                f"{other.loaded.whole_name.rpartition(':')[0]} has changed: its SHA-256 was {sha256[:8]}… and is "
                f"{other.loaded.code.sha256[:8]}…; name the original file (`mnist-bench show STUDY --code` prints it)."
            )
    folder = ", with the folder that the file lies in" if ".py:" in name else ""
    raise UnnamedCodeError(f"The network is your own code, {show(name)}: name it with --net {quoted(name)}{folder}.")


def split_code(code: str) -> tuple[str, str]:
    """Return the name by which code was loaded, `my_nets.py:build`, and its source's SHA-256; see `OwnNet.code`."""
    name, _, sha256 = code.rpartition(" ")  # a name may hold blanks
    return name, sha256


def display_name(code: str) -> str:
    """Return the name of this code for people, with the first digits of its hash: `my_nets.py:build (3f2a81c0)`."""
    name, sha256 = split_code(code)
    return f"{name} ({sha256[:8]})"


def load_code(name: str | None) -> str | None:
    """Return the code of the net that a command names, after loading it; errors as in `load_net`."""
    return None if name is None else load_net(name).code


def name_of_function(build: Callable[..., Any] | str | None) -> str | None:
    """Return the name by which a function, or a class, is loaded; a name as it is.

    One of a package is named by its module, any other one by its file.

    Raises:
        UsageError: it is not in a file, or is inside another function, so that no worker could load it.
    """
    if build is None or isinstance(build, str):
        return build
    name, module = getattr(build, "__qualname__", ""), getattr(build, "__module__", None) or ""
    if name.isidentifier() and "." in module:
        return f"{module}:{name}"  # of a package, whose modules may import each other
    try:
        source = inspect.getsourcefile(build)
    except TypeError:
        source = None
    if source is None or not Path(source).is_file() or not name.isidentifier():
        raise UsageError(
            f"net={name or build!r}: is not a function at the top level of a file; workers load it as file.py:build."
        )
    return f"{source}:{name}"


PARAMETERS = "build(settings, input_shape, classes)"


class NetSection:
    """Marks the dataclasses whose fields are settings of your own network."""


@dataclass(frozen=True, slots=True)
class DeclaredSettings:
    """The values that a net's settings may have."""

    declared: type | None  # a dataclass; None if anything is taken

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the declared settings; empty if the net accepts any setting."""
        return () if self.declared is None else tuple(item.name for item in fields(self.declared))

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of those without a default."""
        found = () if self.declared is None else fields(self.declared)
        return tuple(item.name for item in found if item.default is MISSING and item.default_factory is MISSING)

    def section_with(self, name: str) -> type[NetSection]:
        """Return a dataclass with a default for every field, so that one value can be checked without the others.

        Where anything is taken, it has one field, of this name.
        """
        return _undeclared(name) if self.declared is None else _section(self.declared)

    @property
    def docs(self) -> Mapping[str, str]:
        """The docstrings of the dataclass's fields, by name."""
        return {} if self.declared is None else field_docs(self.declared)

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all settings as plain values, those not given at their defaults.

        Raises:
            ArchitectureError: the net refuses these settings.
            ConfigError: a setting is not one of the net's, or not of its type, or has no default.
        """
        if self.declared is None:
            return dict(given)
        return dict(TypeAdapter(self.declared).dump_python(_validated(self.declared, given), mode="json"))

    def as_argument(self, complete: Mapping[str, Any]) -> Any:
        """Return the settings argument of the function; errors as in `complete`.

        Where anything is taken, lists are lists, also those of a configuration, which holds them as tuples.
        """
        if self.declared is None:
            return {name: list(value) if isinstance(value, tuple) else value for name, value in complete.items()}
        return _validated(self.declared, complete)


def signature_of_net(call: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a callable that takes (settings, input_shape, classes).

    Raises:
        TypeError, ValueError: it does not, or has no signature.
    """
    signature = inspect.signature(call)
    signature.bind({}, (1, 28, 28), 10)
    return signature


def declared_settings(call: Callable[..., Any], name: str) -> DeclaredSettings:
    """Return the settings of a function, or of a class of nets; `name` is its name in messages.

    Raises:
        UsageError: it does not take (settings, input_shape, classes), or its settings are of a type that is none.
    """
    try:
        signature = signature_of_net(call)
        hints = get_type_hints(inspect.getattr_static(call, "__init__") if isinstance(call, type) else call)
    except (TypeError, ValueError, NameError) as error:
        raise UsageError(f"Network {name}: {in_a_sentence(error)}; the function is called as {PARAMETERS}.") from error
    hint = hints.get(next(iter(signature.parameters)))
    if isinstance(hint, type) and is_dataclass(hint):
        _check_values(hint, name)
        return DeclaredSettings(hint)
    if hint in (None, Any) or is_typeddict(hint) or _takes_a_dict(get_origin(hint) or hint):
        return DeclaredSettings(None)
    raise UsageError(f"Network {name}: its settings are {hint}; a dataclass or a mapping is needed.")


def _takes_a_dict(kind: Any) -> bool:
    try:
        return isinstance(kind, type) and issubclass(dict, kind)
    except TypeError:  # a Protocol that has not said that it can be asked
        return False


def _validated(declared: type, given: Mapping[str, Any]) -> Any:
    try:
        return TypeAdapter(declared).validate_json(canonical_json.dumps(given), strict=True, extra="forbid")
    except ValidationError as error:
        text = in_a_sentence(first_fault(error))
        if all(fault["type"] == "value_error" for fault in error.errors(include_url=False)):
            raise ArchitectureError(f"net: {text}") from error
        raise ConfigError(f"net.{text}") from error


def _check_values(declared: type, name: str) -> None:
    """Check that a space file can give each setting, and that the defaults are values that it can hold.

    Raises:
        UsageError: one is not.
    """
    computed = [item.name for item in fields(declared) if not item.init]
    if computed:
        raise UsageError(
            f"Network {name}: {declared.__name__} computes {computed[0]} (init=False); settings are given."
        )
    try:
        section = _section(declared)
        plain = TypeAdapter(section).dump_python(section(), mode="json")
        from_json({"net": {key: value for key, value in plain.items() if value is not None}})
    except FOREIGN as error:  # whatever a user's annotations and defaults raise
        words = in_a_sentence(str(error).partition("\n")[0])
        raise UsageError(
            f"Network {name}: settings are numbers, texts, true, false or lists of those; {declared.__name__} has "
            f"others ({words})."
        ) from error


@cache
def _section(declared: type) -> type[NetSection]:
    hints = get_type_hints(declared, include_extras=True)
    members = [(item.name, hints[item.name], _defaulted(item)) for item in fields(declared)]
    return make_dataclass("net", members, bases=(NetSection,))


@cache
def _undeclared(name: str) -> type[NetSection]:
    anything = Annotated[NetValue | tuple[NetValue, ...], "as the space file says"]
    return make_dataclass("net", [(name, anything, field(default=None))], bases=(NetSection,))


def _defaulted(item: Any) -> Any:
    if item.default_factory is not MISSING:
        return field(default_factory=item.default_factory)
    return field(default=None if item.default is MISSING else item.default)
