"""Objectives of Optuna's own examples: this search, Optuna's default and its GPSampler, with the same seeds.

Run as `python benchmarks/optuna_examples.py EXAMPLES LEDGER`. EXAMPLES is a checkout of optuna/optuna-examples with the
data set in `FashionMNIST/raw`. LEDGER gets a line of JSON for each search; a stopped run continues.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import frame
import numpy as np
import optuna
from scipy.stats import t  # type: ignore[import-untyped]

import search
from search.executors.local import ENVIRONMENT
from search.loading import load_object
from search.objectives.process import seed_generators

EXAMPLES: dict[str, dict[str, Any]] = {  # each with what its first trial does not find: a space, the number of reports
    "basic/pruning.py": {},
    "lightgbm/lightgbm_simple.py": {},
    "faq/enqueue_trial.py": {},  # scikit-learn
    "pytorch/pytorch_simple.py": {
        "periods": 10,
        "space": {"n_layers": {"int": [1, 3]}, "lr": {"float": [1e-5, 1e-1], "log": True}}
        | {f"n_units_l{layer}": {"int": [4, 128]} for layer in range(3)}
        | {f"dropout_l{layer}": {"float": [0.2, 0.5]} for layer in range(3)}
        | {"optimizer": {"choice": ["Adam", "RMSprop", "SGD"]}},
    },
}
SAMPLERS = {"optuna": optuna.samplers.TPESampler, "optuna-gp": optuna.samplers.GPSampler}
METHODS = ("search", *SAMPLERS)
ABOUT = """
Each search has 50 trials. Best value: the highest of the complete trials, as a mean over the seeds. Processor time: of
the whole process. Intervals: 95%, paired by seed.

- search: `search.run` with its defaults, the sampler `curves` and the pruner `asha`
- optuna: Optuna with its defaults, TPESampler and MedianPruner
- optuna-gp: Optuna with GPSampler and MedianPruner
"""
REMARK = """
On `basic/pruning.py`, the search is worse. Its scores change from report to report. With seed 0, `asha` pruned 49 of
the 50 trials, so the best complete trial was the only one."""


def searched(example: str, method: str, seed: int, trials: int) -> dict[str, Any]:
    """Search an example of this folder in this process, which does nothing else; return the line of the ledger."""
    name = f"{example}:objective"
    if method == "search":
        with tempfile.TemporaryDirectory() as results:
            study = search.run(name, trials=trials, seed=seed, results=results, **EXAMPLES[example])
            best = study.complete()[0].value
    else:
        objective = load_object(name, "objective")
        theirs = optuna.create_study(direction="maximize", sampler=SAMPLERS[method](seed=seed))
        seed_generators(seed)
        theirs.optimize(objective, n_trials=trials)
        best = theirs.best_value
    seconds = sum(os.times()[:4])  # of this process and of those that it has started
    return {"example": example, "method": method, "seed": seed, "trials": trials, "best": best, "seconds": seconds}


def rows(lines: list[dict[str, Any]]) -> Iterator[list[str]]:
    """Yield means over the seeds that all methods have, and how much the first method is better than each other."""
    for example in EXAMPLES:
        found = {(line["method"], line["seed"]): line for line in lines if line["example"] == example}
        seeds = [seed for method, seed in found if method == METHODS[-1]]  # which comes last
        for method in METHODS if len(seeds) > 1 else ():
            best, ours = (np.array([found[each, seed]["best"] for seed in seeds]) for each in (method, METHODS[0]))
            reach = t.ppf(0.975, len(seeds) - 1) * (ours - best).std(ddof=1) / len(seeds) ** 0.5
            more = "" if method == METHODS[0] else f"{(ours - best).mean():+.4f} ± {reach:.4f}"
            seconds = np.mean([found[method, seed]["seconds"] for seed in seeds])
            yield [example, method, str(len(seeds)), f"{best.mean():.4f}", more, f"{seconds:.1f}"]


def main() -> None:
    """Search what the ledger lacks, seed by seed, and print the table."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(searched(sys.argv[2], sys.argv[3], seed=int(sys.argv[4]), trials=int(sys.argv[5]))))
        return
    parser = frame.options(__doc__)
    for name in ("examples", "ledger"):
        parser.add_argument(name, type=Path, metavar=name.upper())
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=50)
    asked = parser.parse_args()
    asked.ledger.touch()
    lines = [line for text in asked.ledger.open() if (line := json.loads(text))["trials"] == asked.trials]
    known = {(line["example"], line["method"], line["seed"]) for line in lines}
    every = [(example, method, seed) for seed in range(asked.seeds) for example in EXAMPLES for method in METHODS]
    for key in [key for key in every if key not in known]:
        command = [sys.executable, str(Path(__file__).resolve()), "--one", *map(str, key), str(asked.trials)]
        env = {**os.environ, **ENVIRONMENT}
        lines.append(json.loads(subprocess.check_output(command, cwd=asked.examples, env=env).splitlines()[-1]))
        with asked.ledger.open("a") as file:
            file.write(f"{json.dumps(lines[-1])}\n")
    heads = ["objective", "method", "seeds:", "best value:", "search is better by:", "processor time, s:"]
    made = frame.made("python benchmarks/optuna_examples.py EXAMPLES LEDGER", "fp32")
    page = ["# Objectives of Optuna's examples", "", f"{made}", ABOUT, *frame.table(heads, rows(lines)), REMARK]
    frame.publish(asked.output, "optuna-examples", page, {"searches": lines})


if __name__ == "__main__":
    main()
