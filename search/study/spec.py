"""The specification of a search, of which the search is a pure function, and the fingerprint that names it.

Each new field becomes part of the fingerprint as soon as it is set. A note for people, on which no decision depends,
belongs in `search.study.invocation_log` instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from search import canonical_json
from search.differences import checks, differences
from search.elementary import PORTABLE
from search.errors import FingerprintError, OtherVersionError, UsageError
from search.event_log.events import Created, Event
from search.event_log.history import History
from search.hashed import Order
from search.loading import is_code
from search.messages import command_line, on_one_line
from search.space.space import Direction, Space
from search.stored_fields import stored as plain, unknown
from search.strategies import registry
from search.strategies.pruners import Pruner
from search.strategies.registry import to_spec
from search.strategies.samplers import Sampler

DRIVER_REVISION = 3  # raised whenever the driver decides differently from before on the same records
NOT_INSTALLED = "none"  # the version that a study stores for a package that was not there


@dataclass(frozen=True, kw_only=True, slots=True)
class StudySpec:
    """Everything that decides which trials a search runs and how they end, except the number of trials."""

    space: Space
    seed: int
    concurrent_trials: int
    sampler: Sampler
    pruner: Pruner
    periods: int  # reports that a trial makes if it is trained to its end
    order: Order  # whether periods are taken up in logical order, so that the search repeats, or as they are completed
    context: Mapping[str, Any]
    """Values on which the trainer's results depend: data and split hashes, cost coefficients, revision."""
    versions: Mapping[str, str]  # versions of the trainer's packages; those of the search's packages are added
    numerics: Mapping[str, Any]
    """Description of the machine's numerics. Its checks decide and are in the fingerprint; the other entries name a
    difference."""
    enqueued: tuple[Mapping[str, Any], ...] = ()
    """Parameters of the first trials: those that the user gave, and those of trials of other studies."""
    enqueued_from: tuple[str | None, ...] = ()
    """Of each of them the trial of another study that has it, such as "conv-0/17"; empty if none is of one."""
    portable: bool = False
    """Whether the trainer computes the same bits on every processor. The search then repeats on every processor if the
    sampler and the pruner are portable; otherwise its fingerprint depends on the processor."""

    def __post_init__(self) -> None:
        if reason := self.sampler.misfit(self.space):
            raise UsageError(f"search.sampler: {reason}.")
        if self.portable:
            object.__setattr__(self, "space", self.space.as_portable())

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> StudySpec:
        """Return the specification of a stored study; its values that are computed anew, such as versions, may
        differ."""
        plain = {item.name: stored[item.name] for item in fields(cls) if item.name in stored}
        sampler, pruner = registry.of_spec(stored)
        parsed = {
            "sampler": sampler,
            "pruner": pruner,
            "space": Space.from_spec(stored["space"]),
            "enqueued": tuple(stored.get("enqueued", ())),
            "enqueued_from": tuple(stored.get("enqueued_from", ())),
        }
        return cls(**(plain | parsed))

    @property
    def ends(self) -> Sequence[float]:
        """How far a training has come after each period; see `Space.ends`."""
        return self.space.ends(self.periods)

    def may_stop_at(self, period: int) -> bool:
        """Return whether the pruner may stop a trial after a period other than its last."""
        return self.pruner.may_stop_at(period, self.ends)

    @property
    def cost(self) -> str | None:
        """The cost that is minimized in addition to the value; None with one objective."""
        return self.space.aim.cost

    @property
    def direction(self) -> Direction:
        """Whether the value is minimized or maximized."""
        return self.space.aim.direction

    def given(self, number: int) -> Mapping[str, Any] | None:
        """Return the parameters with which trial `number` begins whatever the sampler would propose; None if none."""
        return self.enqueued[number] if number < len(self.enqueued) else None

    @property
    def _decides_alike_everywhere(self) -> bool:
        return self.portable and not [*registry.unportable(self.sampler, self.pruner)]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as they are stored: fields only if they differ from their defaults; UsageError if a
        package that the sampler or the pruner needs is not installed."""
        return {
            **plain(self, without=("space", "sampler", "pruner")),
            "space": self.space.to_spec(),
            "sampler": to_spec(self.sampler),
            "pruner": to_spec(self.pruner),
            "driver_revision": DRIVER_REVISION,
            "driver_arithmetic": portable_arithmetic() if self._decides_alike_everywhere else arithmetic(),
            "versions": {**versions(self.sampler, self.pruner), **self.versions},
        }


DERIVED = ("driver_revision", "driver_arithmetic")  # entries of a stored specification that are not fields


def check_known(stored: Mapping[str, Any]) -> None:
    """Check that this version knows all that a stored specification holds of the search itself; OtherVersionError if it
    does not; the message names the missing settings."""
    known = {*DERIVED, *(item.name for item in fields(StudySpec))}
    for name in stored:
        if name not in known:
            raise OtherVersionError(unknown(name))
    registry.check_known(stored)


def stored_history(events: Sequence[Event]) -> History:
    """Return the history of a stored study; OtherVersionError if a newer version decided something in it; StorageError
    if no search can have decided these events in this order."""
    if events and isinstance(events[0], Created):
        try:
            check_known(events[0].spec)
        except OtherVersionError as error:
            raise OtherVersionError(f"Study {events[0].name}: {error}.") from error
    return History.of(events)


@cache
def arithmetic() -> str:
    """Return a hash of the results of NumPy's kernels on fixed numbers here, on which the sampler's proposals
    depend."""
    import numpy as np  # a program that only reads studies needs none

    numbers = np.linspace(0.01, 3.0, 257)
    results = [np.exp(numbers), np.log(numbers), np.power(numbers, 0.3), np.sin(numbers), np.sum(numbers)]
    return canonical_json.sha256([value.tobytes().hex() for value in results])


@cache
def portable_arithmetic() -> str:
    """Return a hash of what portable samplers and pruners compute with, which is the same on every processor.

    Another hash shows another installation: a NumPy with other random numbers, or one that was compiled to fuse
    multiplication and addition.
    """
    import numpy as np

    from search.proposals.exact import cholesky

    numbers = np.linspace(0.01, 3.0, 16)
    draws, older_draws = np.random.default_rng(0), np.random.RandomState(0)
    apart = numbers[:, None] - numbers[None]
    results = [
        PORTABLE.exp_of_each(numbers), PORTABLE.normals(draws, 16), draws.random(16),
        draws.integers(1000, size=16), older_draws.uniform(0.1, numbers), np.sqrt(numbers), np.round(numbers, 6),
        np.quantile(numbers, 0.3), cholesky(1.0 / (1.0 + apart * apart)),
    ]  # fmt: skip
    return canonical_json.sha256([np.asarray(value).tobytes().hex() for value in results])


def versions(sampler: Sampler, pruner: Pruner) -> dict[str, str]:
    """Return the versions of the packages that the search is built on, "none" for optional ones that are not installed;
    UsageError if a package that the sampler or the pruner needs is not installed."""
    found: dict[str, str] = {}
    for kind, strategy in (("sampler", sampler), ("pruner", pruner)):
        needed = ("optuna", "numpy", *strategy.needs)
        found |= {name: installed_version(name) for name in (*needed, *strategy.uses)}
        if missing := [name for name in needed if found[name] == NOT_INSTALLED]:
            raise UsageError(
                f"search.{kind}: {strategy.name} needs {' and '.join(missing)}, which this installation lacks; "
                f"`pip install {' '.join(missing)}` adds it."
            )
    return found


def installed_version(package: str) -> str:
    """Return the version of a package that is installed here, as a study stores it: NOT_INSTALLED if it is not."""
    try:
        return version(package)
    except (PackageNotFoundError, ValueError):  # the second of a name that no package can have
        return NOT_INSTALLED


def fingerprint(spec: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a specification's plain values; of the numerics, only the checks are in it."""
    return canonical_json.sha256({**spec, "numerics": checks(spec["numerics"])})


