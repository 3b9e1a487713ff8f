"""Which fields of a dataclass are stored and hashed, how stored ones are read, and the messages about other versions.

A field is stored only if it differs from its default; a file without it is read as if it held the default. A new field
therefore changes no file and no hash until it is set. Two rules follow: a default's value never changes, and no field
is renamed. A field without a default is always stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, ValidationError

from search.errors import OtherVersionError
from search.messages import show

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = 8
"""The format of event logs. It is raised if an older version would take a newer file for damaged, or decide
otherwise on it. A new field of a configuration, sampler, pruner or report needs no raise: older versions name it (see
`unknown`)."""

OLDEST_READ = 8  # the oldest format that this version reads. It stays where it is when `FORMAT` is raised.

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
"""How pydantic reads a stored dataclass: no unknown field, and no number that is not finite."""


def stored(instance: DataclassInstance, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Return a dataclass as plain values for JSON, without the fields that have their default; so those nested in it.
    `without` names fields that are stored in a form of their own."""
    values = [(item, getattr(instance, item.name)) for item in fields(instance) if item.name not in without]
    return {item.name: _plain(value) for item, value in values if value != _default(item)}


def check_format(found: int, what: str, current: int = FORMAT, oldest: int = OLDEST_READ) -> None:
    """Check that this version reads a format, which is one from `oldest` to `current`; OtherVersionError if it does
    not; the text begins with `what`: "Study conv-0"."""
    if found > current:
        raise OtherVersionError(
            f"{what} was made by a newer mnist-bench: format {found}, this version reads up to {current}; install a "
            "newer version."
        )
    if found < oldest:
        raise OtherVersionError(f"{what} was made by an older mnist-bench; version 0.3.0 (commit 5a98ef84) reads it.")


def unknown(setting: str) -> str:
    """Return the message about a stored setting that no class here has, without a full stop."""
    return f"{show(setting)} is a setting that this version does not know; a newer mnist-bench made it"


def unknown_in(error: ValidationError) -> str | None:
    """Return the dotted name of the first field that was read and that no dataclass here has; None if there is none."""
    places = [fault["loc"] for fault in error.errors(include_url=False) if fault["type"] == _UNKNOWN]
    return next((dotted(place) for place in places if str(place[-1]).isidentifier()), None)


def dotted(place: tuple[int | str, ...]) -> str:
    """Return a field's name; pydantic's additions for the members of a union have brackets or dashes and are left
    out."""
    return ".".join(str(part) for part in place if isinstance(part, int) or part.isidentifier())


_UNKNOWN = "unexpected_keyword_argument"  # pydantic's name of this fault


def _default(item: Field[Any]) -> Any:
    """Return a field's default; one without any has MISSING, which equals no value."""
    return item.default if item.default_factory is MISSING else item.default_factory()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return stored(value)
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
