"""Studies of other trainers: how they are told from damaged ones, and what is said where a command needs nets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnist_bench.config import TrainConfig, every_setting, leaves
from mnist_bench.errors import ForeignStudyError
from search.event_log import StudyRecord
from search.messages import show

OWN = ("costs", "data", "defaults", "images", "trainer_revision")
"""What a search of nets writes into its context; see `run_search`."""


def is_foreign(spec: Mapping[str, Any]) -> bool:
    """Return whether another trainer's search made a study with this specification.

    It does where its context names a trainer, as `search.Search.of` writes it, or where neither its context nor its
    space is one of nets. A study of nets that has lost one of the two is damaged, not foreign.
    """
    if not spec or "trainer" in spec["context"]:
        return bool(spec)
    known = dict(leaves(every_setting(TrainConfig())))
    of_nets = all(path in known for path, _ in spec["space"]["fields"])
    return not of_nets and not any(name in spec["context"] for name in OWN)


def trainer_of(spec: Mapping[str, Any]) -> str | None:
    """Return the name of a foreign study's trainer, None where the study does not say it."""
    trainer = spec["context"].get("trainer")
    return show(trainer["factory"]) if isinstance(trainer, Mapping) and "factory" in trainer else None


def check_own(study: StudyRecord) -> None:
    """Check that a study is one of nets.

    Raises:
        ForeignStudyError: another trainer's search made it.
    """
    if is_foreign(study.spec):
        raise ForeignStudyError(
            f"{made_by_another(study)}, and this command needs nets; `mnist-bench leaderboard`, `show` and `doctor` "
            "take it, and its own program goes on with it."
        )


def made_by_another(study: StudyRecord) -> str:
    """Return the beginning of a sentence about a foreign study."""
    name = trainer_of(study.spec)
    return f"Study {study.name} was made by another trainer" + (f" ({name})" if name else "")
