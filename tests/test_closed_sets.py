"""A new value of a closed set: mypy names every file that has to handle it.

The packages are copied, each set gets one value more where it is declared, and mypy runs once over the copy.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.paths import ROOT

pytestmark = pytest.mark.integration

SETTINGS, KINDS = "mnist_bench/config/settings.py", "mnist_bench/numerics/kinds.py"
SAMPLERS, PRUNERS = "search/strategies/samplers.py", "search/strategies/pruners.py"
EXECUTORS = "search/executors/protocol.py"
RANGES = "search/space/ranges.py"
OBJECTIVE = "search/space/objective.py"
CONSTRAINT, CONSTRAINTS_PARSER = "search/space/constraints/tree.py", "search/space/constraints/parser.py"
PARTS, CONTEST = "mnist_bench/bench/epoch_parts.py", "mnist_bench/experiments/contest/contest_record.py"


@dataclass(frozen=True)
class NewValue:
    """A value that somebody adds to a set, and the files in which mypy is to miss it."""

    declared_in: str
    alias: str
    """Of the set: a `Literal`, a union of classes, or a table of strategies."""
    handled_in: tuple[str, ...]
    source: str = ""
    """The new class, if the set is one of classes."""


NEW = {
    "new_optimizer": NewValue(
        SETTINGS,
        "Optimizer",
        ("mnist_bench/training/learner.py", "mnist_bench/nets/cost_model.py", SETTINGS),
    ),
    "new_schedule": NewValue(
        SETTINGS,
        "LrSchedule",
        ("mnist_bench/config/schedule.py", SETTINGS),
    ),
    "new_placement": NewValue(SETTINGS, "BatchnormPlacement", ("mnist_bench/nets/architecture.py",)),
    "new_axes": NewValue(
        SETTINGS,
        "PoolAxes",
        (
            "mnist_bench/nets/architecture.py",
            "mnist_bench/nets/modules.py",
            "mnist_bench/plots/net/layers.py",
            "mnist_bench/export/plain_net.py",
            "mnist_bench/export/onnx_graph.py",
        ),
    ),
    "new_convolutions": NewValue(SETTINGS, "ConvolutionKind", ("mnist_bench/nets/architecture.py",)),
    "new_sharing": NewValue(SETTINGS, "SharedFilters", ("mnist_bench/nets/architecture.py",)),
    "new_pixel_pool": NewValue(
        SETTINGS,
        "PixelPool",
        (
            "mnist_bench/nets/modules.py",
            "mnist_bench/nets/architecture.py",  # next to a new FinalPool, of which it is a part
            "mnist_bench/export/plain_net.py",
            "mnist_bench/export/onnx_graph.py",
        ),
    ),
    "new_final_pool": NewValue(SETTINGS, "FinalPool", ("mnist_bench/nets/architecture.py",)),
    "new_activation": NewValue(
        SETTINGS,
        "Activation",
        (
            "mnist_bench/nets/architecture.py",
            "mnist_bench/nets/modules.py",
            "mnist_bench/export/plain_net.py",
            "mnist_bench/export/onnx_graph.py",
        ),
    ),
    "new_layer": NewValue(
        "mnist_bench/nets/architecture.py",
        "Kind",
        (
            "mnist_bench/nets/modules.py",
            "mnist_bench/plots/net/layers.py",
            "mnist_bench/export/plain_net.py",
            "mnist_bench/export/onnx_graph.py",
            "mnist_bench/export/drawing_page.py",
        ),
    ),
    "new_first_filters": NewValue(
        SETTINGS, "FirstFilters", ("mnist_bench/nets/architecture.py", "mnist_bench/nets/modules.py")
    ),
    "new_initialisation": NewValue(SETTINGS, "Initialisation", ("mnist_bench/nets/modules.py",)),
    "new_interpolation": NewValue(SETTINGS, "Interpolation", ("mnist_bench/training/augmentation.py",)),
    "new_fill": NewValue(
        SETTINGS, "Fill", ("mnist_bench/training/augmentation.py", "mnist_bench/plots/data/augmented.py")
    ),
    "new_dataset": NewValue(
        SETTINGS, "DatasetName", ("mnist_bench/data/mnist.py", "mnist_bench/data/torchvision_sets.py")
    ),
    "new_images": NewValue(SETTINGS, "TrainOn", ("mnist_bench/config/schedule.py",)),
    "new_precision": NewValue(
        KINDS,
        "Precision",
        (
            KINDS,
            "mnist_bench/numerics/precision.py",
            "mnist_bench/bench/kernels.py",
            "mnist_bench/training/remote/scorer.py",
        ),
    ),
    "new_part": NewValue(PARTS, "Part", (PARTS,)),
    "new_opening": NewValue(
        "mnist_bench/experiments/confirm/confirmation.py",
        "Opening",
        ("mnist_bench/experiments/confirm/confirmation.py",),
    ),
    "new_verdict": NewValue(
        "mnist_bench/certificates/verification.py",
        "Verdict",
        ("mnist_bench/certificates/verification_lines.py", "mnist_bench/cli/certificates/verify.py"),
    ),
    "new_sort_key": NewValue("search/study/folder.py", "SortKey", ("search/study/studies.py",)),
    "new_test": NewValue("mnist_bench/comparison/run_test.py", "Method", ("mnist_bench/comparison/run_test.py",)),
    "new_parting": NewValue("mnist_bench/comparison/parting.py", "Part", ("mnist_bench/comparison/sentences.py",)),
    "new_canary_optimizer": NewValue(
        "mnist_bench/numerics/canaries/canary.py", "Optimizer", ("mnist_bench/numerics/canaries/canary.py",)
    ),
    "new_method": NewValue(
        CONTEST,
        "Method",
        (CONTEST, "mnist_bench/experiments/contest/live_contest.py", "mnist_bench/experiments/contest/replays.py"),
    ),
    "new_instrument": NewValue(
        CONTEST,
        "Instrument",
        ("mnist_bench/experiments/contest/compare.py", "mnist_bench/experiments/contest/contest_table.py"),
    ),
    "new_model": NewValue("mnist_bench/stand_ins/shipped.py", "Kind", ("mnist_bench/stand_ins/shipped.py",)),
    "new_device": NewValue(KINDS, "DeviceKind", ("mnist_bench/nets/cost_model.py",)),
    "new_direction": NewValue(OBJECTIVE, "Direction", (OBJECTIVE,)),
    "new_seeds": NewValue("search/space/seeds.py", "Seeds", ("search/study/spec.py",)),
    "new_executor": NewValue(
        EXECUTORS,
        "ExecutorName",
        (
            "mnist_bench/searches/config.py",
            "mnist_bench/searches/running.py",
            "mnist_bench/preview/lines.py",
            "mnist_bench/cli/studies/search.py",
        ),
    ),
    "new_cause": NewValue(EXECUTORS, "Cause", ("search/driver/retry_policy.py",)),
    "NewOutcome": NewValue(
        EXECUTORS,
        "Outcome",
        (
            "search/driver/dispatcher.py",
            "search/driver/retry_policy.py",
            "search/driver/tasks.py",
            "search/executors/ray/actor.py",
            "search/executors/remote.py",
            "search/executors/started.py",
        ),
        """
