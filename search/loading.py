"""Load custom code by its name, and describe it as studies store it.

A name is `package.module:Name` or `folder/file.py:Name`. It comes from the command line or from Python. Nothing that is
read, be it a space file, a study, a record or a database, ever reaches this module.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from search.errors import FOREIGN, PluginError, SearchError, UsageError
from search.messages import first_line, in_a_sentence


class LoadedEnough(BaseException):
    """Ends the loading of a file that would begin a search: what the search needs stands above that line."""


until_run = False  # whether files are loaded in a process that is to call one of their functions, not to search


def end_if_loading() -> None:
    """End the loading of the file that calls this, with LoadedEnough, if it is loaded for one of its functions."""
    if until_run:
        raise LoadedEnough


MAIN = "__name__ == '__main__'"


def loaded_source(source: bytes) -> bytes:
    """Return the statements of a file that a function of it may depend on, with what stands inside them.

    These are the statements above the first `... = search.run(...)`, without `if __name__ == "__main__":`. So a search
    that stands in the same file may get more trials, and what follows it may change. A file with faults is returned
    whole.

    >>> loaded_source(b"import search\\nN = 3\\nstudy = search.run(f, space, trials=50)\\nprint(study)\\n")
    b'import search\\nN = 3'
    """
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):
        return source
    lines = source.splitlines()
    kept: list[bytes] = []
    for statement in statements:
        # One that may begin a search, such as a loop, is taken as code; a plain call of `search.run` begins it.
        if isinstance(statement, ast.Expr | ast.Assign):
            calls = [node.func for node in ast.walk(statement.value) if isinstance(node, ast.Call)]
            if "search.run" in map(ast.unparse, calls):
                break
        if not isinstance(statement, ast.If) or statement.orelse or ast.unparse(statement.test) != MAIN:
            decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
            first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
            kept += lines[first - 1 : statement.end_lineno]
    return b"\n".join(kept)


HOW = "name it as package.module:Name or folder/file.py:Name"
INSTALLED = "a package has to be installed, or on PYTHONPATH"
"""For a module that is not found: the process that was given its name may see packages that others do not."""
_NOT_THERE = (ImportError, OSError, AttributeError, ValueError)
"""The exceptions that Python raises for a name that leads nowhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A description of some code, as a study stores it."""

    module: str  # that defines it; of a file, its name without the folder
    sha256: str  # of that module's source file
    version: str | None = None  # of the distribution that the module came with; None for a file


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A custom class or function, ready to be called."""

    kind: str  # in messages: "sampler"
    name: str  # as a study stores it: a file without its folder, which may be another one tomorrow
    whole_name: str  # by which other processes of this machine load it: a file with its whole path
    call: Callable[..., Any]
    source: str  # the file, as tracebacks name it
    code: Code

    def construct(self, options: Mapping[str, Any], seed: int) -> Any:
        """Call it with the options, and with the seed if it has a parameter `seed`, or is a sampler that passes on all
        its arguments; UsageError, with the reason and the place, if it refuses them or they hold a seed."""
        if "seed" in options:
            raise UsageError(f"{self.kind.capitalize()} {self.name}: its seed comes from the search's; leave it out.")
        parameters: Mapping[str, inspect.Parameter] = {}
        with suppress(ValueError, TypeError):  # code that is not Python's has no signature
            parameters = inspect.signature(self.call).parameters
        takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        takes_seed = "seed" in parameters or (takes_all and self.kind == "sampler")
        seeded = {"seed": seed} if takes_seed else {}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Optuna's of experimental features, which the user cannot act on
                return self.call(**options, **seeded)
        except FOREIGN as error:
            raise UsageError(f"{self.kind.capitalize()} {self.name} cannot be created: {self._told(error)}.") from error

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Turn an exception of the code inside into a PluginError: one sentence, which says where it was raised."""
        try:
            yield
        except SearchError:
            raise
        except FOREIGN as error:
            raise PluginError(f"{self.kind.capitalize()} {self.name} raised {self._told(error)}.") from error

    def _told(self, error: BaseException) -> str:
        """Return an exception's class, its message, and the line of the code's own file that it passed last."""
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.source]
        return _spelt(error) + (f" ({lines[-1].filename}:{lines[-1].lineno})" if lines else "")


OF_OPTUNA = "optuna:"  # begins the name of a sampler or pruner of Optuna's, which is no code of a user's


def is_code(name: str) -> bool:
    """Return whether a name is one of code, not of anything built in."""
    return ":" in name and not name.startswith(OF_OPTUNA)


def load(name: str, kind: str) -> Loaded:
    """Return the code of this name, which is to be a thing of this kind ("sampler").

    UsageError: there is none, or it cannot be loaded; the message gives the reason and the place.
    """
    module, target = _find(name, kind)
    path = module.__name__ if name.rpartition(":")[0].endswith(".py") else None
    defining = sys.modules.get(getattr(target, "__module__", None) or "", module)
    is_file = path is not None and defining is module
    source = path if is_file else getattr(defining, "__file__", None)
    if source is None or not callable(target):
        raise UsageError(f"{kind.capitalize()} {name} is not a class of a source file; {HOW}.")
    attribute = name.rpartition(":")[2]
    # The whole path of a file keeps the file's own name, even if that is a link: studies know it by that name.
    whole = None if path is None else f"{Path(path).parent.resolve() / Path(path).name}:{attribute}"
    return Loaded(
        kind=kind,
        name=name if path is None else f"{Path(path).name}:{attribute}",
        whole_name=whole or name,
        call=target,
        source=source,
        code=Code(
            module=Path(source).name if is_file else defining.__name__,
            sha256=hashlib.sha256(Path(source).read_bytes()).hexdigest(),
            version=None if is_file else _version(defining.__name__),
        ),
    )


def load_object(name: str, kind: str) -> Any:
    """Return the object that a name refers to; errors as in `load`."""
    return _find(name, kind)[1]


def _find(name: str, kind: str) -> tuple[ModuleType, Any]:
    """Return the module of a name, and its attribute of the name's last part."""
    place, _, attribute = name.rpartition(":")
    try:
        module = _from_file(place) if place.endswith(".py") else importlib.import_module(place)
        return module, getattr(module, attribute)
    except FOREIGN as error:
        where = _raised_at(error)
        if where is None and isinstance(error, _NOT_THERE):
            how = f"{HOW}; {INSTALLED}" if isinstance(error, ModuleNotFoundError) else HOW
            raise UsageError(f"No {kind} {name} ({first_line(error)}); {how}.") from error
        at = "" if where is None else f" ({where})"
        raise UsageError(f"{kind.capitalize()} {name} cannot be loaded: {_spelt(error)}{at}.") from error


