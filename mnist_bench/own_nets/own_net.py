"""Registry of your own networks, keyed by the name and the source hash of their code.

A configuration names its code (`TrainConfig.net_code`) and never makes it run. The user who runs the net has named the
code before, on the command line or from Python, with `load_net`; `loaded_net` finds it by the name and hash in the
configuration.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_bench.errors import UnnamedCodeError
from mnist_bench.own_nets.net_settings import DeclaredSettings, declared_settings
from search import loading
from search.errors import UsageError
from search.loading import Loaded
from search.messages import quoted, show

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