@dataclass(frozen=True, kw_only=True, slots=True)
class NewOutcome:
    job: Job
""",
    ),
    "NewEvent": NewValue(
        "search/event_log/events.py",
        "Event",
        (
            "search/following/follow_loop.py",
            "search/event_log/history.py",
            "search/event_log/codec.py",
            "search/study/optuna_tables.py",
            "search/driver/replay.py",
        ),
        """
@dataclass(frozen=True, kw_only=True, slots=True)
class NewEvent(_Happened):
    kind: ClassVar[Kind] = "decline"
""",
    ),
    "new_order": NewValue("search/event_log/timeline.py", "Order", ("search/event_log/timeline.py",)),
    "new_reason": NewValue(
        "search/event_log/records.py",
        "Reason",
        (
            "search/continuation/selection.py",
            "search/event_log/records.py",
            "search/driver/tracking/tensorboard_files.py",
            "search/driver/tracking/mlflow_runs.py",
            "mnist_bench/plots/study/trials.py",
            "mnist_bench/trial_charts/shown_trials.py",
        ),
    ),
    "new_tracker": NewValue("search/driver/tracking/names.py", "TrackerName", ("search/driver/tracking/tracking.py",)),
    "new_rule": NewValue(
        "search/event_log/records.py",
        "StopRule",
        (
            "search/event_log/records.py",
            "search/event_log/early_stop.py",
            "mnist_bench/leaderboard/early_stop_lines.py",
        ),
    ),
    "NewRange": NewValue(
        RANGES,
        "NumberRange",
        ("search/strategies/distributions.py",),
        """
@dataclass(frozen=True, slots=True)
class NewRange:
    kind: ClassVar[str] = "new-range"
    format: ClassVar[int] = 4
    is_real: ClassVar[bool] = True
    is_listed: ClassVar[bool] = False
    low: float
    high: float
    log: bool
    elementary: Elementary
    values: tuple[float, ...]
    count: float
    named_values: tuple[float, ...]
    text: str

    def nearest(self, value: float) -> float:
        raise NotImplementedError

    def contains(self, value: Any) -> bool:
        raise NotImplementedError

    def at(self, share: float) -> float:
        raise NotImplementedError

    def draw(self, rng: random.Random) -> float:
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        raise NotImplementedError
""",
    ),
    "NewDistribution": NewValue(
        RANGES,
        "Distribution",
        (
            "search/proposals/coordinates.py",
            "search/space/constraints/parser.py",
            "search/strategies/distributions.py",
            "mnist_bench/plots/study/parameters.py",
            "mnist_bench/space_files/net_feasibility.py",
            "mnist_bench/space_files/overview.py",
            "mnist_bench/start_lists/make.py",
            "mnist_bench/tables/points.py",
        ),
        """
