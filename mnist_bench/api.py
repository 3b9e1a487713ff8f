"""The commands as Python functions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mnist_bench import searching, spaces
from mnist_bench.confirm import Options as ConfirmOptions
from mnist_bench.confirm import run as run_confirm
from mnist_bench.confirm_runs import Silent as SilentRuns
from mnist_bench.confirmed import Confirmed
from mnist_bench.record import record_of
from mnist_bench.reproduce import Comparison, reproduce, trainer_for
from mnist_bench.train import FitResult
from mnist_bench.train import fit as fit_config
from search import study as studies
from search.errors import SearchError, StudyNotFoundError
from search.progress import Silent
from search.records import StudyRecord, TrialRecord


def search(
    space: str | Path,
    *,
    trials: int = 50,
    workers: int = 1,
    seed: int = 0,
    slots: int = 8,
    overrides: Sequence[str] = (),
    study_name: str | None = None,
    results: Path = Path("results"),
    device: str = "auto",
) -> StudyRecord:
    """Search a space, or go on with a search that was stopped, and return the study; see `mnist-bench search`.

    Raises:
        SearchError: see `search.errors`.
    """
    asked = searching.SearchOptions(
        space=str(space),
        overrides=tuple(overrides),
        trials=trials,
        workers=workers,
        seed=seed,
        slots=slots,
        study_name=study_name,
        results=results,
        device=device,
    )
    return searching.run(asked, Silent(), lambda: False).study


def open_study(name: str | None = None, *, results: Path = Path("results"), storage: str | None = None) -> StudyRecord:
    """Return a study, the latest one where no name is given.

    Raises:
        StudyNotFoundError: there is none.
    """
    return studies.open_study(results, name, storage)


def reproduce_trial(
    study: StudyRecord, trial: TrialRecord | None = None, *, device: str = "auto", data_dir: Path | None = None
) -> Comparison:
    """Train a trial again, the study's best one by default, and compare it bit for bit.

    Raises:
        StudyNotFoundError: the study has no complete trial.
        UsageError: the data set at hand is not the study's.
    """
    chosen = trial or study.best
    if chosen is None:
        raise StudyNotFoundError(f"Study {study.name} has no complete trial.")
    record = record_of(study, chosen)
    return reproduce(record, trainer_for(record, device=device, data_dir=data_dir))


def confirm_study(
    study: StudyRecord,
    *,
    top: int = 8,
    budget: float | None = None,
    workers: int = 1,
    device: str = "auto",
    data_dir: Path | None = None,
    results: Path = Path("results"),
) -> Confirmed:
    """Race a study's best with fresh seeds and open the test set once, or return what that found before; `budget` is in
    seconds; see `mnist-bench confirm`.

    Raises:
        SearchError: see `mnist_bench.confirm.run`.
    """
    ledger = results / "test-openings.jsonl"
    asked = ConfirmOptions(
        top=top, budget=budget, workers=workers, device=device, data_dir=data_dir, results=results, ledger=ledger
    )
    found = run_confirm(study, asked, SilentRuns(), lambda: False)
    if found is None:
        raise SearchError(f"The confirmation of {study.name} was stopped before its end.")
    return found


def fit(recipe: str | Path, *, seed: int = 0, overrides: Sequence[str] = (), device: str = "auto") -> FitResult:
    """Train a recipe once; see `mnist-bench train`.

    Raises:
        SpaceError, UsageError: the file is no recipe.
    """
    from mnist_bench import numerics
    from mnist_bench.data import DataOptions, close_test_set
    from mnist_bench.data.tensors import load_dataset

    space = spaces.load(recipe, overrides)
    close_test_set()
    place = numerics.setup(device)
    data = load_dataset(DataOptions(subset=space.settings.get("subset")), place)
    return fit_config(spaces.recipe(space), seed, data, numerics.choose_precision(place, "auto"))
