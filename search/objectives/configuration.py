"""The configuration that an objective gets: a mapping whose values are attributes, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from search.messages import did_you_mean

if TYPE_CHECKING:
    from search.event_log.records import TrialRecord


FLAT = "config"
"""The section of the fields that stand at the top level of a space."""


def seed_of(trial_seed: int) -> int:
    """Return the seed that an objective gets: 31 bits of the trial's 32, because some libraries take no larger one."""
    return trial_seed >> 1


class Configuration(Mapping[str, Any]):
    """The values of one trial by name, and the trial's seed.

    A field at the top level of the space goes by its name, one in a section by both: `config["model.depth"]` or
    `config.model.depth`. A field whose condition does not hold is missing.

    >>> config = Configuration({"config.lr": 0.1, "model.depth": 3}, seed=7)
    >>> config.lr, config["lr"], config.model.depth, config.seed
    (0.1, 0.1, 3, 7)
    >>> dict(config)
    {'lr': 0.1, 'model.depth': 3}
    >>> config.depth
    Traceback (most recent call last):
    AttributeError: this configuration has no depth, but model.depth: in the space, depth stands in the section model
    """

    def __init__(self, values: Mapping[str, Any], seed: int) -> None:
        """Take the values by their paths in the space; `seed` is at least 0 and less than 2**31."""
        self._values = {path.removeprefix(f"{FLAT}."): value for path, value in values.items()}
        self.seed = seed
        """The trial's seed: less than 2**31, which every library takes."""

    @classmethod
    def of(cls, trial: TrialRecord) -> Configuration:
        """Return the configuration that the objective of a trial got: `Model(**Configuration.of(study.best))`."""
        return cls(trial.config, seed_of(trial.seed))

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise KeyError(self._lacks(name))
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        values: dict[str, Any] = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        section = {
            path.removeprefix(f"{name}."): value for path, value in values.items() if path.startswith(f"{name}.")
        }
        if section:
            return Configuration(section, self.seed)
        raise AttributeError(self._lacks(name), name=name, obj=self)

    def _lacks(self, name: str) -> str:
        """Return that a name is missing, and where it stands if it is a field of a section."""
        inside = next((path for path in self._values if path.endswith(f".{name}")), None)
        if inside is None:
            return f"this configuration has no {name}{did_you_mean(name, self._values)}"
        section = inside.removesuffix(f".{name}")
        return f"this configuration has no {name}, but {inside}: in the space, {name} stands in the section {section}"

    def __repr__(self) -> str:
        return f"Configuration({self._values!r}, seed={self.seed})"