@dataclass(frozen=True, slots=True)
class NewDistribution:
    kind: ClassVar[str] = "new-distribution"
    format: ClassVar[int] = 4
    is_real: ClassVar[bool] = False
    is_listed: ClassVar[bool] = False
    values: tuple[float, ...]
    count: int
    named_values: tuple[float, ...]
    text: str

    def contains(self, value: Any) -> bool:
        raise NotImplementedError

    def at(self, share: float) -> float:
        raise NotImplementedError

    def draw(self, rng: random.Random) -> float:
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        raise NotImplementedError
""",
    ),
    "new_operator": NewValue(CONSTRAINT, "Operator", (CONSTRAINT, CONSTRAINTS_PARSER)),
    "new_comparator": NewValue(CONSTRAINT, "Comparator", (CONSTRAINT, CONSTRAINTS_PARSER)),
    "NewOperand": NewValue(
        CONSTRAINT,
        "Operand",
        (CONSTRAINT, CONSTRAINTS_PARSER),
        """
@dataclass(frozen=True, slots=True)
class NewOperand:
    parts: tuple[Operand, ...]
""",
    ),
    "new_end": NewValue(
        "search/trainer_api.py",
        "EndReason",
        (
            "search/driver/driver.py",
            "search/event_log/records.py",
            "mnist_bench/experiments/confirm_values/value_runs.py",
        ),
    ),
    "NewSampler": NewValue(
        SAMPLERS,
        "SAMPLERS",
        (SAMPLERS,),
        """
class NewSampler(Sampler):
    name = "new-sampler"

    def make(self, ask: Ask) -> BaseSampler:
        raise NotImplementedError
""",
    ),
    "NewPruner": NewValue(
        PRUNERS,
        "PRUNERS",
        (PRUNERS,),
        """
class NewPruner(Pruner):
    name = "new-pruner"

    def make(self, periods: int) -> BasePruner:
        raise NotImplementedError
""",
    ),
}
LACKS_METHODS = {
    'Only concrete class can be given where "type[Sampler]" is expected': "NewSampler",
    'Only concrete class can be given where "type[Pruner]" is expected': "NewPruner",
}
"""Complaints about a strategy that lacks abstract methods, and the strategies that do."""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what mypy says of the packages with all the new values.

    The copy's cache lies in that of the checkout and begins as a copy of it: what has not changed is not read again.
    """
    folder = tmp_path_factory.mktemp("closed_sets")
    cache = ROOT / ".mypy_cache" / "closed_sets"
    for package in ("search", "mnist_bench"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.gz"))
    for name, value in NEW.items():
        declare(folder / value.declared_in, name, value)
    if cache.parent.exists() and not cache.exists():
        shutil.copytree(cache.parent, cache)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary"]
    done = subprocess.run(
        [*command, "--cache-dir", str(cache), "search", "mnist_bench"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout.splitlines()


def declare(path: Path, name: str, value: NewValue) -> None:
    """Add a value to the set that a file declares."""
    if not value.source:
        opening, added = "Literal[", f'"{name}", '
    elif value.alias.isupper():
        opening, added = "_built_in(", f"{name}, "
    else:
        opening, added = "", f"{name} | "
    found = f"{value.alias} = {opening}"
    content, count = re.subn(
        rf"^{re.escape(found)}", f"{value.source}\n\n{found}{added}", path.read_text(), flags=re.MULTILINE
    )
    assert count == 1, f"{path} does not declare {value.alias}"
    path.write_text(content)


def lacking(complaint: str) -> set[str]:
    """Return the new values that a line of mypy's says are not allowed, or lack something, there."""
    if concrete := [name for words, name in LACKS_METHODS.items() if words in complaint]:
        return {*concrete}
    refused = re.search(r'incompatible type "([^;]*)"|Item "(\w+)" of ".*" has no attribute', complaint)
    return {*re.findall(r"\w+", refused[1] or refused[2])} & {*NEW} if refused else set()


@pytest.mark.slow
@pytest.mark.parametrize("name", NEW)
def test_mypy_names_the_files_that_do_not_handle_a_new_value(name: str, complaints: list[str]) -> None:
    named = {line.partition(":")[0] for line in complaints if name in lacking(line)}
    assert named == {*NEW[name].handled_in}


@pytest.mark.slow
def test_mypy_speaks_of_the_new_values_alone(complaints: list[str]) -> None:
    assert [line for line in complaints if not lacking(line)] == []
