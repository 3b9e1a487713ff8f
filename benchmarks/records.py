"""The table of results/records: each entry is a certificate that is verified and then scored with seeds drawn here.

    python benchmarks/records.py [--draw SEED] [--periods 60] [--seeds 3] [ENTRY ...]

Verifies the entries that are named, all by default, and trains the best configuration of each with seeds that follow
from the draw and from the certificate. The scores go into scores.json, and from there into the table of README.md.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import pages
from pydantic import TypeAdapter

from mnist_bench import cells
from mnist_bench.certificates import Certificate, VerifyOptions, draw, lines, read, verify
from mnist_bench.cli.experiments import runner
from mnist_bench.config import from_json
from mnist_bench.experiments import Observer, TrainingRun, grid
from search import hashed
from search.files import atomic_write, passing_folder

FOLDER = Path(__file__).parents[1] / "results" / "records"
PART = re.compile(r"(<!-- made: records -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """An entry's score: what its best configuration reaches with seeds that its author did not know."""

    entry: str
    """The name of its file, without `.json`."""
    root: str
    space: str
    receiver: str | None
    trials: int
    best: int
    value: float
    """Validation accuracy of the best trial, 0 to 1, with its own seed."""
    draw: int
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    """Validation accuracies of the best configuration, one per seed; none before the entry was scored."""

    @property
    def mean(self) -> float | None:
        """The score; None before there is one."""
        return fmean(self.values) if self.values else None


def fresh_seeds(certificate: Certificate, drawn: int, number: int) -> list[int]:
    """Return the seeds with which a certificate's best configuration is scored."""
    return [
        hashed.derived_seed(hashed.Name("record"), drawn, hashed.Name(certificate.root), index)
        for index in range(number)
    ]


def scored(path: Path, drawn: int, number: int, observer: Observer, workers: int = 1) -> Score:
    """Train the best configuration of a certificate with fresh seeds, and return its score."""
    certificate = read(path)
    seeds = fresh_seeds(certificate, drawn, number)
    runs = [
        TrainingRun(
            name="best",
            config=from_json(certificate.best.config),
            seed=seed,
            title=f"{path.stem}, seed {index} of {number}",
        )
        for index, seed in enumerate(seeds, start=1)
    ]
    place = grid.Workplace(workers=workers)
    with (
        passing_folder() as folder,
        grid.open_grid_of(certificate.study, "score", folder, "The score", place, observer) as trained,
    ):
        curves = trained.train(runs)
    return score_of(path.stem, certificate, drawn, seeds, [curves["best", seed][-1].value or 0.0 for seed in seeds])


def score_of(
    entry: str, certificate: Certificate, drawn: int, seeds: Sequence[int] = (), values: Sequence[float] = ()
) -> Score:
    """Return the score of an entry; without values, that of one that was verified alone."""
    study, best = certificate.study, certificate.best
    return Score(
        entry=entry, root=certificate.root, space=study.spec["space"]["name"],
        receiver=None if certificate.receiver is None else certificate.receiver.name, trials=len(study.finished()),
        best=best.number, value=best.value or 0.0, draw=drawn, seeds=tuple(seeds), values=tuple(values),
    )  # fmt: skip


def is_of_a_machine(certificate: Certificate) -> bool:
    """Return whether a trial ended as only the author's machine knows."""
    return any(trial.reason in ("crashed", "timed_out", "out_of_memory") for trial in certificate.study.trials)


def names(folder: Path = FOLDER) -> list[str]:
    """Return the entries: the names of their files without `.json`."""
    return sorted(path.stem for path in folder.glob("*.json") if path.name != "scores.json")


def kept(folder: Path = FOLDER) -> dict[str, Score]:
    """Return the scores that are kept, by entry."""
    file = folder / "scores.json"
    if not file.exists():
        return {}
    rows = TypeAdapter(tuple[Score, ...]).validate_json(file.read_bytes(), strict=True)
    return {row.entry: row for row in rows}


def table(scores: Mapping[str, Score]) -> Iterator[str]:
    """Yield the lines of the table, per space the best score first."""
    ranked = sorted(scores.values(), key=lambda row: (row.space, -(row.mean or 0.0), row.entry))
    heads = ["space", "entry", "score:", "best trial:", "trials:", "receiver", "draw:", "root"]
    rows = [
        [
            row.space, f"[{row.entry}]({row.entry}.json)", cells.percent(row.mean) if row.values else "not yet",
            cells.percent(row.value), str(row.trials), row.receiver or "none: seed chosen",
            str(row.draw) if row.values else "", row.root[:16],
        ]
        for row in ranked
    ]  # fmt: skip
    yield from pages.table(heads, rows)


def page(text: str, scores: Mapping[str, Score]) -> str:
    """Return the page with the table of these scores."""
    made = "\n".join(table(scores))
    return PART.sub(lambda found: f"{found[1]}\n{made}\n\n{found[2]}", text)


def main(arguments: Sequence[str]) -> int:
    """Verify and score entries; return 1 if one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entries", nargs="*", metavar="ENTRY")
    parser.add_argument("--draw", type=int, default=None)
    parser.add_argument("--periods", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args(arguments)
    drawn = draw.new_seed() if asked.draw is None else asked.draw
    entries = asked.entries or names()
    scores = kept()
    for entry in entries:
        path = FOLDER / f"{entry}.json"
        options = VerifyOptions(periods=asked.periods, seed=drawn, workers=asked.workers)
        found = runner.result_of(partial(verify, path, options))
        print(*lines(found), sep="\n")
        if found.verdict != "holds" or is_of_a_machine(read(path)):
            print(f"{entry} is not accepted.")
            return 1
        if asked.seeds:
            scores[entry] = runner.result_of(partial(scored, path, drawn, asked.seeds, workers=asked.workers))
        else:
            scores[entry] = score_of(entry, read(path), drawn)
    rows = [asdict(scores[entry]) for entry in sorted(scores)]
    atomic_write(FOLDER / "scores.json", f"{json.dumps(rows, indent=1)}\n".encode())
    readme = FOLDER / "README.md"
    atomic_write(readme, page(readme.read_text(), scores).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
