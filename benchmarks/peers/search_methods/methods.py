"""The foreign methods of search, by the names that the command line has for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from environments import is_made, python_of

from mnist_bench.experiments.contest.contest_record import Entrant
from search.errors import UsageError

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """A program that searches with a foreign library."""

    sampler: str
    """Who proposes, as a contest names it."""
    pruner: str = "none"
    """Who stops trials."""
    environment: str
    program: str
    arguments: tuple[str, ...] = ()

    @property
    def entrant(self) -> Entrant:
        """The method as it takes part in a contest."""
        return Entrant(sampler=self.sampler, pruner=self.pruner, method="foreign")

    def command(self) -> list[str]:
        """Return the command line of the program.

        Raises:
            UsageError: its environment is missing or out of date.
        """
        if not is_made(self.environment):
            raise UsageError(f"The environment of {self.environment} is missing or out of date: run make search-peers.")
        return [str(python_of(self.environment)), str(FOLDER / self.program), *self.arguments]


METHODS: Mapping[str, Method] = {
    "optuna": Method(sampler="Optuna's TPE", environment="optuna", program="with_optuna.py"),
    "optuna-median": Method(
        sampler="Optuna's TPE", pruner="MedianPruner", environment="optuna", program="with_optuna.py",
        arguments=("--pruned",),
    ),
    "syne-tune-bore": Method(
        sampler="Syne Tune's BORE", pruner="ASHA", environment="syne-tune", program="with_syne_tune.py",
        arguments=("ASHABORE",),
    ),
    "smac": Method(sampler="SMAC3", pruner="Hyperband", environment="smac", program="with_smac.py"),
    "smac-resumed": Method(
        sampler="SMAC3", pruner="Hyperband with checkpoints", environment="smac", program="with_smac.py",
        arguments=("--resume",),
    ),
    "syne-tune-asha": Method(
        sampler="Syne Tune's random", pruner="ASHA", environment="syne-tune", program="with_syne_tune.py",
        arguments=("ASHA",),
    ),
    "syne-tune-cqr": Method(
        sampler="Syne Tune's CQR", pruner="ASHA", environment="syne-tune", program="with_syne_tune.py",
        arguments=("ASHACQR",),
    ),
}  # fmt: skip
