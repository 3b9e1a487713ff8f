"""What this process and its forks, which compute alike, work out once, where each command or study would do so anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

from support.warm_processes import FOLDER

Canary = Callable[..., str]


def canaries() -> None:
    """From now on, take numerics checks from the zygotes' folder: each worker would need half a second or two."""
    from mnist_bench.numerics import device

    for name in ("numerics_check", "wide_check", "portable_check"):
        vars(device)[name] = _kept(vars(device)[name])


def _kept(found: Canary) -> Canary:
    kernels = os.environ.get("ONEDNN_MAX_CPU_ISA", "native")

    @wraps(found)
    def kept(*where: str) -> str:
        path = Path(os.environ[FOLDER], f"{found.__name__}-{kernels}-{'-'.join(where).replace(':', '-')}")
        try:
            return path.read_text()
        except FileNotFoundError:
            value = found(*where)
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_text(value)
        aside.rename(path)
        return value

    return kept


def migrations() -> None:
    """From now on, use one set of Optuna's migrations: a new study loads them three times, half of a small search."""
    from alembic.script import ScriptDirectory
    from optuna.storages._rdb import storage

    script = ScriptDirectory(str(Path(storage.__file__).with_name("alembic")))
    script.get_current_head()  # which loads them
    manager: Any = storage._VersionManager
    manager._create_alembic_script = lambda _: script


def mnist() -> None:
    """From now on, read, hash and order the packaged training images once: each command would need a second."""
    from mnist_bench.data import choice, idx, mnist

    arrays: dict[Path, Any] = {}  # that nobody can write to
    read, digest = idx.read, idx.digest
    digest_of = cache(lambda path: digest(arrays[path]))

    def kept_or_read(path: Path) -> Any:
        if path.parent != mnist.PACKAGED or path.name.removesuffix(".gz") not in choice.TRAIN_FILES:
            return read(path)
        if path not in arrays:
            arrays[path] = read(path)
        return arrays[path]

    def known_or_digest(values: Any) -> str:
        return next((digest_of(path) for path, kept in arrays.items() if kept is values), None) or digest(values)

    if read.__module__ == idx.__name__:
        idx.read, idx.digest = kept_or_read, known_or_digest
        vars(mnist)["_hash_order"] = cache(vars(mnist)["_hash_order"])
