"""The commands as Python functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mnist_bench import space_files
from mnist_bench.experiments import Audit, Observer as ExperimentObserver, audit
from mnist_bench.experiments.ablation import Ablation, Options as AblateOptions
from mnist_bench.experiments.ablation.run import run as run_ablate
from mnist_bench.experiments.confirm import Confirmed, Opening, Options as ConfirmOptions
from mnist_bench.experiments.confirm.run import run as run_confirm
from mnist_bench.export import Options as ExportOptions, find, folder as exports
from mnist_bench.leaderboard import curve_records, leaderboard_of, plain_board, table_of
from mnist_bench.studies import Comparison, is_foreign, record_of, run_search, trainer_for, validated
from mnist_bench.studies.reproduce import reproduce
from mnist_bench.training import FitResult, fit as fit_config
from search.driver import Observer
from search.errors import SearchError, StudyNotFoundError, UsageError
from search.event_log import Order, StudyRecord, TrialRecord
from search.study import StudyLocation

if TYPE_CHECKING:
    from pandas import DataFrame

T = TypeVar("T")


def search(
    space: str | Path,
    *,
    trials: int = 50,
    patience: int | None = None,
    target: float | None = None,
    workers: int = 1,
    lanes: int | None = None,
    seed: int = 0,
    slots: int = 8,
    order: Order = "logical",
    trial_timeout: float | None = None,
    overrides: Sequence[str] = (),
    sampler: str | None = None,
    sampler_options: Mapping[str, Any] | None = None,
    pruner: str | None = None,
    pruner_options: Mapping[str, Any] | None = None,
    from_studies: Sequence[str] = (),
    start: bool = True,
    study_name: str | None = None,
    results: Path = Path("results"),
    storage: str | None = None,
    device: str = "auto",
    data_dir: Path | None = None,
) -> StudyRecord:
    """Search a space, or go on with a search that was stopped, and return the study; `trial_timeout` is in seconds;
    `sampler` and `pruner` are built-in names, or code of your own (docs/own_samplers.md). `patience` (trained trials
    without a better complete one) and `target` (a validation accuracy, 0..1) end the search early. `from_studies` names
    studies and tables whose best configurations are tried first; without `start`, the space's own are left out.
    `data_dir`, here and below, is data of your own: an .npz file or a folder (docs/own_data.md). See
    `mnist-bench search`.

    Raises:
        SearchError: see `search.errors`.
    """
    asked = run_search.SearchConfig(
        space=str(space),
        overrides=tuple(overrides),
        sampler=sampler,
        sampler_options=sampler_options or {},
        pruner=pruner,
        pruner_options=pruner_options or {},
        from_studies=tuple(from_studies),
        start=start,
        trials=trials,
        patience=patience,
        target=target,
        workers=workers,
        lanes=lanes,
        seed=seed,
        slots=slots,
        order=order,
        trial_timeout=trial_timeout,
        study_name=study_name,
        results=results,
        storage=storage,
        device=device,
        data_dir=data_dir,
    )
    return run_search.run(asked, Observer(), lambda: False).study


def open_study(name: str | None = None, *, results: Path = Path("results"), storage: str | None = None) -> StudyRecord:
    """Return a study, the latest one where no name is given.

    Raises:
        StudyNotFoundError: there is none.
    """
    return validated.open_study(results, name, storage)


def to_dataframe(study: StudyRecord, *, curves: bool = False, infeasible: bool = False) -> DataFrame:
    """Return the trials of a study, best first: a row a trial, its figures and its true parameters by dotted name.

    The columns are those of `mnist-bench leaderboard --csv`, with None or NaN where a parameter is inactive. With
    `curves` there is a row a period instead, to be joined by `number`. With `infeasible` those trials have rows, too,
    and what they exceed stands under `excess.macs` and `excess.parameters`.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ImportError as error:
        lack = "to_dataframe needs pandas, which this installation lacks; `pip install pandas` adds it."
        raise UsageError(lack) from error
    make = plain_board if is_foreign(study.spec) else leaderboard_of
    board = make(study, infeasible=infeasible, curves=curves)
    return DataFrame(curve_records(board) if curves else table_of(board).records())


def reproduce_trial(
    study: StudyRecord, trial: TrialRecord | None = None, *, device: str = "auto", data_dir: Path | None = None
) -> Comparison:
    """Train a trial again, the study's best one by default, and compare it bit for bit.

    Raises:
        StudyNotFoundError: the study has no complete trial.
        UsageError: the data set at hand is not the study's.
    """
    record = record_of(study, trial or _best(study))
    return reproduce(record, trainer_for(record, device=device, data_dir=data_dir))