class _AsItStands(SourceFileLoader):
    """Compiles the present file: compiled code from before might be of another content, which the hash would not be of,
    and nothing is written next to the file."""

    def get_code(self, fullname: str) -> CodeType | None:
        return self.source_to_code(self.get_data(self.path), self.path)


def _from_file(path: str) -> ModuleType:
    """Return the module of a file, which has the file's path for its name: no package can have the same."""
    spec = importlib.util.spec_from_file_location(path, path, loader=_AsItStands(path, path))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = sys.modules[path] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except LoadedEnough:
        return module
    except BaseException:
        del sys.modules[path]
        raise
    return module


def _raised_at(error: BaseException) -> str | None:
    """Return where code raised an exception while it was loaded; None if there was no code to load."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    ours = (__file__, importlib.__file__)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename not in ours and not frame.filename.startswith("<frozen ")
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None


def _spelt(error: BaseException) -> str:
    words = in_a_sentence(error.msg if isinstance(error, SyntaxError) else error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _version(module: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, packages_distributions, version  # workers need none of it

    package = module.partition(".")[0]
    try:
        return version(package)
    except PackageNotFoundError:
        names = packages_distributions().get(package, [])  # reads all that is installed, for a quarter of a second
        return version(sorted(names)[0]) if names else None
