"""Optuna's migrations, loaded once per process: each new study would load them three times, half of a small search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from optuna.storages._rdb import storage


def keep() -> None:
    """From now on, use one set of migrations for all databases of this process and its forks."""
    script = ScriptDirectory(str(Path(storage.__file__).with_name("alembic")))
    script.get_current_head()  # which loads them
    manager: Any = storage._VersionManager
    manager._create_alembic_script = lambda _: script
