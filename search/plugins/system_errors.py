"""Errors of the disk or a database in a user's planner or observer are reported as theirs, not as the study's.

A search turns errors of the disk and of databases into those of its study (`search.database.storage_errors`). Without
this, a file that a planner cannot find would be reported as a database that cannot be written, and a row that is twice
in an observer's own table as another process that writes the study.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from search.errors import PluginError, is_of_the_system
from search.messages import in_a_sentence


@contextmanager
def system_errors_of(what: str) -> Iterator[None]:
    """Turn an error of the disk or of a database inside into a sentence that says that `what` raised it.

    Raises:
        PluginError: there was one.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # of our output (`... | head`): the command ends silently
    except Exception as error:
        if not is_of_the_system(error):
            raise
        raise PluginError(f"The {what} raised {type(error).__name__}: {in_a_sentence(error)}.") from error