def confirm_study(
    study: StudyRecord,
    *,
    top: int = 8,
    budget: float | None = None,
    opening: Opening = "judged",
    workers: int = 1,
    device: str = "auto",
    data_dir: Path | None = None,
    results: Path = Path("results"),
) -> Confirmed:
    """Race a study's best with fresh seeds and open the test set once, or return what that found before; `budget` is in
    seconds; `opening` "never" leaves the test set shut, "always" opens it even where no test was made; see
    `mnist-bench confirm`.

    Raises:
        SearchError: see `mnist_bench.experiments.confirm.run.run`.
    """
    asked = ConfirmOptions(
        top=top, budget=budget, opening=opening, workers=workers, device=device, data_dir=data_dir, results=results
    )
    found = run_confirm(study, asked, ExperimentObserver(), lambda: False)
    return _whole(found, f"The confirmation of {study.name}")


def ablate_study(
    study: StudyRecord,
    trial: TrialRecord | None = None,
    *,
    baseline: str | Path = "notebook/linear",
    seeds: int = 3,
    budget: float | None = None,
    workers: int = 1,
    device: str = "auto",
    data_dir: Path | None = None,
    results: Path = Path("results"),
) -> Ablation:
    """Measure what each group of settings brings from a baseline to a trial, the study's best one by default, or return
    what that found before; `budget` is in seconds; see `mnist-bench ablate`.

    Raises:
        SearchError: see `mnist_bench.experiments.ablation.run.run`.
    """
    asked = AblateOptions(
        baseline=str(baseline), seeds=seeds, budget=budget, workers=workers, device=device, data_dir=data_dir,
        results=results,
    )  # fmt: skip
    found = run_ablate(study, trial or _best(study), asked, ExperimentObserver(), lambda: False)
    return _whole(found, f"The ablation of {study.name}")


def audit_study(
    study: StudyRecord,
    share: float = 0.05,
    *,
    workers: int = 1,
    device: str = "auto",
    data_dir: Path | None = None,
    results: Path = Path("results"),
) -> Audit:
    """Train a share (above 0, up to 1) of a study's pruned trials to their ends, or return what that found before; see
    `mnist-bench search --audit-pruned`.

    Raises:
        SearchError: see `mnist_bench.experiments.audit.run`.
        UsageError: it is no such share.
    """
    if not 0 < share <= 1:
        raise UsageError(f"{share} is no share of the pruned trials; write 0.05, up to 1.")
    asked = audit.Options(share=share, workers=workers, device=device, data_dir=data_dir, results=results)
    found = audit.run(study, asked, ExperimentObserver(), lambda: False)
    return _whole(found, f"The audit of {study.name}")


def export_study(
    study: StudyRecord,
    folder: str | Path,
    trial: TrialRecord | None = None,
    *,
    confirmed: bool = False,
    device: str = "auto",
    data_dir: Path | None = None,
    results: Path = Path("results"),
    storage: str | None = None,
) -> tuple[Path, ...]:
    """Take the net of a trial away, the study's best one by default, and return the files in `folder`; `confirmed`
    takes the net that `confirm_study` trained on all images. See `mnist-bench export`.

    Raises:
        SearchError: see `mnist_bench.export.find`.
        UsageError: the folder holds other files, or cannot be written.
    """
    exports.check(Path(folder))
    options = ExportOptions(on_all=confirmed, device=device, data_dir=data_dir)
    winner = find(study, trial, StudyLocation.of(study.name, results, storage), options)
    return exports.write(winner, Path(folder)).files


def fit(
    recipe: str | Path,
    *,
    seed: int = 0,
    overrides: Sequence[str] = (),
    device: str = "auto",
    data_dir: Path | None = None,
) -> FitResult:
    """Train a recipe once; see `mnist-bench train`.

    Raises:
        SpaceError, UsageError: the file is no recipe.
    """
    from mnist_bench import numerics
    from mnist_bench.data import close_test_set, load_dataset, options_for

    form = options_for(data_dir).form
    space = space_files.load(recipe, overrides, images=None if data_dir else space_files.IMAGES, form=form)
    close_test_set()
    torch_device = numerics.setup(device)
    data = load_dataset(options_for(data_dir, subset=space.settings.get("subset")), torch_device)
    return fit_config(space_files.recipe(space), seed, data, numerics.choose_precision(torch_device, "auto"))


def _best(study: StudyRecord) -> TrialRecord:
    if study.best is None:
        raise StudyNotFoundError(f"Study {study.name} has no complete trial.")
    return study.best


def _whole(found: T | None, what: str) -> T:
    if found is None:
        raise SearchError(f"{what} was stopped before its end.")
    return found
