"""Read any study, of nets or of your own trainer, without that trainer.

    python examples/read_a_study.py [RESULTS [STUDY]]

It prints the trials, the best one, the number of pruned trials, and the digest. The default is the latest study.
"""

from __future__ import annotations

import sys
from pathlib import Path

import search


def main(results: Path, name: str | None) -> None:
    """Print a study."""
    study = search.open_study(results, name)
    for trial in study.trials:
        curve = " ".join("–" if report.value is None else f"{report.value:.4f}" for report in trial.reports)
        print(f"#{trial.number:<3} {trial.reason:10}  {curve}")
    pruned = [trial for trial in study.trials if trial.reason == "pruned"]
    spared = sum(len(trial.costs) - len(trial.reports) for trial in pruned)
    print(f"{len(pruned)} of {len(study.finished())} trials were pruned, which spared {spared} periods.")
    if study.best is not None:
        print(f"best   #{study.best.number}  {study.best.value:.4f}  {dict(study.best.params)}")
    print(f"digest {study.digest}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if sys.argv[1:] else "results"), sys.argv[2] if sys.argv[2:] else None)
    except search.SearchError as error:
        sys.exit(f"{error}")
