"""Searches with the fake trainer of which benchmarks/digests.py compares the digests, and what a digest depends on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.event_log.records import StudyRecord
from search.simulation import simulate
from search.strategies import pruners, samplers
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler
from search.study import spec
from support import search_fake as fake

OPTIONS: Mapping[str, Mapping[str, int]] = {
    "tpe": {"n_startup_trials": 5},
    "curves": {"n_startup_trials": 4},
    "asha": {"reduction_factor": 2},
    "median": {"n_startup_trials": 3},
}
"""Options by which few trials are enough to see a model propose, or a pruner stop; all others are tried by default."""
SAMPLERS: Mapping[str, Sampler] = {name: make(**OPTIONS.get(name, {})) for name, make in samplers.SAMPLERS.items()}
PRUNERS: Mapping[str, Pruner] = {name: make(**OPTIONS.get(name, {})) for name, make in pruners.PRUNERS.items()}
TRIALS = {"curves": 16}
"""Of samplers that are slow; 24 of any other."""
SINGLE_OBJECTIVE = ("curves",)
PORTABLE = (("random", "median"), ("curves", "none"), ("curves", "asha"))
"""Every sampler and pruner that is portable."""
LOGARITHMIC = {
    "name": "logarithmic",
    "model": {
        "depth": {"int": [1, 3]},
        "width": {"int": [4, 64], "log": True},
        "extra": {"levels": [0.1, 0.2, 0.5, 1.0], "log": True},
        "kind": {"choice": ["a", "b", [1, 2]]},
    },
    "optim": {
        "lr": {"float": [1e-4, 1e-1], "log": True},
        "decay": {"float": [1e-6, 1e-2], "log": True},
        "rate": {"float": [1e-3, 1e3], "log": True},
    },
}
BUDGET = 1_200_000
"""Logical cost of a portable search in memory, that of 12 trials or more."""
TWO = {"objective": ["val_accuracy", "parameters"]}


def cases() -> dict[str, dict[str, Any]]:
    """Return the options of every search with the fake trainer, by name: what fits together, with what else decides."""
    found: dict[str, dict[str, Any]] = {}
    for sampler in SAMPLERS:
        for pruner in PRUNERS:
            for more in ("", " two"):
                if not (more and sampler in SINGLE_OBJECTIVE):
                    found[f"{sampler} {pruner}{more}"] = _options(sampler, pruner, more)
    for sampler, pruner in PORTABLE:
        found[f"{sampler} {pruner} portable"] = _options(sampler, pruner, " portable")
    arrival = ("tpe", "random", "curves")
    return found | {f"{sampler} asha arrival": _options(sampler, "asha", " arrival") for sampler in arrival}


def with_every_strategy(*names: str) -> set[str]:
    """Return these names of cases, and the first case of each sampler and pruner that they do not mention."""
    mentioned = {word for name in names for word in name.split()}
    missing = [strategy for strategy in (*SAMPLERS, *PRUNERS) if strategy not in mentioned]
    return {*names, *(next(name for name in cases() if strategy in name.split()) for strategy in missing)}


def _options(sampler: str, pruner: str, more: str) -> dict[str, Any]:
    space = LOGARITHMIC if more == " portable" else fake.SPACE
    return {
        "sampler": SAMPLERS[sampler],
        "pruner": PRUNERS[pruner],
        "budget": TRIALS.get(sampler, 24),
        "space_values": {**space, **TWO} if more == " two" else space,
        "order": "as-completed" if more == " arrival" else "deterministic",
        "portable": more == " portable",
    }


def levels(sampler: str) -> dict[str, Any]:
    """Return the options of a search with the fake trainer in which most ranges are levels."""
    return {**_options(sampler, "none", ""), "space_values": fake.CONDITIONAL_LEVELS}


def place(options: Mapping[str, Any]) -> str:
    """Return what a search's decisions depend on here, in a line: the versions, and what the arithmetic comes to."""
    arithmetic = spec.portable_arithmetic() if options["portable"] else spec.arithmetic()
    known = {**spec.versions(options["sampler"], options["pruner"]), "arithmetic": arithmetic[:16]}
    return ", ".join(f"{name} {value}" for name, value in sorted(known.items()))


def searched(folder: Path, options: Mapping[str, Any]) -> StudyRecord:
    """Return the study of a search with the fake trainer, in this process.

    Its figures are sums, products and quotients of a hash's digits, which are the same on every machine.
    """
    return fake.run(folder, **options).study


def portable() -> dict[str, list[str]]:
    """Return the fingerprint and the digest of portable searches in memory, by the name of the golden one."""
    found: dict[str, list[str]] = {}
    for name, options in cases().items():
        if options["portable"]:
            kinds = options["sampler"], options["pruner"]
            asked = fake.make_spec(*kinds, 4, 0, space=fake.space(options["space_values"]), portable=True)
            study = simulate(asked, fake.Planner(48), fake.Trainer(), budget=BUDGET, seconds=lambda job: 1.0).study
            found[name] = [spec.fingerprint(study.spec), study.digest]
    return found
