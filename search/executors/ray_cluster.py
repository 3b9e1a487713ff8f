"""Joining a Ray cluster, or starting Ray on this machine, so that only holders of a token can use it."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from search.errors import UsageError, WorkerError

OBJECT_STORE = 256 * 2**20
"""Bytes of shared memory for what passes between driver and workers, where Ray is started here: states of a few MB."""
_ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",  # without, whoever reaches a port of the cluster runs code there
    "RAY_USAGE_STATS_ENABLED": "0",
}


def connect(address: str | None, workers: int, gpus: int) -> Any:
    """Join the cluster at `address` (host:port, or auto for that of this machine) and return the module `ray`.

    Without an address, Ray is started on this machine, for so many workers and GPUs and only reached from here.

    Raises:
        UsageError: Ray is not installed.
        WorkerError: there is no such cluster, its token is another one, or its versions are.
    """
    ray = _imported()
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    with _own_sigterm(), _one_sentence(ray, address):
        if address is not None:
            ray.init(address, **quiet)
        else:
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            ray.init("local", num_cpus=workers, include_dashboard=False, object_store_memory=OBJECT_STORE,
                     _node_ip_address="127.0.0.1", **quiet)
    return ray


def _imported() -> Any:
    os.environ.update(_ENVIRONMENT)  # before the import, which reads it
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "--executor ray needs Ray, which this installation lacks; `pip install mnist-bench[ray]` adds it."
        ) from error
    return ray


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
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _one_sentence(ray: Any, address: str | None) -> Iterator[None]:
    where = "started on this machine" if address is None else f"joined at {address}"
    try:
        yield
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise WorkerError(f"Ray cannot be {where}: {' '.join(str(error).split())}") from error
