"""The Ray actor that carries periods to a worker process on the machine where Ray has placed it.

The process is that of `search.executors.local`, so that threads, memory settings, crashes, hangs and replacements are
the same everywhere. Plain values and bytes alone pass between driver and actor.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_never

from search.errors import SearchError, UsageError
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Done, Job, Lost, Raised
from search.executors.ray.file_staging import StagedFiles
from search.trainer_api import TrainerSpec

_POLL = 1.0
Answer = tuple[dict[str, Any], bytes]
"""The outcome, in plain values, and the trained state."""


class Actor:
    """One worker of the cluster."""

    def __init__(
        self, factory: str, options: Mapping[str, Any], environment: Mapping[str, str], staged: Mapping[str, str],
        files: Mapping[str, bytes],
    ) -> None:  # fmt: skip
        """Start the worker process, its trainer's `staged` options leading to the `files`; see `StagedFiles`."""
        found = StagedFiles(options=staged, files=files).unpacked()
        spec = TrainerSpec(factory=factory, options={**options, **found}, environment=environment)
        self._executor = LocalExecutor(spec, 1, _log())

    def greet(self) -> Answer:
        """Answer when the worker process can be given a period: with its numerics, or with why it cannot start."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        try:
            numerics = self._executor.start()
            while not self._executor.idle():
                self._executor.wait(_POLL)
        except UsageError as error:
            return {"node": node, "refused": str(error)}, b""
        except SearchError as error:
            return {"node": node, "failed": str(error)}, b""
        return {"node": node, "numerics": dict(numerics)}, b""

    def advance(self, head: Mapping[str, Any], state: bytes | None) -> Answer:
        """Have the worker process train the job of these fields, `state` aside; it may need to `greet` afterwards."""
        self._executor.submit(Job(state=state, **head))
        while not (outcomes := self._executor.wait(_POLL)):
            continue
        match outcomes[0]:
            case Done(report=report, state=trained):
                return {"report": report.to_json()}, trained
            case Raised(error=error):
                return {"raised": error}, b""
            case Lost(reason=reason, cause=cause):
                return {"lost": reason, "cause": cause}, b""
            case _:
                assert_never(outcomes[0])


def _log() -> Path:
    """Return the file in which Ray keeps this actor's standard error: the worker process writes there too."""
    stderr = Path("/dev/stderr")
    file = stderr.resolve()
    return file if file.exists() else stderr
