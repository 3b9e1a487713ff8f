"""Searches of which the digest is known, and what it depends on; benchmarks/golden.py notes those of a new place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search import strategies
from search.event_log.records import StudyRecord
from search.strategies.pruners import Asha, Hyperband, Median, NoPruner, Pruner
from search.strategies.samplers import Curves, Gp, Qmc, Random, Sampler, Sobol, Tpe
from search.study import spec
from support import search_fake as fake

FILE = "tests/search/golden_searches.json"
SAMPLERS: Mapping[str, Sampler] = {
    "tpe": Tpe(n_startup_trials=5),
    "random": Random(),
    "qmc": Qmc(),
    "gp": Gp(n_startup_trials=4),
    "sobol": Sobol(),
    "curves": Curves(n_startup_trials=4),
}
PRUNERS: Mapping[str, Pruner] = {
    "asha": Asha(reduction_factor=2),
    "hyperband": Hyperband(reduction_factor=2),
    "median": Median(n_startup_trials=3),
    "none": NoPruner(),
}
TRIALS = {"tpe": 24, "random": 24, "qmc": 24, "gp": 8, "sobol": 12, "curves": 16}
CONDITIONAL = ("tpe", "random", "sobol", "curves")
"""Samplers that are tried on a space with conditions."""
LEFT_OUT = {
    *(("gp", pruner, more) for pruner in ("asha", "hyperband", "median") for more in ("", " two")),
    *(("sobol", pruner, more) for pruner in ("hyperband", "median", "none") for more in ("", " two")),
    *(("curves", pruner, " two") for pruner in PRUNERS),
}
"""Pairs that do not go together, or of which one stands for all: `sobol` asks no pruner, and reads no report."""
FLAT = {
    "name": "flat",
    "model": {"depth": {"int": [1, 3]}, "width": {"int": [8, 64], "step": 8}},
    "optim": {"lr": {"float": [1e-4, 1e-1], "log": True}},
}
"""Without a `when`, which gp does not take."""
TWO = {"objective": ["val_accuracy", "parameters"]}
SMALL = Path(__file__).parents[1] / "data" / "studies-3a8e64d" / "small.yaml"


def cases() -> dict[str, dict[str, Any]]:
    """Return the options of every search with the fake trainer, by name: what fits together, with what else decides."""
    found: dict[str, dict[str, Any]] = {}
    for sampler in SAMPLERS:
        for pruner in PRUNERS:
            for more in ("", " two"):
                if (sampler, pruner, more) not in LEFT_OUT:
                    found[f"{sampler} {pruner}{more}"] = _options(sampler, pruner, more)
    arrival = ("tpe", "random", "curves")
    return found | {f"{sampler} asha arrival": _options(sampler, "asha", " arrival") for sampler in arrival}


def _options(sampler: str, pruner: str, more: str) -> dict[str, Any]:
    space = fake.SPACE if sampler in CONDITIONAL else FLAT
    return {
        "sampler": SAMPLERS[sampler],
        "pruner": PRUNERS[pruner],
        "goal": TRIALS[sampler],
        "space_values": {**space, **TWO} if more == " two" else space,
        "order": "arrival" if more == " arrival" else "logical",
    }


def levels(sampler: str) -> dict[str, Any]:
    """Return the options of a search with the fake trainer in which most ranges are levels."""
    space = fake.CONDITIONAL_LEVELS if sampler in CONDITIONAL else fake.LEVELS
    return {**_options(sampler, "none", ""), "space_values": space}


def place(options: Mapping[str, Any]) -> str:
    """Return what a search's decisions depend on here, in a line: the versions, and what the arithmetic comes to."""
    sampler, two = options["sampler"], "objective" in options["space_values"]
    known = {**spec.versions(sampler, options["pruner"]), "arithmetic": spec.arithmetic()[:16]}
    known |= {name: value[:16] for name, value in spec.sampler_arithmetic(sampler, two_objectives=two).items()}
    return ", ".join(f"{name} {value}" for name, value in sorted(known.items()))


def searched(folder: Path, options: Mapping[str, Any]) -> StudyRecord:
    """Return the study of a search with the fake trainer, in this process.

    Its figures are sums, products and quotients of a hash's digits, which are the same on every machine.
    """
    return fake.run(folder, **options).study


def searched_for_real(folder: Path) -> tuple[str, StudyRecord]:
    """Return a small search with nets, and its place, the canary first; it closes the test set in this process."""
    from mnist_bench import searches
    from search.driver.progress import Observer

    asked = searches.SearchConfig(
        space=str(SMALL), trials=8, slots=4, results=folder, study_name="small", executor="in-process", device="cpu"
    )
    study = searches.run(asked, Observer(), lambda: False).study
    sampler, pruner = strategies.of_spec(study.spec)
    here = place({"sampler": sampler, "pruner": pruner, "space_values": {}})
    return f"canary {study.spec['numerics']['canary'][:16]}, driver revision {spec.DRIVER_REVISION}, {here}", study
