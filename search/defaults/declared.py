"""The defaults that a user can set once: the name, the variable and the values of each.

None of them changes a result, a digest or a fingerprint. A setting that does belongs to the space or to the command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)  # with slots Python refuses Declared[Path](...)
class Declared(Generic[T]):
    """A default that a user can set."""

    name: str
    """The key in pyproject.toml, and the option without its dashes."""
    variable: str
    """The environment variable."""
    default: T
    """The value if it is not set."""
    expected: str
    """The possible values, for messages."""
    of_text: Callable[[str], T | None]
    """Returns the value that the variable's text names; None if it names none."""
    of_file: Callable[[Any, Path], T | None]
    """As `of_text`, of a value in a pyproject.toml; the second argument is the folder of that file."""
    words: Callable[[T], str] = str
    """Returns a value as `doctor` shows it."""


def _folder_of_file(value: Any, folder: Path) -> Path | None:
    if not isinstance(value, str) or not value or "\0" in value:
        return None
    path = folder / Path(value).expanduser()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _count_of_text(text: str) -> int | None:
    return _count(int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 1 else None


def _url_of_file(value: Any, folder: Path) -> str | None:
    """Return a URL without a password; the file of an SQLite database is relative to the folder.

    Raises:
        UsageError: it is not the URL of a database.
    """
    from search.database import is_secret, sqlite_file, sqlite_url

    if not isinstance(value, str) or not value or is_secret(value):
        return None
    file = sqlite_file(value)
    return value if file is None or file.is_absolute() else sqlite_url(folder / file)


def _shown_url(url: str | None) -> str:
    from search.database import redacted

    return "SQLite in the results folder" if url is None else redacted(url)


RESULTS = Declared[Path](
    name="results",
    variable="MNIST_BENCH_RESULTS",
    default=Path("results"),
    expected='a folder, such as "runs"',
    of_text=Path,
    of_file=_folder_of_file,
)
WORKERS = Declared[int | None](
    name="workers",
    variable="MNIST_BENCH_WORKERS",
    default=None,
    expected="a whole number of at least 1",
    of_text=_count_of_text,
    of_file=lambda value, folder: _count(value),
    words=lambda count: "one per core, or one on a GPU" if count is None else str(count),
)
STORAGE = Declared[str | None](
    name="storage",
    variable="OPTUNA_STORAGE",
    default=None,
    expected='a URL without a password, such as "postgresql://USER@HOST/DATABASE"; OPTUNA_STORAGE can hold one with it',
    of_text=str,
    of_file=_url_of_file,
    words=_shown_url,
)
DECLARED: tuple[Declared[Any], ...] = (RESULTS, WORKERS, STORAGE)
