"""What is searched: a function in a file or package, a function of this process, or a program; and what it gets."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import shlex
import string
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.errors import UsageError
from search.loading import HOW, INSTALLED, is_code, loaded_source
from search.messages import did_you_mean, listing, show
from search.trainer_api import Json

if TYPE_CHECKING:
    from search.event_log.records import TrialRecord

Function = Callable[..., Any]
FLAT = "config"  # the section of the fields that stand at the top level of a space


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective:
    """An objective: how a study names it, and how a child process gets it."""

    name: str  # as a study stores it: `file.py:function`, the name of a function of this process, or a command
    sha256: str
    """Of what a child process executes of the source file, of the function's source, or of the command's words and the
    files in this folder that they name."""
    task: Mapping[str, Json]
    """What a child process is told: {"function": ...} with the file's whole path, or {"command": [...]}."""
    call: Function | None = None  # the function, if no other process can load it

    @classmethod
    def of(cls, given: Function | str) -> Objective:
        """Return the objective that is a function, or the name of one: `file.py:function` or `package.module:function`.

        A function that stands in a file or package is loaded by name in a fresh process. Any other, such as one of a
        notebook's cell, is called in copies of this process.

        Raises:
            UsageError: it is neither a function nor the name of one.
        """
        if isinstance(given, str):
            return cls._named(given)
        if not callable(given):
            raise UsageError(f"objective={show(repr(given))}: give a function, or its name as file.py:function.")
        if (place := _place_of(given)) is not None:
            return cls._named(place)
        name = getattr(given, "__qualname__", type(given).__name__)
        return cls(name=name, sha256=_hash_of(given), task={"function": name}, call=given)

    @classmethod
    def of_command(cls, command: str | Sequence[str]) -> Objective:
        """Return the objective that is a program; `{lr}` in a word of its command is the value of the field `lr`.

        Raises:
            UsageError: the command is empty, or not one.
        """
        try:
            words = shlex.split(command) if isinstance(command, str) else [*command]
        except ValueError as error:
            raise UsageError(f"command={show(command)}: {str(error).lower()}.") from error
        if not words or not all(isinstance(word, str) for word in words):
            raise UsageError(f"command={show(command)}: give a program and its arguments.")
        for word in words:
            names_in(word)
        # Of files that it names by a relative path, such as its script, the content decides. Unlike Path.is_file,
        # os.path.isfile is False for a word that is too long for a name, such as the code of `-c`.
        files = [word for word in words if not names_in(word) and not os.path.isabs(word) and os.path.isfile(word)]
        contents = [words, *map(_hash_of_file, files)]
        return cls(name=shlex.join(words), sha256=_sha256(repr(contents).encode()), task={"command": words})

    def check_names(self, paths: Iterable[str]) -> None:
        """Check that a command names fields of the space alone; `paths` are theirs, as a configuration has them.

        Raises:
            UsageError: it names another one.
        """
        known = {*paths, "seed"}
        for word in self.task.get("command", ()):
            for name in names_in(word):
                if name not in known:
                    near = did_you_mean(name, known) or f"; it has {listing(sorted(known))}"
                    raise UsageError(f"--command: the space has no field {show(name)}{near}")

    @classmethod
    def _named(cls, name: str) -> Objective:
        if not is_code(name):
            raise UsageError(f"No objective {show(name)}; {HOW}.")
        place, _, attribute = name.rpartition(":")
        source = Path(place) if place.endswith(".py") else _source_of(place, name)
        try:
            data = source.read_bytes()
        except OSError as error:
            raise UsageError(f"No objective {show(name)} ({error.strerror}: {place}); {HOW}.") from error
        is_file = place.endswith(".py")
        return cls(
            name=f"{source.name}:{attribute}" if is_file else name,
            sha256=_sha256(loaded_source(data)),
            task={"function": f"{source.parent.resolve() / source.name}:{attribute}" if is_file else name},
        )


def _hash_of_file(path: str) -> str:
    with open(path, "rb") as stream:  # which may be data, and large
        return hashlib.file_digest(stream, "sha256").hexdigest()


def names_in(word: str) -> list[str]:
    """Return the names in braces in a word of a command; `{{` and `}}` are braces; UsageError if a brace has no
    partner, or a name has a conversion or a format."""
    try:
        parts = [*string.Formatter().parse(word)]
    except ValueError as error:
        raise UsageError(f"--command: {show(word)}: {error}; a brace is written twice.") from error
    if any(form or conversion for _, _, form, conversion in parts):
        raise UsageError(f"--command: {show(word)}: give a field's name alone in braces.")
    return [name for _, name, _, _ in parts if name is not None]


def _source_of(module: str, name: str) -> Path:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise UsageError(
            f"No objective {show(name)} (no module {show(module)} with a source file); {HOW}; {INSTALLED}."
        )
    return Path(spec.origin)


def _place_of(function: Function) -> str | None:
    """Return the name by which another process loads a function; None if it has no file, or is not at its top level."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    name = getattr(function, "__qualname__", "")
    if module is None or getattr(module, name, None) is not function:
        return None
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        return None
    # A module inside a package may import its neighbours by relative names, which a file by itself cannot.
    return f"{module.__name__}:{name}" if "." in module.__name__ else f"{file}:{name}"


def _hash_of(function: Function) -> str:
    try:
        return _sha256(inspect.getsource(function).encode())
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return _sha256(repr(function).encode() if code is None else code.co_code + repr(code.co_consts).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
