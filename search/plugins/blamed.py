"""Code of a user's own that runs in the driver's process: what the system refuses it is told as its own fault.

A search turns errors of the system into those of its study (`search.database.storage_errors`). Without this, a file
that a planner cannot find would be told as a database that cannot be written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from search.errors import PluginError
from search.messages import in_a_sentence


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Let an error of the system inside end as a sentence that names `what` raised it.

    Raises:
        PluginError: there was one.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # of our output (`... | head`), where a command ends without a word
    except OSError as error:
        raise PluginError(f"The {what} raised {type(error).__name__}: {in_a_sentence(error)}.") from error
