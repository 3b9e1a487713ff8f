"""Which fields of a dataclass are stored and hashed, how stored ones are read, and the messages about newer files.

The fields of the first format are always stored. A later field is stored only if it differs from its default; a file
without it is read as if it held the default. A new field therefore changes no file and no hash until it is set. Two
rules follow: a default's value never changes, and no field is renamed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, ValidationError

from search.errors import NewerVersionError
from search.messages import show

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = 7
"""The format of the event logs of new studies, and the newest that this version reads. A log keeps the format with
which it was begun. The format is raised if an older version would take a newer log for damaged, or decide otherwise on
it. A new field of a configuration, sampler, pruner or report needs no raise: older versions name it (see `unknown`).
Logs of the formats 1 to 6 have no chain of checksums (`search.event_log.log`), and are read without this protection."""

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
"""How pydantic reads a stored dataclass: no unknown field, and no number that is not finite."""

First = Mapping[type, Collection[str]]
"""The fields with a default that a class had in the first format; fields without a default are always stored. Do not
add a new field here: its absence makes it a later field."""


def stored(instance: DataclassInstance, first: First) -> dict[str, Any]:
    """Return a dataclass as plain values for JSON, those nested in it by the same rule."""
    return {name: _plain(value, first) for name, value in standing(instance, first).items()}


def standing(instance: DataclassInstance, first: First) -> dict[str, Any]:
    """Return the stored fields by name, with their values as they are."""
    always = first.get(type(instance), ())
    values = [(item, getattr(instance, item.name)) for item in fields(instance)]
    return {item.name: value for item, value in values if item.name in always or value != _default(item)}


def check_format(found: int, what: str, newest: int = FORMAT) -> None:
    """Check that this version reads a format, or raise NewerVersionError, whose text `what` begins: "Study conv-0"."""
    if found > newest:
        raise NewerVersionError(
            f"{what} was made by a newer mnist-bench: format {found}, this version reads up to {newest}; install a "
            "newer version."
        )


REMOVED = (
    "continues",
    "report.remembered",
    "seeds: configuration",
    "start.unpruned",
    "model.first_filters",
    "optim.lookahead_steps",
    "optim.batch_growth",
    "augment.crop_pixels",
    "model.shared_filters",
)
"""Settings of the search, and of what it searches, that studies of version 0.3.0 may have, and without which they
cannot be understood."""


def unknown(setting: str) -> str:
    """Return the message about a stored setting that no class here has, without a full stop."""
    if setting.endswith(REMOVED):  # also within a list: phases.0.augment.NAME
        return f"{show(setting)} is a setting that this version no longer has; version 0.3.0 of mnist-bench reads it"
    return f"{show(setting)} is a setting that this version does not know; a newer mnist-bench made it"


def unknown_in(error: ValidationError) -> str | None:
    """Return the dotted name of the first field that was read and that no dataclass here has; None if there is none."""
    places = [fault["loc"] for fault in error.errors(include_url=False) if fault["type"] == _UNKNOWN]
    return next((dotted(place) for place in places if str(place[-1]).isidentifier()), None)


def dotted(place: tuple[int | str, ...]) -> str:
    """Return a field's name; pydantic's additions for the members of a union have brackets or dashes and are left
    out."""
    return ".".join(str(part) for part in place if isinstance(part, int) or part.isidentifier())


_UNKNOWN = "unexpected_keyword_argument"
"""Pydantic's name of this fault."""


def _default(item: Field[Any]) -> Any:
    """Return a field's default; one without any has MISSING, which equals no value."""
    return item.default if item.default_factory is MISSING else item.default_factory()


def _plain(value: Any, first: First) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return stored(value, first)
    if isinstance(value, Mapping):
        return {key: _plain(entry, first) for key, entry in value.items()}
    return [_plain(entry, first) for entry in value] if isinstance(value, list | tuple) else value