def check_same(name: str, stored: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Check that a stored specification is that of this run; FingerprintError if they differ; the text lists every
    difference and the ways out."""
    if fingerprint(stored) == fingerprint(current):
        return
    _check_named(name, stored, current)
    rows = differences(stored, current)
    listed = "\n".join(on_one_line(f"  {path}: {old} then, {new} now") for path, old, new in rows)
    listed = listed or "  space: the same fields in another order"
    raise FingerprintError(
        f"Study {name} was made under other conditions, so continuing would mix two searches.\n{listed}\n"
        f"Go back to those conditions, or give this search another name with --study-name; with --enqueue "
        f"{name} it begins with the best trials of this study."
    )


def _check_named(name: str, stored: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Check that the custom code of a study is named again: no study runs code by itself; FingerprintError if it is not
    named; the text says which options to repeat."""
    then, now = _own_code(stored), _own_code(current)
    lacking = {kind: strategy for kind, strategy in then.items() if kind not in now}
    if lacking:
        raise FingerprintError(
            f"Study {name} was made by your own {' and '.join(lacking)}, which only you can name again: add "
            f"{command_line(_naming(lacking))} (give a file with its folder)."
        )


def own_code_options(stored: Mapping[str, Any]) -> list[str]:
    """Return the words of a command that name a study's custom sampler and pruner, with their options.

    Built-in strategies are in the space.

    >>> mine = {"name": "mine.py:Mine", "options": {"share": 0.3}}
    >>> own_code_options({"sampler": mine, "pruner": {"name": "asha"}})
    ['--sampler', '{"name": "mine.py:Mine", "share": 0.3}']
    """
    return list(_naming(_own_code(stored)))


def _own_code(stored: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the custom code of a study, by "sampler" and "pruner"."""
    return {kind: stored[kind] for kind in ("sampler", "pruner") if is_code(str(stored[kind]["name"]))}


def _naming(own: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for kind, strategy in own.items():
        named = {"name": str(strategy["name"]), **strategy["options"]}
        # In JSON, because the text "1" then stays a text, and nothing is cut as in a message.
        yield from (f"--{kind}", json.dumps(named, ensure_ascii=False) if len(named) > 1 else named["name"])
