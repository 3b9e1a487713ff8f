"""The weights of a study's best trials, kept as files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mnist_bench.config_json import from_json
from mnist_bench.weights import export
from search.files import atomic_write
from search.records import TrialRecord

TOP = 10
"""Trials whose weights are kept."""


class WeightKeeper:
    """Satisfies `search.driver.Keeper`: a folder with the weights of the best complete trials."""

    def __init__(self, folder: Path, top: int = TOP) -> None:
        self._folder = folder
        self._top = top

    def keep(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
        """Write the trial's weights if it is among the best, and remove those of trials that no longer are."""
        best = {kept.number for kept in sorted(complete, key=TrialRecord.rank_key)[: self._top]}
        self._folder.mkdir(parents=True, exist_ok=True)
        if trial.number in best:
            atomic_write(self._folder / f"{trial.number}.safetensors", export(state, from_json(trial.config)))
        for path in self._folder.glob("*.safetensors"):
            if path.stem.isdigit() and int(path.stem) not in best:
                path.unlink(missing_ok=True)
