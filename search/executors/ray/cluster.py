"""Joining a Ray cluster, or starting Ray on this machine, so that only holders of a token can use it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from search.errors import UsageError, WorkerError
from search.messages import lacks

OBJECT_STORE = 256 * 2**20
"""Bytes of shared memory if Ray is started here: messages between driver and workers have a few MB each."""
MAX_CONNECT = 10.0
"""Seconds after which a cluster that does not answer counts as dead; Ray itself would try for minutes."""
_ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",  # else everyone who reaches a port of the cluster can run code there
    "RAY_USAGE_STATS_ENABLED": "0",
}
_QUIET = {"log_to_driver": False, "logging_level": "ERROR"}


def connect(address: str | None, workers: int) -> Any:
    """Join the cluster at `address` (host:port, or auto for that of this machine) and return the module `ray`.

    Without an address, Ray is started on this machine, for this number of workers, with a secret token.

    Raises:
        UsageError: Ray is not installed, or the address is not one of a cluster.
        WorkerError: there is no such cluster, its token is another one, or its versions are.
    """
    ray = _imported()
    if address not in (None, "auto"):
        check_answers(str(address))
    with _own_sigterm(), _one_sentence(ray, address), _silent_stderr():
        if address is None:
            _start(ray, workers)
        else:
            ray.init(address, **_QUIET)
    return ray


def _start(ray: Any, workers: int) -> None:
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    ray.init(
        "local",
        num_cpus=workers,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE,
        **_QUIET,
    )


def _imported() -> Any:
    os.environ.update(_ENVIRONMENT)  # before the import, which reads it
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"{lacks('--executor ray', 'Ray', 'ray')}.") from error
    # Else Ray prints the loss of a worker to standard output, where the results of a command belong.
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
    return ray


def check_answers(address: str) -> None:
    """Check that something listens at host:port.

    Raises:
        UsageError: it is not one.
        WorkerError: nothing does.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise UsageError(f"--address {address}: not the address of a Ray cluster; write host:port, or auto.")
    try:
        socket.create_connection((host, int(port)), timeout=MAX_CONNECT).close()
    except (OSError, OverflowError) as error:
        raise WorkerError(
            f"No Ray cluster answers at {address} ({error}); `ray start --head` starts a cluster."
        ) from error


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep this process's handler of SIGTERM, which Ray replaces by one that ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:  # one that was not set from Python, which cannot set it again
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep off the screen the lines that Ray's lower half writes past Python to standard error while it connects."""
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


@contextmanager
def _one_sentence(ray: Any, address: str | None) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        ray.shutdown()  # which may have come halfway
        raise WorkerError(_sentence(str(error.__cause__ or error), address)) from error


def _sentence(text: str, address: str | None) -> str:
    if address is not None and "token" in text:
        return (
            f"The Ray cluster at {address} can only be joined with its token: copy its ~/.ray/auth_token to this "
            "machine, or set RAY_AUTH_TOKEN."
        )
    what = "be started on this machine" if address is None else f"join the cluster at {address}"
    return f"Ray cannot {what}: {' '.join(text.partition('Traceback')[0].split())}"
