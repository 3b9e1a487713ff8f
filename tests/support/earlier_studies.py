"""Commands on studies that an earlier version made, in a process that answers for versions as that version's did."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mnist_bench.cli.app import app
from mnist_bench.numerics import device
from mnist_bench.numerics.canaries.canary import canary
from mnist_bench.numerics.device import setup
from mnist_bench.searches import study_context
from search.study import spec
from search.study.studies import open_study

Ran = dict[str, tuple[int, str, str]]
"""Exit code, stdout and stderr, by command."""


def answer_as_then(stored: Mapping[str, Any], *, also_numerics: bool = False) -> None:
    """Let this process name the versions of a stored specification as its own, for the rest of its life.

    Otherwise the next release of torch or NumPy would refuse to go on with these studies, as it should, and nothing
    would be left to test. With `also_numerics` it also claims to compute as then, which is a lie on another kind of
    processor: a search then runs to its end, to other bits.
    """
    patch = pytest.MonkeyPatch()
    patch.setattr(spec, "versions", lambda sampler, pruner: dict(stored["versions"]))
    patch.setattr(study_context, "versions", lambda numerics: {"torch": stored["versions"]["torch"]})
    if also_numerics:
        patch.setattr(spec, "arithmetic", lambda: stored["driver_arithmetic"])
        patch.setattr(device, "describe", lambda where, precision: dict(stored["numerics"]))


def as_then(stored: Mapping[str, Any]) -> dict[str, bool]:
    """Return whether this machine trains, and whether it draws, to the bits of a stored specification."""
    setup("cpu")  # the number of threads changes bits, too
    here = canary("cpu", stored["numerics"]["precision"])
    return {"trains": here == stored["numerics"]["canary"], "draws": spec.arithmetic() == stored["driver_arithmetic"]}


def main() -> None:
    """Run commands in the folder of the studies: `python earlier_studies.py COMMANDS`, a line each.

    Prints whether this machine trains and draws as then, and what each command came to. After a line `as then` it
    claims to.
    """
    stored = open_study(Path(), "interrupted").spec
    same, ran = as_then(stored), Ran()
    answer_as_then(stored)
    for line in sys.argv[1].splitlines():
        if line == "as then":
            answer_as_then(stored, also_numerics=True)
            continue
        result = CliRunner().invoke(app, [*line.split(), "--results", "."])
        ran[f"{line} (again)" if line in ran else line] = (result.exit_code, result.stdout, result.stderr)
    print(json.dumps({**same, "ran": ran}))


if __name__ == "__main__":
    main()
